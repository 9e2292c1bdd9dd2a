/**
 * The trace panel by itself: its bundle in Chromium under the content policy of a webview, with a synthetic engine of
 * millions of rows behind a fake VS Code (panels/trace/devHost.ts). Pictures of every theme and size are kept in the
 * git-ignored pictures/panel/.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findChromium } from '../../scripts/lib/packages.mjs';
import { at } from '../../scripts/lib/paths.mjs';
import type { DevWindow } from '../../panels/trace/devHost.ts';
import { serious } from './harness/axe.ts';

declare global {
  interface Window {
    dev: DevWindow;
  }
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ttf': 'font/ttf',
};
const pictures = at('pictures', 'panel');

let folder: string;
let server: Server | undefined;
let browser: Browser | undefined;
let origin: string;
let page: Page;
let complaints: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-panel-'));
  mkdirSync(pictures, { recursive: true });
  await build({
    entryPoints: [at('panels', 'trace', 'dev.ts')],
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'iife',
    platform: 'browser',
    target: 'chrome124',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.ttf': 'file' },
    assetNames: '[name]',
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  copyFileSync(at('panels', 'trace', 'dev.html'), join(folder, 'dev.html'));
  server = createServer((request, response) => {
    const name = new URL(request.url ?? '/', 'http://panel').pathname.slice(1);
    const type = TYPES[extname(name)];
    if (name === 'favicon.ico') {
      response.writeHead(204).end();
      return;
    }
    if (type === undefined || name.includes('/')) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': type }).end(readFileSync(join(folder, name)));
  });
  const listening = server;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('Chromium is missing: run `npm run setup`.');
  browser = await chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  rmSync(folder, { recursive: true, force: true });
});

afterEach(async () => {
  await page.context().close();
  // A broken content policy or a thrown error fails whatever test it happened in.
  expect(complaints).toEqual([]);
});

interface Open {
  width?: number;
  height?: number;
  /** 2 = everything twice as large, as Ctrl+plus makes it. */
  zoom?: number;
}

async function open(query: string, { width = 1200, height = 700, zoom = 1 }: Open = {}): Promise<void> {
  complaints = [];
  const context = await browser!.newContext({
    viewport: { width: Math.round(width / zoom), height: Math.round(height / zoom) },
    deviceScaleFactor: zoom,
    timezoneId: 'UTC',
  });
  page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(`${origin}/dev.html?${query}`);
  await page.locator('main.trace').waitFor();
}

const rows = () => page.locator('.row:not([hidden])');
/** The delays of the panel are over, and what they put in line was drawn: two frames, however busy the machine is. */
const settled = async (): Promise<void> => {
  await page.waitForTimeout(350);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
};

/** Text of a column's cells, from top to bottom. */
function cells(column: number): Promise<string[]> {
  return page
    .locator(`.row:not([hidden]) [aria-colindex="${column}"]`)
    .evaluateAll((found) => found.map((cell) => cell.textContent));
}

async function lastRowIndex(): Promise<number> {
  return Number(await rows().last().getAttribute('aria-rowindex')) - 2;
}

async function picture(name: string): Promise<void> {
  await page.screenshot({ path: join(pictures, `${name}.png`), animations: 'disabled' });
}

