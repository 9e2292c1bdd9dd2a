/**
 * The Maps panel by itself in Chromium, under the content policy of a webview, with a real engine and a real program behind
 * it: what a person sees and does with a keyboard. Pictures are kept in the git-ignored pictures/maps/.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MapsToHost, MapsToPanel, RunSummary } from '../../core/src/model/index.ts';
import { RingsideError } from '../../core/src/errors.ts';
import { parseMapsToHost } from '../../extension/src/panels/mapsGuards.ts';
import { findChromium } from '../../scripts/lib/packages.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import { engineForTests, plainSpec } from '../integration/support/engine.ts';
import { serious } from './harness/axe.ts';

const pictures = at('pictures', 'maps');
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
};
const ENTRIES = 50_000;

const { engine } = engineForTests('maps-panel');
let folder: string;
let server: Server;
let browser: Browser;
let page: Page;
let run: RunSummary;
let view: number;
const complaints: string[] = [];

const entry = `
import { applyTheme } from '../trace/devThemes.ts';
const theme = new URLSearchParams(location.search).get('theme') ?? 'dark';
applyTheme(theme);
window.applyTheme = applyTheme;
window.acquireVsCodeApi = () => ({
  postMessage: (message) => void window.toHost(JSON.stringify(message)),
  getState: () => JSON.parse(sessionStorage.getItem('state') ?? 'null') ?? undefined,
  setState: (state) => sessionStorage.setItem('state', JSON.stringify(state)),
});
import('./main.tsx');
`;
const html = `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self' data:; img-src 'self' data:">
<title>Maps</title><link rel="stylesheet" href="main.css"></head><body><div id="app"></div><script src="main.js"></script></body></html>`;

/** What the extension does with a message, as far as a page needs it. */
async function answer(raw: string): Promise<MapsToPanel | null> {
  const message: MapsToHost | null = parseMapsToHost(JSON.parse(raw));
  expect(message, raw).not.toBeNull();
  if (message?.type === 'ready') {
    const look = { where: '', sort: { column: '', descending: false }, split: false, rateOf: '', paused: false };
    const kept = lastState ?? {
      scope: { kind: 'run', runId: run.id },
      title: 'live_maps',
      target: null,
      map: '',
      look,
      widths: {},
      view: '',
    };
    return { type: 'init', title: 'live_maps · local', state: kept };
  }
  if (message?.type === 'state') lastState = message.state;
  if (message?.type !== 'ask') return null;
  const { id, query } = message;
  try {
    return { type: 'answer', id, ask: query.ask, value: await engine().askMapsView(view, query) };
  } catch (error) {
    return { type: 'failed', id, error: RingsideError.from(error).toData() };
  }
}
let lastState: Extract<MapsToHost, { type: 'state' }>['state'] | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-maps-panel-'));
  mkdirSync(pictures, { recursive: true });
  await build({
    stdin: { contents: entry, resolveDir: at('panels', 'maps'), loader: 'ts', sourcefile: 'entry.ts' },
    outfile: join(folder, 'main.js'),
    ...{ bundle: true, minify: true, format: 'iife', platform: 'browser', target: 'chrome124', logLevel: 'silent' },
    ...{ jsx: 'automatic', jsxImportSource: 'preact', loader: { '.ttf': 'dataurl' } },
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  writeFileSync(join(folder, 'dev.html'), html);
  server = createServer((request, response) => {
    const name = new URL(request.url ?? '/', 'http://panel').pathname.slice(1);
    const type = TYPES[extname(name)];
    if (type === undefined || name.includes('/')) response.writeHead(204).end();
    else response.writeHead(200, { 'content-type': type }).end(readFileSync(join(folder, name)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  run = await engine().attach({
    ...plainSpec,
    file: at('test', 'fixtures', 'programs', 'live_maps.bpf.c'),
    hosts: ['local'],
    set: { wanted_tgid: String(process.pid), fill_to: String(ENTRIES) },
    limits: { cpuPercent: 0 },
  });
  view = await engine().openMapsView({ kind: 'run', runId: run.id });
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('Chromium is missing: run `npm run setup`.');
  browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
  page = await browser.newPage({ viewport: { width: 1200, height: 700 }, timezoneId: 'UTC' });
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.exposeFunction('toHost', async (raw: string) => {
    const reply = await answer(raw);
    if (reply !== null)
      await page.evaluate((message) => window.postMessage(message, '*'), reply).catch(() => undefined);
  });
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/dev.html`);
}, 90_000);

afterAll(async () => {
  await browser.close();
  await new Promise((resolve) => server.close(resolve));
  await engine().closeMapsView(view);
  await engine().detach(run.id);
  rmSync(folder, { recursive: true, force: true });
  expect(complaints).toEqual([]);
});

const item = (name: string) => page.getByRole('option').filter({ has: page.locator(`.map-name:text-is("${name}")`) });
const cell = (row: number, column: number) =>
  page.locator(`.row:not([hidden])[aria-rowindex="${row + 2}"] [aria-colindex="${column}"]`);
async function show(name: string): Promise<void> {
  await item(name).click();
  await page.locator('h1', { hasText: name }).waitFor();
}
/** What is shown, in four themes. */
async function picture(name: string): Promise<void> {
  for (const theme of ['dark', 'light', 'hc-dark', 'hc-light']) {
    await page.evaluate(
      (wanted) => (window as unknown as { applyTheme(theme: string): void }).applyTheme(wanted),
      theme,
    );
    await page.screenshot({ path: join(pictures, `${name}-${theme}.png`), animations: 'disabled' });
    // The palest of the themes; VS Code's own are looked over in programViews.e2e.ts.
    if (theme === 'light') expect(await serious(page), name).toEqual([]);
  }
  await page.evaluate(() => (window as unknown as { applyTheme(theme: string): void }).applyTheme('dark'));
}

it('the maps are listed; the one with many entries is sorted by rate by the header’s menu', async () => {
  await expect.poll(() => page.getByRole('option').count()).toBeGreaterThan(15);
  await show('million');
  await page.getByRole('columnheader', { name: 'Δ/s' }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Sort Downwards' }).click();
  await page.keyboard.press('Escape');
  await expect.poll(async () => Number(await cell(0, 3).textContent()), { timeout: 30_000 }).toBeGreaterThan(0);
  expect(await page.getByRole('columnheader', { name: 'Δ/s' }).getAttribute('aria-sort')).toBe('descending');
  await expect.poll(() => page.locator('.map-words').textContent()).toMatch(/^50,000 entries · read /);
  await picture('million');
}, 60_000);

it('a cell is typed into, refused, written and taken back, by keyboard alone', async () => {
  const filter = page.locator('.filter-field input');
  await page.locator('#maps-grid').focus();
  await page.keyboard.press('/');
  await filter.fill('key == 40000');
  await page.keyboard.press('Enter');
  await expect.poll(() => cell(0, 1).textContent()).toBe('40000');
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('maps-grid');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('x');
  await page.keyboard.press('Enter');
  await page.locator('.cell-fault', { hasText: 'an integer from 0 to' }).waitFor();
  await picture('refused');
  await page.locator('.cell-editor input').fill('42');
  await page.keyboard.press('Enter');
  await expect.poll(() => cell(0, 2).textContent()).toBe('42');
  await page.locator('.notice', { hasText: 'value of 40000 is 42 now; it was 0.' }).waitFor();
  await page.keyboard.press('Control+z');
  await expect.poll(() => cell(0, 2).textContent()).toBe('0');
}, 60_000);

it('structs, hostile text and the entry detail', async () => {
  await show('flows');
  await expect.poll(() => page.locator('.row:not([hidden])').count()).toBeGreaterThan(1);
  await cell(1, 1).click();
  await page.getByRole('grid').press('Shift+F10');
  await page.getByRole('menuitem', { name: 'Entry Detail' }).click();
  await page.locator('.entry .fields').waitFor();
  expect(await page.locator('.maps b').count()).toBe(0);
  await picture('flows');
  await page.locator('.entry').getByRole('button').click();
});

it('histograms are drawn, per-CPU values split, and what cannot be read says so', async () => {
  await show('latency');
  await expect.poll(() => page.locator('.histogram .bar span').count()).toBeGreaterThan(3);
  await picture('histogram');
  await page.getByRole('button', { name: 'Show as a table' }).click();
  await expect.poll(() => page.getByRole('columnheader').count()).toBe(4);
  await show('by_cpu');
  await page.getByRole('button', { name: 'Split by CPU' }).click();
  await expect.poll(() => page.getByRole('columnheader', { name: 'cpu[0].count' }).count()).toBe(1);
  await picture('per-cpu');
  await show('bloom');
  await page.locator('.map-banner', { hasText: 'it cannot be listed' }).waitFor();
  await picture('bloom');
});

it('narrow, at 200 %, and after a reload the same map is shown', async () => {
  await show('recent');
  await expect.poll(() => page.locator('.row:not([hidden])').count()).toBeGreaterThan(3);
  // At 200 % the page has half the room of 1200 × 700.
  for (const [name, width, height] of [
    ['zoom', 600, 350],
    ['narrow', 400, 600],
  ] as const) {
    await page.setViewportSize({ width, height });
    // The chosen map stays in view in the list, which is lower now.
    const { y, height: of } = (await page.locator('.map-items').boundingBox())!;
    const inView = async () => (await page.locator('.map-item.chosen').boundingBox())!.y;
    await expect.poll(inView).toBeLessThan(y + of - 20);
    await picture(name);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    expect(await page.locator('.row:not([hidden])').count(), name).toBeGreaterThan(3);
  }
  await page.reload();
  await page.locator('h1', { hasText: 'recent' }).waitFor();
  await page.setViewportSize({ width: 1200, height: 700 });
}, 30_000);

it('when the run is over, what its maps held stays and is marked as old', async () => {
  await show('flows');
  const rows = page.locator('.row:not([hidden])');
  await expect.poll(() => rows.count()).toBeGreaterThan(1);
  const held = await cell(1, 1).textContent();
  await engine().detach(run.id);
  await expect.poll(() => page.locator('.map-words.old').textContent()).toMatch(/old: as of \d\d:\d\d:\d\d/);
  expect(await page.locator('.map-rows.old').count()).toBe(1);
  expect(await page.locator('.map-banner').innerText()).toMatch(/Shown is what/);
  expect(await cell(1, 1).textContent()).toBe(held);
  // Nobody knows any more what changes.
  await expect
    .poll(async () => (await page.locator('.map-rate').allTextContents()).join(''), { timeout: 10_000 })
    .toBe('');
  await picture('old');
});
