import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeEngine } from '../test/fakeEngine.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { writeRows } = await import('./exportRows.ts');

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'ringside-export-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const wish = { stream: 'events', where: 'pid > 1', format: 'csv' as const, columns: ['pid'] };
const watcher = { cancelled: () => false, report: () => undefined };

test('rows are written page by page, of those that there were at the beginning', async () => {
  const fake = new FakeEngine();
  fake.answers.askRows = (_run, ask) => {
    const from = ask.ask === 'export' ? ask.from : -1;
    return { text: `${from}\n`, rows: 2, next: from >= 20 ? null : from + 10, missed: 1, delivered: 100 + from };
  };
  const path = join(folder, 'a.csv');
  expect(await writeRows(fake.engine, 'run-1', wish, path, watcher)).toEqual({ rows: 6, missed: 3 });
  expect(readFileSync(path, 'utf8')).toBe('0\n10\n20\n');
  const asked = fake.called('askRows').map(([, ask]) => ask);
  expect(asked[0]).toEqual({ ask: 'export', ...wish, from: 0, to: 0, rows: 0 });
  expect(asked[2]).toMatchObject({ from: 20, to: 100 });
});

test('nothing stays of an export that was cancelled or failed', async () => {
  const fake = new FakeEngine();
  fake.answers.askRows = () => ({ text: 'x', rows: 1, next: 1, missed: 0, delivered: 9 });
  let pages = 0;
  const path = join(folder, 'a.csv');
  expect(await writeRows(fake.engine, 'r', wish, path, { ...watcher, cancelled: () => ++pages > 2 })).toBeNull();
  fake.answers.askRows = () => {
    throw new Error('gone');
  };
  await expect(writeRows(fake.engine, 'r', wish, path, watcher)).rejects.toThrow('gone');
  // At once: the file is still being opened then.
  const at = join(folder, 'at-once.csv');
  expect(await writeRows(fake.engine, 'r', wish, at, { ...watcher, cancelled: () => true })).toBeNull();
  await stat(folder);
  expect(readdirSync(folder)).toEqual([]);
});

test('a file that cannot be written is an error', async () => {
  const fake = new FakeEngine();
  fake.answers.askRows = () => ({ text: 'x', rows: 1, next: null, missed: 0, delivered: 1 });
  await expect(writeRows(fake.engine, 'r', wish, join(folder, 'no', 'a.csv'), watcher)).rejects.toThrow(/ENOENT/);
});
