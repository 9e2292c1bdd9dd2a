/** A host over OpenSSH itself: commands as sessions of one ssh connection (ControlMaster). */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import { cancelled, RingsideError, throwIfAborted } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { CallOptions } from '../../progress.ts';
import { runToEnd } from '../run.ts';
import { loginShellCommand, neutralize } from '../shell.ts';
import type { ExecChannel, ExitStatus, RunOptions, RunResult, Transport } from '../transport.ts';
import { terminate } from './ending.ts';
import { OpenSshMaster, type MasterOptions } from './master.ts';

/** ssh's own failure, or a command that ended by a signal. */
const sshFailed = 255;
/** How long the end of the connection may come after that of a session which it ended. */
const graceMs = 300;
/** What of a login shell's words before our command is kept, and how much there may be. */
const maxNoise = 64 * 1024;
const maxTalk = 4 * 1024 * 1024;
/** A session that is open runs its command by then. */
const startMs = 30_000;
/** How long a login shell may stand still with its output full. */
const stuckMs = 2_000;

export async function openOpenSsh(host: string, options: MasterOptions): Promise<Transport> {
  return new OpenSshTransport(host, await OpenSshMaster.open(options), options.log);
}

class OpenSshTransport implements Transport {
  readonly kind = 'openssh';
  readonly #listeners: ((error: RingsideError | undefined) => void)[] = [];
  readonly #sessions = new Set<ChildProcess>();
  #disposed = false;

  constructor(
    readonly host: string,
    private readonly master: OpenSshMaster,
    private readonly log: Log,
  ) {
    master.onEnd(() => this.#onClosed());
  }

  async exec(command: string, options: CallOptions = {}): Promise<ExecChannel> {
    throwIfAborted(options.signal);
    if (this.#disposed || this.master.over) throw this.#lost();
    // Says that the session is open and the login shell has handed over; ssh itself does not tell.
    const mark = `@${randomBytes(12).toString('hex')}\n`;
    const line = loginShellCommand(`echo '${mark.trimEnd()}' >&2; ${command}`);
    // The destination is of no meaning: the connection is there.
    const child = spawn('ssh', [...this.master.sessionArguments, '--', 'host', line], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#sessions.add(child);
    child.stdin.on('error', () => undefined);
    child.stdout.on('error', () => undefined);
    const exit = this.#exit(child);
    const stderr = new PassThrough();
    const close = (): void => {
      child.stdin.destroy();
      child.stdout.destroy();
      stderr.resume();
      terminate(child);
    };
    const onAbort = (): void => close();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const before = await this.#watched(child, marked(child.stderr, stderr, mark, child));
      if (options.signal?.aborted) throw cancelled();
      if (before !== undefined) await this.#checkStart(before, exit);
    } catch (error) {
      close();
      throw error;
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
    }
    return { stdin: child.stdin, stdout: child.stdout, stderr, exit, close };
  }

  /** Until the command begins: ends the waiting for one that prints without end, or never comes. */
  #watched(child: ChildProcess, begun: Promise<string | undefined>): Promise<string | undefined> {
    let full = 0;
    const begin = performance.now();
    return new Promise((resolve, reject) => {
      const timer = setInterval(() => {
        const { stdout } = child;
        const isFull = stdout !== null && stdout.readableLength >= stdout.readableHighWaterMark;
        full = isFull ? full + stuckMs / 8 : 0;
        if (full >= stuckMs) reject(talksForEver(this.host));
        else if (performance.now() - begin > startMs) reject(runsNothing(this.host));
      }, stuckMs / 8);
      begun.then(resolve, (error: unknown) => reject(error === talk ? talksForEver(this.host) : (error as Error)));
      begun.catch(() => undefined).finally(() => clearInterval(timer));
    });
  }

  /** A session that ended before its command began: refused by the server, lost, or a login shell that is none. */
  async #checkStart(said: string, exit: Promise<ExitStatus>): Promise<void> {
    const { code } = await exit;
    if (/session request failed: Session open refused by peer|Session open refused/.test(said)) {
      throw new RingsideError('ssh-sessions', `${this.host} opens no further ssh session on this connection.`, {
        remedy: 'Its sshd allows only so many (MaxSessions); end runs there, or have it raised.',
        detail: neutralize(said),
      });
    }
    if (code === null || this.master.over) throw this.#lost();
  }

