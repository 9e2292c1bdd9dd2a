import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { RunSummary, TargetListing } from '@ringside/core/model';
import { aProgram, aSpec } from '../test/builders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { draftSpec } = await import('./attacher.ts');

beforeEach(() => {
  mock.workspace.isTrusted = true;
  mock.dialogs.pick = () => undefined;
  mock.dialogs.input = () => undefined;
  mock.defaults.set('ringside.limits.cpuPercent', 30).set('ringside.limits.recordsPerSecond', 1_000);
  mock.defaults.set('ringside.limits.minutesUnwatched', 15).set('ringside.store.megabytes', 256);
});

const draft = (given = {}) => draftSpec('/w/execsnoop.bpf.c', { hosts: ['web-1'], ...given });

const interfaces = (...names: string[]): TargetListing => ({
  ...{ host: 'web-1', kind: 'iface', total: names.length },
  targets: names.map((name) => ({ name, module: '', arguments: null, returns: null, details: {}, unusable: null })),
});

describe('start', () => {
  test('builds once, attaches that object, remembers host and spec, and tells who shows runs', async () => {
    const context = fakeContext();
    const told: RunSummary[] = [];
    context.attacher.onDidAttach((run) => told.push(run));
    const run = await context.attacher.start(draft());
    expect(context.fake.calls.map((call) => call.method)).toEqual(['build', 'inspect', 'attach', 'runs']);
    expect(context.fake.called('attach')[0]![0]).toMatchObject({ hosts: ['web-1'], object: '/w/execsnoop.bpf.c.o' });
    expect(told).toEqual([run]);
    expect(context.chosenHosts.get(mock.Uri.file('/w/execsnoop.bpf.c') as never)).toBe('web-1');
    expect(context.specs.find(aSpec())).toEqual({ spec: aSpec(), live: true });
    expect(context.attacher.specOf(run!.id)).toEqual(aSpec());
  });

  test('several hosts get builds of their own', async () => {
    const context = fakeContext();
    await context.attacher.start(draft({ hosts: ['a', 'b'] }));
    expect(context.fake.called('attach')[0]![0]).not.toHaveProperty('object');
  });

  test('asks for the targets that are missing, each with the answer for one program only', async () => {
    const programs = [
      aProgram({ name: 'in', needsTarget: ['iface'] }),
      aProgram({ name: 'out', needsTarget: ['iface'] }),
      aProgram({ name: 'off', autoload: false, needsTarget: ['func'] }),
    ];
    const fake = new FakeEngine().works({ programs });
    fake.answers.targets = () => Promise.resolve(interfaces('eth0', 'eth1'));
    const context = fakeContext(fake);
    const offered: unknown[][] = [];
    mock.dialogs.pick = (items) => items[offered.push([...items]) - 1];
    await context.attacher.start(draft());
    expect(offered).toEqual([
      ['eth0', 'eth1', expect.stringContaining('else'), expect.stringContaining('Leave')],
      ['eth0', 'eth1', expect.stringContaining('else'), expect.stringContaining('Leave')],
    ]);
    expect(context.attacher.specOf('run-1')!.targets).toEqual([
      { program: 'in', key: 'iface', value: 'eth0' },
      { program: 'out', key: 'iface', value: 'eth1' },
    ]);
  });

  test('one of several programs may be left without a target, the last one not', async () => {
    const programs = ['in', 'out'].map((name) => aProgram({ name, needsTarget: ['iface'] }));
    const fake = new FakeEngine().works({ programs });
    fake.answers.targets = () => Promise.resolve(interfaces('eth0'));
    const context = fakeContext(fake);
    const offered: unknown[][] = [];
    mock.dialogs.pick = (items) => (offered.push([...items]) === 1 ? items.at(-1) : items[0]);
    await context.attacher.start(draft());
    expect(offered[1]).not.toContainEqual(expect.stringContaining('Leave'));
    expect(context.attacher.specOf('run-1')!.targets).toEqual([{ program: 'out', key: 'iface', value: 'eth0' }]);
  });

  test('a target of the launch configuration is not asked for', async () => {
    const context = fakeContext(new FakeEngine().works({ programs: [aProgram({ needsTarget: ['iface'] })] }));
    mock.dialogs.input = () => {
      throw new Error('asked');
    };
    await context.attacher.start(draft({ targets: [{ program: '', key: 'iface', value: 'lo' }] }));
    expect(context.fake.called('attach')).toHaveLength(1);
  });

  test('leaving a question attaches nothing and is no error', async () => {
    const context = fakeContext(new FakeEngine().works({ programs: [aProgram({ needsTarget: ['pid'] })] }));
    expect(await context.attacher.start(draft())).toBeUndefined();
    expect(context.fake.called('attach')).toHaveLength(0);
  });

  test('compiler errors become diagnostics and end the attach', async () => {
    const context = fakeContext();
    const found = {
      file: '/w/execsnoop.bpf.c',
      line: 3,
      column: 5,
      endLine: 3,
      endColumn: 9,
      severity: 'error',
      message: 'use of undeclared identifier',
      code: '',
      source: 'clang',
    } as const;
    context.fake.answers.build = () => ({
      ok: false,
      object: '',
      sha256: '',
      diagnostics: [found],
      compiler: { path: '', version: '', flags: [] },
      ms: 1,
    });
    await expect(context.attacher.start(draft())).rejects.toMatchObject({ code: 'build-failed' });
    const [diagnostic] = mock.collections.get('ringside-clang')!.get('file:///w/execsnoop.bpf.c')!;
    expect(diagnostic).toMatchObject({
      message: 'use of undeclared identifier',
      source: 'clang',
      range: { start: { line: 2, character: 4 }, end: { line: 2, character: 8 } },
    });
  });

  test('nothing is built in a window that is not trusted', async () => {
    const context = fakeContext();
    mock.workspace.isTrusted = false;
    await expect(context.attacher.start(draft())).rejects.toMatchObject({ code: 'no-permission' });
    expect(context.fake.calls).toEqual([]);
  });
});

