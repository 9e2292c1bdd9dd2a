import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Memento, WebviewPanel } from 'vscode';
import type { PanelState, RowsPage, ToPanel } from '@ringside/core/model';
import { draftSpec } from '../attach/attacher.ts';
import { aRun, aSpec } from '../test/builders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import { FakePanel } from '../test/fakePanel.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { TracePanels } = await import('./tracePanels.ts');

function panels(fake: FakeEngine = new FakeEngine().works(), memory?: Memento) {
  const context = fakeContext(fake, undefined, memory);
  const made: FakePanel<ToPanel>[] = [];
  const create = (_type: string, title: string) => {
    const panel = Object.assign(new FakePanel<ToPanel>(), { title });
    made.push(panel);
    return panel;
  };
  Object.assign(mock.window, {
    createWebviewPanel: create,
    registerWebviewPanelSerializer: () => ({ dispose: () => undefined }),
  });
  const parts = { ...context, extensionUri: mock.Uri.file('/ext') as never };
  return { context, made, panels: new TracePanels(parts), fake };
}

const attach = async ({ context }: ReturnType<typeof panels>) =>
  (await context.attacher.start(draftSpec('/w/execsnoop.bpf.c', { hosts: ['web-1'] })))!;

beforeEach(() => {
  mock.workspace.isTrusted = true;
  mock.defaults.set('ringside.limits.cpuPercent', 30).set('ringside.limits.recordsPerSecond', 1_000);
  mock.defaults
    .set('ringside.limits.minutesUnwatched', 15)
    .set('ringside.store.megabytes', 256)
    .set('ringside.openPanelOnAttach', true);
  mock.shown.length = 0;
});

test('attach opens a panel that is told its run once it is ready', async () => {
  const all = panels();
  const run = await attach(all);
  const [panel] = all.made;
  expect(panel!.title).toBe('execsnoop · web-1');
  expect(panel!.webview.html).toContain('https://csp.test/ext/dist/panels/trace.js');
  expect(panel!.sent).toEqual([]);
  panel!.send({ type: 'ready' });
  expect(panel!.sent).toEqual([
    { type: 'init', run, state: expect.objectContaining({ runId: run.id, spec: aSpec() }) },
  ]);
});

test('rows are pulled, only for the own run, and a failure is an answer', async () => {
  const all = panels();
  const run = await attach(all);
  const panel = all.made[0]!;
  const query = { runId: run.id, stream: '', where: '', first: -1, count: 50 };
  const page = { runId: run.id } as RowsPage;
  all.fake.answers.rows = () => page;
  panel.send({ type: 'rows', id: 1, query });
  await vi.waitFor(() => expect(panel.sent).toEqual([{ type: 'rows', id: 1, page }]));
  panel.send({ type: 'rows', id: 2, query: { ...query, runId: 'other' } });
  expect(panel.sent[1]).toMatchObject({ type: 'failed', id: 2, error: { code: 'usage' } });
  expect(all.fake.called('rows')).toHaveLength(1);
  all.fake.answers.rows = () => {
    throw Object.assign(new Error('m'), { code: 'too-large', remedy: '', detail: '', links: [] });
  };
  panel.send({ type: 'rows', id: 3, query });
  await vi.waitFor(() => expect(panel.sent[2]).toMatchObject({ type: 'failed', id: 3, error: { code: 'too-large' } }));
});

test('a panel that asks faster than it is answered is refused, not queued without end', async () => {
  const all = panels();
  const run = await attach(all);
  const panel = all.made[0]!;
  all.fake.answers.rows = () => new Promise(() => undefined);
  for (let id = 0; id < 40; id++)
    panel.send({ type: 'rows', id, query: { runId: run.id, stream: '', where: '', first: 0, count: 1 } });
  expect(panel.sent.filter((message) => message.type === 'failed')).toHaveLength(8);
});

test('what is no message is dropped and logged', async () => {
  const all = panels();
  await attach(all);
  for (const message of [null, 'stop', { type: 'exec', command: 'rm' }, { type: 'rows' }]) all.made[0]!.send(message);
  expect(all.context.logged).toHaveLength(4);
  expect(all.made[0]!.sent).toEqual([]);
});

