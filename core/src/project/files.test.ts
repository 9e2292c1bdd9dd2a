import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { existingFiles, writeProject } from './files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-project-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const files = [
  { path: 'a.c', text: 'a' },
  { path: 'src/b.rs', text: 'b' },
];

it('writes files and the folders that they need', async () => {
  const dir = join(folder, 'new');
  await writeProject(dir, files);
  expect(readFileSync(join(dir, 'src/b.rs'), 'utf8')).toBe('b');
  expect(await existingFiles(dir, files)).toEqual(['a.c', 'src/b.rs']);
});

it('nothing that exists is overwritten, and nothing is written beside it', async () => {
  writeFileSync(join(folder, 'a.c'), 'mine');
  await expect(writeProject(folder, files)).rejects.toMatchObject({ code: 'file-exists' });
  expect(readdirSync(folder)).toEqual(['a.c']);
  expect(readFileSync(join(folder, 'a.c'), 'utf8')).toBe('mine');
});

it('takes back what it wrote when a later file cannot be', async () => {
  writeFileSync(join(folder, 'src'), 'a file where a folder is needed');
  await expect(writeProject(folder, files)).rejects.toMatchObject({ code: 'not-writable' });
  expect(readdirSync(folder)).toEqual(['src']);
});
