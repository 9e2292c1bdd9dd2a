/** Generic C through a real clangd, beside what we know of BPF: flags, merging, crashes, its end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findClangd } from '@ringside/core/build';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type CompletionItem,
  type CompletionList,
  type Diagnostic,
  type DocumentSymbol,
  type Hover,
  type InitializeResult,
  type InlayHint,
  type Location,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  type SignatureHelp,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver-protocol/node.js';
import { TextDocument } from 'vscode-languageserver-textdocument';

const root = join(import.meta.dirname, '../..');
const program = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "shared.h"

#ifndef __TARGET_ARCH_x86
#error no architecture
#endif

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FROM_MAKEFILE);
	__type(key, __u32);
	__type(value, struct event);
} seen SEC(".maps");

static __always_inline int shorten(struct event *event, int most)
{
	return event->pid > most ? most : event->pid;
}

SEC("tp/sched/sched_process_exec")
int on_exec(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct event e = { .pid = task->tgid };
	return shorten(&e, 100);
}

char LICENSE[] SEC("license") = "GPL";
`;

let folder: string;
let child: ChildProcess;
let connection: ProtocolConnection;
let capabilities: InitializeResult['capabilities'];
let document: TextDocument;
let file: string;
let uri: string;
let log: string[];
let published: Map<number, Diagnostic[]>;
let wake: (() => void)[];

beforeAll(async () => {
  expect(findClangd(''), 'clangd is installed: npm run setup -- --profile test').not.toBeNull();
  folder = mkdtempSync(join(tmpdir(), 'ringside-clangd-'));
  cpSync(join(root, 'core/resources'), join(folder, 'dist/resources'), { recursive: true });
  await build({
    entryPoints: [join(root, 'language-server/src/main.ts')],
    outfile: join(folder, 'dist/language-server.js'),
    ...{ bundle: true, platform: 'node', format: 'cjs', target: 'node20', logLevel: 'error' },
  });
  const sources = join(folder, 'my prögram');
  mkdirSync(join(sources, 'include'), { recursive: true });
  writeFileSync(join(sources, 'include', 'shared.h'), 'struct event {\n\tint pid;\n\tint exit_code;\n};\n');
  // Only the project's build file says where its header lies and what the macro is.
  writeFileSync(
    join(sources, 'Makefile'),
    'probe.o: probe.bpf.c\n\tclang -target bpf -Iinclude -DFROM_MAKEFILE=64 -c $< -o $@\n',
  );
  file = join(sources, 'probe.bpf.c');
  writeFileSync(file, program);
  uri = pathToFileURL(file).href;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(options: object = { clangd: { path: '', besideOursMs: 30_000 } }): Promise<void> {
  log = [];
  published = new Map();
  wake = [];
  child = spawn(process.execPath, [join(folder, 'dist/language-server.js'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  connection = createProtocolConnection(new StreamMessageReader(child.stdout!), new StreamMessageWriter(child.stdin!));
  const changed = (): void => wake.splice(0).forEach((done) => done());
  connection.onNotification('window/logMessage', ({ message }: { message: string }) => {
    log.push(message);
    changed();
  });
  connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
    if (params.uri === uri) published.set(params.version ?? 0, params.diagnostics);
    changed();
  });
  connection.listen();
  ({ capabilities } = await connection.sendRequest<InitializeResult>('initialize', {
    ...{ processId: process.pid, rootUri: null, capabilities: {} },
    initializationOptions: {
      ...{ resourceDir: join(folder, 'dist'), cacheDir: join(folder, 'cache'), compilerPath: '', trusted: true },
      ...options,
    },
  }));
  await connection.sendNotification('initialized', {});
}

async function stop(): Promise<void> {
  const children = childrenOf(child.pid!);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  await connection.sendRequest('shutdown');
  await connection.sendNotification('exit');
  await gone;
  connection.dispose();
  expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
}

async function open(text = program): Promise<void> {
  document = TextDocument.create(uri, 'c', 1, text);
  await connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri, languageId: 'c', version: 1, text },
  });
}

async function type(text: string): Promise<void> {
  document = TextDocument.create(uri, 'c', document.version + 1, text);
  await connection.sendNotification('textDocument/didChange', {
    textDocument: { uri, version: document.version },
    contentChanges: [{ text }],
  });
}

async function until<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => wake.push(resolve));
  }
}
const said = (words: string): Promise<string> => until(() => log.find((line) => line.includes(words)));

/** clangd processes among the server's children. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => {
      try {
        const stat = readFileSync(`/proc/${each}/stat`, 'utf8');
        return stat.includes('clangd') && Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
      } catch {
        return false;
      }
    });
}

const at = (words: string, plus = 0) => ({
  textDocument: { uri },
  position: document.positionAt(document.getText().indexOf(words) + plus),
});
const ask = <T>(what: string, params: object): Promise<T> => connection.sendRequest<T>(`textDocument/${what}`, params);
const textAt = ({ range }: { range: Location['range'] }): string => document.getText(range);

/** Completions behind some words, put where the program's last statement stands. */
async function completed(words: string): Promise<CompletionItem[]> {
  const text = program.replace('\treturn shorten', `\t${words}\n\treturn shorten`);
  await type(text);
  const position = document.positionAt(text.indexOf(`\t${words}\n`) + words.length + 1);
  const list = await ask<CompletionList>('completion', { textDocument: { uri }, position });
  return [...list.items].sort((a, b) => ((a.sortText ?? a.label) < (b.sortText ?? b.label) ? -1 : 1));
}
const names = (items: CompletionItem[]): string[] => items.map((item) => item.filterText ?? item.label.trim());

