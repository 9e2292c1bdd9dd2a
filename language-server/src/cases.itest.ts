/** The server as an editor sees it: one process, asked about a table of sources; the answers are in test/golden. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type CodeAction,
  type CompletionItem,
  type CompletionList,
  type Diagnostic,
  type DocumentSymbol,
  type FoldingRange,
  type Hover,
  type Location,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  type SignatureHelp,
  type SymbolInformation,
  type TextEdit,
  type WorkspaceEdit,
} from 'vscode-languageserver-protocol/node.js';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { navigationCases, renameCases, scriptCases } from '../test/navigationCases.ts';
import { checkCases, completionCases, hoverCases, signatureCases, type Case } from '../test/cases.ts';
import { actionCases, noActionCases, type ActionCase } from '../test/actionCases.ts';
import { olderKernel, smallKernel } from '../test/kernels.ts';
import { targetNotification } from './protocol.ts';

const root = join(import.meta.dirname, '../..');
const golden = join(import.meta.dirname, '../test/golden');
const updating = process.env['UPDATE_GOLDEN'] === '1';

interface Server {
  child: ChildProcess;
  connection: ProtocolConnection;
  published: Map<string, Diagnostic[]>;
  wake: (() => void)[];
}

let folder: string;
let alone: Server;
let beside: Server;
let several: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-cases-'));
  cpSync(join(root, 'core/resources'), join(folder, 'dist/resources'), { recursive: true });
  await build({
    entryPoints: [join(root, 'language-server/src/main.ts')],
    outfile: join(folder, 'dist/language-server.js'),
    ...{ bundle: true, platform: 'node', format: 'cjs', target: 'node20', logLevel: 'error' },
  });
  const target = await smallKernel(folder);
  const others = { others: [await olderKernel(folder), { ...target, host: 'web3', cached: true }] };
  const started = [start(target, true), start(target, false), start({ ...target, ...others }, true)] as const;
  [alone, beside, several] = await Promise.all(started);
});
afterAll(async () => {
  for (const { child, connection } of [alone, beside, several]) {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await connection.sendRequest('shutdown');
    await connection.sendNotification('exit');
    await gone;
    connection.dispose();
  }
  rmSync(folder, { recursive: true, force: true });
});

async function start(target: object, genericC: boolean): Promise<Server> {
  const child = spawn(process.execPath, [join(folder, 'dist/language-server.js'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const connection = createProtocolConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  const server: Server = { child, connection, published: new Map(), wake: [] };
  connection.onNotification('textDocument/publishDiagnostics', ({ uri, diagnostics }: PublishDiagnosticsParams) => {
    server.published.set(uri, diagnostics);
    server.wake.splice(0).forEach((done) => done());
  });
  connection.listen();
  await connection.sendRequest('initialize', {
    ...{ processId: process.pid, rootUri: null, capabilities: {} },
    initializationOptions: {
      ...{ resourceDir: join(folder, 'dist'), cacheDir: join(folder, 'cache'), compilerPath: '' },
      // No compiler: what is told is ours alone.
      ...{ trusted: false, debounceMs: 0, genericC },
    },
  });
  await connection.sendNotification('initialized', {});
  await connection.sendNotification(targetNotification, target);
  return server;
}

let opened = 0;

/** Opens the case's source, asks, closes it. */
async function withSource<T>(
  each: Case,
  ask: (
    server: Server,
    uri: string,
    document: TextDocument,
    position: { line: number; character: number },
  ) => Promise<T>,
): Promise<T> {
  const server = each.hosts === true ? several : each.clangd === true ? beside : alone;
  const uri = pathToFileURL(join(folder, `case ${++opened}.${each.extension ?? 'bpf.c'}`)).href;
  const at = each.text.indexOf('‸');
  const text = each.text.replace('‸', '');
  const document = TextDocument.create(uri, 'c', 1, text);
  await server.connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri, languageId: each.extension === 'bt' ? 'bpftrace' : 'c', version: 1, text },
  });
  const answer = await ask(server, uri, document, document.positionAt(Math.max(0, at)));
  await server.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  return answer;
}

function compare(feature: string, answers: Record<string, unknown>): void {
  const path = join(golden, `${feature}.json`);
  if (updating) {
    mkdirSync(golden, { recursive: true });
    writeFileSync(path, `${JSON.stringify(answers, null, 2)}\n`);
  }
  expect(existsSync(path), `${path}: run once with UPDATE_GOLDEN=1 and read what it wrote`).toBe(true);
  expect(answers).toEqual(JSON.parse(readFileSync(path, 'utf8')));
}

