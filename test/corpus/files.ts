/** Which files of a folder are BPF programs: sources with programs in SEC(…), and objects for the BPF machine. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';

const SKIPPED = new Set(['node_modules', 'target', 'dist']);
const EM_BPF = 247;
/** A larger source is data that somebody generated. */
const LARGEST_SOURCE = 4 << 20;
/** Sections that hold no program. */
const NO_PROGRAM = /^(license|version|\.?maps|\.(r?o?data|bss|struct_ops|ksyms|kconfig)\b.*)$/;

export interface CorpusFile {
  path: string;
  kind: 'source' | 'object';
}

export interface Corpus {
  files: CorpusFile[];
  /** Sources for BCC's own compiler, which rewrites C: they are no programs for libbpf, and nothing here counts them. */
  bcc: string[];
  /** Folders and files that could not be read, and why. */
  unreadable: string[];
}

/** Files as given, folders recursively; in a stable order. Errors: what the file system says of a place that is not there. */
export function corpusFiles(places: readonly string[]): Corpus {
  const found = new Map<string, CorpusFile>();
  const corpus: Corpus = { files: [], bcc: [], unreadable: [] };
  const included = new Set<string>();
  for (const place of places) {
    for (const path of statSync(place).isDirectory() ? below(place, corpus.unreadable) : [place]) {
      try {
        const kind = kindOf(path, included);
        if (kind === 'bcc') corpus.bcc.push(path);
        else if (kind !== null) found.set(path, { path, kind });
      } catch (error) {
        corpus.unreadable.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  corpus.files = [...found.values()]
    .filter((f) => places.includes(f.path) || !included.has(f.path))
    .sort((a, b) => a.path.localeCompare(b.path));
  return corpus;
}

/** The folder that all these files lie in: their names are shown from there. */
export function commonFolder(paths: readonly string[]): string {
  const parts = paths.map((path) => dirname(path).split(sep));
  const first = parts[0] ?? [];
  const same = first.findIndex((part, i) => parts.some((other) => other[i] !== part));
  return (same < 0 ? first : first.slice(0, same)).join(sep) || sep;
}

function below(folder: string, unreadable: string[]): string[] {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    unreadable.push(`${folder}: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name.startsWith('.') || SKIPPED.has(entry.name) ? [] : below(path, unreadable);
    return entry.isFile() ? [path] : [];
  });
}

/** `included` gets the C files that this one includes: parts of it, not programs of their own. */
function kindOf(path: string, included: Set<string>): CorpusFile['kind'] | 'bcc' | null {
  if (/\.o$/.test(path)) return isBpfObject(path) ? 'object' : null;
  if (!/\.c$/.test(path) || statSync(path).size > LARGEST_SOURCE) return null;
  const text = readFileSync(path, 'utf8');
  for (const [, name] of text.matchAll(/^\s*#\s*include\s*"([^"]+\.c)"/gm)) included.add(join(dirname(path), name!));
  const program = hasProgram(text);
  if (path.endsWith('.bpf.c')) return !program && isForBcc(text) ? 'bcc' : 'source';
  return program ? 'source' : null;
}

function hasProgram(text: string): boolean {
  return [...text.matchAll(/^\s*SEC\s*\(\s*"([^"]+)"/gm)].some(([, name]) => !NO_PROGRAM.test(name!));
}

function isForBcc(text: string): boolean {
  return /#include\s*<(bcc\/|uapi\/linux)|\bBPF_(HASH|PERF_OUTPUT|TABLE|RINGBUF_OUTPUT|PROG_ARRAY)\s*\(/.test(text);
}

function isBpfObject(path: string): boolean {
  const head = Buffer.alloc(20);
  const file = openSync(path, 'r');
  try {
    if (readSync(file, head, 0, 20, 0) < 20) return false;
  } finally {
    closeSync(file);
  }
  return head.toString('latin1', 0, 4) === '\x7fELF' && [head.readUInt16LE(18), head.readUInt16BE(18)].includes(EM_BPF);
}

/** What people call a file of a corpus: from the common folder. */
export const shortName = (path: string, base: string): string =>
  path.startsWith(base + sep) ? path.slice(base.length + 1) : basename(path);
