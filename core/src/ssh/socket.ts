/** The byte stream under an ssh connection: a TCP socket or a ProxyCommand. */
import { spawn } from 'node:child_process';
import { connect as connectTcp } from 'node:net';
import { Duplex, type Writable } from 'node:stream';
import { cancelled, RingsideError, throwIfAborted } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ResolvedHost } from './config.ts';
import { neutralize } from './shell.ts';

/** Seconds to wait for a connection where the configuration says nothing. */
export const defaultConnectSeconds = 15;

export function timeoutError(host: ResolvedHost, doing: string, seconds: number): RingsideError {
  return new RingsideError(
    'host-timeout',
    `${host.name} (${host.hostname} port ${host.port}) did not answer within ${seconds} s while ${doing}.`,
    {
      remedy:
        'Check that the host is up and that no firewall drops the connection; ConnectTimeout in the ssh config sets the limit.',
    },
  );
}

/** A failed socket as an error with what to do. */
export function socketError(host: ResolvedHost, error: Error): RingsideError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const where = `${host.hostname} port ${host.port}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_FAIL' || code === 'EAI_NODATA') {
    return new RingsideError(
      'host-unknown',
      `There is no host ${host.hostname}${host.name === host.hostname ? '' : ` (${host.name})`}: the name does not resolve.`,
      {
        remedy: 'Check the spelling; `ringside hosts` lists the hosts of your ssh config.',
        detail: error.message,
        cause: error,
      },
    );
  }
  if (code === 'ETIMEDOUT') return timeoutError(host, 'connecting', host.connectTimeout ?? defaultConnectSeconds);
  const why: Record<string, string> = {
    ECONNREFUSED: 'the connection was refused, so no ssh server listens there',
    EHOSTUNREACH: 'there is no route to it',
    ENETUNREACH: 'its network cannot be reached',
    ECONNRESET: 'it closed the connection',
    EPIPE: 'it closed the connection',
  };
  return new RingsideError(
    'host-unreachable',
    `${host.name} (${where}) cannot be reached: ${why[code] ?? error.message}.`,
    {
      remedy: 'Check host, port and network; the ssh server there may be down, or may refuse your address.',
      detail: error.message,
      cause: error,
    },
  );
}

/**
 * Lets what is written in one turn go out with one system call: ssh2 writes an encrypted packet in three pieces, and many
 * packets in one turn when the server's window opens. Returns the same stream.
 */
export function coalesceWrites<S extends Writable>(stream: S): S {
  const write = stream.write.bind(stream) as (...given: unknown[]) => boolean;
  let corked = false;
  stream.write = ((...given: unknown[]): boolean => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(() => {
        corked = false;
        stream.uncork();
      });
    }
    return write(...given);
  }) as S['write'];
  return stream;
}

/** Opens a TCP connection with Nagle off. The signal ends the socket at once. */
export function openTcp(host: ResolvedHost, signal?: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    throwIfAborted(signal);
    const family = host.addressFamily === 'inet' ? 4 : host.addressFamily === 'inet6' ? 6 : 0;
    const socket = connectTcp({ host: host.hostname, port: host.port, family, noDelay: true, keepAlive: true });
    const seconds = host.connectTimeout ?? defaultConnectSeconds;
    const fail = (error: RingsideError): void => {
      stop();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(timeoutError(host, 'connecting', seconds)), seconds * 1000);
    const onAbort = (): void => fail(cancelled());
    const onError = (error: Error): void => fail(socketError(host, error));
    const stop = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', () => {
      stop();
      resolve(socket);
    });
  });
}

/** Starts the user's ProxyCommand; its stdin and stdout are the stream. */
export function openProxyCommand(host: ResolvedHost, command: string, log: Log): Duplex {
  const tokens: Record<string, string> = {
    '%': '%',
    h: host.hostname,
    n: host.name.replace(/^.*@/, '').replace(/:\d+$/, ''),
    p: String(host.port),
    r: host.user,
  };
  const expanded = command.replace(/%(.)/g, (whole, token: string) => tokens[token] ?? whole);
  log.debug(`${host.name}: through ProxyCommand ${expanded}`);
  const child = spawn('/bin/sh', ['-c', `exec ${expanded}`], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stderr.on('data', (chunk: Buffer) => log.debug(`ProxyCommand: ${neutralize(chunk.toString('utf8'))}`));
  child.stdin.on('error', () => undefined);
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout });
  child.once('error', (error) => stream.destroy(error));
  stream.once('close', () => {
    child.stdin.destroy();
    child.stdout.destroy();
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  });
  return stream;
}
