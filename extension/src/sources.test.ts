import { beforeEach, expect, it, vi } from 'vitest';
import * as mock from './test/vscodeMock.ts';

vi.mock('vscode', () => import('./test/vscodeMock.ts'));

const opened = new mock.EventEmitter<unknown>();
const changed = new mock.EventEmitter<unknown>();
const closed = new mock.EventEmitter<unknown>();
Object.assign(mock.workspace, {
  onDidOpenTextDocument: opened.event,
  onDidChangeTextDocument: changed.event,
  onDidCloseTextDocument: closed.event,
});

const { followSources, onDidRecognise } = await import('./sources.ts');
const { commandFile, isBpfSource } = await import('./files.ts');

/** An open document whose lines are asked for by whole lines only. */
class Document {
  readonly uri: mock.Uri;
  constructor(
    path: string,
    public text: string,
    readonly languageId = 'c',
    scheme = 'file',
  ) {
    this.uri = mock.Uri.from({ scheme, path });
  }
  getText(range?: mock.Range): string {
    const lines = this.text.split('\n');
    return range ? lines.slice(range.start.line, range.end.line).join('\n') : this.text;
  }
  type(line: number, text: string): void {
    const lines = this.text.split('\n');
    lines[line] = `${lines[line]!}${text}`;
    this.text = lines.join('\n');
    changed.fire({ document: this, contentChanges: [{ range: new mock.Range(line, 0, line, 0), text }] });
  }
}

let seen: string[];
beforeEach(() => {
  seen = [];
  mock.executed.length = 0;
});
onDidRecognise((document) => seen.push(document.uri.fsPath));
const context = () => mock.executed.filter(([, key]) => key === 'ringside.sources').map(([, , value]) => value);

it('recognises a C file by a section when it is opened, and forgets it when it is closed', () => {
  const following = followSources();
  const plain = new Document('/p/main.c', 'int main(void) { return SEC(5); }');
  const probe = new Document('/p/probe.c', '#include "vmlinux.h"\nSEC("xdp")\nint p(void *c) { return 2; }');
  for (const document of [plain, probe]) opened.fire(document);
  expect(seen).toEqual(['/p/probe.c']);
  expect([plain.uri, probe.uri].map((uri) => isBpfSource(uri as never))).toEqual([false, true]);
  expect(context()).toEqual([['/p/probe.c']]);
  closed.fire(probe);
  expect(isBpfSource(probe.uri as never)).toBe(false);
  expect(context()).toEqual([['/p/probe.c'], []]);
  following.dispose();
});

it('recognises one while its first section is typed, letter by letter', () => {
  const following = followSources();
  const document = new Document('/p/typed.c', '#include "vmlinux.h"\n');
  opened.fire(document);
  for (const letter of 'SEC(') document.type(1, letter);
  expect(seen).toEqual([]);
  document.type(1, '"');
  expect(seen).toEqual(['/p/typed.c']);
  document.type(1, 'xdp")');
  expect(seen).toHaveLength(1);
  closed.fire(document);
  following.dispose();
});

it('looks at C files on the disk only, and leaves *.bpf.c to their name', () => {
  const following = followSources();
  const text = 'SEC("xdp")';
  for (const document of [
    new Document('/p/a.cpp', text, 'cpp'),
    new Document('/p/a.h', text),
    new Document('/p/a.c', text, 'c', 'git'),
    new Document('/p/a.bpf.c', text),
  ])
    opened.fire(document);
  expect(seen).toEqual([]);
  expect(context()).toEqual([]);
  following.dispose();
});

it('a command that is given beside the source, from a walkthrough, means the source edited last while it is open', () => {
  const following = followSources();
  const probe = new Document('/p/last.bpf.c', '');
  mock.activeEditorChanged.fire({ document: probe });
  mock.activeEditorChanged.fire({ document: new Document('/p/notes.md', '', 'markdown') });
  mock.activeEditorChanged.fire(undefined);
  expect(commandFile(undefined).fsPath).toBe('/p/last.bpf.c');
  mock.window.activeTextEditor = { document: new Document('/p/notes.md', '', 'markdown') };
  expect(() => commandFile(undefined)).toThrow('No BPF program is open.');
  mock.window.activeTextEditor = undefined;
  closed.fire(probe);
  expect(() => commandFile(undefined)).toThrow('No BPF program is open.');
  following.dispose();
});
