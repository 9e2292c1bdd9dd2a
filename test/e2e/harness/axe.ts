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

/**
 * The findings in words that say where; [] = none. Of the explorer's source column only the frame is ours: the text in it,
 * its colours and its roles are Monaco's, VS Code's own editor.
 */
export async function serious(page: Page | Frame): Promise<string[]> {
  // By the debugger's way in, because the page's content policy lets no other script run.
  if (!(await page.evaluate(`'axe' in globalThis`))) await page.evaluate(axe);
  const { violations, passes } = await page.evaluate<{ violations: Finding[]; passes: number }>(
    // Without preload it does not load the page's style sheets once more, which the content policy forbids.
    `axe.run({ exclude: ['.monaco-editor'] }, { resultTypes: ['violations'], preload: false }).then((found) => ({ violations: found.violations, passes: found.passes.length }))`,
  );
  // Of an empty page axe has nothing to say, good or bad.
  if (passes < 5) throw new Error(`axe-core looked at nothing: ${String(passes)} rules passed`);
  return violations
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
