import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { WebviewPanel } from 'vscode';
import type { ProgramVerdict, VerdictsToPanel, VerifyReport } from '@ringside/core/model';
import { ExtensionError } from '../errors.ts';
import { FakeEngine } from '../test/fakeEngine.ts';
import { FakePanel } from '../test/fakePanel.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { mkdtempSync, rmSync } = await import('node:fs');
const { tmpdir } = await import('node:os');
const { join } = await import('node:path');
const { fakeContext } = await import('../test/fakeContext.ts');
const { VerdictsPanels } = await import('./verdictsPanels.ts');
const { parseVerdictsState, parseVerdictsToHost } = await import('./verdictsGuards.ts');

const verdict = (given: Partial<ProgramVerdict>): ProgramVerdict => ({
  ...{ name: 'p', section: 'xdp', verdict: 'accepted', reason: null },
  stats: {
    ...{
      instructions: 4,
      processed: 90,
      limitPercent: 0,
      totalStates: 1,
      peakStates: 1,
      stackBytes: 8,
      verifyMicros: 9,
    },
  },
  ...given,
});
const rejected = verdict({
  verdict: 'rejected',
  reason: {
    ...{ category: 'null-pointer', title: '`e` | may be NULL', message: '', file: '', line: 3, column: 1 },
    ...{
      cause: [{ file: '/w/b.h', line: 9, column: 1, message: 'set' }],
      fixes: [],
      kernelSuggestion: '',
      registers: {},
    },
  },
});
const report = (host: string, kernel: string, programs: ProgramVerdict[]): VerifyReport => ({
  ...{ ok: programs.every((p) => p.verdict !== 'rejected'), host, kernel, programs, notes: [] },
});

