import { beforeEach, expect, test, vi } from 'vitest';
import type { WebviewPanel } from 'vscode';
import type { ChartsToPanel, ChartSpec, RunSummary } from '@ringside/core/model';
import { draftSpec } from '../attach/attacher.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import { FakePanel } from '../test/fakePanel.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { ChartsPanels } = await import('./chartsPanels.ts');
const { parseChartsState, parseChartsToHost } = await import('./chartsGuards.ts');

const chart: ChartSpec = {
  ...{ id: 'a', title: '', look: 'histogram', wide: false },
  source: { from: 'rows', stream: '', where: '', spec: { kind: 'histogram', field: 'pid', scale: 'log2' } },
};

function setUp(files: Record<string, string> = {}, fake = new FakeEngine().works(), read = (): void => undefined) {
  const context = fakeContext(fake);
  const made: FakePanel<ChartsToPanel>[] = [];
  Object.assign(mock.window, {
    createWebviewPanel: (_type: string, title: string, { preserveFocus }: { preserveFocus: boolean }) => {
      const panel = Object.assign(new FakePanel<ChartsToPanel>(), { title, focused: !preserveFocus });
      made.push(panel);
      return panel;
    },
    registerWebviewPanelSerializer: () => ({ dispose: () => undefined }),
  });
  const shown: unknown[][] = [];
  const charts = new ChartsPanels({
    ...context,
    extensionUri: mock.Uri.file('/ext') as never,
    showRows: (...args) => void shown.push(args),
    showMaps: (run) => void shown.push([run]),
    readText: (path) => {
      read();
      return Promise.resolve(files[path] ?? '');
    },
  });
  const init = (panel = made[0]!) => panel.sent.findLast((message) => message.type === 'init')!;
  return { context, fake, made, charts, shown, init };
}

beforeEach(() => {
  mock.workspace.isTrusted = true;
  mock.defaults.set('ringside.limits.cpuPercent', 30).set('ringside.limits.recordsPerSecond', 1_000);
  mock.defaults.set('ringside.limits.minutesUnwatched', 15).set('ringside.store.megabytes', 256);
  mock.defaults.set('ringside.openPanelOnAttach', false);
});

const attach = async ({ context }: ReturnType<typeof setUp>): Promise<RunSummary> =>
  (await context.attacher.start(draftSpec('/w/execsnoop.bpf.c', { hosts: ['web-1'] })))!;

test('a page that comes soon takes the keyboard, one for which the source was read long leaves it', async () => {
  const soon = setUp();
  await soon.charts.open(await attach(soon));
  expect(soon.made[0]!.focused).toBe(true);
  const slow = setUp({}, undefined, () => void vi.advanceTimersByTime(2000));
  const run = await attach(slow);
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  await slow.charts.open(run);
  vi.useRealTimers();
  expect(slow.made[0]!.focused).toBe(false);
});

test('a chart of a map asks the engine for it, and opens the maps of its run', async () => {
  const all = setUp();
  const run = await attach(all);
  await all.charts.open(run);
  const [panel] = all.made;
  all.fake.answers.askRows = () => ({ state: 1, data: null });
  panel!.send({ type: 'ready' });
  const spec = { kind: 'groups', field: 'value', of: 'rate', top: 3 };
  const query = { host: '', map: 'counts', where: 'key > 1', spec, since: 0 };
  panel!.send({ type: 'mapSummary', id: 7, query: { ...query, runId: run.id } });
  await vi.waitFor(() => expect(panel!.sent.at(-1)).toMatchObject({ type: 'summary', id: 7 }));
  expect(all.fake.called('askRows')).toEqual([[run.id, { ask: 'mapSummary', ...query }]]);
  panel!.send({ type: 'maps' });
  await vi.waitFor(() => expect(all.shown).toEqual([[run]]));
});

test('of a map is taken only what is a chart of one', () => {
  const query = { runId: 'r', host: '', map: 'm', where: '', spec: { kind: 'heatmap', seconds: 300 }, since: 0 };
  const ask = (change: object) => parseChartsToHost({ type: 'mapSummary', id: 1, query: { ...query, ...change } });
  expect(ask({})).toEqual({ type: 'mapSummary', id: 1, query });
  expect(ask({ map: 'x'.repeat(300) })).toBeNull();
  expect(ask({ spec: { kind: 'series', field: '', of: 'median', top: 1, seconds: 1 } })).toBeNull();
  expect(ask({ spec: { kind: 'groups', field: '', of: 'rate', top: -1 } })).toBeNull();
});

test('a page begins with the charts of the source and the manifest, and says which of them are none', async () => {
  const all = setUp({
    '/w/execsnoop.bpf.c': '// ringside: chart rate by comm\n// ringside: chart nope\n',
    '/w/manifest.json': '{"source":"execsnoop.bpf.c","charts":["heatmap latency_ns"]}',
  });
  await all.charts.open(await attach(all));
  all.made[0]!.send({ type: 'ready' });
  const { state, notes } = all.init();
  expect(state.charts.map(({ look }) => look)).toEqual(['line', 'heatmap']);
  expect(notes).toEqual([expect.stringContaining('line 2: "nope" is no chart')]);
});