async function all<T, C extends Case>(cases: readonly C[], ask: (each: C) => Promise<T>): Promise<Record<string, T>> {
  expect(new Set(cases.map((each) => each.name)).size, 'names are unique').toBe(cases.length);
  const answers: Record<string, T> = {};
  for (const each of cases) answers[each.name] = await ask(each);
  return answers;
}

const SHOWN = 12;

const lineOf = (document: TextDocument, line: number): string => document.getText().split('\n')[line]!.trim();

function itemText(item: CompletionItem): string {
  const edit = item.textEdit as TextEdit | undefined;
  const inserted = edit?.newText === item.label ? '' : (edit?.newText ?? '');
  const beside = item.additionalTextEdits?.map(({ newText }) => `and ${newText.trim()}`) ?? [];
  const parts = [item.label, item.detail ?? '', item.labelDetails?.description ?? '', inserted, ...beside];
  return parts.filter(Boolean).join(' | ');
}

describe('cases of the language server', () => {
  it('there are enough of them', () => {
    expect(
      completionCases.length + hoverCases.length + signatureCases.length + checkCases.length,
    ).toBeGreaterThanOrEqual(120);
  });

  it('completes', async () => {
    const answers = await all(completionCases, (each) =>
      withSource(each, async ({ connection }, uri, _document, position) => {
        const list = await connection.sendRequest<CompletionList>('textDocument/completion', {
          textDocument: { uri },
          position,
        });
        const sorted = [...list.items].sort((a, b) => ((a.sortText ?? a.label) < (b.sortText ?? b.label) ? -1 : 1));
        // What an edit replaces has to hold the cursor, on one line: editors refuse any other.
        for (const { textEdit } of list.items) {
          const range = (textEdit as TextEdit | undefined)?.range;
          if (range)
            expect([
              range.start.line,
              range.end.line,
              range.start.character <= position.character && position.character <= range.end.character,
            ]).toEqual([position.line, position.line, true]);
        }
        const more = sorted.length > SHOWN ? [`… ${sorted.length} in all`] : [];
        return [...sorted.slice(0, SHOWN).map(itemText), ...more];
      }),
    );
    compare('completion', answers);
  });

  it('tells what is under the pointer', async () => {
    const answers = await all(hoverCases, (each) =>
      withSource(each, async ({ connection }, uri, document, position) => {
        const hover = await connection.sendRequest<Hover | null>('textDocument/hover', {
          textDocument: { uri },
          position,
        });
        return (
          hover && { of: document.getText(hover.range), text: (hover.contents as { value: string }).value.split('\n') }
        );
      }),
    );
    compare('hover', answers);
  });

  it('goes to what a word stands for, and finds where else it stands', async () => {
    const answers = await all(navigationCases, (each) =>
      withSource(each, async ({ connection }, uri, document, position) => {
        const where = { textDocument: { uri }, position };
        const definition = await connection.sendRequest<Location | null>('textDocument/definition', where);
        const context = { includeDeclaration: true };
        const references = await connection.sendRequest<Location[]>('textDocument/references', { ...where, context });
        const shown = ({ range }: Location): string => `${range.start.line + 1}: ${lineOf(document, range.start.line)}`;
        const isHere = definition?.uri === uri;
        const elsewhere = definition && !isHere ? definition.uri.split('/').at(-1)! : null;
        return { definition: isHere ? shown(definition) : elsewhere, references: references.map(shown) };
      }),
    );
    compare('navigation', answers);
  });

  it('renames what it knows, and says why not else', async () => {
    const answers = await all(renameCases, (each) =>
      withSource(each, async ({ connection }, uri, document, position) => {
        const params = { textDocument: { uri }, position, newName: each.to ?? 'renamed' };
        try {
          const edit = await connection.sendRequest<WorkspaceEdit | null>('textDocument/rename', params);
          return difference(document.getText(), TextDocument.applyEdits(document, edit?.changes?.[uri] ?? []));
        } catch (error) {
          return (error as Error).message;
        }
      }),
    );
    compare('rename', answers);
  });

  it('outlines and folds a source', async () => {
    const [each] = navigationCases;
    const outlined = await withSource(each!, async ({ connection }, uri) => {
      const textDocument = { uri };
      const symbols = await connection.sendRequest<DocumentSymbol[]>('textDocument/documentSymbol', { textDocument });
      const folds = await connection.sendRequest<FoldingRange[]>('textDocument/foldingRange', { textDocument });
      const lines = symbols.map(({ name, detail, range, children }) => {
        const inner = children?.map((child) => child.name).join(' ') ?? '';
        return `${range.start.line + 1}-${range.end.line + 1} ${name} | ${detail ?? ''} | ${inner}`;
      });
      return { symbols: lines, folds: folds.map(({ startLine, endLine }) => `${startLine + 1}-${endLine + 1}`) };
    });
    compare('outline', { source: outlined });
  });

  it('finds symbols of the workspace, also of what is only typed so far', async () => {
    const programs = join(folder, 'programs');
    mkdirSync(programs);
    writeFileSync(join(programs, 'other.bpf.c'), 'enum other { OTHER_EVENTS };\nint other_events;\n');
    const added = [{ uri: pathToFileURL(programs).href, name: 'programs' }];
    await alone.connection.sendNotification('workspace/didChangeWorkspaceFolders', { event: { added, removed: [] } });
    const answers: Record<string, string[]> = {};
    await withSource(navigationCases[0]!, async ({ connection }) => {
      for (const query of ['event', 'evt', 'GREEN', 'on_read', 'LIMIT', 'nowhere']) {
        const found = await connection.sendRequest<SymbolInformation[]>('workspace/symbol', { query });
        answers[query] = found.map(({ name, containerName = '', location: { uri, range } }) => {
          const file = uri.endsWith('other.bpf.c') ? 'other' : 'typed';
          return `${file}:${range.start.line + 1}:${range.start.character + 1} ${name} | ${containerName}`;
        });
      }
    });
    compare('symbols', answers);
  });

  it('leaves all of that to another C tool', async () => {
    const [each] = navigationCases;
    const asked = withSource({ ...each!, clangd: true }, ({ connection }, uri, _document, position) =>
      connection.sendRequest('textDocument/definition', { textDocument: { uri }, position }),
    );
    await expect(asked).rejects.toThrow(/Unhandled method/);
  });

  it('knows bpftrace scripts', async () => {
    const answers = await all(scriptCases, (each) =>
      withSource({ ...each, extension: 'bt' }, async ({ connection }, uri, _document, position) => {
        const where = { textDocument: { uri }, position };
        if (each.hover) {
          const hover = await connection.sendRequest<Hover | null>('textDocument/hover', where);
          return hover && (hover.contents as { value: string }).value.split('\n');
        }
        const list = await connection.sendRequest<CompletionList>('textDocument/completion', where);
        return list.items.slice(0, SHOWN).map(itemText);
      }),
    );
    compare('scripts', answers);
  });

  it('helps with arguments', async () => {
    const answers = await all(signatureCases, (each) =>
      withSource(each, async ({ connection }, uri, _document, position) => {
        const help = await connection.sendRequest<SignatureHelp | null>('textDocument/signatureHelp', {
          textDocument: { uri },
          position,
        });
        const signature = help?.signatures[0];
        return signature
          ? { label: signature.label, active: signature.parameters?.[help.activeParameter ?? 0]?.label ?? null }
          : null;
      }),
    );
    compare('signature', answers);
  });

  it('finds mistakes and repairs them', async () => {
    const answers = await all(checkCases, (each) =>
      withSource(each, async (server, uri, document) => {
        const found = await findingsOf(server, uri);
        const lines = [];
        for (const { code, message, range } of found) {
          const actions = await server.connection.sendRequest<CodeAction[]>('textDocument/codeAction', {
            textDocument: { uri },
            range,
            context: { diagnostics: found },
          });
          const own = actions.filter((action) => action.diagnostics?.[0]?.message === message);
          const first = own[0]?.edit?.changes?.[uri];
          const repaired = first ? TextDocument.applyEdits(document, first) : null;
          const fixes = own.map((action) => action.title);
          lines.push({
            code,
            at: document.getText(range),
            message,
            fixes,
            ...(repaired !== null && { repaired: difference(document.getText(), repaired) }),
          });
        }
        return lines;
      }),
    );
    compare('checks', answers);
  });

  it('repairs a misspelt function so that nothing is left to say', async () => {
    const text = checkCases[0]!.text;
    const repaired = text.replace('vfs_raed', 'vfs_read');
    const found = await withSource({ name: '', text: repaired }, ({ connection }, uri) =>
      connection.sendRequest<CodeAction[]>('textDocument/codeAction', {
        textDocument: { uri },
        range: { start: { line: 0, character: 0 }, end: { line: 99, character: 0 } },
        context: { diagnostics: [] },
      }),
    );
    expect(found).toEqual([]);
  });

  it('does to a source what is asked for, or says why not', async () => {
    const answers = await all(actionCases, async (each) => {
      const { action, text } = await actionOf(each);
      expect(action, `${each.name}: ${each.action}`).toBeDefined();
      const edits = action!.edit?.changes?.[uriOf(action!)] ?? [];
      const done = TextDocument.applyEdits(TextDocument.create('', 'c', 1, text), edits);
      return action!.disabled
        ? { title: action!.title, kind: action!.kind, disabled: action!.disabled.reason }
        : { title: action!.title, kind: action!.kind, done: difference(text, done) };
    });
    compare('actions', answers);
  });

  it('offers nothing where nothing is to be done', async () => {
    for (const each of noActionCases) expect((await actionOf(each)).action, each.name).toBeUndefined();
  });

  it('offers only the kinds that are asked for', async () => {
    const extract = actionCases.find((each) => each.action.startsWith('Extract'))!;
    const titles = async (only: string[]) => (await offered(extract, only)).actions.map((action) => action.kind);
    expect(new Set(await titles(['refactor']))).toEqual(new Set(['refactor.extract']));
    expect(await titles(['quickfix'])).toEqual([]);
  });

  it('marks what is known from before when the host is gone', async () => {
    const { connection } = beside;
    const target = { ...(await smallKernel(folder)), cached: true };
    await connection.sendNotification(targetNotification, target);
    const each = { name: '', text: 'SEC("kprobe/vfs_re‸")\n', clangd: true };
    const list = await withSource(each, (server, uri, _document, position) =>
      server.connection.sendRequest<CompletionList>('textDocument/completion', { textDocument: { uri }, position }),
    );
    expect(list.items.map((item) => item.labelDetails?.description)).toEqual(['cached: web1']);
  });
});

