import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findClangd } from './clangd.ts';

let folder: string;
const tool = (path: string): string => {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), '', { mode: 0o755 });
  return join(folder, path);
};
const searchPath = (): string => [join(folder, 'a'), 'relative', join(folder, 'b')].join(delimiter);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-clangd-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('takes the plain name before versioned ones, and of these the newest', () => {
  expect(findClangd('', searchPath())).toBeNull();
  tool('a/clangd-9');
  const old = tool('a/clangd-14');
  expect(findClangd('', searchPath())).toBe(old);
  const newer = tool('b/clangd-19');
  expect(findClangd('', searchPath())).toBe(newer);
  const plain = tool('b/clangd');
  expect(findClangd('', searchPath())).toBe(plain);
});

it('takes what the setting names and no other', () => {
  const plain = tool('a/clangd');
  const own = tool('own/clangd');
  expect(findClangd(own, searchPath())).toBe(own);
  expect(findClangd('clangd', searchPath())).toBe(plain);
  expect(findClangd(join(folder, 'nowhere/clangd'), searchPath())).toBeNull();
  mkdirSync(join(folder, 'a/clangd-18'));
  expect(findClangd('clangd-18', searchPath())).toBeNull();
});
