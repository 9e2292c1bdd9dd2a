/** Command-line arguments: one table of options, parsed by node:util, with errors that say what was meant. */
import { parseArgs } from 'node:util';
import {
  guardRules,
  defaultSshOptions,
  parseDuration,
  RingsideError,
  type LoadOptions,
  type LogLevel,
  type RunLimits,
  type SshOptions,
} from '@ringside/core';

type OptionSpec = { type: 'string' | 'boolean'; multiple?: boolean; short?: string };

/** Options that every command takes (CLI contract). */
export const commonOptions = {
  json: { type: 'boolean' },
  quiet: { type: 'boolean' },
  'log-level': { type: 'string' },
  'ssh-config': { type: 'string' },
  'known-hosts': { type: 'string' },
  identity: { type: 'string' },
  'accept-new-host-key': { type: 'boolean' },
  transport: { type: 'string' },
  sudo: { type: 'string' },
  'password-stdin': { type: 'boolean' },
  ephemeral: { type: 'boolean' },
  'read-only': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies Record<string, OptionSpec>;

export interface CommonOptions {
  json: boolean;
  quiet: boolean;
  logLevel: LogLevel;
  ssh: SshOptions;
  passwordStdin: boolean;
}

export type Values = Record<string, string | boolean | string[] | undefined>;

export interface Parsed {
  values: Values;
  positionals: string[];
  /** What stands after `--`. */
  rest: string[];
  common: CommonOptions;
}

export const usage = (message: string, remedy = 'See `ringside --help`.'): RingsideError =>
  new RingsideError('usage', message, { remedy });

/** Parses what follows the command's name. Errors: usage. */
export function parse(argv: string[], options: Record<string, OptionSpec>): Parsed {
  const dashes = argv.indexOf('--');
  const head = dashes < 0 ? argv : argv.slice(0, dashes);
  const rest = dashes < 0 ? [] : argv.slice(dashes + 1);
  let parsed;
  try {
    parsed = parseArgs({ args: head, options: { ...commonOptions, ...options }, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage(error instanceof Error ? error.message.split('\n')[0]! : String(error));
  }
  const values = parsed.values as Values;
  return { values, positionals: parsed.positionals, rest, common: common(values) };
}

function common(values: Values): CommonOptions {
  const text = (name: string): string | undefined => values[name] as string | undefined;
  const ssh: SshOptions = {
    ...defaultSshOptions,
    acceptNewHostKey: values['accept-new-host-key'] === true,
    ephemeral: values['ephemeral'] === true,
    transport: oneOf('transport', text('transport') ?? 'auto', ['auto', 'ssh2', 'openssh'] as const),
    sudo: oneOf('sudo', text('sudo') ?? 'auto', ['auto', 'never', 'always'] as const),
  };
  if (values['read-only'] === true) ssh.readOnlyHosts = ['*'];
  const configFile = text('ssh-config');
  const knownHostsFile = text('known-hosts');
  const identityFile = text('identity');
  if (configFile !== undefined) ssh.configFile = configFile;
  if (knownHostsFile !== undefined) ssh.knownHostsFile = knownHostsFile;
  if (identityFile !== undefined) ssh.identityFile = identityFile;
  return {
    json: values['json'] === true,
    quiet: values['quiet'] === true,
    logLevel: oneOf('log-level', text('log-level') ?? 'warn', ['error', 'warn', 'info', 'debug'] as const),
    ssh,
    passwordStdin: values['password-stdin'] === true,
  };
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((a) => a === value);
  if (found === undefined) throw usage(`--${name} takes ${allowed.join(', ')}; not "${value}".`);
  return found;
}

export function textOption(values: Values, name: string): string | undefined {
  return values[name] as string | undefined;
}

export function listOption(values: Values, name: string): string[] {
  return (values[name] as string[] | undefined) ?? [];
}

/** A number above zero, or undefined when the option is not there. Errors: usage. */
export function positiveOption(values: Values, name: string, whole: boolean): number | undefined {
  const text = textOption(values, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value) || (whole && !Number.isInteger(value))) {
    throw usage(`--${name} takes a ${whole ? 'whole ' : ''}number above zero; not "${text}".`);
  }
  return value;
}

/** Hosts of `--host a,b` or of a positional. Errors: usage. */
export function hostList(text: string | undefined): string[] {
  const hosts = (text ?? '')
    .split(',')
    .map((h) => h.trim())
    .filter((h) => h !== '');
  if (hosts.length === 0)
    throw usage('Which host? Give --host local, an alias of your ssh config, or user@host[:port].');
  return [...new Set(hosts)];
}

export function exactly(positionals: string[], names: string[]): string[] {
  if (positionals.length < names.length) throw usage(`${names[positionals.length]!} is missing.`);
  if (positionals.length > names.length) throw usage(`"${positionals[names.length]!}" is one argument too many.`);
  return positionals;
}

/** `VAR=VALUE` options as a record. Errors: usage. */
export function assignments(list: string[], option: string): Record<string, string> {
  const pairs = list.map((text) => {
    const at = text.indexOf('=');
    if (at <= 0) throw usage(`--${option} takes NAME=VALUE; not "${text}".`);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  return Object.fromEntries(pairs);
}

export const targetKeys = [
  'iface', 'xdp-mode', 'direction', 'cgroup', 'netns', 'binary', 'symbol', 'offset', 'pid', 'comm', 'container',
  'func', 'event', 'provider', 'probe', 'freq', 'period', 'cpu', 'map', 'program', 'section', 'fd',
  'pf', 'hook', 'priority', 'defrag', 'order',
] as const; // prettier-ignore

/** `[PROGRAM:]KEY=VALUE` options. Errors: usage naming the known keys. */
export function targets(list: string[]): { program: string; key: string; value: string }[] {
  return list.map((text) => {
    const match = /^(?:([^:=]+):)?([a-z-]+)=(.*)$/s.exec(text);
    if (!match) throw usage(`--target takes [PROGRAM:]KEY=VALUE; not "${text}".`);
    const [, program = '', key = '', value = ''] = match;
    if (!(targetKeys as readonly string[]).includes(key)) {
      throw usage(`"${key}" is no target key.`, `Known keys: ${targetKeys.join(', ')}.`);
    }
    return { program, key, value };
  });
}

/** "90s", "15m", "2h", "3d" in seconds, or undefined when the option is not there. Errors: usage. */
export function durationOption(values: Values, name: string): number | undefined {
  const text = textOption(values, name);
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds === undefined) throw usage(`--${name} takes a time like 90s, 15m, 2h or 3d; not "${text}".`);
  return seconds;
}

const limitKeys = { cpu: 'cpuPercent', rate: 'recordsPerSecond', time: 'timeSeconds' } as const;

/** `KEY=NUMBER` options of `--limit`; "off" is 0, no limit. Errors: usage naming the known keys. */
export function limits(list: string[]): Partial<RunLimits> {
  const pairs = Object.entries(assignments(list, 'limit')).map(([key, text]) => {
    const name = (limitKeys as Record<string, (typeof limitKeys)[keyof typeof limitKeys] | undefined>)[key];
    if (name === undefined) throw usage(`"${key}" is no limit.`, `Limits: ${Object.keys(limitKeys).join(', ')}.`);
    const value = text === 'off' ? 0 : Number(text);
    if (!Number.isInteger(value) || value < 0 || value > 4_294_967_295 || text === '') {
      throw usage(`--limit ${key} takes a whole number, or off; not "${text}".`);
    }
    return [name, value] as const;
  });
  return Object.fromEntries(pairs);
}

/** Rules of guards, as `--confirm RULE[,RULE…]` lists them. Errors: usage naming the rules. */
export function guardNames(list: string[]): string[] {
  const names = list.flatMap((text) => text.split(',')).map((name) => name.trim());
  const unknown = names.find((name) => !(guardRules as readonly string[]).includes(name));
  if (unknown !== undefined) throw usage(`"${unknown}" is no rule of a guard.`, `Rules: ${guardRules.join(', ')}.`);
  return [...new Set(names)];
}

/** The common options of loading: what a program's own user space would set. */
export const loadOptionNames = {
  'map-size': { type: 'string', multiple: true },
  pin: { type: 'string', multiple: true },
  kconfig: { type: 'string', multiple: true },
  btf: { type: 'string' },
  'map-memory': { type: 'string' },
} as const;

/** Of `loadOptionNames`. Errors: usage. */
export function loadOptions(values: Values): LoadOptions {
  const mapSizes = Object.entries(assignments(listOption(values, 'map-size'), 'map-size')).map(([map, text]) => {
    const [, entries, valueSize = '0'] = /^(\d+)(?:x(\d+))?$/.exec(text) ?? [];
    if (entries === undefined) throw usage(`--map-size takes MAP=ENTRIES or MAP=ENTRIESxVALUEBYTES; not "${text}".`);
    return [map, { maxEntries: Number(entries), valueSize: Number(valueSize) }] as const;
  });
  const kconfig = Object.entries(assignments(listOption(values, 'kconfig'), 'kconfig'));
  const kernelBtf = textOption(values, 'btf');
  const mapMemoryLimitBytes = positiveOption(values, 'map-memory', true);
  return {
    mapSizes: Object.fromEntries(mapSizes),
    pins: assignments(listOption(values, 'pin'), 'pin'),
    kconfig: kconfig.map(([name, value]) => `${name}=${value}\n`).join(''),
    ...(kernelBtf !== undefined && { kernelBtf }),
    ...(mapMemoryLimitBytes !== undefined && { mapMemoryLimitBytes }),
  };
}