describe('pictures', () => {
  for (const theme of ['dark', 'light', 'hc-dark', 'hc-light']) {
    it(`${theme}: live rows, a selection and the row detail`, async () => {
      await open(`rows=3204771&rate=48000&theme=${theme}`);
      await page.waitForTimeout(2500);
      await picture(`${theme}-live`);
      await rows().nth(8).click();
      await page.keyboard.press('Shift+ArrowDown');
      await page.keyboard.press('Shift+ArrowDown');
      await page.keyboard.press('Enter');
      await page.locator('.fields tbody tr').first().waitFor();
      await page.waitForTimeout(700);
      await picture(`${theme}-detail`);
    });

    it(`${theme}: 400 px wide, and 200 % zoom`, async () => {
      await open(`rows=3204771&rate=48000&theme=${theme}&streams=3`, { width: 400 });
      await page.waitForTimeout(1200);
      await picture(`${theme}-400px`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
      const [whole, room] = await page.locator('.counts').evaluate((el) => [el.scrollWidth, el.clientWidth] as const);
      expect(whole, 'how many rows there are').toBeLessThanOrEqual(room);
      expect(await serious(page)).toEqual([]);
      await page.context().close();
      await open(`rows=3204771&rate=48000&theme=${theme}&streams=3`, { zoom: 2 });
      await page.waitForTimeout(1200);
      await picture(`${theme}-zoom`);
    });

    it(`${theme}: menus and a refused filter`, async () => {
      await open(`rows=3204771&theme=${theme}&streams=2`);
      await page.keyboard.press('/');
      await page.keyboard.type('pid == 4242 && come == "nginx"');
      await page.locator('.fault').waitFor();
      await picture(`${theme}-fault`);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: /^Columns/ }).click();
      await settled();
      await picture(`${theme}-columns`);
      await page.keyboard.press('Escape');
      await rows().nth(5).locator('.cell').nth(4).click({ button: 'right' });
      await settled();
      await picture(`${theme}-menu`);
    });
  }

  it('states: waiting, failed, ended, gone, hostile, wide', async () => {
    for (const [name, query] of [
      ['waiting', 'rows=0'],
      ['building', 'rows=0&state=building'],
      ['failed', 'rows=0&state=failed'],
      ['failed-with-rows', 'rows=5000&state=failed'],
      ['ended', 'rows=120&state=ended'],
      ['hostile', 'rows=3204771&hostile'],
      ['wide', 'rows=3204771&columns=1000'],
    ] as const) {
      await open(query);
      await page.waitForTimeout(700);
      await picture(`state-${name}`);
      if (name !== 'wide') await page.context().close();
    }
  });
});

describe('the header', () => {
  for (const width of [360, 400, 466, 560, 700]) {
    it(`says the run's name and hosts in full at ${width} px`, async () => {
      await open('rows=3204771&rate=48000', { width });
      await page.locator('.strip').waitFor();
      for (const part of ['.name', '.hosts']) {
        const box = await page.locator(part).evaluate((el) => [el.scrollWidth, el.clientWidth] as const);
        expect(box[0], part).toBeLessThanOrEqual(box[1]);
      }
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    });
  }

  it('counts a single row as one', async () => {
    await open('rows=1');
    await expect.poll(() => page.locator('.counts').innerText()).toBe('1 row');
  });
});

describe('following', () => {
  it('shows the newest rows, stops when scrolled up and says how many wait, End follows again', async () => {
    await open('rows=1000&rate=500');
    await settled();
    const before = await lastRowIndex();
    await page.waitForTimeout(600);
    expect(await lastRowIndex()).toBeGreaterThan(before + 100);
    await page.locator('.body').hover();
    await page.mouse.wheel(0, -200);
    await settled();
    const stood = await lastRowIndex();
    const button = page.locator('.new-rows');
    await button.waitFor();
    await page.waitForTimeout(600);
    expect(await lastRowIndex()).toBe(stood);
    expect(await button.innerText()).toMatch(/[\d,]+ new rows/);
    await page.locator('.grid').focus();
    await page.keyboard.press('End');
    await settled();
    await button.waitFor({ state: 'detached' });
    expect(await lastRowIndex()).toBeGreaterThan(stood + 100);
  });

  it('pauses and resumes with the button; a paused view asks for nothing', async () => {
    await open('rows=1000&rate=500');
    await settled();
    await page.getByRole('button', { name: /^Pause/ }).click();
    await settled();
    const stood = await lastRowIndex();
    const asked = await page.evaluate(() => window.dev.queries.length);
    await page.waitForTimeout(700);
    expect(await lastRowIndex()).toBe(stood);
    expect(await page.evaluate(() => window.dev.queries.length)).toBe(asked);
    expect(await page.locator('.status .label').innerText()).toBe('paused');
    await page.getByRole('button', { name: /^Resume/ }).click();
    await page.waitForTimeout(500);
    expect(await lastRowIndex()).toBeGreaterThan(stood + 200);
    expect(await page.evaluate(() => window.dev.sent.filter((m) => m.type === 'pause').length)).toBe(2);
  });

  it('asks at most once a frame and 30 times a second', async () => {
    await open('rows=1000&rate=100000');
    await settled();
    const before = await page.evaluate(() => window.dev.queries.length);
    await page.waitForTimeout(2000);
    const asked = (await page.evaluate(() => window.dev.queries.length)) - before;
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThanOrEqual(62);
  });

  for (const rate of [400, 200_000]) {
    it(`keeps place and selection while ${rate} rows a second leave a full store`, async () => {
      await open(`rows=2000000&rate=${rate}&store=2000000`);
      await settled();
      await page.locator('.body').hover();
      await page.mouse.wheel(0, -3000);
      await settled();
      await rows().nth(4).click();
      const seen = await page.locator('.row.selected [aria-colindex="1"]').innerText();
      const all = await cells(3);
      let blank = 0;
      for (let i = 0; i < 30; i++) {
        await page.waitForTimeout(50);
        if ((await cells(3)).includes('')) blank++;
      }
      expect(blank).toBe(0);
      expect(await page.locator('.row.selected [aria-colindex="1"]').innerText()).toBe(seen);
      expect(await cells(3)).toEqual(all);
      const asked = await page.evaluate(() => window.dev.queries.length);
      await page.waitForTimeout(2000);
      expect((await page.evaluate(() => window.dev.queries.length)) - asked).toBeLessThan(10);
    });
  }
});

