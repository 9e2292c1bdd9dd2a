// npm packages of the checkout: installed when node_modules is not what the lockfile says, left alone when it is.
import { existsSync, readFileSync } from 'node:fs';
import { hashFiles, isFresh, stamp } from './hash.mjs';
import { at, root } from './paths.mjs';
import { run } from './run.mjs';

/**
 * What node_modules lacks or has in another version, as npm's own record in it tells. Optional packages for other
 * platforms do not count.
 * @param {{ packages?: Record<string, { version?: string, optional?: boolean, link?: boolean }> }} lock package-lock.json
 * @param {{ packages?: Record<string, { version?: string }> }} installed node_modules/.package-lock.json
 * @returns {string[]} folders, such as `node_modules/esbuild`
 */
export function outdatedPackages(lock, installed) {
  return Object.entries(lock.packages ?? {})
    .filter(([folder, wanted]) => folder.includes('node_modules/') && wanted.link !== true && wanted.optional !== true)
    .filter(([folder, wanted]) => installed.packages?.[folder]?.version !== wanted.version)
    .map(([folder]) => folder);
}

const lockHash = () =>
  hashFiles(root, [at('package-lock.json')], `node ${process.versions.modules} ${process.platform} ${process.arch}`);

/** Whether `npm ci` has nothing to do. */
export function npmIsCurrent() {
  const record = at('node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  if (isFresh('npm', lockHash())) return true;
  const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
  if (outdatedPackages(read(at('package-lock.json')), read(record)).length > 0) return false;
  stamp('npm', lockHash());
  return true;
}

/** `npm ci` without install scripts: nothing that a package brings runs, and nothing is downloaded behind npm's back. */
export async function installNpmPackages() {
  const remedy = 'Check that npm reaches its registry (`npm ping`), then run this again.';
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { log: 'npm-ci', remedy });
  stamp('npm', lockHash());
}
