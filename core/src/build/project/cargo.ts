/** `build.rs` of a Rust project (libbpf-cargo's SkeletonBuilder): the flags among its string literals. */
import { join } from 'node:path';
import type { ProjectFlags } from './index.ts';
import { flagsOf, readText, shellWords } from './words.ts';

export function cargoFlags(folder: string): ProjectFlags | null {
  const path = join(folder, 'build.rs');
  const text = readText(path);
  if (text === null || !/libbpf_cargo|SkeletonBuilder|clang_args/.test(text)) return null;
  const literals = [...text.replace(/^\s*\/\/.*$/gm, '').matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(
    ([, literal]) => literal!,
  );
  // A flag and its value may be two literals; a folder that is built by code is not known.
  const words = literals.flatMap((l) => (l.startsWith('-') ? shellWords(l) : [l]));
  return flagsOf(words, folder, path);
}