describe('filter', () => {
  it('/ goes to it, typing applies after a pause, Escape leaves, only matching rows show', async () => {
    await open('rows=60000');
    await page.locator('.grid').focus();
    await page.keyboard.press('/');
    await page.keyboard.type('comm == "nginx" && ret == -2');
    await page.waitForFunction(() => /[\d,]+ of 60,000/.test(document.querySelector('.counts')?.textContent ?? ''));
    await settled();
    expect(new Set(await cells(5))).toEqual(new Set(['nginx']));
    expect(new Set(await cells(6))).toEqual(new Set(['-2']));
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => document.activeElement?.className)).toBe('grid');
  });

  it('says what is wrong and where, and keeps the rows of the filter before', async () => {
    await open('rows=5000');
    await settled();
    await page.keyboard.press('/');
    await page.keyboard.type('ret == 0');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('.counts')?.textContent.includes(' of ') === true);
    const before = await cells(1);
    await page.keyboard.type(' && nonsense');
    await page.keyboard.press('Enter');
    await page.locator('.fault').waitFor();
    const place = (await page.locator('.fault .place').innerText()).split('\n');
    expect(place[0]!.slice(place[1]!.indexOf('^'))).toBe('nonsense');
    expect(await cells(1)).toEqual(before);
    for (let i = 0; i < ' && nonsense'.length; i++) await page.keyboard.press('Backspace');
    await page.locator('.fault').waitFor({ state: 'detached' });
    expect(await cells(1)).toEqual(before);
  });

  it('takes a value from a cell', async () => {
    await open('rows=40000');
    await settled();
    const cell = rows().nth(3).locator('[aria-colindex="5"]');
    const comm = await cell.innerText();
    await cell.click({ button: 'right' });
    await page.getByRole('menuitem', { name: /^Only comm/ }).click();
    await page.waitForFunction(() => document.querySelector('.counts')?.textContent.includes(' of ') === true);
    await settled();
    expect(await page.locator('.filter-field').evaluate((field) => (field as HTMLInputElement).value)).toBe(
      `comm == "${comm}"`,
    );
    expect(new Set(await cells(5))).toEqual(new Set([comm]));
  });

  it('offers to clear a filter that nothing matches', async () => {
    await open('rows=5000');
    await page.keyboard.press('/');
    await page.keyboard.type('pid == 1');
    await page.keyboard.press('Enter');
    await page.getByText('None of 5,000 stored rows matches.').waitFor();
    await page.getByRole('button', { name: 'Clear the filter' }).last().click();
    await page.waitForFunction(() => document.querySelector('.counts')?.textContent === '5,000 rows');
    expect(await rows().count()).toBeGreaterThan(10);
  });
});

