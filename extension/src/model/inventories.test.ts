import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ExtensionError } from '../errors.ts';
import { aRun } from '../test/builders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import { aHostState, aMapItem, aProgramItem } from '../test/inventoryBuilders.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function connected() {
  const fake = new FakeEngine().works();
  let nanos = 0;
  fake.answers.programs = () => [
    aProgramItem({ id: 1, runs: 0, runNanos: 0 }),
    aProgramItem({ id: 2, runs: 5, runNanos: (nanos += 100_000_000) }),
  ];
  fake.answers.maps = () => [aMapItem()];
  fake.answers.links = () => [];
  fake.answers.keptRuns = () => [];
  const context = fakeContext(fake);
  fake.emit('host', aHostState('web-1', 'ready'));
  return { fake, context, inventories: context.inventories };
}

test('nothing is read before somebody looks; who looks at the same time gets the same', async () => {
  const { fake, inventories } = connected();
  await vi.advanceTimersByTimeAsync(500);
  expect(fake.called('programs')).toEqual([]);
  await Promise.all([inventories.read('web-1'), inventories.read('web-1')]);
  expect(fake.called('maps')).toHaveLength(1);
  expect(inventories.get('web-1')!.programs).toHaveLength(2);
});

test('a failure is kept for whoever shows it, and the next reading takes it back', async () => {
  const { fake, inventories } = connected();
  fake.answers.links = () => Promise.reject(new ExtensionError({ code: 'no-permission', message: 'No.' }));
  await inventories.read('web-1');
  expect(inventories.error('web-1')).toMatchObject({ code: 'no-permission' });
  fake.answers.links = () => [];
  await inventories.read('web-1');
  expect(inventories.error('web-1')).toBeUndefined();
});

test('what was read is read again after a run has come or gone, and forgotten with the connection', async () => {
  const { fake, context, inventories } = connected();
  await inventories.read('web-1');
  context.runs.update(aRun());
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fake.called('maps')).toHaveLength(2);
  fake.emit('host', aHostState('web-1', 'lost'));
  expect(inventories.get('web-1')).toBeUndefined();
  await inventories.read('web-1');
  expect(fake.called('maps')).toHaveLength(2);
});

test('the load is followed while somebody looks at the hosts', async () => {
  const { fake, inventories } = connected();
  inventories.watch(true);
  await vi.advanceTimersByTimeAsync(3_100);
  expect(inventories.load('web-1')).toBeNull();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(inventories.load('web-1')).toBeCloseTo(1, 1);
  inventories.watch(false);
  const calls = fake.called('programs').length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(fake.called('programs')).toHaveLength(calls);
});

test('where nobody counts runs the load stays unknown, and the host is not asked again', async () => {
  const { fake, inventories } = connected();
  fake.answers.programs = () => [aProgramItem({ runs: null, runNanos: null })];
  inventories.watch(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(fake.called('programs')).toHaveLength(1);
  expect(inventories.load('web-1')).toBeNull();
});

test('two readings at nearly the same time make no load of their own', async () => {
  const { inventories } = connected();
  await inventories.read('web-1');
  await vi.advanceTimersByTimeAsync(100);
  await inventories.read('web-1');
  expect(inventories.load('web-1')).toBeNull();
  await vi.advanceTimersByTimeAsync(10_000);
  await inventories.read('web-1');
  expect(inventories.load('web-1')).toBeCloseTo(2, 0);
});
