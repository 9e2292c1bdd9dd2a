import { beforeEach, expect, test, vi } from 'vitest';
import type { MapsListing, MapsToPanel } from '@ringside/core/model';
import { aRun } from '../test/builders.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import { FakePanel } from '../test/fakePanel.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { MapsPanels } = await import('./mapsPanels.ts');

const kept = { host: 'web-1', run: '0123abcd', expires: `${Date.now() + 3_600_000}000000`, name: 'execsnoop' };
const listing: MapsListing = { maps: [], away: [], note: '' };

beforeEach(() => {
  mock.executed.length = 0;
  mock.workspace.isTrusted = true;
  mock.defaults.set('ringside.store.megabytes', 256);
});

/** The Maps panel of a run, as its webview sees it. */
function opened(answer: MapsListing) {
  const fake = new FakeEngine().works();
  fake.answers.openMapsView = () => 1;
  fake.answers.closeMapsView = () => undefined;
  fake.answers.askMapsView = () => answer;
  fake.answers.connect = (name: string) => ({ name, state: 'ready', info: null, error: null });
  const context = fakeContext(fake);
  const panel = new FakePanel<MapsToPanel>();
  Object.assign(mock.window, {
    createWebviewPanel: () => panel,
    registerWebviewPanelSerializer: () => ({ dispose: () => undefined }),
  });
  const parts = { ...context, extensionUri: mock.Uri.file('/ext') as never, chart: () => Promise.resolve() };
  const panels = new MapsPanels(parts);
  const run = aRun({ id: 'run-7', state: 'ended', endReason: 'host-lost', kept: [kept] });
  context.runs.update(run);
  panels.openRun(run);
  panel.send({ type: 'ready' });
  return { fake, context, panel, run };
}

const started = (): unknown[] => mock.executed.filter(([command]) => command === 'ringside.runs.startAgain');

/** The run that the panel was told last. */
const shownRun = (panel: FakePanel<MapsToPanel>): unknown =>
  panel.sent.findLast((message) => message.type === 'init')?.state.scope;

test('a kept run that is gone on with after its host came back is shown in the same tab', async () => {
  const { fake, context, panel } = opened(listing);
  expect(shownRun(panel)).toEqual({ kind: 'run', runId: 'run-7' });
  fake.answers.adopt = () => aRun({ id: 'run-8', kept: [kept] });
  await context.keeper.adopt(kept);
  expect(shownRun(panel)).toEqual({ kind: 'run', runId: 'run-8' });
});

test('Connect connects what is away; once the host is back it starts the run again', async () => {
  const away = opened(listing);
  away.panel.send({ type: 'ask', id: 1, query: { ask: 'list' } });
  await vi.waitFor(() => expect(away.panel.sent.at(-1)).toMatchObject({ type: 'answer', id: 1 }));
  away.panel.send({ type: 'reconnect' });
  await vi.waitFor(() => expect(away.fake.called('connect')).toEqual([['web-1']]));
  expect(started()).toEqual([]);

  const back = opened({ ...listing, restartable: true });
  back.panel.send({ type: 'ask', id: 1, query: { ask: 'list' } });
  await vi.waitFor(() => expect(back.panel.sent.at(-1)).toMatchObject({ type: 'answer', id: 1 }));
  back.panel.send({ type: 'reconnect' });
  await vi.waitFor(() => expect(started()).toEqual([['ringside.runs.startAgain', 'run-7']]));
  expect(back.fake.called('connect')).toEqual([]);
});