describe('restart', () => {
  test('puts a new version into a live run, which goes on', async () => {
    const context = fakeContext();
    await context.attacher.start(draft());
    const replaced: unknown[] = [];
    context.attacher.onDidReplace((change) => replaced.push(change));
    expect((await context.attacher.restart('run-1')).id).toBe('run-1');
    expect(context.fake.calls.slice(4).map((call) => call.method)).toEqual(['build', 'inspect', 'redeploy']);
    const [runId, changes] = context.fake.called('redeploy')[0]!;
    expect([runId, changes]).toMatchObject(['run-1', { object: '/w/execsnoop.bpf.c.o', set: {} }]);
    expect(replaced).toEqual([]);
    expect(context.runs.live().map((run) => run.id)).toEqual(['run-1']);
  });

  test('leaves a live run alone when the new version fails', async () => {
    const context = fakeContext();
    await context.attacher.start(draft());
    context.fake.answers.redeploy = () => {
      throw Object.assign(new Error('rejected'), { code: 'attach-failed', remedy: '', detail: '', links: [] });
    };
    await expect(context.attacher.restart('run-1')).rejects.toMatchObject({ code: 'attach-failed' });
    expect(context.runs.live().map((run) => run.id)).toEqual(['run-1']);
    expect(context.attacher.isRestarting('run-1')).toBe(false);
    expect(context.fake.called('detach')).toEqual([]);
  });

  test('attaches a run anew that has ended and says which one took its place', async () => {
    const context = fakeContext();
    await context.attacher.start(draft());
    await context.attacher.stop('run-1');
    const replaced: unknown[] = [];
    const attached: unknown[] = [];
    context.attacher.onDidReplace((change) => replaced.push([change.before, change.run?.id]));
    context.attacher.onDidAttach((run) => attached.push(run));
    await context.attacher.restart('run-1');
    expect(context.fake.calls.slice(4).map((call) => call.method)).toEqual([
      'detach',
      'build',
      'inspect',
      'attach',
      'runs',
    ]);
    expect(replaced).toEqual([['run-1', 'run-2']]);
    expect(attached).toEqual([]);
    expect(context.runs.live().map((run) => run.id)).toEqual(['run-2']);
    expect(context.specs.find(aSpec())?.live).toBe(true);
  });

  test('tells when no run took its place, and can be tried again', async () => {
    const context = fakeContext();
    await context.attacher.start(draft());
    await context.attacher.stop('run-1');
    const works = context.fake.answers.attach!;
    const replaced: unknown[] = [];
    context.attacher.onDidReplace((change) => replaced.push([change.before, change.run]));
    context.fake.answers.attach = () => {
      throw Object.assign(new Error('gone'), { code: 'host-lost', remedy: '', detail: '', links: [] });
    };
    await expect(context.attacher.restart('run-1')).rejects.toMatchObject({ code: 'host-lost' });
    expect(replaced).toEqual([['run-1', null]]);
    context.fake.answers.attach = works;
    expect((await context.attacher.restart('run-1')).id).toBe('run-2');
  });
});

test('a run that ends is not brought back by a summary that was under way', async () => {
  const context = fakeContext();
  const run = (await context.attacher.start(draft()))!;
  await context.attacher.stop(run.id);
  context.fake.emit('run', { ...run, rate: 5 });
  expect(context.runs.get(run.id)?.state).toBe('ended');
  expect(context.specs.find(aSpec())?.live).toBe(false);
});

test('a rejection by the verifier is explained by a verification of its own', async () => {
  const context = fakeContext();
  context.fake.answers.attach = () => {
    throw Object.assign(new Error('rejected'), { code: 'verifier-rejected', remedy: '', detail: '', links: [] });
  };
  const verified = new Promise((resolve) => {
    vi.spyOn(context.verifier, 'verify').mockImplementation((...args) => {
      resolve(args);
      return Promise.resolve(false);
    });
  });
  await expect(context.attacher.start(draft())).rejects.toMatchObject({ code: 'verifier-rejected' });
  expect(await verified).toEqual([mock.Uri.file('/w/execsnoop.bpf.c'), 'web-1', { quiet: true, set: {} }]);
});
