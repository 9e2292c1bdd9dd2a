/** A new Host block for the ssh config: planned first, so that it can be shown, then written. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RingsideError } from '../errors.ts';
import type { NewHost } from '../model/index.ts';
import { defaultConfigFiles, listAliases, parseConfigLine, readConfig } from './configFile.ts';
import { parseHostName } from './hostName.ts';

function usage(message: string): RingsideError {
  return new RingsideError('usage', message, {
    remedy: 'Write it as you would in a terminal: ssh -p 2222 -J bastion dev@web-1, or dev@web-1:2222.',
  });
}

/** Options of ssh with a keyword of the configuration; what takes no value is left out of the config. */
const optionKeywords: Record<string, string> = { p: 'Port', l: 'User', i: 'IdentityFile', J: 'ProxyJump', F: '' };
const flags = /^-[46AaCTtvXxYNq]+$/;

/** Words as a shell splits them: blanks, quotes, backslash. */
function words(text: string): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/gs))
    found.push(match[0].replace(/\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'/gs, (_all, ...parts: (string | undefined)[]) => parts.slice(0, 3).find((part) => part !== undefined) ?? ''));
  return found;
} // prettier-ignore

interface Typed {
  host: string;
  /** Keyword and value, without HostName, in the order of the config. */
  settings: [string, string][];
}

/** Reads "dev@web-1:2222" or "ssh -p 2222 -i KEY -J JUMP -o KEY=VALUE dev@web-1". Errors: usage. */
export function parseSshCommand(text: string): Typed {
  const list = words(text.trim());
  if (list[0] === 'ssh') list.shift();
  const settings = new Map<string, string>();
  let host: string | undefined;
  for (let at = 0; at < list.length; at++) {
    const word = list[at] ?? '';
    const option = /^-([a-zA-Z])(.*)$/s.exec(word);
    if (!option) {
      if (host !== undefined) throw usage(`"${word}" follows the host; a command has no place in the ssh config.`);
      host = word;
    } else if (option[1] === 'o' || (option[1] ?? '') in optionKeywords) {
      const value = option[2] === '' ? list[++at] : option[2];
      if (value === undefined || value === '') throw usage(`${word} has no value.`);
      const pair = option[1] === 'o' ? /^(\w+)\s*[= ]\s*(.+)$/s.exec(value) : undefined;
      const keyword = pair ? (pair[1] ?? '') : (optionKeywords[option[1] ?? ''] ?? '');
      if (option[1] === 'o' && !pair) throw usage(`-o takes KEYWORD=VALUE; not "${value}".`);
      if (keyword !== '') settings.set(keyword, pair ? (pair[2] ?? '') : value);
    } else if (!flags.test(word)) {
      throw usage(`${word} has no place in a Host block here.`);
    }
  }
  if (host === undefined) throw usage('The host is missing.');
  const name = parseHostName(host);
  if (name.user !== undefined) settings.set('User', name.user);
  if (name.port !== undefined) settings.set('Port', String(name.port));
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const bad = [...settings].find(([, value]) => /[\u0000-\u001f\u007f"]/.test(value));
  if (bad) throw usage(`The value of ${bad[0]} holds quotes or control characters.`);
  return { host: name.host, settings: [...settings] };
}

function block(alias: string, { host, settings }: Typed): string {
  const value = (text: string): string => (/\s|#/.test(text) ? `"${text}"` : text);
  return [`Host ${alias}`, `  HostName ${host}`, ...settings.map(([k, v]) => `  ${k} ${value(v)}`), ''].join('\n');
}

/**
 * Where a new block must stand so that it counts: what comes first wins in ssh's config, so before the first block for
 * many hosts (with the comment above it), else at the end. Gives an index into the lines.
 */
export function placeOf(text: string): number {
  const lines = text.split('\n');
  const many = lines.findIndex((raw, index) => {
    const line = parseConfigLine(raw, '', index);
    return line?.keyword === 'match' || (line?.keyword === 'host' && line.arguments.some((word) => /[*?!]/.test(word)));
  });
  if (many < 0) return text.endsWith('\n') || text === '' ? lines.length - 1 : lines.length;
  let at = many;
  while (at > 0 && (lines[at - 1] ?? '').trim().startsWith('#')) at--;
  return at;
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new RingsideError('ssh-config', `The ssh config ${file} cannot be read: ${(error as Error).message}`, {
      remedy: 'Make it readable for you, or name another one in the setting ringside.ssh.configFile.',
      links: [file],
    });
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What would be written for a host, and where. Errors: usage, ssh-config. */
export async function planHost(command: string, alias: string, configFile?: string): Promise<NewHost> {
  const typed = parseSshCommand(command);
  parseHostName(alias);
  if (!/^[^\s*?!,#@:]+$/.test(alias) || alias === 'local')
    throw usage(`"${alias}" cannot be the name of a host in the ssh config.`);
  const files = defaultConfigFiles(configFile);
  const taken = listAliases(await readConfig(files)).find((known) => known.alias === alias);
  if (taken)
    throw new RingsideError('usage', `There is a host ${alias} already: ${taken.source}.`, {
      remedy: 'Choose another name, or change the one that is there.',
      links: [taken.source],
    });
  const file = files[0]?.file ?? '';
  const before = await readText(file);
  return { file, alias, text: block(alias, typed), line: placeOf(before) + 1, before: digest(before) };
}

/** Writes what was planned, in one step; a file that has changed meanwhile is left alone. Errors: ssh-config. */
export async function addHost(host: NewHost): Promise<void> {
  const before = await readText(host.file);
  if (digest(before) !== host.before) {
    throw new RingsideError('ssh-config', `${host.file} has changed since the lines were shown; nothing was written.`, {
      remedy: 'Add the host once more.',
      links: [host.file],
    });
  }
  const folder = dirname(host.file);
  if ((await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined) await chmod(folder, 0o700);
  const lines = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const at = host.line - 1;
  const [above, below] = [lines.slice(0, at), lines.slice(at)];
  const gap = above.length > 0 && above.at(-1)?.trim() !== '' ? [''] : [];
  const after = [...above, ...gap, host.text.replace(/\n$/, ''), ...(below.length > 0 ? ['', ...below] : []), ''];
  try {
    // A config that is a link (dotfiles) stays one.
    const file = await realpath(host.file).catch(() => host.file);
    const mode = await stat(file).then((found) => found.mode & 0o777, () => 0o600); // prettier-ignore
    const written = join(dirname(file), `.${basename(file)}.ringside-${process.pid}`);
    await writeFile(written, after.join('\n'), { mode, flag: 'wx' });
    await rename(written, file);
  } catch (error) {
    throw new RingsideError('ssh-config', `${host.file} could not be written: ${(error as Error).message}`, {
      remedy: 'Make it writable for you, or add the lines yourself.',
      detail: host.text,
      links: [host.file],
    });
  }
}