test('a page of a program that names none has what any program has', async () => {
  const all = setUp();
  const run = await attach(all);
  await all.charts.open({ ...run, schemas: [{ stream: 'events', records: [] }] });
  all.made[0]!.send({ type: 'ready' });
  expect(all.init().state.charts.map(({ source }) => source.from)).toEqual(['rows', 'cost', 'cost']);
});

test('a chart is added to the page of its run, which is opened for it', async () => {
  const all = setUp();
  const run = await attach(all);
  await all.charts.add(run, chart);
  all.made[0]!.send({ type: 'ready' });
  expect(all.init().state.charts.at(-1)).toEqual(chart);
  await all.charts.add(run, { ...chart, id: 'b' });
  expect(all.made).toHaveLength(1);
  expect(all.made[0]!.sent.at(-1)).toEqual({ type: 'add', chart: { ...chart, id: 'b' } });
});

test('summaries are asked of the engine, for the own run alone', async () => {
  const all = setUp();
  const run = await attach(all);
  await all.charts.open(run);
  const page = { state: 3, data: null };
  all.fake.answers.askRows = () => page;
  const query = {
    runId: run.id,
    stream: '',
    where: 'pid > 1',
    spec: chart.source.from === 'rows' ? chart.source.spec : null,
    since: 2,
  };
  all.made[0]!.send({ type: 'ready' });
  all.made[0]!.send({ type: 'summary', id: 5, query });
  await vi.waitFor(() => expect(all.made[0]!.sent.at(-1)).toEqual({ type: 'summary', id: 5, page }));
  expect(all.fake.called('askRows')).toEqual([
    [run.id, { ask: 'summary', stream: '', where: 'pid > 1', spec: query.spec, since: 2 }],
  ]);
  all.made[0]!.send({ type: 'summary', id: 6, query: { ...query, runId: 'other' } });
  expect(all.made[0]!.sent.at(-1)).toMatchObject({ type: 'failed', id: 6 });
});

test('the charts of a program are remembered, and come back with its next page', async () => {
  const all = setUp();
  const run = await attach(all);
  await all.charts.open(run);
  all.made[0]!.send({ type: 'ready' });
  all.made[0]!.send({ type: 'state', state: { runId: run.id, file: run.file, charts: [chart] } });
  all.made[0]!.dispose();
  await all.charts.open(run);
  all.made[1]!.send({ type: 'ready' });
  expect(all.init(all.made[1]).state.charts).toEqual([chart]);
  all.made[1]!.send({ type: 'reset' });
  await vi.waitFor(() => expect(all.init(all.made[1]).state.charts).not.toEqual([chart]));
});

test('a page goes on with the next run of its program, also after a window reload', async () => {
  const all = setUp();
  const panel = new FakePanel<ChartsToPanel>();
  const saved = { runId: 'run-9', file: '/w/execsnoop.bpf.c', charts: [chart] };
  await all.charts.deserializeWebviewPanel(panel as unknown as WebviewPanel, saved);
  panel.send({ type: 'ready' });
  expect(all.init(panel)).toMatchObject({ run: null, state: { charts: [chart] } });
  const run = await attach(all);
  expect(all.init(panel).run?.id).toBe(run.id);
});

test('a page goes on with a kept run that was lost and is gone on with', async () => {
  const all = setUp();
  const run = await attach(all);
  await all.charts.open(run);
  all.made[0]!.send({ type: 'ready' });
  const kept = { host: 'web-1', run: '0123abcd', expires: `${Date.now() + 3_600_000}000000` };
  all.context.runs.update({ ...run, state: 'ended', endReason: 'host-lost', kept: [kept] });
  all.fake.answers.adopt = () => ({ ...run, id: 'run-9', kept: [kept] });
  await all.context.keeper.adopt({ ...kept, name: run.name });
  expect(all.init().state.runId).toBe('run-9');
});

test('a bar opens its rows in the trace', async () => {
  const all = setUp();
  const run = await attach(all);
  await all.charts.open(run);
  all.made[0]!.send({ type: 'ready' });
  all.made[0]!.send({ type: 'trace', stream: 'events', where: 'comm == "a"' });
  expect(all.shown).toEqual([[expect.objectContaining({ id: run.id }), 'events', 'comm == "a"']]);
});

test('what is no message is dropped, and what is no chart is left out', () => {
  for (const value of [
    null,
    7,
    {},
    { type: 'summary', id: 1, query: { spec: { kind: 'x' } } },
    { type: 'copy', text: 3 },
  ])
    expect(parseChartsToHost(value)).toBeNull();
  const cost = { ...chart, source: { from: 'cost', of: 'money' } };
  expect(parseChartsState({ runId: '', file: '/w/a.c', charts: [chart, cost, { id: 1 }] })!.charts).toEqual([chart]);
});
