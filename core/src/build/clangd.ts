/** Finds clangd, which comes from the same places as clang. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { inFolders, NEWEST, OLDEST, searchFolders } from './compiler.ts';

/**
 * The clangd to run: the given one (no other is tried then), else `clangd`, else the newest versioned one; null when
 * there is none. `searchPath` is for tests: instead of PATH.
 */
export function findClangd(given: string, searchPath?: string): string | null {
  const folders = searchFolders(searchPath);
  return candidates(given, folders).find(isFile) ?? null;
}

function candidates(given: string, folders: string[]): string[] {
  if (given !== '') return /[/\\]/.test(given) ? [resolve(given)] : inFolders(folders, given);
  const names = ['clangd'];
  for (let major = NEWEST; major >= OLDEST; major--) names.push(`clangd-${major}`);
  return names.flatMap((name) => inFolders(folders, name));
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
