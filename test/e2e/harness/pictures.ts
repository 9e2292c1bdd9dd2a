/** Pictures of what a person sees, kept in the git-ignored pictures/e2e/. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { at } from '../../../scripts/lib/paths.mjs';

/** Saves a picture of the whole window and gives its path. */
export async function picture(page: Page, name: string): Promise<string> {
  const folder = at('pictures', 'e2e');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled' });
  return path;
}
