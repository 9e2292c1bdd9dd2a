/** axe-core finds nothing serious in the panels, in the themes of both contrasts, with data, menus and tables open. */
import { mkdirSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { at } from '../../scripts/lib/paths.mjs';
import type { DevTheme } from '../../panels/trace/devThemes.ts';
import { serious } from './harness/axe.ts';
import { PanelPages } from './harness/panelPage.ts';

const pages = new PanelPages();
beforeAll(() => pages.start());
afterAll(() => pages.stop());

/** In each theme, changed below what is open; with a name pictures are kept in pictures/panel/. */
async function inAllThemes(page: Page, name?: string): Promise<void> {
  if (name !== undefined) mkdirSync(at('pictures', 'panel'), { recursive: true });
  for (const theme of ['light', 'hc-dark', 'dark'] satisfies DevTheme[]) {
    await page.evaluate(`window.dev.theme(${JSON.stringify(theme)})`);
    if (name !== undefined) await page.screenshot({ path: at('pictures', 'panel', `${name}-${theme}.png`) });
    expect(await serious(page), theme).toEqual([]);
  }
}

it('in the trace, with the detail and a menu open', async () => {
  const page = await pages.open('trace', 'rows=5000&streams=2', { height: 420 });
  await page.locator('.row:not([hidden])').first().waitFor();
  await page.locator('.grid').focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.locator('.fields').waitFor();
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menu').waitFor();
  await inAllThemes(page);
  // At 200 % a section takes the room of the detail and of the strip; the ledger stays in view.
  await page.getByRole('menuitem', { name: 'Colour Rules…' }).press('Enter');
  await page.getByRole('button', { name: 'Add a Rule' }).press('Enter');
  await page.setViewportSize({ width: 600, height: 350 });
  const { y, height } = (await page.locator('footer.ledger').boundingBox())!;
  expect(y + height).toBeLessThanOrEqual(350);
  expect(await page.locator('.tool-body').evaluate((it) => it.scrollHeight - it.clientHeight)).toBe(0);
  await inAllThemes(page, 'tools-low');
  await page.context().close();
});

it('around the rows of the trace: keys alone mark, measure, colour and choose a time', async () => {
  const page = await pages.open('trace', 'rows=200000&store=150000&hostile', { height: 1000 });
  await page.locator('.brush').waitFor();
  await page.locator('.grid').focus();
  for (const key of ['ArrowUp', 'ArrowUp', 'm']) await page.keyboard.press(key);
  await page.locator('.row[data-tag*=bookmarked]').waitFor();
  await page.locator('.bar-mark').waitFor({ state: 'attached' });
  for (const key of ['ArrowUp', 'Shift+ArrowUp', 'Enter']) await page.keyboard.press(key);
  await page.locator('.figures tbody tr').first().waitFor();
  expect(await page.locator('.figures-head').innerText()).toMatch(/^2 rows · time between [+−]20\.7 µs/);
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Colour Rules…' }).press('Enter');
  await page.getByRole('button', { name: 'Add a Rule' }).press('Enter');
  await page.getByLabel('Condition of rule 1').fill('comm == "nginx"');
  await page.locator('.row[data-tag^=red]').first().waitFor();
  await inAllThemes(page, 'tools-colours');
  await page.keyboard.press('Escape');
  await page.locator('.ledger-why').press('Enter');
  await page.getByRole('button', { name: 'Double the Ring' }).press('Enter');
  await page.waitForFunction(`window.dev.sent.some(({ type }) => type === 'remedy')`);
  expect(await page.locator('.tool-sum').innerText()).toBe('Together 212,402: all that were produced.');
  await inAllThemes(page, 'tools-losses');
  await page.keyboard.press('Escape');
  await page.locator('.brush').press('ArrowLeft');
  await page.locator('.chip').waitFor();
  await page.waitForFunction(`window.dev.queries.at(-1)?.where.startsWith('@time >= ')`);
  await page.locator('.brush').press('Escape');
  await page.locator('.chip').waitFor({ state: 'detached' });
  await page.context().close();
});

it('in the charts, one of them as a table', async () => {
  const page = await pages.open('charts', '', { height: 900 });
  await page.locator('.card .uplot').first().waitFor();
  await page.getByRole('button', { name: 'Show How latency_ns is spread as a table' }).click();
  await page.locator('.data-table').waitFor();
  await inAllThemes(page);
  await page.context().close();
});
