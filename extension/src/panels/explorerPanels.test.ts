import { afterEach, expect, test, vi } from 'vitest';
import type { WebviewPanel } from 'vscode';
import fc from 'fast-check';
import type { ExplorationInfo, ExplorerToPanel, VerdictReason } from '@ringside/core/model';
import { FakeEngine } from '../test/fakeEngine.ts';
import { FakePanel } from '../test/fakePanel.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } = await import('node:fs');
const { tmpdir } = await import('node:os');
const { join } = await import('node:path');
const { fakeContext } = await import('../test/fakeContext.ts');
const { ExplorerPanels } = await import('./explorerPanels.ts');
const { parseExplorerTarget, parseExplorerToHost } = await import('./explorerGuards.ts');
const { explorerLink, linkedTarget } = await import('./explorerLink.ts');
const { newVerdictLog, verdictLogBefore, verdictLogFor, verdictLogId } = await import('../diagnostics/verdictLogs.ts');

const reason: VerdictReason = {
  ...{ category: 'null-pointer', title: '`e` may be NULL', message: '', file: 'a.bpf.c', line: 2, column: 1 },
  ...{ cause: [], kernelSuggestion: '', registers: {} },
  fixes: [
    {
      title: 'Add a check',
      edits: [{ file: 'a.bpf.c', startLine: 2, startColumn: 1, endLine: 2, endColumn: 1, text: 'if (!e) return 0;\n' }],
    },
  ],
};

function open(source = 'int x;\nuse(e);\n') {
  const cacheDir = mkdtempSync(join(tmpdir(), 'ringside-explorer-'));
  const file = join(cacheDir, 'a.bpf.c');
  const log = join(cacheDir, 'a.log');
  writeFileSync(file, source);
  writeFileSync(log, 'log');
  const info: ExplorationInfo = {
    ...{ id: 7, parts: [{ program: 'p', section: 'xdp', verdict: 'rejected' }], part: 0, host: 'web', kernel: '6.1' },
    ...{ file, steps: 3, lines: 4, paths: 1, processed: 3, limit: null, reason, end: 2 },
    ...{ sources: [{ name: 'a.bpf.c', steps: 3 }], fromObject: true, recorded: true },
  };
  const fake = new FakeEngine();
  let id = 7;
  fake.answers.openExploration = () => ({ ...info, id: id++ });
  fake.answers.closeExploration = () => undefined;
  fake.answers.explore = (_id, query) =>
    query.ask === 'source'
      ? { file: 0, name: 'a.bpf.c', text: 'int x;\nuse(e);\n', partial: false, heat: [] }
      : [query];
  const context = fakeContext(fake);
  const made: FakePanel<ExplorerToPanel>[] = [];
  const edits: unknown[] = [];
  Object.assign(mock.window, {
    createWebviewPanel: (_type: string, _title: string, { preserveFocus }: { preserveFocus: boolean }) => {
      const panel = Object.assign(new FakePanel<ExplorerToPanel>(), { focused: !preserveFocus });
      made.push(panel);
      return panel;
    },
    registerWebviewPanelSerializer: () => ({ dispose: () => undefined }),
    showTextDocument: () => Promise.resolve(),
  });
  Object.assign(mock.workspace, {
    openTextDocument: (uri: mock.Uri) => Promise.resolve({ getText: () => readFileSync(uri.fsPath, 'utf8') }),
    applyEdit: (edit: unknown) => Promise.resolve(edits.push(edit) > 0),
  });
  const parts = { ...context, cacheDir, extensionUri: mock.Uri.file('/ext') as never, extensionId: 'r.r' };
  const panels = new ExplorerPanels(parts);
  ended = () => {
    panels.dispose();
    rmSync(cacheDir, { recursive: true });
  };
  const target = { log, record: join(cacheDir, 'a.json'), program: 'p' };
  return { cacheDir, context, fake, made, panels, edits, target, file, info };
}

let ended: (() => void) | undefined;
afterEach(() => {
  ended?.();
  ended = undefined;
});

const last = <T extends ExplorerToPanel['type']>(panel: FakePanel<ExplorerToPanel>, type: T) =>
  panel.sent.findLast((message): message is Extract<ExplorerToPanel, { type: T }> => message.type === type);

