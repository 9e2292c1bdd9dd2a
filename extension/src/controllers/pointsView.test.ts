import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DisposableStore } from '../disposable.ts';
import * as mock from '../test/vscodeMock.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));
const { fakeContext } = await import('../test/fakeContext.ts');
const { Command } = await import('../contributions.ts');
const { BinaryNode, BinaryPointNode, KindNode, PointNode } = await import('../points/pointNodes.ts');
const { registerPointsView } = await import('./pointsView.ts');

/** A document whose offsets are characters of its first line. */
class Document {
  readonly uri: mock.Uri;
  saved = false;
  constructor(
    path: string,
    readonly text: string,
  ) {
    this.uri = mock.Uri.file(path);
  }
  getText = (): string => this.text;
  positionAt = (offset: number): mock.Position => new mock.Position(0, offset);
  save = (): Promise<boolean> => Promise.resolve((this.saved = true));
}

let folder: string;
let changes: mock.WorkspaceEdit[];
let opened: Document[];
/** Titles of dialogs and what the person was asked to choose from. */
let asked: unknown[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-points-'));
  changes = [];
  opened = [];
  asked = [];
  mock.shown.length = 0;
  mock.registered.clear();
  Object.assign(mock.workspace, {
    workspaceFolders: [{ uri: mock.Uri.file(folder) }],
    applyEdit: (change: mock.WorkspaceEdit) => Promise.resolve(changes.push(change) > 0),
    openTextDocument: ({ fsPath }: mock.Uri) => {
      const document = new Document(fsPath, readFileSync(fsPath, 'utf8'));
      opened.push(document);
      return Promise.resolve(document);
    },
  });
  mock.dialogs.pick = (items) => {
    asked.push(...(items as { label: string }[]).map(({ label }) => label));
    return items[0];
  };
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  Object.assign(mock.dialogs, { pick: () => undefined, input: () => undefined, path: () => undefined });
  Object.assign(mock.window, { activeTextEditor: undefined, visibleTextEditors: [] });
  mock.workspace.workspaceFolders = undefined;
});

const startOf = (section: string) => {
  const name = `handle_${section.split(/[/:]/).at(-1)!}`;
  return { section, name, text: `SEC("${section}")\nint ${name}(void *ctx)\n{\n\treturn 0;\n}\n` };
};

/** The commands of the view; the language server writes what startOf says. */
function make() {
  const questions: unknown[] = [];
  const language = {
    onDidChange: () => ({ dispose: () => undefined }),
    ask: (method: string, params: { section: string; name: string }) => {
      questions.push(method === 'ringside/start' ? params.section : params.name);
      const starts = [startOf(`kprobe/${params.name}`)];
      return Promise.resolve(method === 'ringside/start' ? startOf(params.section) : { starts });
    },
  };
  const context = { ...fakeContext(), language, disposables: new DisposableStore() };
  registerPointsView(context as never);
  const run = (id: string, node?: unknown) => Promise.resolve(mock.registered.get(id)!(node));
  return { context, questions, run };
}

