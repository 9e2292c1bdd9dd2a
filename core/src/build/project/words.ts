/** Command lines as data: split as a shell would, flags picked out. */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ProjectFlags } from './index.ts';

const MOST_BYTES = 4 << 20;

/** A text file of a sensible size; null when there is none. */
export function readText(path: string): string | null {
  try {
    const { size } = statSync(path);
    return size > MOST_BYTES ? null : readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Words of a line of shell: quotes and backslashes taken away, nothing expanded. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (c === "'" || c === '"') {
      const quote = c;
      word ??= '';
      for (i++; i < line.length && line[i] !== quote; i++) {
        if (quote === '"' && line[i] === '\\' && i + 1 < line.length) i++;
        word += line[i]!;
      }
    } else if (/\s/.test(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      if (c === '\\' && i + 1 < line.length) i++;
      word = (word ?? '') + line[i]!;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

const FOLDER_FLAGS = ['-isystem', '-iquote', '-idirafter', '-I'];
const OTHER_FLAGS = ['-include', '-imacros', '-D', '-U'];

/** Include folders (those that exist) and definitions among the words; `folder` is where relative paths start. */
export function flagsOf(words: readonly string[], folder: string, from: string): ProjectFlags {
  const found: ProjectFlags = { includes: [], defines: [], from: [from] };
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const flag = [...FOLDER_FLAGS, ...OTHER_FLAGS].find((f) => word.startsWith(f));
    if (flag === undefined) continue;
    const value = word === flag ? words[++i] : word.slice(flag.length);
    if (value === undefined || value === '' || UNKNOWN.test(value)) continue;
    if (FOLDER_FLAGS.includes(flag)) addFolder(found, resolve(folder, value));
    else if (flag === '-D' || flag === '-U') {
      if (/^[A-Za-z_]\w*(\(|=|$)/.test(value) && !RESERVED.test(value)) found.defines.push(flag + value);
    } else found.defines.push(flag, resolve(folder, value));
  }
  return found;
}

/** Stands for what only a run of the project's build could tell; a flag with it is dropped. */
export const UNKNOWN_TEXT = '\u0000';
// eslint-disable-next-line no-control-regex -- the mark was chosen because no file has it
const UNKNOWN = /\u0000|\$/;
/** Which machine is asked of the host, not of the project. */
const RESERVED = /^__TARGET_ARCH_|^__BPF__/;

function addFolder(found: ProjectFlags, folder: string): void {
  // The compiler's own folders are its own business, and right for the machine that the project was written on only.
  if (/^\/usr\/(local\/)?include$|\/lib\/clang\//.test(folder)) return;
  if (!found.includes.includes(folder) && isFolder(folder)) found.includes.push(folder);
}