test('summaries come a few times a second and only to a panel that is seen', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  try {
    const all = panels();
    const run = await attach(all);
    const panel = all.made[0]!;
    panel.send({ type: 'ready' });
    panel.sent.length = 0;
    for (let i = 0; i < 100; i++) {
      all.fake.emit('run', { ...run, rate: i });
      vi.advanceTimersByTime(10);
    }
    expect(panel.sent.length).toBeGreaterThanOrEqual(3);
    expect(panel.sent.length).toBeLessThanOrEqual(5);
    panel.show(false);
    vi.advanceTimersByTime(1000);
    panel.sent.length = 0;
    all.fake.emit('run', { ...run, rate: 7 });
    vi.advanceTimersByTime(1000);
    expect(panel.sent).toEqual([]);
    panel.show(true);
    vi.advanceTimersByTime(1000);
    expect(panel.sent).toEqual([{ type: 'run', run: { ...run, rate: 7 } }]);
  } finally {
    vi.useRealTimers();
  }
});

test("stop, restart and pause reach their places; the panel's word on run and spec does not count", async () => {
  const all = panels();
  const run = await attach(all);
  const panel = all.made[0]!;
  panel.send({ type: 'pause', paused: true });
  expect(all.fake.called('pause')).toEqual([[run.id, true]]);
  const state: PanelState = {
    runId: 'evil',
    stream: 'events',
    where: 'pid == 1',
    hidden: ['uid'],
    widths: {},
    spec: aSpec({ hosts: ['evil'] }),
  };
  panel.send({ type: 'state', state });
  panel.send({ type: 'restart' });
  await vi.waitFor(() => expect(all.fake.called('redeploy').map(([id]) => id)).toEqual([run.id]));
  panel.send({ type: 'ready' });
  await vi.waitFor(() =>
    expect(panel.sent.at(-1)).toMatchObject({
      type: 'init',
      run: { id: run.id },
      state: { where: 'pid == 1', hidden: ['uid'], spec: aSpec() },
    }),
  );
  expect(all.made).toHaveLength(1);
  panel.send({ type: 'stop' });
  await vi.waitFor(() => expect(all.fake.called('detach').map(([id]) => id)).toEqual([run.id]));
});

test('attaching the same program again uses the tab of its ended run', async () => {
  const all = panels();
  const first = await attach(all);
  await all.context.attacher.stop(first.id);
  await attach(all);
  expect(all.made).toHaveLength(1);
  expect(all.made[0]!.revealed).toBe(1);
  await attach(all);
  expect(all.made).toHaveLength(2);
});

describe('the tab that opens while the program is still being built', () => {
  test('waits, and shows the run once it is there', async () => {
    const all = panels();
    const attaching = attach(all);
    await vi.waitFor(() => expect(all.made).toHaveLength(1));
    all.made[0]!.send({ type: 'ready' });
    const run = await attaching;
    expect(all.made).toHaveLength(1);
    expect(all.made[0]!.sent.at(-1)).toMatchObject({ type: 'init', run: { id: run.id } });
  });

  test('closes when the attach fails', async () => {
    const fake = new FakeEngine().works();
    fake.answers.attach = () => {
      throw new Error('no');
    };
    const all = panels(fake);
    await expect(attach(all)).rejects.toThrow('no');
    expect(all.made.map((panel) => panel.closed)).toEqual([1]);
  });

  test('does not open for a source with errors', async () => {
    const fake = new FakeEngine().works();
    fake.answers.attach = () => {
      throw new Error('no');
    };
    const all = panels(fake);
    const errors = mock.languages.createDiagnosticCollection('test');
    const at = new mock.Range(0, 0, 0, 1);
    errors.set(mock.Uri.file('/w/execsnoop.bpf.c'), [new mock.Diagnostic(at, 'wrong', mock.DiagnosticSeverity.Error)]);
    await expect(attach(all)).rejects.toThrow('no');
    expect(all.made).toEqual([]);
  });
});

