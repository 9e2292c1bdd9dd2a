/** One authenticated ssh2 connection: host key verified first, then the login. */
import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { cancelled, RingsideError, throwIfAborted } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ConnectionState } from '../model/index.ts';
import type { Prompter } from '../prompt.ts';
import type { CallOptions } from '../progress.ts';
import { Authenticator } from './auth.ts';
import type { ResolvedHost } from './config.ts';
import { HostKeyChecker } from './hostKey.ts';
import { findIdentities, passphraseAttempts } from './identities.ts';
import type { SshOptions } from './options.ts';
import { OpenSshNeeded } from './openssh/needed.ts';
import { OncePerConnection } from './oncePerConnection.ts';
import { IdleTimer } from './pausingPrompter.ts';
import { neutralize } from './shell.ts';
import { coalesceWrites, defaultConnectSeconds, socketError, timeoutError } from './socket.ts';
import { loadSsh2 } from './ssh2Module.ts';

export interface ConnectContext {
  ssh: SshOptions;
  /** --identity: for the host itself, not for the hops before it. */
  identityFile: string | undefined;
  /** Before anybody is asked, the login may go over to OpenSSH (OpenSshNeeded). */
  mayUseOpenSsh: boolean;
  prompter: Prompter;
  log: Log;
  call: CallOptions;
  onState: (state: ConnectionState) => void;
}

/** Fastest first (measured): AES-GCM runs in hardware, chacha20 is the choice of hosts without. */
const ciphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
] as const;
const macs = [
  'hmac-sha2-256-etm@openssh.com',
  'hmac-sha2-512-etm@openssh.com',
  'hmac-sha2-256',
  'hmac-sha2-512',
] as const;
/** Silence between two steps of the handshake or the login, people's thinking time not counted. */
const handshakeSeconds = 30;
/** A dead link is noticed after 15 s × 3. */
const keepaliveMs = 15_000;
const keepaliveCount = 3;

const closedMessage = 'the connection was closed';

type Ssh2Error = Error & { level?: string; code?: string | number };

/** ssh2 takes packets of 35,000 bytes, OpenSSH of 256 KB: a server's long banner is one packet. */
function tooLargePacket(host: ResolvedHost, cause: Error): OpenSshNeeded {
  const error = new RingsideError(
    'ssh-transport',
    `${host.name} sent a packet that ssh2 does not take (a long banner?).`,
    {
      remedy: 'Use --transport openssh (or auto, with ssh installed).',
      cause,
    },
  );
  return new OpenSshNeeded('a packet that ssh2 does not take', error);
}

/** What went wrong between the first byte and the end of the login. */
function handshakeError(
  host: ResolvedHost,
  error: Ssh2Error,
  auth: Authenticator,
  authenticating: boolean,
): RingsideError {
  if (error.level === 'client-socket') return socketError(host, error);
  if (error.level === 'client-authentication') return auth.failure();
  if (/bad packet length/i.test(error.message)) return tooLargePacket(host, error);
  // Some servers hang up after refusals without a word; before any, it is the network.
  if (authenticating && (auth.refused || error.message !== closedMessage)) {
    auth.noteProblem(error.message);
    return auth.failure(`it ended the login (${neutralize(error.message, 300)})`);
  }
  if (/no matching/i.test(error.message)) {
    const none = new RingsideError(
      'ssh-transport',
      `${host.name} and Ringside have no algorithm in common: ${neutralize(error.message, 300)}.`,
      {
        remedy:
          'The host offers outdated or very new algorithms only; try --transport openssh, or let its administrator enable aes128-gcm, curve25519 and ssh-ed25519.',
        cause: error,
      },
    );
    return new OpenSshNeeded('the algorithms of the host', none);
  }
  return new RingsideError(
    'host-unreachable',
    `${host.name} (${host.hostname} port ${host.port}) did not complete the ${authenticating ? 'login' : 'ssh handshake'}: ${neutralize(error.message, 300)}.`,
    {
      remedy:
        'Check that an ssh server listens on this port; it may also be overloaded (MaxStartups) or block your address.',
      cause: error,
    },
  );
}

/**
 * Speaks ssh over `stream` and logs in. Resolves with a client on which channels can be opened; on any error the
 * stream is destroyed. Errors: host-key-*, auth-failed, host-timeout, host-unreachable, ssh-transport, cancelled.
 */