describe('clangd as a child', () => {
  // One for all of them: it reads the kernel's types for seconds.
  beforeAll(async () => {
    await start();
    expect(childrenOf(child.pid!)).toEqual([]);
    await open();
  });
  beforeEach(() => type(program));
  afterAll(stop);

  it('answers what an editor asks about C, with the target and the flags of the project', async () => {
    const [definition] = await ask<Location[]>('definition', at('shorten(&e'));
    expect(textAt(definition!)).toBe('shorten');
    expect(definition!.range.start.line).toBe(15);
    const [header] = await ask<Location[]>('definition', at('pid > most', 1));
    expect(decodeURIComponent(header!.uri)).toMatch(/my prögram\/include\/shared\.h$/);
    const [kernel] = await ask<Location[]>('definition', at('task_struct'));
    expect(kernel!.uri).toMatch(/\/cache\/vmlinux\/[^/]+\/vmlinux\.h$/);
    const [helper] = await ask<Location[]>('definition', at('bpf_get_current_task'));
    expect(helper!.uri).toMatch(/resources\/libbpf\/bpf\/bpf_helper_defs\.h$/);

    const context = { includeDeclaration: true };
    const references = await ask<Location[]>('references', { ...at('most)'), context });
    expect(references.map(textAt)).toEqual(['most', 'most', 'most']);

    const edit = await ask<WorkspaceEdit>('rename', { ...at('most)'), newName: 'limit' });
    const [edits] = Object.values(edit.changes!);
    expect(TextDocument.applyEdits(document, edits!)).toContain('return event->pid > limit ? limit : event->pid;');
    expect(await ask('prepareRename', at('return event'))).toBeNull();

    const symbols = await ask<DocumentSymbol[]>('documentSymbol', { textDocument: { uri } });
    expect(symbols.map((symbol) => symbol.name)).toEqual(expect.arrayContaining(['seen', 'shorten', 'on_exec']));

    const range = { start: { line: 0, character: 0 }, end: document.positionAt(program.length) };
    const hints = await ask<InlayHint[]>('inlayHint', { textDocument: { uri }, range });
    const labels = hints.map(({ label }) => (typeof label === 'string' ? label : label.map((l) => l.value).join('')));
    expect(labels).toContain('most:');
    expect(await ask('documentHighlight', at('most)'))).toHaveLength(3);
  });

  it('has our items first and the rest of C behind them, nothing twice', async () => {
    // Parsed once, it completes from what it has parsed.
    await ask('documentSymbol', { textDocument: { uri } });
    for (const words of ['task->', 'bpf_get_curr', 'e.']) {
      const found = names(await completed(words));
      expect(found.length, words).toBeGreaterThan(0);
      expect(new Set(found).size, words).toBe(found.length);
    }
    const fields = await completed('task->');
    expect(fields.find((item) => item.label === 'tgid')!.labelDetails!.description).toMatch(/^offset \d+/);
    const helpers = await completed('bpf_get_current_ta');
    expect(helpers[0]).toMatchObject({ label: 'bpf_get_current_task' });
    expect(helpers[0]!.labelDetails!.description).toMatch(/^since /);
    expect(names(await completed('shor'))).toContain('shorten');
    const [own, ...others] = (await completed('e.')).filter((item) => /pid/.test(item.label));
    expect(own).toMatchObject({ label: 'pid', detail: 'int pid' });
    expect(others).toEqual([]);
    // "." behind a pointer becomes "->": clangd knows, the description is ours.
    const arrow = (await completed('task.')).find((item) => item.label === 'tgid');
    expect(arrow!.textEdit!.newText).toBe('->tgid');
    expect(arrow!.labelDetails!.description).toMatch(/^offset /);
    // Places that only we understand are ours alone.
    const maps = await completed('} ; struct { __uint(type, BPF_MAP_TYPE_RING');
    expect(names(maps).every((name) => name.startsWith('BPF_MAP_TYPE_'))).toBe(true);
  });

  it('tells what we do not know, in hover and in arguments', async () => {
    const own = await ask<Hover>('hover', at('bpf_get_current_task'));
    expect((own.contents as { value: string }).value).toContain('Since');
    const theirs = await ask<Hover>('hover', at('shorten(&e'));
    expect((theirs.contents as { value: string }).value).toContain('shorten(struct event *event, int most)');
    const help = await ask<SignatureHelp>('signatureHelp', at('100)'));
    expect(help.signatures[0]!.label).toContain('shorten(struct event *event, int most)');
    expect(help.activeParameter).toBe(1);
    const helper = program.replace('shorten(&e, 100)', 'bpf_map_delete_elem(&seen, &e)');
    await type(helper);
    const ours = await ask<SignatureHelp>('signatureHelp', at('&e)'));
    expect(ours.signatures.map((each) => each.label)).toEqual([expect.stringContaining('bpf_map_delete_elem(')]);
  });

  it('lays a program out as the kernel does, or as the project says', async () => {
    const ugly = program.replace(/\t+return shorten\(&e, 100\);/, '  return   shorten( &e,100 );');
    await type(ugly);
    const options = { tabSize: 8, insertSpaces: false };
    const formatted = async (): Promise<string> => {
      const edits = await ask<TextEdit[]>('formatting', { textDocument: { uri }, options });
      return TextDocument.applyEdits(document, edits);
    };
    expect(await formatted()).toBe(program);
    const style = join(file, '..', '.clang-format');
    writeFileSync(style, 'BasedOnStyle: LLVM\nIndentWidth: 3\n');
    try {
      expect(await formatted()).toContain('\n   return shorten(&e, 100);');
    } finally {
      rmSync(style);
    }
  });

  it('leaves diagnostics to us: one for one mistake', async () => {
    await type(program.replace('task->tgid', 'task->tgidd'));
    await ask('documentSymbol', { textDocument: { uri } });
    const found = await until(() => published.get(document.version));
    expect(found.map(({ source, message }) => [source, message])).toEqual([
      ['clang', expect.stringContaining("no member named 'tgidd'")],
    ]);
  });

  it('is started again when it crashes, with what it was doing in the log', async () => {
    expect(await ask('documentSymbol', { textDocument: { uri } })).not.toBeNull();
    const [pid] = childrenOf(child.pid!);
    process.kill(pid!, 'SIGKILL');
    await said('clangd ended during');
    expect(log.find((line) => line.includes('clangd ended'))).toMatch(
      /during textDocument\/documentSymbol of file:.*probe\.bpf\.c with signal SIGKILL[^]*started again in 1 s/,
    );
    // Without it, ours goes on.
    expect(await ask('documentSymbol', { textDocument: { uri } })).toBeNull();
    expect((await completed('task->')).length).toBeGreaterThan(10);
    await until(() => (log.filter((line) => line.includes('clangd runs')).length === 2 ? true : undefined));
    expect(await ask('documentSymbol', { textDocument: { uri } })).not.toBeNull();
    expect(childrenOf(child.pid!)).not.toContain(pid);
  });
});

describe('without clangd', () => {
  afterEach(stop);

  it.each([
    ['where none is asked for', {}, null],
    ['where nothing may run', { trusted: false, clangd: { path: '' } }, null],
    ['where none is installed', { clangd: { path: '/nowhere/clangd' } }, 'clangd is not at /nowhere/clangd'],
  ])('starts none %s, and says what is ours', async (_where, options, words) => {
    await start(options);
    // Our own reading of the source answers; a layout of code is clangd's alone.
    expect(capabilities.definitionProvider).toBe(true);
    expect(capabilities.documentFormattingProvider).toBeUndefined();
    await open();
    expect((await completed('task->')).find((item) => item.label === 'tgid')).toBeDefined();
    expect(childrenOf(child.pid!)).toEqual([]);
    if (words !== null) await said(words);
  });
});
