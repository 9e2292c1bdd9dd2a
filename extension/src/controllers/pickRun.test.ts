import { beforeEach, expect, test, vi } from 'vitest';
import { aRun } from '../test/builders.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { pickRun } = await import('./pickRun.ts');

const [one, two] = [aRun({ id: 'one', name: 'execsnoop' }), aRun({ id: 'two', name: 'tcpconnect' })];
const runs = { get: (id: string) => [one, two].find((run) => run.id === id) };
let offered: readonly unknown[] | undefined;

beforeEach(() => {
  offered = undefined;
  mock.dialogs.pick = (items) => {
    offered = items;
    return items[1];
  };
});

test('the run of a node or id is taken without a question, also where it is none of the candidates', async () => {
  expect(await pickRun(runs, { runId: 'two' }, () => [one])).toBe(two);
  expect(await pickRun(runs, 'one', () => [])).toBe(one);
  expect(await pickRun(runs, 'gone', () => [one])).toBeUndefined();
  expect(offered).toBeUndefined();
});

test('from the palette the only one is taken, and of several one is chosen', async () => {
  expect(await pickRun(runs, undefined, () => [])).toBeUndefined();
  expect(await pickRun(runs, undefined, () => [one])).toBe(one);
  expect(offered).toBeUndefined();
  expect(await pickRun(runs, undefined, () => [one, two], { describe: (run) => run.id })).toBe(two);
  expect(offered).toMatchObject([
    { label: 'execsnoop', description: 'one' },
    { label: 'tcpconnect', description: 'two' },
  ]);
});
