/** CMakeLists.txt: include folders and definitions of its commands, with the variables that name folders. */
import { join } from 'node:path';
import type { Machine, ProjectFlags } from './index.ts';
import { flagsOf, readText, shellWords, UNKNOWN_TEXT } from './words.ts';

const KEYWORDS = /^(PRIVATE|PUBLIC|INTERFACE|SYSTEM|BEFORE|AFTER)$/;

export function cmakeFlags(folder: string, _file: string, machine: Machine): ProjectFlags | null {
  const path = join(folder, 'CMakeLists.txt');
  const text = readText(path);
  if (text === null) return null;
  const here = ['CMAKE_SOURCE_DIR', 'CMAKE_CURRENT_SOURCE_DIR', 'PROJECT_SOURCE_DIR', 'CMAKE_CURRENT_LIST_DIR'];
  const variables = new Map(here.map((name) => [name, folder]));
  for (const name of ['ARCH', 'CMAKE_SYSTEM_PROCESSOR']) variables.set(name, machine.name);
  const words: string[] = [];
  for (const [, command, body] of text.replace(/#.*$/gm, '').matchAll(/(\w+)\s*\(([^()]*)\)/g)) {
    const parts = shellWords(expand(body!, variables)).flatMap((w) => w.split(';'));
    words.push(...commandFlags(command!.toLowerCase(), parts, variables));
  }
  return flagsOf(words, folder, path);
}

function commandFlags(command: string, parts: string[], variables: Map<string, string>): string[] {
  const plain = parts.filter((p) => !KEYWORDS.test(p));
  switch (command) {
    case 'set': {
      const [name, ...values] = parts;
      if (name !== undefined && !variables.has(name))
        variables.set(name, values.filter((v) => v !== 'CACHE').join(';'));
      return /VMLINUX_H|INCLUDE_DIR/.test(name ?? '')
        ? values.flatMap((v) => ['-I', v.replace(/\/[^/]+\.h$/, '')])
        : [];
    }
    case 'include_directories':
      return plain.flatMap((p) => ['-I', p]);
    case 'target_include_directories':
      return plain.slice(1).flatMap((p) => ['-I', p]);
    case 'target_compile_definitions':
      return plain.slice(1).map((p) => `-D${p.replace(/^-D/, '')}`);
    case 'add_compile_definitions':
      return plain.map((p) => `-D${p}`);
    case 'add_definitions':
    case 'add_compile_options':
    case 'target_compile_options':
    case 'add_custom_command':
      return plain;
    default:
      return [];
  }
}

function expand(text: string, variables: ReadonlyMap<string, string>, depth = 0): string {
  if (depth > 16 || text.length > 64 * 1024) return UNKNOWN_TEXT;
  return text.replace(/\$\{([\w.-]+)\}/g, (_, name: string) => {
    const value = variables.get(name);
    return value === undefined ? UNKNOWN_TEXT : expand(value, variables, depth + 1);
  });
}
