/** What axe-core calls serious or critical, in a page or in the panel that shows in a window of VS Code. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Frame, Page } from 'playwright-core';
import type { Workbench } from './workbench.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Finding {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

/** The findings in words that say where; [] = none. */
export async function serious(page: Page | Frame): Promise<string[]> {
  // By the debugger's way in, because the page's content policy lets no other script run.
  if (!(await page.evaluate(`'axe' in globalThis`))) await page.evaluate(axe);
  const found = await page.evaluate<Finding[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  );
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
    );
}

/** The same in the panel that shows. */
export async function seriousInPanel(workbench: Workbench): Promise<string[]> {
  const main = await workbench.webview().locator('main').first().elementHandle();
  const frame = await main.ownerFrame();
  if (frame === null) throw new Error('no panel shows');
  return serious(frame);
}
