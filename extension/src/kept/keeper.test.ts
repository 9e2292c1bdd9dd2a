import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { RunSummary } from '@ringside/core/model';
import { draftSpec } from '../attach/attacher.ts';
import { aRun, aSpec } from '../test/builders.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');

const expires = String(BigInt(Date.now() + 7_200_000) * 1_000_000n);
const on = { host: 'web-1', run: '0123abcd', expires };
const named = { ...on, name: 'execsnoop' };
const failure = (code: string) => Object.assign(new Error(code), { code, remedy: 'r', detail: '', links: [] });

/** A window with one run, which is kept. */
async function keeping() {
  const context = fakeContext();
  const { fake, attacher } = context;
  const run = (await attacher.start(draftSpec('/w/execsnoop.bpf.c', { hosts: ['web-1'] })))!;
  fake.answers.keep = (_id, seconds) => ({ ...run, kept: seconds === 0 ? [] : [on] });
  fake.answers.leave = () => ({ ...run, kept: [on], state: 'ended', endReason: 'interrupt' });
  return { ...context, run: await attacher.keep(run.id, 7_200) };
}

beforeEach(() => {
  mock.workspace.isTrusted = true;
  mock.dialogs.pick = () => undefined;
  mock.defaults.set('ringside.limits.cpuPercent', 30).set('ringside.limits.recordsPerSecond', 1_000);
  mock.defaults.set('ringside.limits.minutesUnwatched', 15).set('ringside.store.megabytes', 256);
  mock.defaults.set('ringside.agent.ephemeral', false);
  mock.settings.clear();
});

const picks = (label: string) => {
  mock.dialogs.pick = (items) => (items as { label: string }[]).find((item) => item.label.includes(label));
};

test('what is kept is not attached a second time after a reload; what is not any more, is', async () => {
  const { specs, attacher, run } = await keeping();
  expect(specs.find(aSpec())?.live).toBe(false);
  await attacher.keep(run.id, 0);
  expect(specs.find(aSpec())?.live).toBe(true);
});

describe('stop', () => {
  test('of a kept run asks, and leaves or detaches it; closing the question does neither', async () => {
    const { keeper, fake, run } = await keeping();
    await keeper.stop(run);
    expect([fake.called('leave'), fake.called('detach')]).toEqual([[], []]);
    picks('Leave It Running');
    await keeper.stop(run);
    expect([fake.called('leave'), fake.called('detach')]).toEqual([[[run.id]], []]);
    picks('Detach Now');
    await keeper.stop(run);
    expect(fake.called('detach')).toEqual([[run.id]]);
  });

  test('of any other run asks nothing', async () => {
    const context = fakeContext();
    const run = (await context.attacher.start(draftSpec('/w/execsnoop.bpf.c', { hosts: ['web-1'] })))!;
    mock.dialogs.pick = () => {
      throw new Error('asked');
    };
    await context.keeper.stop(run);
    expect(context.fake.called('detach')).toEqual([[run.id]]);
  });
});

test('a run that is not kept cannot be left, and an ephemeral agent keeps none', async () => {
  const { keeper } = fakeContext();
  await expect(keeper.leave(aRun())).rejects.toMatchObject({ code: 'usage' });
  mock.settings.set('ringside.agent.ephemeral', true);
  await expect(keeper.ask(aRun())).rejects.toThrow(/leaves nothing behind/);
});

describe('adopt', () => {
  test('goes on with it once, however often it is asked for, and tells which ended runs it was', async () => {
    const { keeper, fake, run } = await keeping();
    await keeper.leave(run);
    const adopted = aRun({ id: 'run-9', kept: [on] });
    fake.answers.adopt = () => adopted;
    const told: { run: RunSummary; before: string[] }[] = [];
    keeper.onDidAdopt((event) => told.push(event));
    const both = Promise.all([keeper.adopt(named), keeper.adopt(named)]);
    expect(keeper.isAdopting(on)).toBe(true);
    await both;
    expect(keeper.isAdopting(on)).toBe(false);
    await keeper.adopt(named);
    expect(fake.called('adopt')).toHaveLength(1);
    expect(fake.called('adopt')[0]![0]).toMatchObject({ host: 'web-1', run: '0123abcd', where: '' });
    expect(told).toEqual([1, 2, 3].map(() => ({ run: adopted, before: [run.id] })));
  });

  test('of what is gone says so and forgets it; of what cannot be read, it stays', async () => {
    const { keeper, fake, run, kept } = await keeping();
    await keeper.leave(run);
    fake.answers.adopt = () => {
      throw failure('protocol');
    };
    await expect(keeper.adopt(named)).rejects.toMatchObject({ code: 'protocol' });
    expect(kept.all()).toHaveLength(1);
    fake.answers.adopt = () => {
      throw failure('run-not-kept');
    };
    await expect(keeper.adopt(named)).rejects.toThrow('execsnoop is not kept on web-1 any more.');
    expect(kept.all()).toEqual([]);
  });
});

describe('end', () => {
  test('only when it is confirmed', async () => {
    const { keeper, fake, run, kept } = await keeping();
    await keeper.leave(run);
    fake.answers.endKept = () => undefined;
    expect(await keeper.end(named)).toBe(false);
    picks('Keep It Running');
    expect(await keeper.end(named)).toBe(false);
    expect([fake.called('endKept').length, kept.all().length]).toEqual([0, 1]);
    picks('End It Now');
    expect(await keeper.end(named)).toBe(true);
    expect(fake.called('endKept')[0]!.slice(0, 2)).toEqual(['web-1', '0123abcd']);
    expect(kept.all()).toEqual([]);
  });
});