describe('keyboard, selection and copy', () => {
  it('moves by arrows and pages, selects with Shift, copies as tab-separated text with a header', async () => {
    await open('rows=1000000');
    await settled();
    await page.locator('.grid').focus();
    await page.keyboard.press('Home');
    await settled();
    expect(await page.locator('.row.selected').getAttribute('aria-rowindex')).toBe('2');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    await page.keyboard.press('Shift+ArrowDown');
    await settled();
    expect(await page.locator('.row.selected').count()).toBe(3);
    await page.keyboard.press('Control+c');
    await page.waitForFunction(() => window.dev.copied.length === 1);
    const lines = (await page.evaluate(() => window.dev.copied[0]!)).trimEnd().split('\n');
    expect(lines[0]).toBe('time\thost\tpid\tppid\tcomm\tret\tfilename');
    expect(lines).toHaveLength(4);
    expect(lines[1]!.split('\t')[2]).toBe((await cells(3))[1]);
    await page.keyboard.press('PageDown');
    await settled();
    const active = await page.locator('.grid').getAttribute('aria-activedescendant');
    expect(await page.locator(`#${active!}`).isVisible()).toBe(true);
    expect(Number(await page.locator('.row.selected').getAttribute('aria-rowindex'))).toBeGreaterThan(20);
  });

  it('copies many rows over several pages, and no more than its limit', async () => {
    await open('rows=1000000&state=ended');
    await settled();
    await page.locator('.grid').focus();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Control+c');
    await page.waitForFunction(() => window.dev.copied.length === 1);
    expect((await page.evaluate(() => window.dev.copied[0]!)).trimEnd().split('\n')).toHaveLength(10_001);
    await page.locator('.notice', { hasText: 'Copied 10,000 of 1,000,000 selected rows.' }).waitFor();
  });

  it('copies as JSON from the menu', async () => {
    await open('rows=500');
    await settled();
    await rows().nth(2).click();
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Copy Selected Rows as JSON' }).click();
    await page.waitForFunction(() => window.dev.copied.length === 1);
    const copied = JSON.parse(await page.evaluate(() => window.dev.copied[0]!)) as Record<string, unknown>[];
    expect(copied).toHaveLength(1);
    expect(typeof copied[0]!['pid']).toBe('number');
  });

  it('opens the row detail with Enter and moves it with the row', async () => {
    await open('rows=500');
    await settled();
    await rows().nth(2).click();
    await page.keyboard.press('Enter');
    await page.locator('.fields tbody tr').first().waitFor();
    const what = () => page.locator('.detail-what').innerText();
    const first = await what();
    await page.keyboard.press('ArrowDown');
    await settled();
    expect(await what()).not.toBe(first);
    expect(await page.locator('.fields tbody th').allInnerTexts()).toContain('filename');
    await page.keyboard.press('Enter');
    await page.locator('.detail').waitFor({ state: 'detached' });
  });
});

describe('order, search, groups', () => {
  it('sorts, finds, groups, and shows derived columns; pictures of three themes', async () => {
    await open('rows=5000&rate=200&store=5000&theme=dark');
    await settled();
    const header = (name: string) => page.getByRole('columnheader', { name, exact: true });
    await header('pid').locator('.title').click();
    await page.locator('.sortbar', { hasText: 'Sorted by pid ↑' }).waitFor();
    const ascends = (pids: number[]): boolean => pids.every((pid, i) => i === 0 || pids[i - 1]! <= pid);
    await expect.poll(async () => ascends((await cells(3)).slice(0, 8).map(Number)), { timeout: 10_000 }).toBe(true);
    expect(await header('pid').getAttribute('aria-sort')).toBe('ascending');
    const first = (await cells(3))[0];
    await page.getByRole('button', { name: /new rows?$/ }).waitFor();
    expect((await cells(3))[0]).toBe(first);
    await header('pid').press('Enter');
    await page.locator('.sortbar', { hasText: 'Sorted by pid ↓' }).waitFor();

    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+f');
    await page.keyboard.type('NGINX');
    await expect.poll(() => page.locator('.find-count').innerText()).toMatch(/^1 of \d+/);
    const place = await page.locator('.row.selected').getAttribute('aria-rowindex');
    await page.keyboard.press('F3');
    await expect.poll(() => page.locator('.find-count').innerText()).toMatch(/^2 of \d+/);
    await expect.poll(() => page.locator('.row.selected').getAttribute('aria-rowindex')).not.toBe(place);
    await page.keyboard.press('Shift+F3');
    await expect.poll(() => page.locator('.row.selected').getAttribute('aria-rowindex')).toBe(place);
    expect(await page.locator('.row.found').count()).toBeGreaterThan(0);

    await page.getByRole('button', { name: /^Columns/ }).click();
    await page.getByRole('menuitem', { name: 'New Derived Column…' }).click();
    await page.keyboard.type('nonsense');
    await page.locator('.derived .fault').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('pid * 2');
    await page.locator('.derived .fault').waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await header('pid * 2').waitFor();
    await page.keyboard.press('Alt+ArrowUp');
    await header('comm').focus();
    await page.keyboard.press('Control+ArrowLeft');
    await header('comm').press(' ');
    await page.getByRole('menuitem', { name: 'Pin to the Left' }).click();
    await expect
      .poll(() => page.locator('.headcell .title').allInnerTexts())
      .toEqual(['comm', 'time', 'host', 'pid', 'ppid', 'ret', 'filename', 'pid * 2']);
    for (const theme of ['dark', 'light', 'hc-dark'] as const) {
      await page.evaluate((name) => window.dev.theme(name), theme);
      await settled();
      await picture(`${theme}-sorted`);
    }

    await page.getByRole('button', { name: /^Group/ }).click();
    await page.getByRole('menuitemcheckbox', { name: 'comm' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^rows,/ }).click();
    await page.getByRole('menuitemcheckbox', { name: 'p95 pid', exact: true }).click();
    await page.keyboard.press('Escape');
    const grid = page.locator('#group-grid');
    await expect
      .poll(() => grid.getByRole('columnheader').allInnerTexts())
      .toEqual(['comm', 'rows', 'rows/s', 'p95 pid']);
    await grid.getByRole('columnheader', { name: 'p95 pid' }).locator('.title').click();
    await expect
      .poll(() => grid.getByRole('columnheader', { name: 'p95 pid' }).getAttribute('aria-sort'))
      .toBe('descending');
    for (const theme of ['dark', 'light', 'hc-dark'] as const) {
      await page.evaluate((name) => window.dev.theme(name), theme);
      await settled();
      await picture(`${theme}-groups`);
    }
    await grid.focus();
    await page.keyboard.press('Home');
    const comm = await grid.locator('.row.selected .cell').first().innerText();
    await page.keyboard.press('Enter');
    await expect
      .poll(() => page.locator('.filter-field').evaluate((field) => (field as HTMLInputElement).value))
      .toBe(`comm == "${comm}"`);
    await settled();
    const state = await page.evaluate(() => window.dev.sent.filter((message) => message.type === 'state').at(-1));
    expect(state).toMatchObject({
      state: {
        layout: { pinned: ['comm'], derived: [{ expr: 'pid * 2' }], sort: [{ column: 'pid', descending: true }] },
      },
    });
  });
});

