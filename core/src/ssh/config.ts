/** From a host as the user names it to everything that is needed to reach it: OpenSSH's own answer (`ssh -G`). */
import { execFile } from 'node:child_process';
import { hostname as machineName, userInfo } from 'node:os';
import { join } from 'node:path';
import { cancelled, RingsideError, throwIfAborted } from '../errors.ts';
import type { HostEntry } from '../model/index.ts';
import { configFor, defaultConfigFiles, listAliases, readConfig, sshHome } from './configFile.ts';
import { parseHostName, type HostName } from './hostName.ts';
import { Turns } from '../turns.ts';
import { neutralize } from './shell.ts';

export type StrictHostKeyChecking = 'yes' | 'ask' | 'accept-new' | 'no';

/** One host with everything the user's configuration says of it. Paths are absolute, tokens expanded. */
export interface ResolvedHost {
  /** As the user named it. */
  name: string;
  /** This machine, no ssh; the rest is then of no meaning. */
  local: boolean;
  /** Where to connect to: DNS name or address. */
  hostname: string;
  port: number;
  user: string;
  addressFamily: 'any' | 'inet' | 'inet6';
  identityFiles: string[];
  certificateFiles: string[];
  identitiesOnly: boolean;
  /** Socket of the ssh-agent; null = none wanted or none there. */
  identityAgent: string | null;
  pubkeyAuthentication: boolean;
  passwordAuthentication: boolean;
  kbdInteractiveAuthentication: boolean;
  gssapiAuthentication: boolean;
  numberOfPasswordPrompts: number;
  /** Order of methods; empty = OpenSSH's default order. */
  preferredAuthentications: string[];
  userKnownHostsFiles: string[];
  globalKnownHostsFiles: string[];
  hashKnownHosts: boolean;
  hostKeyAlias: string | null;
  hostKeyAlgorithms: string[];
  strictHostKeyChecking: StrictHostKeyChecking;
  /** "user@host:port,…" or null. */
  proxyJump: string | null;
  /** Unexpanded (%h, %p, %r, %n), or null. */
  proxyCommand: string | null;
  /** Seconds; null = ours. */
  connectTimeout: number | null;
  /** `ssh -G` has said so: the program is there. */
  bySsh: boolean;
}

export interface ResolveOptions {
  configFile?: string | undefined;
  signal?: AbortSignal | undefined;
  /** The ssh program; tests name one that is missing. */
  sshProgram?: string | undefined;
}

const sshTimeoutMs = 5000;
/** To start a program holds up the loop for a moment: with many hosts at once not all of it comes together. */
const turns = new Turns(6);

/** What `ssh -G` says, keyword → values in order; undefined when there is no ssh program. */
async function askSsh(host: HostName, options: ResolveOptions): Promise<Map<string, string[]> | undefined> {
  const args = ['-G'];
  if (options.configFile !== undefined) args.push('-F', options.configFile);
  if (host.user !== undefined) args.push('-l', host.user);
  if (host.port !== undefined) args.push('-p', String(host.port));
  args.push('--', host.host);
  const text = await turns.take(() => runSsh(host, args, options));
  if (text === undefined) return undefined;
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space <= 0) continue;
    const keyword = line.slice(0, space).toLowerCase();
    const before = values.get(keyword);
    if (before) before.push(line.slice(space + 1).trimEnd());
    else values.set(keyword, [line.slice(space + 1).trimEnd()]);
  }
  return values;
}

/** Its output; undefined when there is no ssh program. */
function runSsh(host: HostName, args: string[], options: ResolveOptions): Promise<string | undefined> {
  return new Promise<string | undefined>((resolve, reject) => {
    if (options.signal?.aborted) {
      reject(cancelled());
      return;
    }
    const settings = {
      timeout: sshTimeoutMs,
      maxBuffer: 1 << 20,
      ...(options.signal ? { signal: options.signal } : {}),
    };
    const child = execFile(options.sshProgram ?? 'ssh', args, settings, (error, stdout, stderr) => {
      if (!error) resolve(stdout);
      else if (error.code === 'ENOENT') resolve(undefined);
      else if (options.signal?.aborted) reject(cancelled());
      else reject(configError(host.host, error.killed === true, stderr));
    });
    child.stdin?.end();
  });
}