  #exit(child: ChildProcess): Promise<ExitStatus> {
    return new Promise((resolve) => {
      const settle = (status: ExitStatus): void => {
        this.#sessions.delete(child);
        child.stdin?.destroy();
        resolve(status);
      };
      child.once('error', () => settle({ code: null, signal: null }));
      child.once('exit', (code, signal) => {
        if (code !== sshFailed) {
          settle(signal === null ? { code, signal } : { code: null, signal: null });
          return;
        }
        // 255 is a command's own status, or the end of the connection, which is noticed a moment later.
        const timer = setTimeout(() => settle({ code, signal: null }), graceMs);
        this.master.onEnd(() => {
          clearTimeout(timer);
          settle({ code: null, signal: null });
        });
      });
    });
  }

  async run(command: string, options: RunOptions = {}): Promise<RunResult> {
    const channel = await this.exec(command, options);
    return runToEnd(this.host, channel, options, () => (this.master.over ? this.#lost() : undefined));
  }

  #lost(): RingsideError {
    const last = this.master.lastWords.split('\n').at(-1) ?? '';
    const why = this.#disposed ? 'it was closed here' : neutralize(last || 'the host or the network ended it', 300);
    return new RingsideError('host-lost', `The connection to ${this.host} is gone: ${why}.`, {
      remedy: 'Connect again; what was attached there detaches by itself when its lease runs out.',
    });
  }

  #onClosed(): void {
    const error = this.#disposed ? undefined : this.#lost();
    if (error) this.log.warn(error.message);
    for (const child of this.#sessions) terminate(child);
    for (const listener of this.#listeners.splice(0)) listener(error);
  }

  onClose(listener: (error: RingsideError | undefined) => void): void {
    if (this.master.over) queueMicrotask(() => listener(this.#disposed ? undefined : this.#lost()));
    else this.#listeners.push(listener);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const child of this.#sessions) child.stdin?.destroy();
    this.master.end();
  }
}

const talk = new Error('it talks for ever');

function talksForEver(host: string): RingsideError {
  return new RingsideError('too-large', `${host} prints without end before it runs a command.`, {
    remedy:
      'A start-up file of the login shell (.bashrc) or a fixed command (ForceCommand) does that; `ssh HOST true` shows it.',
  });
}

function runsNothing(host: string): RingsideError {
  return new RingsideError('host-timeout', `${host} ran no command within ${startMs / 1000} s.`, {
    remedy:
      'A start-up file of the login shell (.bashrc) or a fixed command (ForceCommand) may hang there; `ssh HOST true` shows it.',
  });
}

/**
 * Hands `from` on to `to` without the mark. Resolves with undefined when the mark came, and with what was said when the
 * program ended without it.
 */
function marked(from: Readable, to: PassThrough, mark: string, child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    let heard = 0;
    const settle = (said: string | undefined, rest: Buffer): void => {
      from.off('data', onData).off('end', onEnd);
      to.write(rest);
      if (said === undefined) from.pipe(to);
      else to.end();
      resolve(said);
    };
    const onData = (chunk: Buffer): void => {
      heard += chunk.length;
      if (heard > maxTalk) {
        from.off('data', onData).off('end', onEnd);
        reject(talk);
        return;
      }
      head = Buffer.concat([head, chunk]);
      const at = head.indexOf(mark);
      if (at >= 0) settle(undefined, Buffer.concat([head.subarray(0, at), head.subarray(at + mark.length)]));
      else if (head.length > maxNoise) head = head.subarray(-mark.length);
    };
    const onEnd = (): void => settle(head.toString('utf8'), head);
    from.on('data', onData).once('end', onEnd);
    child.once('error', (error) => settle(error.message, Buffer.alloc(0)));
  });
}
