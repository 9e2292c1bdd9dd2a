// Content hashes decide what is rebuilt: times change with every clone, contents do not.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { cache } from './paths.mjs';

/**
 * All files below a folder, sorted, without the folders named in `skip`.
 * @param {string} folder
 * @param {string[]} [skip]
 * @returns {string[]}
 */
export function filesBelow(folder, skip = []) {
  if (!existsSync(folder)) return [];
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (skip.includes(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(path, skip));
    else if (entry.isFile()) found.push(path);
  }
  return found.sort();
}

/**
 * SHA-256 over names, executable bits and contents of files.
 * @param {string} base names count relative to it
 * @param {string[]} files
 * @param {string} [salt] anything else that the result depends on
 */
export function hashFiles(base, files, salt = '') {
  const hash = createHash('sha256').update(salt);
  for (const file of files) {
    hash.update(`\0${relative(base, file)}\0${statSync(file).mode & 0o111 ? 'x' : '-'}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

const stampFile = (name) => join(cache, 'stamps', name);

/** Whether `name` was last made from exactly this. @param {string} name @param {string} hash */
export function isFresh(name, hash) {
  return existsSync(stampFile(name)) && readFileSync(stampFile(name), 'utf8') === hash;
}

/** Remembers what `name` was made from. @param {string} name @param {string} hash */
export function stamp(name, hash) {
  mkdirSync(dirname(stampFile(name)), { recursive: true });
  writeFileSync(stampFile(name), hash);
}
