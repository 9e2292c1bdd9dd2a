// Where things are in the checkout. Everything that is made lives in dist/ and .cache/, both git-ignored.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const dist = join(root, 'dist');
export const cache = join(root, '.cache');
export const logs = join(cache, 'logs');
export const reports = join(cache, 'reports');

/** A path inside the checkout. @param {...string} parts */
export const at = (...parts) => join(root, ...parts);

/** @returns {string} the version of package.json, read anew so that a release script sees its own change */
export const version = () => JSON.parse(readFileSync(at('package.json'), 'utf8')).version;

/** @returns {string} the file that `npm run package` makes */
export const vsixFile = () => at(`ringside-${version()}.vsix`);