describe('after a window reload', () => {
  const saved = (given: Partial<PanelState> = {}): PanelState => ({
    ...{ runId: 'gone', stream: 'events', where: 'pid > 1', hidden: [], widths: {}, spec: aSpec() },
    ...given,
  });
  const restore = async (all: ReturnType<typeof panels>, state: unknown) => {
    const panel = new FakePanel<ToPanel>();
    await all.panels.deserializeWebviewPanel(panel as unknown as WebviewPanel, state);
    panel.send({ type: 'ready' });
    return panel;
  };

  test('a panel whose run was live attaches again and hears nothing before', async () => {
    const all = panels();
    await all.context.specs.set(aSpec(), true);
    const panel = await restore(all, saved());
    expect(panel.sent).toEqual([]);
    await vi.waitFor(() =>
      expect(panel.sent.at(-1)).toMatchObject({
        type: 'init',
        run: { id: 'run-1' },
        state: { where: 'pid > 1', runId: 'run-1' },
      }),
    );
    expect(all.made).toEqual([]);
  });

  test('a spec that this workspace never attached is not attached, whatever the webview saved', async () => {
    const all = panels();
    await all.context.specs.set(aSpec(), true);
    const panel = await restore(all, saved({ spec: aSpec({ file: '/etc/evil.bpf.c' }) }));
    expect(panel.sent).toEqual([
      { type: 'init', run: null, state: expect.objectContaining({ spec: null, where: 'pid > 1' }) },
    ]);
    expect(all.fake.calls).toEqual([]);
  });

  test('a run that had ended does not come back by itself, but can be started again', async () => {
    const all = panels();
    await all.context.specs.set(aSpec(), true);
    await all.context.specs.set(aSpec(), false);
    const panel = await restore(all, saved());
    expect(panel.sent).toMatchObject([{ type: 'init', run: null, state: { spec: aSpec() } }]);
    panel.send({ type: 'restart' });
    await vi.waitFor(() => expect(panel.sent.at(-1)).toMatchObject({ type: 'init', run: { id: 'run-1' } }));
  });

  test('a failed attach is shown, and the panel then says that nothing is attached', async () => {
    const all = panels();
    await all.context.specs.set(aSpec(), true);
    all.fake.answers.build = () => {
      throw Object.assign(new Error('web-1 cannot be reached.'), {
        code: 'host-unreachable',
        remedy: '',
        detail: '',
        links: [],
      });
    };
    const panel = await restore(all, saved());
    await vi.waitFor(() => expect(panel.sent).toMatchObject([{ type: 'init', run: null }]));
    expect(mock.shown[0]).toMatchObject({ text: 'web-1 cannot be reached.', buttons: ['Retry', 'Show Log'] });
  });

  test('rubbish as saved state gives an empty panel', async () => {
    const panel = await restore(panels(), { runId: 3, spec: 'x' });
    expect(panel.sent).toMatchObject([{ type: 'init', run: null, state: { spec: null } }]);
  });
});

test('a program that only has maps shows the first of them', () => {
  const all = panels();
  const run = aRun({ schemas: [{ stream: 'map:counts', records: [] }] });
  all.context.runs.update(run);
  all.panels.open(run);
  all.made[0]!.send({ type: 'ready' });
  expect(all.made[0]!.sent).toMatchObject([{ type: 'init', state: { stream: 'map:counts' } }]);
});

test('a run of another place keeps its own tab', async () => {
  const all = panels();
  const run = await attach(all);
  all.context.runs.update(aRun({ id: 'other', hosts: ['web-2'] }));
  all.panels.open(all.context.runs.get('other')!);
  expect(all.made.map((panel) => panel.title)).toEqual(['execsnoop · web-1', 'execsnoop · web-2']);
  all.panels.open(run);
  expect(all.made[0]!.revealed).toBe(1);
  expect(all.made[0]!.focused).toBe(false);
});

test('who asks for a run’s trace comes to it with the keyboard', async () => {
  const all = panels();
  const run = await attach(all);
  all.panels.open(run, true);
  expect(all.made[0]!.focused).toBe(true);
});