async function offered(each: Case, only?: string[]): Promise<{ actions: CodeAction[]; text: string }> {
  const [first, second] = [each.text.indexOf('‸'), each.text.lastIndexOf('‸')];
  const text = each.text.replaceAll('‸', '');
  const actions = await withSource({ ...each, text }, ({ connection }, uri, document) =>
    connection.sendRequest<CodeAction[]>('textDocument/codeAction', {
      textDocument: { uri },
      range: {
        start: document.positionAt(first),
        end: document.positionAt(second > first ? second - 1 : first),
      },
      context: { diagnostics: [], ...(only && { only }) },
    }),
  );
  return { actions, text };
}

async function actionOf(each: ActionCase): Promise<{ action: CodeAction | undefined; text: string }> {
  const { actions, text } = await offered(each);
  const isOurs = (action: CodeAction): boolean =>
    action.diagnostics === undefined && action.title.includes(each.action);
  return { action: actions.find(isOurs), text };
}

const uriOf = (action: CodeAction): string => Object.keys(action.edit?.changes ?? {})[0] ?? '';

/** Our findings: without any the server has nothing to publish, so a source that has some is opened with it. */
async function findingsOf(server: Server, uri: string): Promise<Diagnostic[]> {
  const marker = pathToFileURL(join(folder, `marker ${opened}.bpf.c`)).href;
  const text =
    'SEC("kprobe/vfs_raed")\nint p(struct pt_regs *ctx)\n{\n\treturn 0;\n}\nchar L[] SEC("license") = "GPL";\n';
  await server.connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri: marker, languageId: 'c', version: 1, text },
  });
  while (!server.published.has(marker)) await new Promise<void>((resolve) => server.wake.push(resolve));
  await server.connection.sendNotification('textDocument/didClose', { textDocument: { uri: marker } });
  return server.published.get(uri) ?? [];
}

/** The lines that are not the same: "- old", "+ new". */
function difference(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let from = 0;
  while (from < old.length && old[from] === now[from]) from++;
  let back = 0;
  while (back < old.length - from && back < now.length - from && old.at(-1 - back) === now.at(-1 - back)) back++;
  return [
    ...old.slice(from, old.length - back).map((line) => `- ${line}`),
    ...now.slice(from, now.length - back).map((line) => `+ ${line}`),
  ];
}
