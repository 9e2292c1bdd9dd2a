/** `//go:generate … bpf2go … NAME FILE.c -- -I../headers` of a Go project (cilium/ebpf). */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ProjectFlags } from './index.ts';
import { flagsOf, readText, shellWords } from './words.ts';

const MOST_FILES = 200;

export function goFlags(folder: string, file: string): ProjectFlags | null {
  for (const name of goFiles(folder)) {
    const path = join(folder, name);
    for (const [, line] of readText(path)?.matchAll(/^\/\/go:generate\s+(.*bpf2go.*)$/gm) ?? []) {
      const words = shellWords(line!);
      const source = words.find((w) => /\.c$/.test(w));
      if (source === undefined || resolve(folder, source) !== file) continue;
      const cflags = words.flatMap((w, i) =>
        /^--?cflags$/.test(w) ? shellWords(words[i + 1] ?? '') : shellWords(/^--?cflags=(.*)$/.exec(w)?.[1] ?? ''),
      );
      const end = words.indexOf('--');
      return flagsOf([...cflags, ...(end < 0 ? [] : words.slice(end + 1))], folder, path);
    }
  }
  return null;
}

function goFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.go'))
      .slice(0, MOST_FILES);
  } catch {
    return [];
  }
}