describe('a kept run', () => {
  const on = { host: 'web-1', run: '0123abcd', expires: String(BigInt(Date.now() + 7_200_000) * 1_000_000n) };
  const saved: PanelState = { runId: 'run-1', stream: 'events', where: '', hidden: [], widths: {}, spec: aSpec() };

  /** The window after a reload: what the one before remembered is there, its engine is not. */
  async function afterReload() {
    const before = panels();
    const run = await attach(before);
    before.fake.answers.keep = () => ({ ...run, kept: [on] });
    await before.context.attacher.keep(run.id, 7_200);
    const after = panels(new FakeEngine().works(), before.context.memory);
    const panel = new FakePanel<ToPanel>();
    return { ...after, panel };
  }

  test('comes back after a reload by going on with it, not by a second copy', async () => {
    const { fake, panels: all, panel } = await afterReload();
    const adopted = aRun({ id: 'run-9', kept: [on] });
    fake.answers.adopt = () => adopted;
    await all.deserializeWebviewPanel(panel as unknown as WebviewPanel, saved);
    panel.send({ type: 'ready' });
    await vi.waitFor(() => expect(panel.sent[0]).toMatchObject({ type: 'init', run: { id: 'run-9' } }));
    expect(fake.called('attach')).toEqual([]);
  });

  test('that ended meanwhile is said, and not attached instead', async () => {
    const { fake, panels: all, panel } = await afterReload();
    fake.answers.adopt = () => {
      throw Object.assign(new Error('m'), { code: 'run-not-kept', remedy: '', detail: '', links: [] });
    };
    await all.deserializeWebviewPanel(panel as unknown as WebviewPanel, saved);
    panel.send({ type: 'ready' });
    await vi.waitFor(() => expect(panel.sent[0]).toMatchObject({ type: 'init', run: null }));
    expect(mock.shown.map((one) => one.text).join()).toContain('execsnoop is not kept on web-1 any more.');
    expect(fake.called('attach')).toEqual([]);
  });

  test('that was left goes on in its own tab, and its end elsewhere is not passed over', async () => {
    const { fake, context, made } = panels();
    const run = (await context.attacher.start(draftSpec('/w/execsnoop.bpf.c', { hosts: ['web-1'] })))!;
    fake.answers.keep = () => ({ ...run, kept: [on] });
    fake.answers.leave = () => ({ ...run, kept: [on], state: 'ended', endReason: 'interrupt' });
    await context.keeper.leave(await context.attacher.keep(run.id, 60));
    const [panel] = made;
    panel!.send({ type: 'ready' });
    expect(panel!.sent.at(-1)).toMatchObject({ type: 'init', run: { state: 'ended', kept: [on] } });
    fake.answers.adopt = () => aRun({ id: 'run-9', kept: [on] });
    panel!.send({ type: 'restart' });
    // Its figures may have come after it.
    const init = expect.objectContaining({ type: 'init', run: expect.objectContaining({ id: 'run-9' }) });
    await vi.waitFor(() => expect(panel!.sent).toContainEqual(init));
    expect([made.length, fake.called('attach').length]).toEqual([1, 1]);
    fake.answers.leave = () => aRun({ id: 'run-9', kept: [on], state: 'ended' });
    await context.keeper.leave(context.runs.get('run-9')!);
    await context.kept.forget(on);
    await vi.waitFor(() =>
      expect(panel!.sent.at(-1)).toMatchObject({ run: { id: 'run-9', state: 'ended', kept: [] } }),
    );
  });
});

test('a program’s next panel begins with the last table, and with none when that was taken back', async () => {
  const all = panels();
  const run = await attach(all);
  const panel = all.made[0]!;
  const layout = {
    sort: [{ column: 'pid', descending: true }],
    order: [],
    pinned: [],
    derived: [],
    formats: {},
    groups: null,
  };
  const state = { runId: run.id, stream: '', where: '', hidden: [], widths: {}, spec: null };
  const stateOfNext = async () => {
    const at = all.made.length;
    await attach(all);
    const next = all.made[at]!;
    next.send({ type: 'ready' });
    return (next.sent.at(-1) as { state: { layout?: unknown } }).state;
  };
  panel.send({ type: 'ready' });
  panel.send({ type: 'state', state: { ...state, layout } });
  expect((await stateOfNext()).layout).toEqual(layout);
  panel.send({ type: 'state', state });
  expect((await stateOfNext()).layout).toBeUndefined();
});
