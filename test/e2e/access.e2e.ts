/** axe-core finds nothing serious in the panels, in the themes of both contrasts, with data, menus and tables open. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DevTheme } from '../../panels/trace/devThemes.ts';
import { serious } from './harness/axe.ts';
import { PanelPages } from './harness/panelPage.ts';

const pages = new PanelPages();
beforeAll(() => pages.start());
afterAll(() => pages.stop());

/** In each theme, changed below what is open. */
async function inAllThemes(page: Page): Promise<void> {
  for (const theme of ['light', 'hc-dark', 'dark'] satisfies DevTheme[]) {
    await page.evaluate(`window.dev.theme(${JSON.stringify(theme)})`);
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
