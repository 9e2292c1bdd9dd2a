/** Looks for a header that clang did not find, in the project of the source: what a build file says too cleverly. */
import { readdirSync, type Dirent } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Machine } from './index.ts';
import { foldersAbove } from './index.ts';

const MOST_ENTRIES = 20_000;
const SKIPPED = new Set(['.git', 'node_modules', 'target', 'dist']);
const ARCHITECTURES = ['x86', 'arm64', 'arm', 'powerpc', 's390', 'riscv', 'loongarch', 'mips'];

/**
 * The folder that makes `#include "name"` work: the one nearest to the source; null when the project has none. What lies
 * in `except` (our own cache, which may be below the project) does not count.
 */
export function findHeader(name: string, file: string, machine: Machine, except = ''): string | null {
  if (name.startsWith('/') || name.includes('..')) return null;
  const wanted = `${sep}${name.split('/').join(sep)}`;
  const budget = { left: MOST_ENTRIES };
  for (const root of foldersAbove(file)) {
    const found = headersBelow(root, wanted, except, budget).filter((path) =>
      ofThisMachine(relative(root, path), machine),
    );
    found.sort((a, b) => a.split(sep).length - b.split(sep).length || a.localeCompare(b));
    if (found[0] !== undefined) return found[0].slice(0, -wanted.length);
    if (budget.left <= 0) return null;
  }
  return null;
}

/** A header in a folder named after another architecture is not for this host. */
function ofThisMachine(path: string, machine: Machine): boolean {
  const folders = path.split(sep);
  return !ARCHITECTURES.some((arch) => arch !== machine.arch && folders.includes(arch));
}

function headersBelow(root: string, wanted: string, except: string, budget: { left: number }): string[] {
  const found: string[] = [];
  const waiting = [root];
  for (let folder = waiting.shift(); folder !== undefined; folder = waiting.shift()) {
    let entries: Dirent[];
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      if (budget.left-- <= 0) return found;
      const path = join(folder, entry.name);
      if (path === except) continue;
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) waiting.push(path);
      else if (path.endsWith(wanted)) found.push(path);
    }
  }
  return found;
}