test('opens a log, passes questions on, and lets go of it when the tab closes', async () => {
  const { fake, made, panels, target } = open();
  panels.open(target, { step: 2 });
  const panel = made[0]!;
  expect(panel.webview.html).toContain('/ext/dist/panels/explorer.js');
  expect(panel.webview.html).toContain('/ext/dist/panels/source-editor.js');
  panel.send({ type: 'ready' });
  await vi.waitFor(() => expect(last(panel, 'opened')).toMatchObject({ title: 'p on web', step: 2, noFix: '' }));
  panel.send({ type: 'ask', id: 4, side: 0, query: { ask: 'state', step: 1 } });
  await vi.waitFor(() =>
    expect(last(panel, 'answer')).toEqual({ type: 'answer', id: 4, value: [{ ask: 'state', step: 1 }] }),
  );
  panel.send({ type: 'ask', id: 5, side: 1, query: { ask: 'state', step: 1 } });
  await vi.waitFor(() => expect(last(panel, 'failed')).toMatchObject({ id: 5, error: { code: 'cancelled' } }));
  panels.open(target, { step: 1 });
  expect([made.length, panel.revealed]).toEqual([1, 1]);
  expect(last(panel, 'go')).toEqual({ type: 'go', step: 1 });
  panel.dispose();
  await vi.waitFor(() => expect(fake.called('closeExploration')).toEqual([[7]]));
});

test('a log that takes long is read once, however often the page says that it is there; a lost answer is given again', async () => {
  const { fake, made, panels, target, info } = open();
  let read: (() => void) | undefined;
  fake.answers.openExploration = () => new Promise((resolve) => (read = () => resolve(info)));
  panels.open(target, { step: 2 });
  const panel = made[0]!;
  for (let second = 0; second < 3; second++) panel.send({ type: 'ready' });
  expect(fake.called('openExploration')).toHaveLength(1);
  read!();
  const told = () => panel.sent.filter(({ type }) => type === 'opened');
  await vi.waitFor(() => expect(told()).toHaveLength(1));
  panel.send({ type: 'ready' });
  expect(told()).toMatchObject([{ step: 2 }, { step: 2 }]);
  expect(fake.called('openExploration')).toHaveLength(1);
  // A page that has asked has been answered: who says hello after that is another page, which goes on where that one was.
  panel.send({ type: 'ask', id: 1, side: 0, query: { ask: 'state', step: 1 } });
  panel.send({ type: 'ready' });
  expect(fake.called('openExploration')).toHaveLength(2);
  read!();
  await vi.waitFor(() => expect(told().at(-1)).toMatchObject({ step: -1 }));
});

test('it takes the keyboard, unless whoever asked for it has gone elsewhere', () => {
  const { made, panels, target } = open();
  panels.open(target, { takeFocus: false });
  expect(made[0]!.focused).toBe(false);
  panels.open(target);
  expect(made[0]!.focused).toBe(true);
  panels.open({ ...target, program: 'q' });
  expect(made[1]!.focused).toBe(true);
});

test('a quick fix goes into the source as it was verified, and into no other', async () => {
  const { made, panels, target, edits, file, context } = open();
  panels.open(target);
  const panel = made[0]!;
  panel.send({ type: 'ready' });
  await vi.waitFor(() => expect(last(panel, 'opened')).toBeDefined());
  panel.send({ type: 'fix', fix: 0 });
  await vi.waitFor(() => expect([edits.length, context.logged]).toEqual([1, []]));
  writeFileSync(file, 'something else');
  panel.send({ type: 'fix', fix: 0 });
  panel.send({ type: 'fix', fix: 9 });
  await vi.waitFor(() => expect(context.logged.join()).toContain('has changed since it was verified'));
  expect(edits).toHaveLength(1);
  context.verdicts.set(mock.Uri.file('/elsewhere') as never, []);
  expect(panel.sent.filter(({ type }) => type === 'opened')).toHaveLength(1);
});

