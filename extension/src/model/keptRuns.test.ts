import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { HostState, KeptRunInfo, RunSummary } from '@ringside/core/model';
import { aRun } from '../test/builders.ts';
import type { KeptRun } from './keptRuns.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');

const at = (ms: number): string => String(BigInt(ms) * 1_000_000n);
const info = (given: Partial<KeptRunInfo> = {}): KeptRunInfo => ({
  ...{ host: 'web-1', run: '0123abcd', name: 'execsnoop', by: 'ana on laptop', pid: 42, uid: 0 },
  ...{ since: at(Date.now()), expires: at(Date.now() + 3_600_000) },
  ...given,
});
const ready: HostState = { name: 'web-1', state: 'ready', info: null, error: null };
const keptRun = (given: Partial<RunSummary> = {}): RunSummary => {
  const { host, run, expires } = info();
  return aRun({ kept: [{ host, run, expires }], ...given });
};
const names = (runs: KeptRun[]): string[] => runs.map((one) => one.run);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('a host that is connected is asked a moment later, and what it keeps is told once', async () => {
  const { fake, kept } = fakeContext();
  fake.answers.keptRuns = () => [info()];
  const found: string[][] = [];
  kept.onDidFind(({ runs }) => found.push(names(runs)));
  fake.emit('host', ready);
  expect(fake.called('keptRuns')).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  fake.emit('host', ready);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(found).toEqual([['0123abcd']]);
  expect(kept.of('web-1')).toMatchObject([{ run: '0123abcd', info: { by: 'ana on laptop', pid: 42 } }]);
});

test('nothing is asked while something is being attached: it shall not wait for that', async () => {
  const { fake, kept } = fakeContext();
  fake.answers.keptRuns = () => [info()];
  fake.emit('host', ready);
  fake.emit('run', aRun({ state: 'loading' }));
  await vi.advanceTimersByTimeAsync(4_000);
  expect(fake.called('keptRuns')).toEqual([]);
  fake.emit('run', aRun({ state: 'running' }));
  await vi.advanceTimersByTimeAsync(2_000);
  expect(names(kept.of('web-1'))).toEqual(['0123abcd']);
});

test('a run that is on in this window is no kept run beside it; once it is left it is', async () => {
  const { fake, kept } = fakeContext();
  fake.answers.keptRuns = () => [info()];
  await kept.refresh('web-1');
  fake.emit('run', keptRun());
  expect(kept.all()).toEqual([]);
  const left = keptRun({ state: 'ended', endReason: 'interrupt' });
  fake.emit('run', left);
  expect(names(kept.of('web-1'))).toEqual(['0123abcd']);
  expect(names(kept.leftOf(left))).toEqual(['0123abcd']);
});

test('what a window keeps is remembered for the next one, until its host says otherwise', async () => {
  const first = fakeContext();
  first.fake.emit('run', keptRun({ id: 'run-7' }));
  // The window dies here: nothing more is written.
  const second = fakeContext(undefined, undefined, first.memory);
  expect(second.kept.of('web-1')).toMatchObject([{ run: '0123abcd', name: 'execsnoop', info: null }]);
  expect(names(second.kept.ofEarlier('run-7'))).toEqual(['0123abcd']);
  expect(second.kept.ofEarlier('run-8')).toEqual([]);
  second.fake.answers.keptRuns = () => [];
  await second.kept.refresh('web-1');
  expect(second.kept.all()).toEqual([]);
  expect(fakeContext(undefined, undefined, first.memory).kept.all()).toEqual([]);
});

test('a run that was detached, or is not kept any more, is not remembered', () => {
  const { fake, memory } = fakeContext();
  fake.emit('run', keptRun());
  fake.emit('run', aRun({ kept: [] }));
  expect(fakeContext(undefined, undefined, memory).kept.all()).toEqual([]);
  fake.emit('run', keptRun());
  fake.emit('run', aRun({ state: 'ended', kept: [] }));
  expect(fakeContext(undefined, undefined, memory).kept.all()).toEqual([]);
});

test('a run that was ended on its host does not come back when its row is forgotten', async () => {
  const { fake, kept, runs } = fakeContext();
  fake.emit('run', keptRun());
  const left = keptRun({ state: 'ended' });
  fake.emit('run', left);
  await kept.forget(left.kept[0]!);
  runs.forget(left.id);
  expect(kept.all()).toEqual([]);
});

test('a run whose time is over leaves the lists by itself', async () => {
  const { fake, kept } = fakeContext();
  fake.answers.keptRuns = () => [info({ expires: at(Date.now() + 60_000) })];
  await kept.refresh('web-1');
  const changed: string[] = [];
  kept.onDidChange((host) => changed.push(host));
  await vi.advanceTimersByTimeAsync(59_000);
  expect([kept.all().length, changed]).toEqual([1, []]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect([kept.all().length, changed]).toEqual([0, ['web-1']]);
});

test('a host that does not answer is for the log', async () => {
  const { fake, logged } = fakeContext();
  fake.emit('host', ready);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(logged.join()).toContain('did not expect a call of keptRuns');
});