export async function establish(host: ResolvedHost, stream: Duplex, context: ConnectContext): Promise<Client> {
  const { ssh, prompter, log, call, onState } = context;
  const timerBox: { current?: IdleTimer } = {};
  try {
    throwIfAborted(call.signal);
    const ssh2 = await loadSsh2();
    const client = new ssh2.Client();
    return await new Promise<Client>((resolve, reject) => {
      let settled = false;
      let authenticating = false;
      let remembered: Promise<void> | undefined;
      const finish = (error: RingsideError | undefined): void => {
        if (settled) return;
        settled = true;
        timer.stop();
        clearTimeout(mute);
        call.signal?.removeEventListener('abort', onAbort);
        if (error) {
          client.destroy();
          stream.destroy();
          reject(error);
        } else {
          resolve(client);
        }
      };
      const onAbort = (): void => finish(cancelled());
      const timer = new IdleTimer(handshakeSeconds * 1000, () =>
        finish(timeoutError(host, authenticating ? 'logging in' : 'beginning the ssh connection', handshakeSeconds)),
      );
      timerBox.current = timer;
      // As OpenSSH counts it: the time to connect goes on until the server has shown its key.
      const patience = host.connectTimeout ?? defaultConnectSeconds;
      const mute = setTimeout(
        () => finish(timeoutError(host, 'beginning the ssh connection', patience)),
        patience * 1000,
      );
      call.signal?.addEventListener('abort', onAbort, { once: true });
      const patient = timer.wrap(prompter);

      const checker = HostKeyChecker.create(host, ssh, patient, log);
      const ask = (file: string, attempt: number): Promise<string | undefined> => {
        if (attempt === passphraseAttempts) auth.notePassphrase(file);
        return patient.secret(
          { kind: 'passphrase', host: host.name, prompt: `Passphrase for key ${file}`, echo: false, attempt },
          call.signal,
        );
      };
      const identities = findIdentities(ssh2, host, context.identityFile, ask, log);
      const auth = new Authenticator(ssh2, identities, {
        host,
        prompter: patient,
        log,
        signal: call.signal,
        mayUseOpenSsh: context.mayUseOpenSsh,
        abort: finish,
      });
      const verifier = new OncePerConnection(host, checker, call.signal, log, finish, context.mayUseOpenSsh);

      client.on('error', (error: Ssh2Error) => {
        // A key that could not sign is one refused attempt, not the end; ssh2 goes on to the next.
        if (error.level === 'agent') auth.noteProblem(error.message);
        else finish(handshakeError(host, error, auth, authenticating));
      });
      client.on('close', () => finish(handshakeError(host, new Error(closedMessage), auth, authenticating)));
      client.on('handshake', () => {
        timer.touch();
        if (authenticating) return;
        authenticating = true;
        remembered = verifier.accepted?.remember();
        onState('authenticating');
      });
      client.on('ready', () => {
        // Nagle costs 44 ms a round trip; again here because a forwarded or proxied stream is ssh2's own business.
        client.setNoDelay(true);
        void Promise.resolve(remembered).then(() => finish(undefined));
      });
      // ssh2 installs its own listeners in connect(), so the algorithms must be known before.
      checker
        .then((known) => {
          if (settled) return;
          onState('checking-key');
          client.connect({
            sock: coalesceWrites(stream),
            username: host.user,
            readyTimeout: 0,
            keepaliveInterval: keepaliveMs,
            keepaliveCountMax: keepaliveCount,
            algorithms: { cipher: [...ciphers], hmac: [...macs], serverHostKey: known.algorithms() as never },
            hostVerifier: (key: Buffer, answer: (trusted: boolean) => void) => {
              timer.touch();
              clearTimeout(mute);
              verifier.verify(key, answer);
            },
            authHandler: (methodsLeft, _partial, next) => {
              timer.touch();
              auth.next(methodsLeft as readonly string[] | null).then(
                // ssh2 takes `false` for "none left", which its types do not tell.
                (method) => next(method as never),
                (error: unknown) => finish(RingsideError.from(error)),
              );
            },
          });
        })
        .catch((error: unknown) => finish(RingsideError.from(error)));
    });
  } catch (error) {
    timerBox.current?.stop();
    stream.destroy();
    throw error;
  }
}
