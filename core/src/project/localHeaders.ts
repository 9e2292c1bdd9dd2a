/** The headers of its own that a program includes, found by reading: they go with it into a project. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { codeOnly } from './cText.ts';

export interface LocalHeader {
  /** Where it goes, relative to the project. */
  name: string;
  /** Its text, with its own includes as they are spelt there. */
  text: string;
}

export interface WithHeaders {
  /** The source's text, its includes as they are spelt in the project. */
  source: string;
  headers: LocalHeader[];
}

/** More are no program's own. */
const MOST_HEADERS = 200;
/** What the machine has: libbpf's headers and the kernel's. */
const systemFolders = /^(bpf|linux|asm|asm-generic|sys)\//;

/**
 * Follows `#include "…"`, and `<…>` as far as `folders` have it. What is above the source's folder is put beside it under its
 * own name, and its include line follows. vmlinux.h is made anew by every project.
 * @param folders where the project that the source comes from, and Ringside, look for headers; absolute
 */
export async function withLocalHeaders(file: string, source: string, folders: readonly string[]): Promise<WithHeaders> {
  const headers = new Map<string, LocalHeader>();
  const names = new Set<string>();
  const take = async (path: string, wanted: string): Promise<string> => {
    const known = headers.get(path);
    if (known) return known.name;
    let name = wanted;
    for (let i = 2; names.has(name); i++) name = wanted.replace(/(\.\w+)?$/, `_${i}$1`);
    names.add(name);
    const header = { name, text: '' };
    headers.set(path, header);
    header.text = await rewritten(path, await readFile(path, 'utf8'));
    return name;
  };
  const rewritten = async (path: string, text: string): Promise<string> => {
    let result = '';
    let done = 0;
    for (const { spelt, quoted, start, end } of includesOf(text)) {
      if (basename(spelt) === 'vmlinux.h' || (!quoted && systemFolders.test(spelt)) || headers.size >= MOST_HEADERS)
        continue;
      const found = await firstFile(
        [...(quoted ? [dirname(path)] : []), ...folders].map((folder) => join(folder, spelt)),
      );
      if (found === null) continue;
      const inner = normalize(spelt);
      const name = await take(found, inner.startsWith('..') || inner.startsWith('/') ? basename(inner) : inner);
      result += text.slice(done, start) + name;
      done = end;
    }
    return result + text.slice(done);
  };
  const text = await rewritten(file, source);
  return { source: text, headers: [...headers.values()] };
}

/** The names between the quotes of #include lines, with their places. */
function includesOf(text: string): { spelt: string; quoted: boolean; start: number; end: number }[] {
  const code = codeOnly(text);
  return [...text.matchAll(/^([ \t]*#[ \t]*include[ \t]*)(?:"([^"\n]+)"|<([^>\n]+)>)/gm)]
    .filter((match) => code.slice(match.index, match.index + match[1]!.length).includes('include'))
    .map((match) => {
      const spelt = match[2] ?? match[3]!;
      const start = match.index + match[1]!.length + 1;
      return { spelt, quoted: match[2] !== undefined, start, end: start + spelt.length };
    });
}

async function firstFile(paths: string[]): Promise<string | null> {
  for (const path of paths) {
    const found = await readFile(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}
