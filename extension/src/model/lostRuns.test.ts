import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { draftSpec } from '../attach/attacher.ts';
import { aRun } from '../test/builders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import { aHostState } from '../test/inventoryBuilders.ts';
import * as mock from '../test/vscodeMock.ts';
import type { RunIsBack } from './lostRuns.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { registerLostRuns } = await import('../controllers/lostRunsController.ts');
const { DisposableStore } = await import('../disposable.ts');

beforeEach(() => {
  vi.useFakeTimers();
  mock.shown.length = 0;
  mock.dialogs.answer = () => undefined;
  mock.defaults.set('ringside.limits.cpuPercent', 30).set('ringside.limits.recordsPerSecond', 1_000);
  mock.defaults.set('ringside.limits.minutesUnwatched', 15).set('ringside.store.megabytes', 256);
  mock.defaults.set('ringside.hostGroups', {}).set('ringside.readOnlyHosts', []);
});
afterEach(() => vi.useRealTimers());

const inAnHour = `${BigInt(Date.now() + 3_600_000) * 1_000_000n}`;
const on = { host: 'web-1', run: 'k', expires: inAnHour };

/** A run on web-1 whose object is a file that is there, and the connection that it is lost with. */
async function attached({ kept = [] as (typeof on)[], object = import.meta.filename } = {}) {
  const fake = new FakeEngine().works();
  fake.answers.keptRuns = () => [];
  fake.answers.build = ({ file }) => ({
    ...{ ok: true, object, sha256: '', diagnostics: [], ms: 1 },
    compiler: { path: file, version: '', flags: [] },
  });
  const context = fakeContext(fake);
  Object.assign(mock.commands, { registerCommand: () => ({ dispose: () => undefined }) });
  registerLostRuns({ ...context, disposables: new DisposableStore() } as never);
  const back: RunIsBack[] = [];
  context.lostRuns.onDidComeBack((one) => back.push(one));
  fake.emit('host', aHostState('web-1', 'ready'));
  const spec = draftSpec('/w/execsnoop.bpf.c', { hosts: ['web-1'], set: { min_us: '7' }, where: 'pid == 1' });
  const run = (await context.attacher.start(spec))!;
  if (kept.length > 0) context.runs.update(aRun({ id: run.id, kept }));
  const lose = () => {
    fake.emit('host', aHostState('web-1', 'lost'));
    const ended = aRun({ id: run.id, state: 'ended', endReason: 'host-lost', kept });
    context.runs.update(ended);
    return ended;
  };
  const comeBack = () => fake.emit('host', aHostState('web-1', 'ready'));
  return { fake, context, run, back, lose, comeBack };
}

test('when its host is back it is offered once, and one click attaches the same object with the same options', async () => {
  const { fake, context, run, lose, comeBack } = await attached();
  mock.dialogs.answer = (_text, buttons) => buttons.find((title) => title === 'Start Again');
  const ended = lose();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(context.lostRuns.isLost(ended)).toBe(true);
  expect(mock.shown).toEqual([]);
  comeBack();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(mock.shown.map(({ text }) => text)).toEqual([
    'web-1 is connected again. execsnoop ended when the connection was lost.',
  ]);
  const [first, second] = fake.called('attach').map(([spec]) => spec);
  expect(second).toEqual(first);
  expect(second).toMatchObject({ object: import.meta.filename, set: { min_us: '7' }, where: 'pid == 1' });
  expect(fake.called('build')).toHaveLength(1);
  expect(context.lostRuns.isLost(context.runs.get(run.id)!)).toBe(false);
});

test('an object that is gone is built again', async () => {
  const { fake, context, run, lose } = await attached({ object: '/nowhere/x.o' });
  lose();
  await context.attacher.startAgain(run.id);
  expect(fake.called('build')).toHaveLength(2);
});

test('a host that is not known to be lost yet is not back', async () => {
  const { fake, context, back, run } = await attached();
  context.runs.update(aRun({ id: run.id, state: 'ended', endReason: 'host-lost' }));
  fake.emit('host', aHostState('web-1', 'lost'));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(back).toEqual([]);
});

test('a run that ended otherwise is not offered', async () => {
  const { fake, context, run, comeBack } = await attached();
  fake.emit('host', aHostState('web-1', 'lost'));
  context.runs.update(aRun({ id: run.id, state: 'ended', endReason: 'interrupt' }));
  await vi.advanceTimersByTimeAsync(2_000);
  comeBack();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(mock.shown).toEqual([]);
});

test('a kept run is gone on with by itself when its host says that it still keeps it', async () => {
  const { fake, context, run, lose, comeBack } = await attached({ kept: [on] });
  fake.answers.keptRuns = () => [{ ...on, name: 'execsnoop', by: '', since: '0', pid: 7, uid: 0 }];
  fake.answers.adopt = () => aRun({ id: 'run-9', kept: [on] });
  const ended = lose();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(context.lostRuns.isLost(ended)).toBe(false);
  comeBack();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(fake.called('adopt')).toHaveLength(1);
  expect(fake.called('adopt')[0]![0]).toMatchObject({ host: 'web-1', run: 'k' });
  expect(mock.shown).toEqual([]);
  expect(context.lostRuns.isLost(context.runs.get(run.id)!)).toBe(false);
});

test('a kept run whose time was over meanwhile is offered', async () => {
  const { fake, lose, comeBack } = await attached({ kept: [on] });
  lose();
  await vi.advanceTimersByTimeAsync(2_000);
  comeBack();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(fake.called('adopt')).toEqual([]);
  expect(mock.shown).toMatchObject([{ buttons: ['Start Again'] }]);
});
