/**
 * The verifier explorer by itself: its bundle in Chromium over real explorations of a program that two kernels reject. What
 * explorer.e2e.ts does not come to in VS Code: all visits of a line, two verdicts side by side, and a narrow panel. Pictures
 * of every theme are kept in the git-ignored pictures/panel/.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RingsideError } from '../../core/src/errors.ts';
import type { ExplorationInfo, ExplorerTarget, ExplorerToPanel } from '../../core/src/model/index.ts';
import { Explorations } from '../../core/src/verifier/explore/explorations.ts';
import { writeRecord } from '../../core/src/verifier/explore/record.ts';
import { explained, objectFile, readKernel } from '../../core/src/verifier/testKernels.ts';
import { parseExplorerToHost } from '../../extension/src/panels/explorerGuards.ts';
import type { DevTheme } from '../../panels/trace/devThemes.ts';
import { at } from '../../scripts/lib/paths.mjs';
import { serious } from './harness/axe.ts';
import { PanelPages, type PanelPageOptions } from './harness/panelPage.ts';

const program = 'lost-after-adjust';
const pages = new PanelPages();
const explorations = new Explorations();
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-explorer-panel-'));
  mkdirSync(at('pictures', 'panel'), { recursive: true });
  await pages.start();
});

afterAll(async () => {
  await pages.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What a verification on this kernel leaves: its log, and what the log is explored with. */
async function verified(kernel: string): Promise<{ target: ExplorerTarget; info: ExplorationInfo }> {
  const { release, verdicts } = readKernel(kernel);
  const recorded = verdicts.find(({ name }) => name === program)!;
  const [log, record] = [join(folder, `${kernel}.log`), join(folder, `${kernel}.json`)];
  writeFileSync(log, recorded.log);
  const report = { ok: false, host: `linux-${kernel}`, kernel: release, programs: [explained(recorded)], notes: [] };
  const object = readFileSync(objectFile(program, recorded.cpu));
  await writeRecord(record, at('test', 'fixtures', 'rejected', `${program}.bpf.c`), object, report);
  const target = { log, record, program: recorded.program };
  return { target, info: await explorations.open(target) };
}

async function open(options: PanelPageOptions = {}): Promise<Page> {
  const { target, info } = await verified('7.3');
  const other = await verified('6.1');
  const host = async (raw: unknown): Promise<ExplorerToPanel | null> => {
    const message = parseExplorerToHost(raw);
    expect(message, JSON.stringify(raw)).not.toBeNull();
    const title = `${program} on ${info.host}`;
    if (message?.type === 'ready') return { type: 'opened', title, target, info, step: -1, noFix: '', canVerify: true };
    if (message?.type === 'compare') return { type: 'compared', title: other.info.host, info: other.info };
    if (message?.type !== 'ask') return null;
    const { id, query, side } = message;
    try {
      const asked = 'other' in query ? { ...query, other: other.info.id } : query;
      return { type: 'answer', id, value: await explorations.ask(side === 0 ? info.id : other.info.id, asked) };
    } catch (error) {
      return { type: 'failed', id, error: RingsideError.from(error).toData() };
    }
  };
  const page = await pages.open('explorer', '', { ...options, host });
  await page.locator('.rows .row.active.failed').waitFor();
  return page;
}

const themes = ['light', 'hc-dark', 'dark'] satisfies DevTheme[];

/** In each theme: a picture, and what axe finds. */
async function looks(page: Page, name: string, axeIn: readonly DevTheme[] = themes): Promise<void> {
  for (const theme of themes) {
    await page.evaluate(`window.dev.theme(${JSON.stringify(theme)})`);
    await page.screenshot({ path: at('pictures', 'panel', `explorer-${name}-${theme}.png`), animations: 'disabled' });
    if (axeIn.includes(theme)) expect(await serious(page), `${name} in ${theme}`).toEqual([]);
  }
}

it('a rejected verdict, all visits of a line, and two verdicts side by side', async () => {
  const page = await open();
  await page.locator('.verdict-title.bad').waitFor();
  await looks(page, 'rejected');
  await page.locator('.rows').focus();
  await page.keyboard.press('2');
  await page.locator('#visits-0').waitFor();
  await looks(page, 'visits');
  await page.keyboard.press('5');
  await page.locator('.row.pair.active').waitFor();
  // What differs first is chosen, with the other verdict's value beside it.
  await page.locator('.term.chosen', { hasText: /^r3.*≠/ }).waitFor();
  await looks(page, 'compare');
  expect(pages.complaints()).toEqual([]);
  await page.context().close();
});

it('in a panel of 400 pixels everything is in reach, and nothing is wider than it', async () => {
  const page = await open({ width: 400, height: 800 });
  await page.locator('.verdict-title.bad').waitFor();
  await looks(page, 'narrow', ['light']);
  await page.locator('.rows').focus();
  await page.keyboard.press('5');
  await page.locator('.row.pair.active').waitFor();
  await looks(page, 'narrow-compare', ['light']);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
  expect(pages.complaints()).toEqual([]);
  await page.context().close();
});
