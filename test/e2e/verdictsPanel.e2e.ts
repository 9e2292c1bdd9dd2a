/**
 * The Verdicts panel by itself: its bundle in Chromium with what five kernels really said about the rejected programs.
 * Pictures of every theme and of a narrow window are kept in the git-ignored pictures/panel/.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RingsideError } from '../../core/src/errors.ts';
import type { VerdictsToPanel, VerifiedHost } from '../../core/src/model/index.ts';
import { explained, readKernel, recordedKernels } from '../../core/src/verifier/testKernels.ts';
import { at } from '../../scripts/lib/paths.mjs';
import { serious } from './harness/axe.ts';
import { launchBrowser } from './harness/editor.ts';

const programs = ['packet-unchecked', 'record-not-submitted', 'null-in-callee', 'stack-index', 'unbounded-while'];
const entry = `
import { applyTheme } from './panels/trace/devThemes.ts';
applyTheme(new URLSearchParams(location.search).get('theme'));
import './panels/verdicts/main.tsx';
`;
const html = `<!doctype html><html lang="en"><head><meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src file:; style-src file:; font-src file:" />
<title>Verdicts</title><link rel="stylesheet" href="page.css" /></head>
<body><div id="app"></div><script src="page.js"></script></body></html>`;

let folder: string;
let browser: Browser;
let columns: VerifiedHost[];

beforeAll(async () => {
  columns = hosts();
  folder = mkdtempSync(join(tmpdir(), 'ringside-verdicts-panel-'));
  mkdirSync(at('pictures', 'panel'), { recursive: true });
  await build({
    stdin: { contents: entry, resolveDir: at('.'), loader: 'ts' },
    outfile: join(folder, 'page.js'),
    ...{ bundle: true, minify: true, format: 'iife', platform: 'browser', target: 'chrome124', logLevel: 'silent' },
    ...{ jsx: 'automatic', jsxImportSource: 'preact', loader: { '.ttf': 'file' }, assetNames: '[name]' },
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  writeFileSync(join(folder, 'page.html'), html);
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A column for each kernel that was asked. */
function hosts(): VerifiedHost[] {
  return recordedKernels.map((name) => {
    const { release, verdicts } = readKernel(name);
    const recorded = programs.map((program) => verdicts.find((one) => one.name === program)!);
    const all = recorded.map((one) => ({ ...explained(one), name: one.name }));
    return {
      ...{ name: `linux-${name}`, state: 'done', step: '', error: null, checkedAt: Date.UTC(2026, 0, 2, 12) },
      report: { ok: false, host: name, kernel: release, programs: all, notes: [] },
    };
  });
}

async function open(theme: string, size: { width: number; height: number }): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext({ viewport: size, timezoneId: 'UTC' });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(error.message));
  const message: VerdictsToPanel = { type: 'hosts', title: 'set.bpf.c', file: '/w/set.bpf.c', hosts: columns };
  await page.addInitScript((first) => {
    const api = { postMessage: () => postMessage(first), getState: () => undefined, setState: () => undefined };
    Object.assign(globalThis, { acquireVsCodeApi: () => api });
  }, message);
  await page.goto(`${pathToFileURL(join(folder, 'page.html')).href}?theme=${theme}`);
  await page.locator('.summary-text', { hasText: '4 hosts: 4 reject it' }).waitFor();
  return { page, faults };
}

/** What is drawn wider or higher than it has room for, and is not to be scrolled. */
const cutOff = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('.detail, .detail *')]
      .filter((it) => it.scrollHeight > it.clientHeight + 1 || it.scrollWidth > it.clientWidth + 1)
      .filter(
        (it) =>
          !['auto', 'scroll'].includes(getComputedStyle(it).overflowX) && getComputedStyle(it).display !== 'inline',
      )
      .map((it) => `${it.tagName.toLowerCase()}.${it.className}`),
  );

it.each([
  ['light', 1200, 900],
  ['dark', 1200, 900],
  ['hc-dark', 1200, 900],
  ['hc-light', 1200, 900],
  ['dark', 400, 900],
])("%s, %i wide: Linux 7.3's own report stands whole beside ours", async (theme, width, height) => {
  const { page, faults } = await open(theme, { width, height });
  const cell = page.locator('tr', { hasText: 'packet-unchecked' }).locator('.cell').nth(3);
  await cell.focus();
  await page.keyboard.press('Enter');
  const detail = page.getByRole('region', { name: 'packet-unchecked on linux-7.3' });
  await detail.getByText('`eth->h_proto` is read from the packet').waitFor();
  const { log } = readKernel('7.3').verdicts.find(({ name }) => name === 'packet-unchecked')!;
  const report = await detail.locator('.kernel-report pre').innerText();
  expect(report).toMatch(/^Verification failed: Memory Safety: [^]*\nReason:\n[^]*\nCausal path:\n[^]*\nSuggestion:\n/);
  expect(log).toContain(`\n${report}\n`);
  expect(await cutOff(page)).toEqual([]);
  const { x, width: across } = (await detail.boundingBox())!;
  expect([Math.round(x), x + across <= width]).toEqual([14, true]);
  await page.screenshot({ path: at('pictures', 'panel', `verdicts-${theme}-${width}.png`), fullPage: true });
  expect(await serious(page)).toEqual([]);
  // Kernels before it have none, and none is made up.
  await page.locator('tr', { hasText: 'packet-unchecked' }).locator('.cell').nth(2).click();
  await page.getByRole('region', { name: 'packet-unchecked on linux-6.12' }).getByText('verified in').waitFor();
  expect(await page.locator('.kernel-report').count()).toBe(0);
  expect(faults).toEqual([]);
  await page.context().close();
});

it.each(['light', 'dark', 'hc-dark'])(
  '%s: what hosts said before can be read while they are asked again',
  async (theme) => {
    const { page, faults } = await open(theme, { width: 1200, height: 500 });
    const [busy, lost] = columns;
    const error = new RingsideError('host-lost', 'the connection was lost', { remedy: 'Connect again.' }).toData();
    const changed: VerifiedHost[] = [
      { ...busy!, state: 'running', step: 'verifying' },
      { ...lost!, error },
    ];
    await page.evaluate((hosts) => hosts.forEach((host) => postMessage({ type: 'host', host })), changed);
    await page.locator('.said.bad', { hasText: 'old: the connection was lost' }).waitFor();
    expect(await page.locator('.stale .cell').count()).toBe(2 * programs.length);
    await page.screenshot({ path: at('pictures', 'panel', `verdicts-${theme}-old.png`), animations: 'disabled' });
    expect(await serious(page)).toEqual([]);
    expect(faults).toEqual([]);
    await page.context().close();
  },
);