const target = (name: string) => ({ name, arguments: null, details: {}, unusable: null });
const malloc = () => new BinaryPointNode(new BinaryNode('db-1', '/lib/libc.so.6', 'uprobe'), target('malloc'));
const probe = () => new BinaryPointNode(new BinaryNode('db-1', '/lib/libc.so.6', 'usdt'), target('libc:setjmp'));
const vfsRead = () => new PointNode(new KindNode('function', 1), 'vfs_read');
const inserted = (): string[] => changes.flatMap(({ edits }) => edits.map(({ file, text }) => `${file}: ${text}`));
const names = (text: string): string[] => [...text.matchAll(/SEC\("([^"]+)"\)/g)].map(([, name]) => name!);

describe('a program begun at an attach point', () => {
  test('goes into the source in front', async () => {
    const { run } = make();
    const document = new Document('/w/a.bpf.c', '#include <bpf/bpf_helpers.h>\n');
    Object.assign(mock.window, { activeTextEditor: { document } });
    await run(Command.pointsInsert, vfsRead());
    expect(inserted()).toEqual([expect.stringMatching(/^\/w\/a\.bpf\.c: \nSEC\("kprobe\/vfs_read"\)/)]);
    expect(opened).toEqual([]);
  });

  test('of a binary may be at its entry or its return: that is asked', async () => {
    const { questions, run } = make();
    const document = new Document('/w/a.bpf.c', '#include <bpf/bpf_helpers.h>\n');
    Object.assign(mock.window, { visibleTextEditors: [{ document }] });
    await run(Command.pointsInsert, malloc());
    expect(questions).toEqual(['uprobe//lib/libc.so.6:malloc', 'uretprobe//lib/libc.so.6:malloc']);
    expect(asked).toEqual(['SEC("uprobe//lib/libc.so.6:malloc")', 'SEC("uretprobe//lib/libc.so.6:malloc")']);
    expect(names(inserted().join())).toEqual(['uprobe//lib/libc.so.6:malloc']);
  });

  test('of a static probe is of one kind', async () => {
    const { run } = make();
    const document = new Document('/w/a.bpf.c', '#include <bpf/bpf_helpers.h>\n');
    Object.assign(mock.window, { activeTextEditor: { document } });
    await run(Command.pointsInsert, probe());
    expect(asked).toEqual([]);
    expect(names(inserted().join())).toEqual(['usdt//lib/libc.so.6:libc:setjmp']);
  });

  test('makes a file where no source is open, or where a new one is wanted', async () => {
    const { run } = make();
    mock.dialogs.input = () => 'vfs.bpf.c';
    await run(Command.pointsInsert, vfsRead());
    expect(opened.map(({ uri, saved }) => [uri.fsPath, saved])).toEqual([[join(folder, 'vfs.bpf.c'), true]]);
    expect(opened[0]!.text).toContain('SEC("license")');
    expect(names(inserted().join())).toEqual(['kprobe/vfs_read']);
    Object.assign(mock.window, { activeTextEditor: { document: opened[0] } });
    mock.dialogs.input = () => 'probes/of libc.bpf.c';
    await run(Command.pointsNew, malloc());
    expect(opened[1]!.uri.fsPath).toBe(join(folder, 'probes/of libc.bpf.c'));
    expect(mock.shown).toEqual([]);
  });

  test('overwrites no file', async () => {
    const { run } = make();
    writeFileSync(join(folder, 'vfs.bpf.c'), 'mine');
    mock.dialogs.input = () => 'vfs.bpf.c';
    await run(Command.pointsNew, vfsRead());
    expect(mock.shown.map(({ text }) => text)).toEqual([
      expect.stringContaining('is there already. Choose another name.'),
    ]);
    expect(readFileSync(join(folder, 'vfs.bpf.c'), 'utf8')).toBe('mine');
  });

  test('asks for a place where no folder is open, and gives the file the name of a BPF source', async () => {
    const { run } = make();
    mock.workspace.workspaceFolders = undefined;
    for (const [name, made] of Object.entries({ 'a.bpf.c': 'a.bpf.c', 'b.c': 'b.bpf.c', c: 'c.bpf.c' })) {
      mock.dialogs.path = () => mock.Uri.file(join(folder, name));
      await run(Command.pointsNew, vfsRead());
      expect(opened.at(-1)!.uri.fsPath).toBe(join(folder, made));
    }
    mock.dialogs.path = () => undefined;
    await run(Command.pointsNew, vfsRead());
    expect(opened).toHaveLength(3);
    expect(mock.shown).toEqual([]);
  });

  test('is not begun at a point that is gone: that is said', async () => {
    const { context, run } = make();
    Object.assign(context.language, { ask: () => Promise.resolve(null) });
    await run(Command.pointsNew, malloc());
    expect(mock.shown.map(({ text }) => text)).toEqual([expect.stringContaining('Refresh the view.')]);
  });
});
