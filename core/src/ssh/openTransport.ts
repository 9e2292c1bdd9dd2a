/** From a host's name to an open connection: resolve, hop by hop, verify, log in. */
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { cancelled, RingsideError, throwIfAborted } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ConnectionState } from '../model/index.ts';
import type { Prompter } from '../prompt.ts';
import type { CallOptions } from '../progress.ts';
import { onTheWay } from './authFailed.ts';
import { resolveHost, type ResolvedHost } from './config.ts';
import { parseHostName } from './hostName.ts';
import { LocalTransport } from './localTransport.ts';
import type { NamedHost } from './openssh/configText.ts';
import { canOpenSsh, certificatesOf, OpenSshNeeded } from './openssh/needed.ts';
import { openOpenSsh } from './openssh/openSshTransport.ts';
import type { SshOptions } from './options.ts';
import { neutralize } from './shell.ts';
import { openProxyCommand, openTcp } from './socket.ts';
import { establish, type ConnectContext } from './ssh2Connection.ts';
import { loadSsh2 } from './ssh2Module.ts';
import { Ssh2Transport } from './ssh2Transport.ts';
import type { Transport } from './transport.ts';

export interface OpenOptions extends CallOptions {
  onState?: (state: ConnectionState) => void;
}

/** More hops than anyone has; a loop in the configuration ends here. */
const maxHops = 8;

/**
 * Connects to a host: 'local', an alias of the ssh config, or user@host[:port].
 * The host key of every hop is verified before anything is sent to it.
 * Errors: usage, ssh-config, host-unknown, host-unreachable, host-timeout, host-key-unknown, host-key-mismatch,
 * host-key-revoked, auth-failed, ssh-transport, cancelled.
 */
export async function openTransport(
  host: string,
  options: SshOptions,
  prompter: Prompter,
  log: Log,
  call: OpenOptions = {},
): Promise<Transport> {
  throwIfAborted(call.signal);
  if (host === 'local') return new LocalTransport(host);
  const onState = call.onState ?? ((): void => undefined);
  onState('connecting');
  call.progress?.({ step: `Connecting to ${host}` });
  // ssh2 takes longer to load than ssh to resolve the host, so both at once.
  const [resolved] = await Promise.all([
    resolveHost(host, { configFile: options.configFile, signal: call.signal }),
    options.transport === 'openssh' || loadSsh2(),
  ]);
  const available = options.transport !== 'ssh2' && canOpenSsh(resolved);
  const way: Way = { options, prompter, log, call, onState };
  if (options.transport === 'openssh' && !available) throw noOpenSsh();
  const certificate = options.transport === 'auto' && available ? certificatesOf(resolved)[0] : undefined;
  if (options.transport === 'openssh' || certificate !== undefined) {
    if (certificate !== undefined) log.info(`${host}: OpenSSH is used for the certificate ${certificate}`);
    return overOpenSsh(resolved, way);
  }
  try {
    return await overSsh2(resolved, way, available);
  } catch (error) {
    if (!(error instanceof OpenSshNeeded)) throw error;
    if (!available) throw new RingsideError(error.code, error.message, error);
    log.info(`${host}: OpenSSH is used for ${error.reason}`);
    return overOpenSsh(resolved, way);
  }
}

interface Way {
  options: SshOptions;
  prompter: Prompter;
  log: Log;
  call: OpenOptions;
  onState: (state: ConnectionState) => void;
}

function noOpenSsh(): RingsideError {
  return new RingsideError('ssh-transport', 'The OpenSSH transport needs the program ssh, which is not there.', {
    remedy:
      process.platform === 'win32'
        ? 'It is not supported on Windows; use --transport ssh2.'
        : 'Install openssh-client, or use --transport ssh2.',
  });
}

async function overSsh2(host: ResolvedHost, way: Way, mayUseOpenSsh: boolean): Promise<Transport> {
  const { options, prompter, log, call, onState } = way;
  const { identityFile } = options;
  const context: ConnectContext = { ssh: options, identityFile, mayUseOpenSsh, prompter, log, call, onState };
  const opened: Client[] = [];
  const release = (): void => {
    for (const client of opened.reverse()) client.end();
  };
  try {
    const client = await connect(host, context, opened, 0);
    return new Ssh2Transport(host.name, client, log, release);
  } catch (error) {
    release();
    throw error;
  }
}

