/** Which files of a folder are BPF programs: sources with SEC(…), and objects for the BPF machine. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

const SKIPPED = new Set(['node_modules', 'target', 'dist']);
const EM_BPF = 247;

export interface CorpusFile {
  path: string;
  kind: 'source' | 'object';
}

/** Files as given, folders recursively; in a stable order. Errors: what the file system says of a place that is not there. */
export function corpusFiles(places: readonly string[]): CorpusFile[] {
  const found = new Map<string, CorpusFile>();
  for (const place of places) {
    for (const path of statSync(place).isDirectory() ? below(place) : [place]) {
      const kind = kindOf(path);
      if (kind !== null) found.set(path, { path, kind });
    }
  }
  return [...found.values()].sort((a, b) => a.path.localeCompare(b.path));
}

function below(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name.startsWith('.') || SKIPPED.has(entry.name) ? [] : below(path);
    return entry.isFile() ? [path] : [];
  });
}

function kindOf(path: string): CorpusFile['kind'] | null {
  if (/\.bpf\.c$/.test(path)) return 'source';
  if (/\.c$/.test(path)) return hasSections(readFileSync(path, 'utf8')) ? 'source' : null;
  return /\.o$/.test(path) && isBpfObject(path) ? 'object' : null;
}

/** A program of its own, not a file that others include: it has sections and says its licence. */
function hasSections(text: string): boolean {
  return /^\s*SEC\s*\(\s*"/m.test(text) && /SEC\s*\(\s*"license"\s*\)/.test(text);
}

function isBpfObject(path: string): boolean {
  const head = Buffer.alloc(20);
  const file = openSync(path, 'r');
  try {
    if (readSync(file, head, 0, 20, 0) < 20) return false;
  } finally {
    closeSync(file);
  }
  return head.toString('latin1', 0, 4) === '\x7fELF' && head.readUInt16LE(18) === EM_BPF;
}
