/** axe-core finds nothing serious in the panels, in the themes of both contrasts, with data, menus and tables open. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PanelPages } from './harness/panelPage.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pages = new PanelPages();
beforeAll(() => pages.start());
afterAll(() => pages.stop());

interface Finding {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

/** What axe calls serious or critical, in words that say where. */
async function serious(page: Page): Promise<string[]> {
  // By the debugger's way in, because the page's content policy lets no other script run.
  await page.evaluate(axe);
  const found = await page.evaluate<Finding[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  );
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
    );
}

for (const theme of ['dark', 'light', 'hc-dark']) {
  it(`in the trace, ${theme}`, async () => {
    const page = await pages.open('trace', `rows=5000&theme=${theme}&streams=2`);
    await page.locator('.row:not([hidden])').first().waitFor();
    await page.locator('.grid').focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.locator('.fields').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menu').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.context().close();
  });

  it(`in the charts, ${theme}`, async () => {
    const page = await pages.open('charts', `theme=${theme}`, { height: 900 });
    await page.locator('.card .uplot').first().waitFor();
    await page.getByRole('button', { name: 'as a table' }).first().click();
    await page.locator('.data-table').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.context().close();
  });
}
