/** compile_commands.json (clang's compilation database), beside the source, above it, or in a build folder. */
import { join, resolve } from 'node:path';
import type { ProjectFlags } from './index.ts';
import { flagsOf, readText, shellWords } from './words.ts';

interface Entry {
  directory?: unknown;
  file?: unknown;
  command?: unknown;
  arguments?: unknown;
}

export function commandFlags(folder: string, file: string): ProjectFlags | null {
  for (const place of ['compile_commands.json', 'build/compile_commands.json']) {
    const path = join(folder, place);
    const text = readText(path);
    if (text === null) continue;
    for (const entry of entries(text)) {
      const directory = resolve(folder, typeof entry.directory === 'string' ? entry.directory : '.');
      if (typeof entry.file !== 'string' || resolve(directory, entry.file) !== file) continue;
      return flagsOf(words(entry), directory, path);
    }
  }
  return null;
}

function words(entry: Entry): string[] {
  if (Array.isArray(entry.arguments)) return entry.arguments.filter((a): a is string => typeof a === 'string');
  return typeof entry.command === 'string' ? shellWords(entry.command) : [];
}

function entries(text: string): Entry[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.filter((e): e is Entry => typeof e === 'object' && e !== null) : [];
  } catch {
    return [];
  }
}