describe('columns', () => {
  it('hides, shows and resizes by menu, pointer and keyboard, and remembers it over a reload', async () => {
    await open('rows=500');
    await settled();
    await page.getByRole('button', { name: /^Columns/ }).click();
    await page.getByRole('menuitemcheckbox', { name: 'ppid' }).click();
    await page.keyboard.press('Escape');
    const titles = () => page.locator('.headcell .title').allInnerTexts();
    expect(await titles()).toEqual(['time', 'host', 'pid', 'comm', 'ret', 'filename']);

    const comm = page.getByRole('columnheader', { name: 'comm' });
    const before = (await comm.boundingBox())!;
    await page.mouse.move(before.x + before.width - 2, before.y + 10);
    await page.mouse.down();
    await page.mouse.move(before.x + before.width + 58, before.y + 10, { steps: 4 });
    await page.mouse.up();
    const dragged = (await comm.boundingBox())!;
    expect(Math.round(dragged.width - before.width)).toBe(60);
    const cell = (await rows().first().locator('.cell').nth(3).boundingBox())!;
    expect(Math.round(cell.width)).toBe(Math.round(dragged.width));

    await page.locator('.grid').focus();
    await page.keyboard.press('Alt+ArrowUp');
    await page.keyboard.press('ArrowRight');
    const host = page.getByRole('columnheader', { name: 'host' });
    const narrow = (await host.boundingBox())!.width;
    for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowRight');
    expect((await host.boundingBox())!.width).toBeGreaterThan(narrow + 15);

    await settled();
    await page.reload();
    await settled();
    expect(await titles()).toEqual(['time', 'host', 'pid', 'comm', 'ret', 'filename']);
    expect(Math.round((await comm.boundingBox())!.width)).toBe(Math.round(dragged.width));
    const stored = await page.evaluate(() => window.dev.sent.filter((message) => message.type === 'state').at(-1));
    expect(stored).toMatchObject({ state: { runId: 'run-1', hidden: ['ppid'] } });
  });

  it('keeps a thousand columns usable: only those in view exist', async () => {
    await open('rows=5000&columns=1000');
    await settled();
    expect(await page.locator('.headcell').count()).toBeLessThan(60);
    await page.locator('.sideways').evaluate((element) => (element.scrollLeft = 30_000));
    await settled();
    const title = await page.locator('.headcell .title').first().innerText();
    expect(title).toMatch(/^slot\d+$/);
    const shown = await rows().first().locator('.cell').first().innerText();
    expect(shown).toMatch(/^\d+$/);
  });
});