/** A panel over hosts whose verdicts the test decides. */
function open(answers: Record<string, () => VerifyReport | Promise<VerifyReport>>) {
  const cacheDir = mkdtempSync(join(tmpdir(), 'ringside-verdicts-'));
  const fake = new FakeEngine();
  fake.answers.verify = async ({ hosts }) => [await answers[hosts[0]!]!()];
  const context = fakeContext(fake);
  const made: FakePanel<VerdictsToPanel>[] = [];
  const shown: unknown[][] = [];
  const explored: unknown[][] = [];
  Object.assign(mock.window, {
    createWebviewPanel: (_type: string, title: string, { preserveFocus }: { preserveFocus: boolean }) => {
      const panel = Object.assign(new FakePanel<VerdictsToPanel>(), { title, focused: !preserveFocus });
      made.push(panel);
      return panel;
    },
    registerWebviewPanelSerializer: () => ({ dispose: () => undefined }),
    showTextDocument: (...args: unknown[]) => Promise.resolve(shown.push(args)),
  });
  const panels = new VerdictsPanels({
    ...context,
    cacheDir,
    extensionUri: mock.Uri.file('/ext') as never,
    explorers: { explore: (...args) => explored.push(args) },
  });
  const file = mock.Uri.file('/w/a.bpf.c') as never;
  panels.open(file, Object.keys(answers));
  const panel = made[0]!;
  panel.send({ type: 'ready' });
  const last = (host: string) =>
    panel.sent.flatMap((m) => (m.type === 'host' ? m.host : m.hosts)).findLast((h) => h.name === host)!;
  ended = () => {
    panels.dispose();
    // A log that is being written while the panel goes puts its folder there once more.
    rmSync(cacheDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  };
  return { context, fake, made, panels, panel, last, shown, explored, file };
}

let ended: (() => void) | undefined;
afterEach(() => ended?.());

beforeEach(() => {
  mock.workspace.isTrusted = true;
  mock.env.copied = '';
});

test('each host is a column with the verdict of its own kernel; the table copies as Markdown', async () => {
  const table = open({ old: () => report('old', '5.10', [rejected]), new: () => report('new', '7.3', [verdict({})]) });
  await vi.waitFor(() => expect([table.last('old').state, table.last('new').state]).toEqual(['done', 'done']));
  expect(table.panel.title).toBe('Verdicts · a.bpf.c');
  expect(table.panel.webview.html).toContain('/ext/dist/panels/verdicts.js');
  expect(table.last('old').report?.kernel).toBe('5.10');
  table.panel.send({ type: 'copy-all' });
  await vi.waitFor(() => expect(mock.env.copied).not.toBe(''));
  expect(mock.env.copied.split('\n')).toEqual([
    '| program | old (5.10) | new (7.3) |',
    '| --- | --- | --- |',
    '| p | ✗ `e` \\| may be NULL | ✓ 90 insns · stack 8 B |',
    '',
  ]);
});

test('a host that is lost keeps its last verdict, which is marked as old; asked again it is new', async () => {
  let lost = false;
  const table = open({
    web: () => {
      if (lost) throw new ExtensionError({ code: 'host-lost', message: 'The connection to web was lost.' });
      return report('web', '6.1', [verdict({})]);
    },
  });
  await vi.waitFor(() => expect(table.last('web').state).toBe('done'));
  lost = true;
  table.panel.send({ type: 'run', host: null });
  await vi.waitFor(() => expect(table.last('web').state).toBe('failed'));
  expect(table.last('web')).toMatchObject({ error: { code: 'host-lost' }, report: { kernel: '6.1' } });
  table.panel.send({ type: 'copy-all' });
  await vi.waitFor(() => expect(mock.env.copied).toContain('(old)'));
  lost = false;
  table.panel.send({ type: 'run', host: 'web' });
  await vi.waitFor(() => expect(table.last('web')).toMatchObject({ state: 'done', error: null }));
});

test('shows lines that a verifier named, and opens nothing else', async () => {
  const table = open({ web: () => report('web', '6.1', [rejected, verdict({ name: 'q' })]) });
  await vi.waitFor(() => expect(table.last('web').state).toBe('done'));
  table.panel.send({ type: 'source', host: 'web', program: 'q', cause: null });
  table.panel.send({ type: 'source', host: 'web', program: 'nobody', cause: null });
  table.panel.send({ type: 'source', host: 'web', program: 'p', cause: 7 });
  table.panel.send({ type: 'source', host: 'web', program: 'p', cause: 0 });
  await vi.waitFor(() => expect(table.shown).toHaveLength(1));
  expect(table.shown[0]).toMatchObject([{ fsPath: '/w/b.h' }, { selection: { start: { line: 8 } } }]);
  table.panel.send({ type: 'explore', host: 'web', program: 'p' });
  await vi.waitFor(() => expect(table.explored).toEqual([[table.file, 'web', 'p']]));
  table.panel.send({ type: 'source', host: 'web', program: 'p', cause: null });
  await vi.waitFor(() => expect(table.shown[1]).toMatchObject([{ fsPath: '/w/a.bpf.c' }, { selection: {} }]));
});

test('one panel a file and set of hosts; closing it ends what it asks', async () => {
  let signal: AbortSignal | undefined;
  const table = open({ web: () => report('web', '6.1', [verdict({})]) });
  await vi.waitFor(() => expect(table.last('web').state).toBe('done'));
  table.panels.open(table.file, ['web']);
  expect([table.made.length, table.panel.revealed]).toEqual([1, 1]);
  await vi.waitFor(() => expect(table.last('web').state).toBe('done'));
  table.fake.answers.verify = (_request, call) => {
    signal = call?.signal;
    return new Promise(() => undefined);
  };
  table.panel.send({ type: 'run', host: null });
  await vi.waitFor(() => expect(signal).toBeDefined());
  table.panel.dispose();
  expect(signal!.aborted).toBe(true);
  signal = undefined;
  table.panels.open(table.file, ['web']);
  expect(table.made.length).toBe(2);
  await vi.waitFor(() => expect(signal).toBeDefined());
});

test('it takes the keyboard, unless whoever asked for it has gone elsewhere', async () => {
  const { made, panels, panel, file, last } = open({ web: () => report('web', '6.1', [verdict({})]) });
  expect(panel.focused).toBe(true);
  panels.open(file, ['web'], false);
  expect(panel.focused).toBe(false);
  panels.open(file, ['web', 'other'], false);
  expect(made[1]!.focused).toBe(false);
  await vi.waitFor(() => expect(last('web').state).toBe('done'));
});

test('a reload brings the tab back; nonsense from before or from the page is dropped', async () => {
  const table = open({ web: () => report('web', '6.1', [verdict({})]) });
  const back = new FakePanel<VerdictsToPanel>();
  await table.panels.deserializeWebviewPanel(back as unknown as WebviewPanel, { file: '/w/a.bpf.c', hosts: ['web'] });
  back.send({ type: 'ready' });
  expect(back.sent).toMatchObject([{ type: 'hosts', hosts: [{ name: 'web', state: 'cancelled', report: null }] }]);
  const broken = new FakePanel<VerdictsToPanel>();
  await table.panels.deserializeWebviewPanel(broken as unknown as WebviewPanel, { file: 3 });
  expect(broken.closed).toBe(1);
  for (const bad of [
    null,
    1,
    {},
    { type: 'constructor' },
    { type: 'run' },
    { type: 'source', host: 'a', program: 'b' },
  ])
    expect(parseVerdictsToHost(bad)).toBeNull();
  expect(parseVerdictsToHost({ type: 'source', host: 'a', program: 'b', cause: -1 })).toBeNull();
  for (const bad of [null, { file: '', hosts: ['a'] }, { file: 'f', hosts: [] }, { file: 'f', hosts: [1] }])
    expect(parseVerdictsState(bad)).toBeNull();
});
