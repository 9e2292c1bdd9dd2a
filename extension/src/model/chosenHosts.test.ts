import { expect, test, vi } from 'vitest';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { ChosenHosts } = await import('./chosenHosts.ts');

const file = mock.Uri.file('/w/a.bpf.c') as never;
const other = mock.Uri.file('/w/b.bpf.c') as never;

test('a program has a first host and further ones, which stay until others are chosen', async () => {
  const chosen = new ChosenHosts(new mock.MemoryMemento());
  await chosen.set(file, 'web-1', ['web-1', 'db-1', 'old-1']);
  expect([chosen.get(file), chosen.others(file)]).toEqual(['web-1', ['db-1', 'old-1']]);
  // Attached again to one of them: it is written for all of them still.
  await chosen.set(file, 'db-1');
  expect([chosen.get(file), chosen.others(file)]).toEqual(['db-1', ['old-1']]);
  expect(chosen.others(other)).toEqual([]);
  await chosen.set(file, 'web-1', []);
  expect(chosen.others(file)).toEqual([]);
});

test('no more further hosts are kept than the language server compares', async () => {
  const chosen = new ChosenHosts(new mock.MemoryMemento());
  await chosen.set(
    file,
    'h0',
    Array.from({ length: 50 }, (_, at) => `h${at}`),
  );
  expect(chosen.others(file)).toHaveLength(32);
});
