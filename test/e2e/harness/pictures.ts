/** Pictures of what a person sees, kept in the git-ignored pictures/e2e/. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { at } from '../../../scripts/lib/paths.mjs';
import { themes } from './workbench.ts';

/** Saves a picture of the whole window and gives its path. */
export async function picture(page: Page, name: string): Promise<string> {
  const folder = at('pictures', 'e2e');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled' });
  return path;
}

/** Settings of an editor whose theme follows the system: it can change below whatever is open, a dialog too. */
export const followingSystem = {
  'window.autoDetectColorScheme': true,
  'window.autoDetectHighContrast': true,
  'workbench.preferredDarkColorTheme': 'Default Dark Modern',
  'workbench.preferredLightColorTheme': 'Default Light Modern',
  'workbench.preferredHighContrastColorTheme': 'Default High Contrast',
};

/** The window in light, high contrast and dark, for an editor that follows the system; `look` at each of them. */
export async function pictures(page: Page, name: string, look?: (theme: string) => Promise<void>): Promise<void> {
  await page.mouse.move(23, 650); // where nothing is explained on hovering
  for (const theme of ['light', 'high-contrast', 'dark'] as const) {
    const forcedColors = theme === 'high-contrast' ? 'active' : 'none';
    await page.emulateMedia({
      colorScheme: theme === 'light' ? 'light' : 'dark',
      forcedColors,
      reducedMotion: 'reduce',
    });
    await page.locator(`.monaco-workbench.${themes[theme].kind}`).waitFor({ timeout: 10_000 });
    await page.waitForTimeout(250);
    await picture(page, `${name}-${theme}`);
    await look?.(theme);
  }
}
