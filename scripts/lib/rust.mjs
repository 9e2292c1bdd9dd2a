// Which cargo builds the agent: edition 2024 and the crates need 1.85, and Debian 12's plain `cargo` is older.
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { capture } from './run.mjs';

/** The oldest Rust that builds the agent. */
export const oldestRust = [1, 85];

/**
 * `cargo 1.95.0 (…)` → [1, 95]; undefined when the text is something else.
 * @param {string} text
 * @returns {[number, number] | undefined}
 */
export function parseRustVersion(text) {
  const match = /^(?:cargo|rustc) (\d+)\.(\d+)\./.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/** @param {[number, number] | undefined} version */
export function isRecentRust(version) {
  if (version === undefined) return false;
  return version[0] > oldestRust[0] || (version[0] === oldestRust[0] && version[1] >= oldestRust[1]);
}

/** Folders that may hold a cargo, best first: PATH, rustup's, the versioned ones of Ubuntu. */
function cargoFolders() {
  const versioned = existsSync('/usr/lib')
    ? readdirSync('/usr/lib')
        .filter((name) => /^rust-1\.\d+$/.test(name))
        .sort((a, b) => Number(b.slice(7)) - Number(a.slice(7)))
        .map((name) => join('/usr/lib', name, 'bin'))
    : [];
  return [...(process.env.PATH ?? '').split(delimiter), join(homedir(), '.cargo', 'bin'), ...versioned];
}

/** @returns {{ folder: string, version: [number, number] } | undefined} the first cargo that is recent enough */
export function findCargo() {
  for (const folder of new Set(cargoFolders())) {
    const cargo = join(folder, 'cargo');
    if (folder === '' || !existsSync(cargo)) continue;
    const version = parseRustVersion(capture(cargo, ['--version']).out);
    if (version !== undefined && isRecentRust(version)) return { folder, version };
  }
  return undefined;
}

/** The environment in which `cargo` is one that is recent enough. */
export function rustEnv() {
  const found = findCargo();
  return found === undefined
    ? process.env
    : { ...process.env, PATH: `${found.folder}${delimiter}${process.env.PATH ?? ''}` };
}
