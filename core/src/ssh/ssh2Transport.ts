/** A host over ssh2: commands as exec channels of one connection. */
import { Writable } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { cancelled, RingsideError, throwIfAborted } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallOptions } from '../progress.ts';
import { runToEnd } from './run.ts';
import { loginShellCommand, neutralize } from './shell.ts';
import type { ExecChannel, ExitStatus, RunOptions, RunResult, Transport } from './transport.ts';

/** ssh2 does not enforce its 2 MiB receive window (ssh2#1505); a server that overruns it this far is hostile. */
const maxUnread = 16 * 1024 * 1024;
/** How long an orderly goodbye may take before the socket is destroyed. */
const goodbyeMs = 1000;

/** What ssh2's channels have beyond their types. */
type Channel = ClientChannel & { push(chunk: unknown): boolean };

/** The channel's stdin: unlike ssh2's own, it ends pending writes with an error when the connection goes away. */
class ChannelInput extends Writable {
  #pending: ((error?: Error | null) => void) | undefined;

  constructor(private readonly channel: ClientChannel) {
    super({ highWaterMark: 256 * 1024, decodeStrings: true });
    // Whoever writes learns of the end by the channel's exit; an unheard error must not end the process.
    this.on('error', () => undefined);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#pending = done;
    this.channel.write(chunk, (error) => this.#settle(error));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.channel.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#settle(error ?? new Error('the channel is closed'));
    done(error);
  }

  #settle(error?: Error | null): void {
    const done = this.#pending;
    this.#pending = undefined;
    done?.(error);
  }
}

/** Only a channel that was not opened has a reason; a command that was not run has none. */
const hasReason = (error: Error & { reason?: unknown }): error is Error & { reason: number } =>
  typeof error.reason === 'number';

export class Ssh2Transport implements Transport {
  readonly kind = 'ssh2';
  readonly #listeners: ((error: RingsideError | undefined) => void)[] = [];
  readonly #endings = new Set<(status: ExitStatus) => void>();
  #cause: Error | undefined;
  #closed = false;
  #disposed = false;

  /** `release` ends what lies under the client: the hops before it. */
  constructor(
    readonly host: string,
    private readonly client: Client,
    private readonly log: Log,
    private readonly release: () => void,
  ) {
    client.on('error', (error: Error) => {
      this.#cause ??= error;
    });
    client.on('close', () => this.#onClosed());
    client.on('end', () => this.#onClosed());
  }

  async exec(command: string, options: CallOptions = {}): Promise<ExecChannel> {
    throwIfAborted(options.signal);
    if (this.#closed || this.#disposed) throw this.#lost();
    return new Promise((resolve, reject) => {
      let ending = (): void => undefined;
      const stop = (): void => {
        this.#endings.delete(ending);
        options.signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        stop();
        reject(cancelled());
      };
      ending = (): void => {
        stop();
        reject(this.#lost());
      };
      options.signal?.addEventListener('abort', onAbort, { once: true });
      this.#endings.add(ending);
      try {
        const shell = loginShellCommand(command);
        let again = true;
        const answered = (error: Error | undefined, channel: ClientChannel): void => {
          // dropbear refuses a command now and then while the one before it ends. One that was refused was not run.
          if (error && again && !hasReason(error) && !this.#closed && !options.signal?.aborted) {
            again = false;
            try {
              this.client.exec(shell, answered);
            } catch {
              ending();
            }
            return;
          }
          stop();
          if (error) {
            reject(this.#closed ? this.#lost() : this.#refused(error));
          } else if (options.signal?.aborted) {
            channel.close();
          } else {
            resolve(this.#wrap(channel));
          }
        };
        this.client.exec(shell, answered);
      } catch (error) {
        stop();
        this.#cause ??= error as Error;
        reject(this.#lost());
      }
    });
  }

  #refused(error: Error & { reason?: unknown }): RingsideError {
    if (hasReason(error)) return this.#noSession(error);
    return new RingsideError(
      'ssh-transport',
      `${this.host} opened no session for a command: ${neutralize(error.message, 300)}.`,
      {
        remedy: 'The server may allow this key one fixed command only (ForceCommand).',
        cause: error,
      },
    );
  }

  #noSession(error: Error): RingsideError {
    return new RingsideError(
      'ssh-sessions',
      `${this.host} opened no further session on this connection: ${neutralize(error.message, 300)}.`,
      {
        remedy:
          'Every run takes one session of the connection. End a run, or let the administrator raise MaxSessions in sshd_config (10 is the default; 1 or more is needed).',
        cause: error,
      },
    );
  }

  #wrap(channel: Channel): ExecChannel {
    const stdin = new ChannelInput(channel);
    this.#boundBuffer(channel);
    const exit = new Promise<ExitStatus>((resolve) => {
      const settle = (status: ExitStatus): void => {
        this.#endings.delete(settle);
        resolve(status);
        stdin.destroy();
      };
      this.#endings.add(settle);
      channel.once('exit', (code: number | null, signal?: string) => settle({ code, signal: signal ?? null }));
      channel.once('close', () => settle({ code: null, signal: null }));
    });
    const close = (): void => {
      stdin.destroy();
      channel.close();
      // Unread data would keep ssh2 from ever closing the channel.
      channel.resume();
      channel.stderr.resume();
    };
    return { stdin, stdout: channel, stderr: channel.stderr, exit, close };
  }

  /** Ends the connection when the server sends far more than the window that we granted. */
  #boundBuffer(channel: Channel): void {
    const push = channel.push.bind(channel);
    channel.push = (chunk: unknown): boolean => {
      if (channel.readableLength > maxUnread) {
        this.#cause ??= new Error('the server sent more than the receive window allows');
        this.client.destroy();
        return false;
      }
      return push(chunk);
    };
  }

  async run(command: string, options: RunOptions = {}): Promise<RunResult> {
    const channel = await this.exec(command, options);
    return runToEnd(this.host, channel, options, () => (this.#closed ? this.#lost() : undefined));
  }

  #lost(): RingsideError {
    const why = this.#disposed
      ? 'it was closed here'
      : neutralize(this.#cause?.message ?? 'the host or the network ended it', 300);
    return new RingsideError('host-lost', `The connection to ${this.host} is gone: ${why}.`, {
      remedy: 'Connect again; what was attached there detaches by itself when its lease runs out.',
      ...(this.#cause === undefined ? {} : { cause: this.#cause }),
    });
  }

  #onClosed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.client.destroy();
    const error = this.#disposed ? undefined : this.#lost();
    if (error) this.log.warn(error.message);
    for (const settle of this.#endings) settle({ code: null, signal: null });
    this.#endings.clear();
    for (const listener of this.#listeners.splice(0)) listener(error);
    this.release();
  }

  onClose(listener: (error: RingsideError | undefined) => void): void {
    if (this.#closed) queueMicrotask(() => listener(this.#disposed ? undefined : this.#lost()));
    else this.#listeners.push(listener);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.client.end();
    const timer = setTimeout(() => {
      // Through a hop, ssh2 reports the end of a destroyed stream only when the hop confirms it.
      this.client.destroy();
      this.#onClosed();
    }, goodbyeMs);
    timer.unref();
    this.client.once('close', () => clearTimeout(timer));
  }
}
