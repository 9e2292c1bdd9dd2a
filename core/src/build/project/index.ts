/**
 * The include folders and definitions that a project builds its programs with, read from what it is built by:
 * compile_commands.json, Makefiles, CMake, go:generate lines, Cargo build scripts. All of it is data: nothing is run.
 */
import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { cargoFlags } from './cargo.ts';
import { cmakeFlags } from './cmake.ts';
import { commandFlags } from './compileCommands.ts';
import { goFlags } from './goGenerate.ts';
import { makeFlags } from './make.ts';

export { findHeader } from './findHeader.ts';

export interface ProjectFlags {
  /** Absolute include folders that exist, in the project's order. */
  includes: string[];
  /** -D, -U and -include, as the project spells them. */
  defines: string[];
  /** Files that this was read from. */
  from: string[];
}

export interface Machine {
  /** `uname -m` of the target host. */
  name: string;
  /** libbpf's word for it: x86, arm64. */
  arch: string;
}

/** A way to learn flags: what it found in one folder for one source; null where it has no say. */
type Reader = (folder: string, file: string, machine: Machine) => ProjectFlags | null;

const readers: readonly Reader[] = [commandFlags, makeFlags, cmakeFlags, goFlags, cargoFlags];
/** Folders above the source that are looked at; a project's root ends the way up earlier. */
const MOST_LEVELS = 6;

/** Never throws: what cannot be read says nothing. */
export function projectFlags(file: string, machine: Machine): ProjectFlags {
  const found: ProjectFlags = { includes: [], defines: [], from: [] };
  for (const reader of readers) {
    // The nearest file of a kind counts; one further up describes a whole of which this is a part.
    for (const folder of foldersAbove(file)) {
      const flags = reader(folder, file, machine);
      if (flags === null || flags.includes.length + flags.defines.length === 0) continue;
      add(found, flags);
      break;
    }
  }
  return found;
}

function add(to: ProjectFlags, more: ProjectFlags): void {
  for (const key of ['includes', 'defines', 'from'] as const)
    for (const value of more[key]) if (!to[key].includes(value)) to[key].push(value);
}

/** The source's folder and those above it, up to the root of the project (a folder under version control). */
export function foldersAbove(file: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(file); folders.length < MOST_LEVELS; folder = dirname(folder)) {
    if (folders.length > 0 && isNoProject(folder)) break;
    folders.push(folder);
    if (existsSync(join(folder, '.git'))) break;
  }
  return folders;
}

/** Folders that hold many things: the root, the user's home, and what everybody may write to, such as /tmp. */
function isNoProject(folder: string): boolean {
  if (dirname(folder) === folder || folder === homedir()) return true;
  try {
    return (statSync(folder).mode & 0o002) !== 0;
  } catch {
    return true;
  }
}