function configError(host: string, timedOut: boolean, stderr: string): RingsideError {
  const why = timedOut
    ? `ssh -G gave no answer within ${sshTimeoutMs / 1000} s (does a Match exec in the ssh config hang?)`
    : (neutralize(stderr)
        .split('\n')
        .find((line) => line.trim() !== '' && !line.startsWith('Pseudo-terminal')) ?? 'ssh -G failed');
  const place = /^(\S+) line (\d+):/.exec(why);
  return new RingsideError('ssh-config', `The ssh configuration for ${host} cannot be used: ${why}.`, {
    remedy: `Repair the ssh config; \`ssh -G ${host}\` shows the same message.`,
    detail: neutralize(stderr),
    links: place ? [`${place[1] ?? ''}:${place[2] ?? ''}`] : [],
  });
}

/** Paths that ssh -G prints on one line without quotes: a new one begins at / or ~ or a token. */
function splitPaths(value: string | undefined): string[] {
  const paths: string[] = [];
  for (const word of (value ?? '').split(' ').filter((part) => part !== '')) {
    if (paths.length === 0 || /^[/~%$]/.test(word) || word === 'none') paths.push(word);
    else paths.push(`${paths.pop() ?? ''} ${word}`);
  }
  return paths.filter((path) => path !== 'none');
}

function strictness(value: string | undefined): StrictHostKeyChecking {
  if (value === 'true' || value === 'yes') return 'yes';
  if (value === 'false' || value === 'no' || value === 'off') return 'no';
  return value === 'accept-new' ? 'accept-new' : 'ask';
}

/** Expands ~, ${NAME} and ssh's % tokens in a path of the configuration. */
function expandPath(path: string, tokens: Record<string, string>): string {
  return path
    .replace(/^~(?=\/|$)/, tokens['d'] ?? '')
    .replace(/\$\{(\w+)\}/g, (whole, name: string) => process.env[name] ?? whole)
    .replace(/%(.)/g, (whole, token: string) => (token === '%' ? '%' : (tokens[token] ?? whole)));
}

function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env['USER'] ?? 'root';
  }
}

const defaultIdentities = ['id_rsa', 'id_ecdsa', 'id_ecdsa_sk', 'id_ed25519', 'id_ed25519_sk'];

function toResolved(name: string, host: HostName, values: Map<string, string[]>): ResolvedHost {
  const one = (keyword: string): string | undefined => values.get(keyword)?.[0];
  const many = (keyword: string): string[] => values.get(keyword) ?? [];
  const off = (keyword: string): boolean => ['no', 'false'].includes(one(keyword) ?? '');
  const on = (keyword: string): boolean => ['yes', 'true'].includes(one(keyword) ?? '');
  const optional = (keyword: string): string | null => {
    const value = one(keyword);
    return value === undefined || value === 'none' ? null : value;
  };
  const hostname = (one('hostname') ?? host.host).replace(/%(.)/g, (whole, t: string) =>
    t === 'h' ? host.host : t === '%' ? '%' : whole,
  );
  const user = host.user ?? one('user') ?? localUser();
  const port = host.port ?? Number(one('port') ?? 22);
  const hostKeyAlias = optional('hostkeyalias');
  const home = sshHome();
  const me = localUser();
  const tokens: Record<string, string> = {
    d: home,
    h: hostname,
    i: String(process.getuid?.() ?? ''),
    k: hostKeyAlias ?? host.host,
    L: machineName().split('.')[0] ?? '',
    l: machineName(),
    n: host.host,
    p: String(port),
    r: user,
    u: me,
  };
  const path = (value: string): string => expandPath(value, tokens);
  const agent = one('identityagent');
  const agentSocket =
    agent === undefined || agent === 'SSH_AUTH_SOCK'
      ? (process.env['SSH_AUTH_SOCK'] ?? null)
      : agent === 'none'
        ? null
        : agent.startsWith('$')
          ? (process.env[agent.slice(1).replace(/^\{|\}$/g, '')] ?? null)
          : path(agent);
  const timeout = Number(one('connecttimeout'));
  const identities = values.has('identityfile') ? many('identityfile') : defaultIdentities.map((id) => `~/.ssh/${id}`);
  const family = one('addressfamily');
  const proxyCommand = optional('proxycommand');
  return {
    name,
    local: false,
    hostname,
    port,
    user,
    addressFamily: family === 'inet' || family === 'inet6' ? family : 'any',
    identityFiles: identities.filter((file) => file !== 'none').map(path),
    certificateFiles: many('certificatefile').map(path),
    identitiesOnly: on('identitiesonly'),
    identityAgent: agentSocket === '' ? null : agentSocket,
    pubkeyAuthentication: !off('pubkeyauthentication'),
    passwordAuthentication: !off('passwordauthentication'),
    kbdInteractiveAuthentication: !off('kbdinteractiveauthentication') && !off('challengeresponseauthentication'),
    gssapiAuthentication: on('gssapiauthentication'),
    numberOfPasswordPrompts: Math.min(10, Math.max(1, Number(one('numberofpasswordprompts') ?? 3) || 3)),
    preferredAuthentications: (one('preferredauthentications') ?? '').split(',').filter((method) => method !== ''),
    userKnownHostsFiles: (values.has('userknownhostsfile')
      ? splitPaths(one('userknownhostsfile'))
      : [join(home, '.ssh/known_hosts'), join(home, '.ssh/known_hosts2')]
    ).map(path),
    globalKnownHostsFiles: (values.has('globalknownhostsfile')
      ? splitPaths(one('globalknownhostsfile'))
      : ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']
    ).map(path),
    hashKnownHosts: on('hashknownhosts'),
    hostKeyAlias,
    hostKeyAlgorithms: (one('hostkeyalgorithms') ?? '').split(',').filter((algorithm) => /^[a-z]/.test(algorithm)),
    strictHostKeyChecking: strictness(one('stricthostkeychecking')),
    // ProxyCommand and ProxyJump exclude each other; ssh keeps whichever came first and prints only that.
    proxyJump: proxyCommand === null ? optional('proxyjump') : null,
    proxyCommand,
    connectTimeout: Number.isFinite(timeout) && timeout > 0 ? timeout : null,
    bySsh: false,
  };
}

