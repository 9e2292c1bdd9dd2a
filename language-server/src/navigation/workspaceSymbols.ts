/** Programs, functions, maps, types, constants and macros of all sources of the workspace, by a part of their name. */
import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { CancellationToken, DocumentSymbol, SymbolInformation } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { parse } from '../c/parse.ts';
import { outline } from './outline.ts';

/** What is looked at and given at most: a workspace may be a whole disk. */
const limits = { folders: 4000, files: 1000, bytes: 256 << 10, symbols: 500 };

/** Folders that hold what others have made. */
const skipped = /^(\..*|node_modules|target|vendor|third_party)$/;
/** Sources by name; whatever of another name is open, its symbols are found while it is. */
const wanted = /(\.bpf\.c|\.h)$/;
/** Made from a kernel's BTF: its types are found by the kernel, and they are a hundred thousand. */
const generated = /^(vmlinux.*|.*\.skel)\.h$/;

interface Kept {
  mtimeMs: number;
  size: number;
  symbols: SymbolInformation[];
}

export class WorkspaceSymbols {
  private readonly kept = new Map<string, Kept>();
  private folders: string[] = [];

  /** `open`: the programs that are open, as they are in the editor. */
  constructor(private readonly open: () => TextDocument[]) {}

  /** Which folders the workspace has, as URIs; those that are no local files are left out. */
  setFolders(uris: readonly string[]): void {
    this.folders = uris.flatMap((uri) => pathOf(uri) ?? []);
  }

  changeFolders(added: readonly string[], removed: readonly string[]): void {
    const gone = new Set(removed.flatMap((uri) => pathOf(uri) ?? []));
    const kept = this.folders.filter((folder) => !gone.has(folder));
    this.folders = [...new Set([...kept, ...added.flatMap((uri) => pathOf(uri) ?? [])])];
  }

  /** Best matches first; an empty query gives whatever is read first, up to the limit. */
  async find(query: string, token: CancellationToken): Promise<SymbolInformation[]> {
    const open = new Map(this.open().map((document) => [document.uri, document]));
    const found = [...open.values()].flatMap((document) => symbolsOf(document));
    const paths = await this.sources(token);
    for (const path of this.kept.keys()) if (!paths.has(path)) this.kept.delete(path);
    for (const path of paths) {
      if (token.isCancellationRequested) return [];
      if (!open.has(pathToFileURL(path).href)) found.push(...(await this.read(path)));
    }
    return found
      .map((symbol) => ({ symbol, rank: rank(symbol.name, query) }))
      .filter(({ rank }) => rank !== null)
      .sort((a, b) => a.rank! - b.rank! || compare(a.symbol.name, b.symbol.name))
      .slice(0, limits.symbols)
      .map(({ symbol }) => symbol);
  }

  private async read(path: string): Promise<SymbolInformation[]> {
    try {
      const { mtimeMs, size } = await stat(path);
      const kept = this.kept.get(path);
      if (kept?.mtimeMs === mtimeMs && kept.size === size) return kept.symbols;
      const text = size > limits.bytes ? '' : await readFile(path, 'utf8');
      const symbols = symbolsOf(TextDocument.create(pathToFileURL(path).href, 'c', 0, text));
      this.kept.set(path, { mtimeMs, size, symbols });
      return symbols;
    } catch {
      return []; // gone since it was listed, or not to be read
    }
  }

  private async sources(token: CancellationToken): Promise<Set<string>> {
    const found = new Set<string>();
    const folders = [...this.folders];
    for (let at = 0; at < folders.length && at < limits.folders; at++) {
      if (token.isCancellationRequested || found.size >= limits.files) break;
      const folder = folders[at]!;
      for (const entry of await entriesOf(folder)) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && !skipped.test(entry.name)) folders.push(path);
        const isSource = entry.isFile() && wanted.test(entry.name) && !generated.test(entry.name);
        if (isSource && found.size < limits.files) found.add(path);
      }
    }
    return found;
  }
}

function pathOf(uri: string): string | null {
  try {
    return fileURLToPath(uri);
  } catch {
    return null; // not of this machine
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.sort((a, b) => compare(a.name, b.name));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function symbolsOf(document: TextDocument): SymbolInformation[] {
  const rangeOf = (start: number, end: number) => ({
    start: document.positionAt(start),
    end: document.positionAt(end),
  });
  const source = parse(document.getText());
  const flat = (symbol: DocumentSymbol, within?: string): SymbolInformation[] => [
    {
      ...{ name: symbol.name, kind: symbol.kind },
      location: { uri: document.uri, range: symbol.selectionRange },
      ...(within === undefined ? {} : { containerName: within }),
    },
    ...(symbol.children ?? []).flatMap((child) => flat(child, symbol.name)),
  ];
  return outline({ source }, rangeOf).flatMap((symbol) => flat(symbol));
}

/** How well a name fits: the name itself, its beginning, a part, its letters in order; null where it does not. */
export function rank(name: string, query: string): number | null {
  const [has, wants] = [name.toLowerCase(), query.toLowerCase().replaceAll(/\s/g, '')];
  if (has === wants) return 0;
  if (has.startsWith(wants)) return 1;
  if (has.includes(wants)) return 2;
  let at = 0;
  for (const letter of wants) {
    at = has.indexOf(letter, at) + 1;
    if (at === 0) return null;
  }
  return 3;
}