describe('hostile data', () => {
  it('shows what is hidden, keeps markup text, and survives nonsense messages', async () => {
    await open('rows=5000&hostile');
    await settled();
    const texts = (await cells(5)).join('|');
    expect(texts).toContain('⟪U+202E⟫');
    expect(texts).not.toContain('\u202E');
    expect(await page.locator('.row img').count()).toBe(0);
    const before = await cells(1);
    await page.evaluate(() => {
      for (const message of [
        null,
        1,
        'x',
        {},
        { type: 'rows' },
        { type: 'rows', id: 1, page: { rows: 'no' } },
        { type: 'run', run: { id: 1 } },
        { type: 'init', run: 3, state: null },
        { type: 'rows', id: 999_999, page: null },
        { type: 'failed', id: 7, error: { message: 'late', remedy: '', detail: '' } },
      ])
        window.dev.post(message);
    });
    await settled();
    expect(await cells(1)).toEqual(before);
  });

  it('says "unknown" for what is not known, never 0', async () => {
    await open('rows=0&streams=2');
    const ledger = async (): Promise<string> =>
      (await page.locator('footer.ledger').innerText()).replaceAll(/\s+/g, ' ');
    // The engine itself says so from now on: the panel asks it again and again.
    await page.evaluate(() => {
      const { engine } = window.dev;
      const known = engine.summary.bind(engine);
      engine.summary = () => ({ ...known(), ledger: { streams: [] } });
    });
    await expect.poll(ledger).not.toContain('lost 0');
    await page.evaluate(() => {
      const { engine } = window.dev;
      Reflect.deleteProperty(engine, 'summary');
      const known = engine.summary.bind(engine);
      engine.summary = () => {
        const run = known();
        const streams = [{ ...run.ledger.streams[0]!, produced: null, lostKernel: null }];
        return { ...run, programs: [], ledger: { ...run.ledger, streams } };
      };
    });
    await expect.poll(ledger).toContain('produced unknown');
    expect(await ledger()).toContain('lost unknown (kernel unknown · agent 0 · link 0)');
    expect(await ledger()).toContain('cost unknown');
  });
});

describe('scrolling', () => {
  it('drags through a million rows: the thumb reaches both ends and real rows show on the way', async () => {
    await open('rows=1000000&delay=20');
    await settled();
    const bar = (await page.locator('.vbar').boundingBox())!;
    await page.mouse.move(bar.x + 6, bar.y + bar.height - 8);
    await page.mouse.down();
    let blank = 0;
    for (let step = 1; step <= 40; step++) {
      await page.mouse.move(bar.x + 6, bar.y + bar.height - 8 - (bar.height * step) / 40);
      await page.waitForTimeout(16);
      if ((await cells(1)).every((text) => text === '')) blank++;
    }
    await page.mouse.up();
    await settled();
    expect(await rows().first().getAttribute('aria-rowindex')).toBe('2');
    expect((await cells(1))[0]).not.toBe('');
    expect(blank).toBe(0);
  });

  it('prints the frame times of wheel scrolling and dragging over 1,000,000 rows', async () => {
    await open('rows=1000000');
    await settled();
    await page.locator('.body').hover();
    await page.evaluate(measureFrames);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const cost = async (name: string): Promise<number> => {
      const { metrics } = await session.send('Performance.getMetrics');
      return 1000 * (metrics.find((metric) => metric.name === name)?.value ?? Number.NaN);
    };
    const names = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration'];
    const before = await Promise.all(names.map(cost));
    for (let i = 0; i < 240; i++) {
      await page.mouse.wheel(0, i < 120 ? -400 : 380);
      if (i % 2 === 0) await page.waitForTimeout(8);
    }
    await page.waitForTimeout(1200);
    const after = await Promise.all(names.map(cost));
    const frames = (await page.evaluate(() => (window as unknown as { frameTimes: number[] }).frameTimes)).sort(
      (a, b) => a - b,
    );
    const at = (share: number) => frames[Math.floor(frames.length * share)]!.toFixed(1);
    const each = (i: number) => ((after[i]! - before[i]!) / frames.length).toFixed(2);
    console.log(
      `trace panel, 1,000,000 rows: ${frames.length} frames, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms; ` +
        `a frame costs ${each(0)} ms of script, ${each(1)} ms of layout, ${each(2)} ms of style`,
    );
    expect(frames.length).toBeGreaterThan(30);
  });
});

/** Intervals between animation frames from now on, in `window.frameTimes`; runs in the page. */
function measureFrames(): void {
  const frameTimes: number[] = [];
  Object.assign(window, { frameTimes });
  let last = performance.now();
  const next = (now: number): void => {
    frameTimes.push(now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}
