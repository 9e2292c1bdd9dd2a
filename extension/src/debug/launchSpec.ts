import type { AttachSpec, RunLimits } from '@ringside/core/model';
import { durationText, limitNames, longestKeptSeconds, parseDuration } from '@ringside/core/rpc';
import { ExtensionError } from '../errors.ts';

/** What a launch configuration says of an AttachSpec; the rest is asked for or has defaults. */
export type LaunchSpec = Pick<AttachSpec, 'hosts' | 'programs' | 'targets' | 'set' | 'where' | 'mapsSeconds'> &
  Pick<AttachSpec, 'limits'> & { keepSeconds?: number };

const bad = (attribute: string, expected: string): ExtensionError =>
  new ExtensionError({
    code: 'bad-value',
    message: `The launch configuration's "${attribute}" must be ${expected}.`,
    remedy: 'Correct it in launch.json.',
  });

/** Reads the attributes of a launch configuration (see LaunchAttributes); a wrong type is an error that names it. */
export function launchSpec(config: Record<string, unknown>): LaunchSpec {
  return {
    hosts: readHosts(config['host']),
    programs: readList('programs', config['programs']),
    targets: Object.entries(readRecord('targets', config['targets'])).map(([name, value]) => target(name, value)),
    set: readRecord('set', config['set']),
    where: readText('where', config['where']),
    mapsSeconds: readSeconds('mapsSeconds', config['mapsSeconds']),
    ...(config['limits'] !== undefined && { limits: readLimits(config['limits']) }),
    ...(config['keep'] !== undefined && { keepSeconds: readKeep(config['keep']) }),
  };
}

/** "web-1, web-2" or a list; empty when it is to be asked for. */
function readHosts(value: unknown): string[] {
  const list = typeof value === 'string' ? value.split(',') : readList('host', value);
  return [...new Set(list.map((host) => host.trim()).filter((host) => host !== ''))];
}

function readList(attribute: string, value: unknown): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value;
  throw bad(attribute, 'a list of names');
}

function readText(attribute: string, value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  throw bad(attribute, 'text');
}

function readSeconds(attribute: string, value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw bad(attribute, 'a number of seconds above 0');
}

function readKeep(value: unknown): number {
  const seconds = typeof value === 'string' ? parseDuration(value.trim()) : undefined;
  if (seconds === undefined || seconds > longestKeptSeconds)
    throw bad('keep', `a time like 90s, 45m, 2h or 3d, and ${durationText(longestKeptSeconds)} at most`);
  return seconds;
}

function readLimits(value: unknown): Partial<RunLimits> {
  const all = readRecord('limits', value);
  const wrong = Object.keys(all).find((name) => !(limitNames as readonly string[]).includes(name));
  if (wrong !== undefined) throw bad(`limits.${wrong}`, `one of ${limitNames.join(', ')}`);
  const pairs = Object.entries(all).map(([name, text]) => {
    const limit = Number(text);
    if (!Number.isInteger(limit) || limit < 0) throw bad(`limits.${name}`, 'a whole number, 0 for no limit');
    return [name, limit] as const;
  });
  return Object.fromEntries(pairs);
}

function readRecord(attribute: string, value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw bad(attribute, 'an object of names and values');
  return Object.fromEntries(
    Object.entries(value).map(([name, item]: [string, unknown]) => {
      if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'boolean') {
        throw bad(`${attribute}.${name}`, 'text, a number or a boolean');
      }
      return [name, String(item)];
    }),
  );
}

/** "iface" is for all programs, "my_prog:iface" for one. */
function target(name: string, value: string): AttachSpec['targets'][number] {
  const colon = name.indexOf(':');
  return colon === -1
    ? { program: '', key: name, value }
    : { program: name.slice(0, colon), key: name.slice(colon + 1), value };
}
