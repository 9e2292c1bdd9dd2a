/** Pictures of what a person sees, kept in the git-ignored pictures/e2e/. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { at } from '../../../scripts/lib/paths.mjs';
import type { Editor } from './editor.ts';
import { themes } from './workbench.ts';

/** Saves a picture of the whole window and gives its path. */
export async function picture(page: Page, name: string): Promise<string> {
  const folder = at('pictures', 'e2e');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled' });
  return path;
}

/** The window in light, dark and high contrast; the themes change below whatever is open, a dialog too. */
export async function pictures(editor: Editor, name: string): Promise<void> {
  const { page } = editor;
  for (const theme of ['light', 'high-contrast', 'dark'] as const) {
    const { label, kind } = themes[theme];
    editor.setting('workbench.colorTheme', `Default ${label}`);
    await page.locator(`.monaco-workbench.${kind}`).waitFor({ timeout: 10_000 });
    await page.waitForTimeout(250);
    await picture(page, `${name}-${theme}`);
  }
}