const nowhere = (name: string): ResolvedHost => ({
  ...toResolved(name, { host: 'localhost' }, new Map()),
  local: true,
});

/**
 * Resolves a host as the user named it: 'local', an alias, user@host[:port].
 * Errors: usage (no host name), ssh-config (ssh refuses the configuration).
 */
export async function resolveHost(name: string, options: ResolveOptions = {}): Promise<ResolvedHost> {
  throwIfAborted(options.signal);
  if (name === 'local') return nowhere(name);
  const host = parseHostName(name);
  const said = await askSsh(host, options);
  const values = said ?? configFor(host.host, await readConfig(defaultConfigFiles(options.configFile)));
  return { ...toResolved(name, host, values), bySsh: said !== undefined };
}

export interface ListHostsOptions {
  configFile?: string | undefined;
  signal?: AbortSignal | undefined;
  sshProgram?: string | undefined;
}

/** ssh runs beside each other while the aliases are resolved. */
const listConcurrency = 4;

/** The hosts of the ssh config, `Include` followed, in the order of the files. Patterns are left out. */
export async function listHosts(options: ListHostsOptions = {}): Promise<HostEntry[]> {
  const lines = await readConfig(defaultConfigFiles(options.configFile));
  const aliases = listAliases(lines).filter(({ alias }) => isHostName(alias));
  const entries: HostEntry[] = new Array<HostEntry>(aliases.length);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < aliases.length; index = next++) {
      const { alias, source } = aliases[index] ?? { alias: '', source: '' };
      let resolved: ResolvedHost;
      try {
        resolved = await resolveHost(alias, options);
      } catch (error) {
        throwIfAborted(options.signal);
        // One host that ssh cannot resolve (a hanging Match exec) must not hide the others.
        if (!(error instanceof RingsideError)) throw error;
        resolved = toResolved(alias, { host: alias }, configFor(alias, lines));
      }
      const { hostname, port, user, proxyJump } = resolved;
      entries[index] = { alias, hostname, port, user, proxyJump, source };
    }
  };
  await Promise.all(Array.from({ length: Math.min(listConcurrency, aliases.length) }, work));
  return entries;
}

function isHostName(alias: string): boolean {
  try {
    parseHostName(alias);
    return true;
  } catch {
    return false;
  }
}