async function overOpenSsh(host: ResolvedHost, way: Way): Promise<Transport> {
  const { options, prompter, log, call, onState } = way;
  const hosts = await withJumps(host, way, 0);
  return openOpenSsh(host.name, { hosts, ssh: options, prompter, log, call, onState });
}

/** A host and all that ssh will start another ssh for on the way to it. */
async function withJumps(host: ResolvedHost, way: Way, depth: number): Promise<NamedHost[]> {
  if (depth > maxHops) throw inCircle(host);
  const { configFile } = way.options;
  const hosts: NamedHost[] = [{ argument: parseHostName(host.name).host, resolved: host }];
  const [first, ...others] = host.proxyJump?.split(',').map((hop) => hop.trim()) ?? [];
  const resolve = (name: string): Promise<ResolvedHost> => resolveHost(name, { configFile, signal: way.call.signal });
  // Only the first hop is reached by its own configuration; the others through the one before.
  if (first !== undefined) hosts.push(...(await withJumps(await resolve(first), way, depth + 1)));
  for (const name of others) hosts.push({ argument: parseHostName(name).host, resolved: await resolve(name) });
  return hosts;
}

function inCircle(host: ResolvedHost): RingsideError {
  return new RingsideError(
    'ssh-config',
    `${host.name} is reached through more than ${maxHops} hops: ProxyJump goes in a circle.`,
    { remedy: 'Look at ProxyJump of the hosts involved with `ssh -G HOST`.' },
  );
}

/** Connects to one host, through its hops where it has some. Clients of hops are added to `opened`. */
async function connect(host: ResolvedHost, context: ConnectContext, opened: Client[], depth: number): Promise<Client> {
  if (depth > maxHops) throw inCircle(host);
  const stream = await openStream(host, context, opened, depth);
  return establish(host, stream, context);
}

async function openStream(
  host: ResolvedHost,
  context: ConnectContext,
  opened: Client[],
  depth: number,
): Promise<Duplex> {
  if (host.proxyCommand !== null) return openProxyCommand(host, host.proxyCommand, context.log);
  if (host.proxyJump === null) return openTcp(host, context.call.signal);
  const hops = host.proxyJump.split(',').map((hop) => hop.trim());
  let via: Client | undefined;
  for (const name of hops) {
    const resolved = await resolveHost(name, { configFile: context.ssh.configFile, signal: context.call.signal });
    const hop: ResolvedHost = via ? { ...resolved, proxyJump: null, proxyCommand: null } : resolved;
    const hopContext: ConnectContext = { ...context, identityFile: undefined };
    context.log.debug(`${host.name}: hop ${name}`);
    // The first hop may have hops of its own; the ones after it are reached through the one before.
    const before = via;
    try {
      via = before
        ? await establish(hop, await forward(before, hop, context), hopContext)
        : await connect(hop, hopContext, opened, depth + 1);
    } catch (error) {
      // One that goes over to OpenSSH will say it there.
      if (!(error instanceof RingsideError) || error.code !== 'auth-failed' || error instanceof OpenSshNeeded)
        throw error;
      throw onTheWay(error, name, host.name);
    }
    via.on('error', (error) => context.log.debug(`hop ${name}: ${error.message}`));
    opened.push(via);
  }
  if (!via) throw new RingsideError('ssh-config', `ProxyJump of ${host.name} names no host.`);
  return forward(via, host, context);
}

/** A stream to `host` through the last hop (direct-tcpip). */
function forward(via: Client, host: ResolvedHost, context: ConnectContext): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled());
    context.call.signal?.addEventListener('abort', onAbort, { once: true });
    via.forwardOut('127.0.0.1', 0, host.hostname, host.port, (error, channel) => {
      context.call.signal?.removeEventListener('abort', onAbort);
      if (!error) {
        resolve(channel);
        return;
      }
      reject(
        new RingsideError(
          'host-unreachable',
          `${host.name} (${host.hostname} port ${host.port}) cannot be reached through the jump host: ${neutralize(error.message, 300)}.`,
          {
            remedy: 'Check that the jump host reaches it and allows forwarding (AllowTcpForwarding).',
            cause: error,
          },
        ),
      );
    });
  });
}
