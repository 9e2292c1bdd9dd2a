/** What clang has read for an object, from the rule for make that it writes beside it (-MMD). */
import { isAbsolute, relative, resolve } from 'node:path';

/** More than any program includes: what is beyond is no list of headers. */
const MAX_BYTES = 1 << 20;

/**
 * Headers of the rule, as absolute paths, each once; without the source itself and what lies in one of the folders. Relative
 * ones begin at `cwd`. Anything else than such a rule gives none.
 */
export function headersOfRule(rule: string, source: string, cwd: string, without: readonly string[]): string[] {
  if (rule.length > MAX_BYTES) return [];
  const colon = /:(?=[ \t\\\r\n])/.exec(rule);
  if (colon === null) return [];
  // A blank in a name has a backslash before it, a dollar another one; a backslash at a line's end goes on with the rule.
  const words = rule
    .slice(colon.index + 1)
    .replace(/\\\r?\n/g, ' ')
    .match(/(?:\\[ #]|[^\s])+/g);
  const paths = (words ?? []).map((word) => resolve(cwd, word.replace(/\\([ #])/g, '$1').replaceAll('$$', '$')));
  const isOwn = (path: string): boolean => path !== source && !without.some((folder) => isInside(path, folder));
  return [...new Set(paths.filter(isOwn))];
}

function isInside(path: string, folder: string): boolean {
  const way = relative(resolve(folder), path);
  return !way.startsWith('..') && !isAbsolute(way);
}
