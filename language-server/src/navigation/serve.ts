/** Definition, references, rename, outline and folding from our own reading of the source, where no clangd answers. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  DidChangeWorkspaceFoldersNotification,
  ErrorCodes,
  ResponseError,
  type Connection,
  type Location,
  type Position,
  type Range,
  type ServerCapabilities,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import type { Analysis } from '../analysis.ts';
import type { Authoring } from '../authoring.ts';
import { tokenAt } from '../features/actions/place.ts';
import { placeOfEnumerator, placeOfHelper, placeOfType } from './headers.ts';
import { folding, outline } from './outline.ts';
import { badName, refusal } from './rename.ts';
import type { WorkspaceSymbols } from './workspaceSymbols.ts';
import { meaningOf, occurrences, type Meaning } from './symbols.ts';

/** Ours beside clangd too, which knows the files that were opened only. */
export const workspaceSymbolCapabilities: ServerCapabilities = {
  workspaceSymbolProvider: true,
  workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
};

export const navigationCapabilities: ServerCapabilities = {
  ...{ definitionProvider: true, referencesProvider: true, documentHighlightProvider: true },
  ...{ documentSymbolProvider: true, foldingRangeProvider: true, renameProvider: { prepareProvider: true } },
  ...workspaceSymbolCapabilities,
};

export interface NavigationServices {
  authoring(): Authoring | undefined;
  /** Path of the kernel's header. Error: `no-vmlinux`. */
  header(): Promise<string>;
  resourceDir: string;
}

interface Word {
  name: string;
  meaning: Meaning;
  range: Range;
  places: { start: number; range: Range }[];
  /** Why it cannot be renamed. */
  refused: string | null;
  bad(name: string): string | null;
  /** Of the header that declares it; null for the source. */
  file: string | null;
}

export function serveWorkspaceSymbols(connection: Connection, symbols: WorkspaceSymbols): void {
  connection.onWorkspaceSymbol(({ query }, token) => symbols.find(query, token));
  connection.onNotification(DidChangeWorkspaceFoldersNotification.type, ({ event: { added, removed } }) =>
    symbols.changeFolders(
      added.map(({ uri }) => uri),
      removed.map(({ uri }) => uri),
    ),
  );
}

export function serveNavigation(connection: Connection, services: NavigationServices): void {
  const wordAt = async (uri: string, position: Position): Promise<Word | null> =>
    (await services.authoring()?.at('navigation', uri, position, wordOf)) ?? null;

  connection.onDefinition(async ({ textDocument: { uri }, position }) => {
    const word = await wordAt(uri, position);
    return word && definition(word, uri, services);
  });
  connection.onReferences(async ({ textDocument: { uri }, position, context }) => {
    const word = await wordAt(uri, position);
    if (!word) return null;
    const { meaning } = word;
    const isDeclaration = (start: number): boolean =>
      'start' in meaning && meaning.model === 0 && meaning.start === start;
    return word.places
      .filter(({ start }) => context.includeDeclaration || !isDeclaration(start))
      .map(({ range }): Location => ({ uri, range }));
  });
  connection.onDocumentHighlight(async ({ textDocument: { uri }, position }) => {
    const word = await wordAt(uri, position);
    return word && word.places.map(({ range }) => ({ range }));
  });
  connection.onPrepareRename(async ({ textDocument: { uri }, position }) => {
    const word = await wordAt(uri, position);
    if (!word) return null;
    if (word.refused !== null) throw new ResponseError(ErrorCodes.InvalidRequest, word.refused);
    return { range: word.range, placeholder: word.name };
  });
  connection.onRenameRequest(async ({ textDocument: { uri }, position, newName }) => {
    const word = await wordAt(uri, position);
    if (!word || newName === word.name) return null;
    const refused = word.refused ?? word.bad(newName);
    if (refused !== null) throw new ResponseError(ErrorCodes.InvalidRequest, refused);
    return { changes: { [uri]: word.places.map(({ range }) => ({ range, newText: newName })) } };
  });
  const first = { line: 0, character: 0 };
  connection.onDocumentSymbol(({ textDocument: { uri } }) =>
    services.authoring()?.at('outline', uri, first, (analysis, _offset, rangeOf) => outline(analysis, rangeOf)),
  );
  connection.onFoldingRanges(({ textDocument: { uri } }) =>
    services.authoring()?.at('folding', uri, first, (analysis, _offset, rangeOf) => folding(analysis, rangeOf)),
  );
}

function wordOf(analysis: Analysis, offset: number, rangeOf: (start: number, end: number) => Range): Word | null {
  const { tokens } = analysis.source;
  let index = tokenAt(tokens, offset);
  if (index > 0 && tokens[index]!.start === offset && !/^\w/.test(tokens[index]!.text)) index--;
  const token = tokens[index];
  if (!token || token.end < offset || !/^[A-Za-z_]/.test(token.text)) return null;
  const name = token.text;
  const meaning = meaningOf(analysis, index);
  const places = occurrences(analysis, meaning, name).map((at) => {
    const { start, end } = tokens[at]!;
    return { start, range: rangeOf(start, end) };
  });
  return {
    ...{ name, meaning, places, range: rangeOf(token.start, token.end), refused: refusal(analysis, meaning, name) },
    bad: (wanted) => badName(analysis, wanted),
    file: 'model' in meaning && meaning.model > 0 ? (analysis.files[meaning.model] ?? null) : null,
  };
}

async function definition(
  { meaning, file, name }: Word,
  uri: string,
  services: NavigationServices,
): Promise<Location | null> {
  if (meaning.kind === 'kernel' || meaning.kind === 'kernelConstant') {
    const path = await services.header().catch(() => null);
    const find = (text: string): number | null =>
      meaning.kind === 'kernel'
        ? placeOfType(text, meaning.type, meaning.field)
        : placeOfEnumerator(text, meaning.name);
    return path === null ? null : inFile(path, find, 0);
  }
  if (meaning.kind === 'helper') {
    const path = join(services.resourceDir, 'resources/libbpf/bpf/bpf_helper_defs.h');
    return inFile(path, (text) => placeOfHelper(text, meaning.name), name.length);
  }
  if (!('start' in meaning)) return null;
  if (file !== null) return inFile(file, () => meaning.start, 0);
  const range = await services
    .authoring()
    ?.at('definition', uri, { line: 0, character: 0 }, (_analysis, _offset, rangeOf) =>
      rangeOf(meaning.start, meaning.start + meaning.name.length),
    );
  return range ? { uri, range } : null;
}

async function inFile(path: string, find: (text: string) => number | null, length: number): Promise<Location | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  const at = text === null ? null : find(text);
  if (text === null || at === null) return null;
  const document = TextDocument.create('', 'c', 0, text);
  return {
    uri: pathToFileURL(path).href,
    range: { start: document.positionAt(at), end: document.positionAt(at + length) },
  };
}
