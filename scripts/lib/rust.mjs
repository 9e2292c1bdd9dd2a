// Which cargo builds the agent. The crates say how new it must be; Debian 12's plain `cargo` is older.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { at } from './paths.mjs';
import { capture } from './run.mjs';

/**
 * The oldest Rust that builds the agent: `rust-version` of its workspace.
 * @returns {[number, number]}
 */
export function oldestRust(manifest = readFileSync(at('host-agent/Cargo.toml'), 'utf8')) {
  const match = /^rust-version = "(\d+)\.(\d+)/m.exec(manifest);
  if (match === null) throw new Error('host-agent/Cargo.toml names no rust-version');
  return [Number(match[1]), Number(match[2])];
}

/**
 * `cargo 1.95.0 (…)` → [1, 95]; undefined when the text is something else.
 * @param {string} text
 * @returns {[number, number] | undefined}
 */
export function parseRustVersion(text) {
  const match = /^(?:cargo|rustc) (\d+)\.(\d+)\./.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/**
 * Whether a version is not older than another.
 * @param {[number, number] | undefined} version
 * @param {[number, number]} [oldest]
 */
export function isRecentRust(version, oldest = oldestRust()) {
  if (version === undefined) return false;
  return version[0] > oldest[0] || (version[0] === oldest[0] && version[1] >= oldest[1]);
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