test('a log that cannot be read is told in the page, and a reload brings the tab back', async () => {
  const { fake, panels, target } = open();
  fake.answers.openExploration = () => {
    throw new Error('gone');
  };
  const panel = new FakePanel<ExplorerToPanel>();
  await panels.deserializeWebviewPanel(panel as unknown as WebviewPanel, { ...target, step: 3, leaf: 4, view: 'log' });
  panel.send({ type: 'ready' });
  await vi.waitFor(() => expect(last(panel, 'error')?.error.message).toContain('gone'));
  const broken = new FakePanel<ExplorerToPanel>();
  await panels.deserializeWebviewPanel(broken as unknown as WebviewPanel, { log: 3 });
  expect(broken.closed).toBe(1);
});

test('nonsense from the page is dropped', () => {
  for (const query of [{ ask: 'state' }, { ask: 'constructor' }, { ask: 'rows', leaf: 0, from: 0, count: 1e9 }, null])
    expect(parseExplorerToHost({ type: 'ask', id: 1, side: 0, query })).toBeNull();
  expect(parseExplorerToHost({ type: 'ask', id: 1, side: 2, query: { ask: 'source', file: 0 } })).toBeNull();
  expect(
    parseExplorerToHost({ type: 'ask', id: 1, side: 0, query: { ask: 'set', step: 0, what: 'fp-8' } }),
  ).not.toBeNull();
  expect(parseExplorerToHost({ type: 'ask', id: 1, side: 0, query: { ask: 'set', step: 0, what: 'x; y' } })).toBeNull();
  fc.assert(fc.property(fc.anything(), (value) => parseExplorerToHost(value) === null));
  fc.assert(fc.property(fc.anything(), (value) => parseExplorerTarget(value) === null));
});

test('a link opens the log that it was made from, and no file that is no log', async () => {
  const { cacheDir } = open();
  const file = mock.Uri.file('/w/a.bpf.c') as never;
  const pending = await newVerdictLog(cacheDir, file, 'web');
  writeFileSync(pending.log, 'x');
  writeFileSync(pending.record, '{"version":1,"kernel":"6.1","sha256":"a"}');
  const kept = await pending.keep();
  const link = explorerLink('r.r', { ...kept, program: 'p q' }, 12);
  expect(link).not.toContain(cacheDir);
  const query = link.slice(link.indexOf('?') + 1);
  expect(linkedTarget(cacheDir, query)).toEqual({ target: { ...kept, program: 'p q' }, step: 12 });
  const saved = { log: '/tmp/my run.log', record: null, program: '' };
  const own = explorerLink('r.r', saved, 0);
  expect(linkedTarget(cacheDir, own.slice(own.indexOf('?') + 1))).toEqual({ target: saved, step: 0 });
  for (const bad of ['', 'log=/etc/shadow', 'log=../x.log', `log=${'0'.repeat(16)}`, 'log=/a.log&step=x'])
    expect(linkedTarget(cacheDir, bad)).toBeNull();
});

test('of each file on each host the last verification is kept, and the one before its last change', async () => {
  const { cacheDir } = open();
  mkdirSync(join(cacheDir, 'verifier-logs'), { recursive: true });
  const file = mock.Uri.file('/w/a.bpf.c') as never;
  const verified = async (text: string, sha256: string): Promise<void> => {
    const pending = await newVerdictLog(cacheDir, file, 'web');
    writeFileSync(pending.log, text);
    writeFileSync(pending.record, JSON.stringify({ version: 1, kernel: '6.1', sha256 }));
    await pending.keep();
  };
  const read = (log: { log: string } | null): string | null => log && readFileSync(log.log, 'utf8');
  expect(verdictLogFor(cacheDir, file, 'web')).toBeNull();
  await verified('one', 'a');
  await verified('again', 'a');
  expect([read(verdictLogFor(cacheDir, file, 'web')), read(verdictLogBefore(cacheDir, file, 'web'))]).toEqual([
    'again',
    null,
  ]);
  await verified('two', 'b');
  expect([read(verdictLogFor(cacheDir, file, 'web')), read(verdictLogBefore(cacheDir, file, 'web'))]).toEqual([
    'two',
    'again',
  ]);
  const failed = await newVerdictLog(cacheDir, file, 'web');
  writeFileSync(failed.log, 'half');
  await failed.discard();
  expect(read(verdictLogFor(cacheDir, file, 'web'))).toBe('two');
  expect(verdictLogId(file, 'web')).not.toBe(verdictLogId(file, 'web-2'));
});
