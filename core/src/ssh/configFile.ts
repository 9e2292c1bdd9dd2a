/**
 * ssh_config files read by ourselves: to list the aliases (ssh cannot), and to resolve a host where no `ssh` is
 * installed. `Match` blocks other than `Match all` are left to ssh.
 */
import { readdir, readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { matchesPattern } from './knownHosts.ts';

export interface ConfigLine {
  file: string;
  /** From 1. */
  line: number;
  /** In lower case. */
  keyword: string;
  arguments: string[];
  /** The Host and Match lines that it stands under; several when an Include stands in a block. */
  conditions: readonly ConfigLine[];
}

const maxIncludeDepth = 16;
const maxFiles = 1000;

/** The home folder as OpenSSH sees it (from the user database, not from $HOME). */
export function sshHome(): string {
  try {
    return userInfo().homedir;
  } catch {
    return homedir();
  }
}

/** Splits one line: keyword, then arguments; double quotes keep blanks, `\` escapes a quote, `#` begins a comment. */
export function parseConfigLine(text: string, file: string, line: number): ConfigLine | undefined {
  const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)$/s.exec(text.replace(/\r$/, ''));
  if (!match) return undefined;
  const words: string[] = [];
  let word: string | undefined;
  let quoted = false;
  const rest = match[2] ?? '';
  for (let i = 0; i < rest.length; i++) {
    const char = rest[i] ?? '';
    const next = rest[i + 1];
    if (char === '\\' && (next === '"' || next === "'" || next === '\\' || (next === ' ' && !quoted))) {
      word = (word ?? '') + next;
      i++;
    } else if (char === '"') {
      quoted = !quoted;
      word ??= '';
    } else if (!quoted && (char === ' ' || char === '\t')) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (!quoted && char === '#' && word === undefined) {
      break;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (word !== undefined) words.push(word);
  return { file, line, keyword: (match[1] ?? '').toLowerCase(), arguments: words, conditions: [] };
}

/** Files that a glob pattern names, sorted; a segment may hold `*`, `?` and a leading-dot rule as in the shell. */
async function glob(pattern: string): Promise<string[]> {
  if (!/[*?]/.test(pattern)) return [pattern];
  const folder = dirname(pattern);
  const folders = folder === pattern ? [folder] : await glob(folder);
  const name = basename(pattern);
  const found: string[] = [];
  for (const base of folders) {
    if (!/[*?]/.test(name)) {
      found.push(join(base, name));
      continue;
    }
    const entries = await readdir(base).catch(() => [] as string[]);
    for (const entry of entries.sort()) {
      if (entry.startsWith('.') && !name.startsWith('.')) continue;
      if (matchesPattern(entry, name)) found.push(join(base, entry));
    }
  }
  return found;
}

/** All lines of the files in order, with `Include` replaced by what it names. Unreadable includes are left out. */
export async function readConfig(files: readonly { file: string; includeBase: string }[]): Promise<ConfigLine[]> {
  const lines: ConfigLine[] = [];
  let filesRead = 0;
  const read = async (
    file: string,
    includeBase: string,
    outer: readonly ConfigLine[],
    depth: number,
  ): Promise<void> => {
    if (depth > maxIncludeDepth || ++filesRead > maxFiles) return;
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return;
    let conditions = outer;
    for (const [index, raw] of text.split('\n').entries()) {
      const line = parseConfigLine(raw, file, index + 1);
      if (line === undefined) continue;
      if (line.keyword === 'host' || line.keyword === 'match') conditions = [...outer, line];
      if (line.keyword !== 'include') {
        lines.push({ ...line, conditions });
        continue;
      }
      for (const argument of line.arguments) {
        const expanded = argument.replace(/^~(?=\/|$)/, sshHome());
        for (const path of await glob(isAbsolute(expanded) ? expanded : join(includeBase, expanded)))
          await read(path, includeBase, conditions, depth + 1);
      }
    }
  };
  for (const { file, includeBase } of files) await read(file, includeBase, [], 0);
  return lines;
}

/** The files that OpenSSH reads: the named one alone, else the user's and then the system's. */
export function defaultConfigFiles(configFile: string | undefined): { file: string; includeBase: string }[] {
  const userBase = join(sshHome(), '.ssh');
  if (configFile !== undefined) return [{ file: configFile, includeBase: userBase }];
  return [
    { file: join(userBase, 'config'), includeBase: userBase },
    { file: '/etc/ssh/ssh_config', includeBase: '/etc/ssh' },
  ];
}

/** Aliases of the `Host` lines (no wildcards, no negations), the first mention of each. */
export function listAliases(lines: readonly ConfigLine[]): { alias: string; source: string }[] {
  const aliases = new Map<string, string>();
  for (const line of lines) {
    if (line.keyword !== 'host') continue;
    for (const pattern of line.arguments.flatMap((word) => word.split(','))) {
      if (pattern === '' || /[*?!]/.test(pattern) || aliases.has(pattern)) continue;
      aliases.set(pattern, `${line.file}:${line.line}`);
    }
  }
  return [...aliases].map(([alias, source]) => ({ alias, source }));
}

function conditionHolds(host: string, condition: ConfigLine): boolean {
  if (condition.keyword === 'match') return condition.arguments[0]?.toLowerCase() === 'all';
  let matched = false;
  for (const pattern of condition.arguments) {
    const negated = pattern.startsWith('!');
    if (!matchesPattern(host, negated ? pattern.slice(1) : pattern)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** Keywords of which every mention counts; of all others the first one does. */
const repeated = new Set(['identityfile', 'certificatefile']);

/** What the files say for one host: keyword in lower case → values, in the form that `ssh -G` prints. */
export function configFor(host: string, lines: readonly ConfigLine[]): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const line of lines) {
    if (line.keyword === 'host' || line.keyword === 'match' || line.arguments.length === 0) continue;
    if (!line.conditions.every((condition) => conditionHolds(host, condition))) continue;
    const value = line.arguments.join(' ');
    const before = values.get(line.keyword);
    if (before === undefined) values.set(line.keyword, [value]);
    else if (repeated.has(line.keyword)) before.push(value);
  }
  return values;
}
