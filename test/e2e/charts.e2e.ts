/** The charts panel by itself, with made-up summaries behind a fake VS Code (panels/charts/devHost.ts). */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { at } from '../../scripts/lib/paths.mjs';
import type { DevWindow } from '../../panels/charts/devHost.ts';
import { PanelPages, type PanelPageOptions } from './harness/panelPage.ts';

const pictures = at('pictures', 'charts');
const pages = new PanelPages();
let page: Page;

beforeAll(async () => {
  mkdirSync(pictures, { recursive: true });
  await pages.start();
});
afterAll(() => pages.stop());
afterEach(async () => {
  await page.context().close();
  expect(pages.complaints()).toEqual([]);
});

async function open(query: string, options: PanelPageOptions = {}): Promise<void> {
  page = await pages.open('charts', query, options);
  if (!/empty|gone/.test(query)) await page.locator('.card .uplot').first().waitFor();
}

const dev = <T>(read: (dev: DevWindow) => T): Promise<T> => page.evaluate<T>(`(${String(read)})(window.dev)`);

describe('pictures', () => {
  for (const theme of ['light', 'dark', 'hc-dark', 'hc-light'] as const) {
    it(`of the ${theme} theme, wide, narrow and large`, async () => {
      await open(`theme=${theme}`, { height: 900 });
      await page.screenshot({ path: join(pictures, `${theme}.png`) });
      await page.setViewportSize({ width: 400, height: 900 });
      await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
      await page.screenshot({ path: join(pictures, `${theme}-400.png`) });
    });
  }

  it('of empty, broken and hostile pages', async () => {
    for (const state of ['empty', 'gone', 'error', 'hostile']) {
      await open(state, { height: 900 });
      await page.screenshot({ path: join(pictures, `${state}.png`) });
      if (state !== 'hostile') await page.context().close();
    }
  });
});

describe('by keyboard', () => {
  it('a chart is added, shown as a table, copied, moved and removed', async () => {
    await open('');
    await page.getByRole('button', { name: 'Add Chart' }).focus();
    await page.keyboard.press('Enter');
    await page.getByPlaceholder('Find a chart').waitFor();
    await page.keyboard.type('histogram of bytes');
    await page.keyboard.press('Enter');
    const added = page.getByRole('region', { name: 'How bytes is spread', exact: true });
    await added.first().waitFor();

    const card = page.locator('.card', { has: page.getByRole('heading', { name: 'Rows per second' }) }).first();
    await card.getByRole('button', { name: 'Show Rows per second as a table' }).focus();
    await page.keyboard.press('Enter');
    await card.getByRole('columnheader', { name: 'time' }).waitFor();
    expect(await card.locator('tbody tr').count()).toBeGreaterThan(200);

    const more = card.getByRole('button', { name: 'More for Rows per second' });
    const choose = async (name: string): Promise<void> => {
      await more.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('menu').waitFor();
      for (let i = 0; i < 20; i++) {
        const here = await page.evaluate(() => document.activeElement?.textContent ?? '');
        if (here.includes(name)) break;
        await page.keyboard.press('ArrowDown');
      }
      await page.keyboard.press('Enter');
    };
    await choose('Copy as CSV');
    await expect.poll(() => dev(({ copied }) => copied[0] ?? '')).toMatch(/^time,Rows per second\r\n2026-11-23T/);
    await choose('Move Later');
    await expect.poll(() => page.locator('.card h2').first().innerText()).not.toBe('Rows per second');
    await choose('Remove');
    await expect.poll(() => page.locator('.card').count()).toBe(7);
    const saved = () => dev(({ sent }) => sent.findLast((message) => message.type === 'state')?.state.charts.length);
    await expect.poll(saved).toBe(7);
  });

  it('a bar opens its rows', async () => {
    await open('');
    await page.getByRole('button', { name: 'postgres' }).focus();
    await page.keyboard.press('Enter');
    await expect
      .poll(() => dev(({ sent }) => sent.findLast((message) => message.type === 'trace')?.where))
      .toBe('comm == "postgres"');
  });
});
