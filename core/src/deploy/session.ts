/** A script on the host that speaks by marker lines, with sudo's password question answered on the way. */
import type { Readable } from 'node:stream';
import { randomBytes } from 'node:crypto';
import { cancelled, RingsideError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Prompter } from '../prompt.ts';
import type { CallOptions } from '../progress.ts';
import type { SshOptions } from '../ssh/options.ts';
import { IdleTimer } from '../ssh/pausingPrompter.ts';
import { neutralize } from '../ssh/shell.ts';
import type { ExecChannel, ExitStatus, Transport } from '../ssh/transport.ts';
import {
  doasToo,
  PasswordWrong,
  sudoFailure,
  sudoNeedsPassword,
  sudoNeedsTerminal,
  sudoPasswordMissing,
  sudoSaysNo,
} from './sudo.ts';
import type { Elevation } from './scripts.ts';

export interface SessionOptions extends CallOptions {
  ssh: SshOptions;
  prompter: Prompter;
  log: Log;
  /** sudo is known to ask for a password there: it is not tried without. */
  sudoAsks?: boolean;
}

export interface Marker {
  word: string;
  text: string;
}

/** What else the host printed is kept for messages, up to this. */
const maxNoise = 32 * 1024;
/** More than that before the agent starts is no motd. */
const maxTalk = 2 * 1024 * 1024;
/** No sign of life for so long (people's thinking time not counted) means that the host hangs. */
const idleSeconds = 60;

/** Finds markers and the password prompt in stderr; everything else is noise (motd, sudo's lecture, warnings). */
export class MarkerReader {
  #buffer: Buffer = Buffer.alloc(0);
  #noise = '';
  readonly #sign: Buffer;
  readonly #prompt: Buffer;

  constructor(nonce: string, prompt: string) {
    this.#sign = Buffer.from(`@${nonce} `);
    this.#prompt = Buffer.from(prompt);
  }

  get noise(): string {
    return neutralize(this.#noise + this.#buffer.toString('utf8'), maxNoise).trim();
  }

  push(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
  }

  /** The next marker, 'prompt' when sudo asks for the password, or undefined when more bytes are needed. */
  next(): Marker | 'prompt' | undefined {
    for (;;) {
      const end = this.#buffer.indexOf(0x0a);
      const line = end < 0 ? this.#buffer : this.#buffer.subarray(0, end);
      const prompt = line.indexOf(this.#prompt);
      if (prompt >= 0) {
        this.#addNoise(line.subarray(0, prompt));
        this.#buffer = this.#buffer.subarray(prompt + this.#prompt.length);
        return 'prompt';
      }
      if (end < 0) {
        // A line without end must not grow for ever; a marker is never that long.
        if (this.#buffer.length > 2 * maxNoise) this.#take(this.#buffer.length - maxNoise);
        return undefined;
      }
      this.#buffer = this.#buffer.subarray(end + 1);
      const sign = line.indexOf(this.#sign);
      if (sign >= 0) {
        this.#addNoise(line.subarray(0, sign));
        const [word = '', ...rest] = line
          .subarray(sign + this.#sign.length)
          .toString('utf8')
          .split(' ');
        return { word, text: neutralize(rest.join(' ')) };
      }
      this.#addNoise(Buffer.concat([line, Buffer.from('\n')]));
    }
  }

  /** What came after the last marker; the reader is empty then. */
  rest(): Buffer {
    const rest = this.#buffer;
    this.#buffer = Buffer.alloc(0);
    return rest;
  }

  #take(count: number): void {
    this.#addNoise(this.#buffer.subarray(0, count));
    this.#buffer = this.#buffer.subarray(count);
  }

  #addNoise(bytes: Buffer): void {
    if (this.#noise.length < maxNoise) this.#noise += bytes.toString('utf8').slice(0, maxNoise - this.#noise.length);
  }
}

/** Resolves when the stream has something to read or has ended; takes nothing from it. */
export function readable(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('readable', done).off('end', done).off('close', done);
      resolve();
    };
    if (stream.readableLength > 0 || stream.readableEnded || stream.destroyed) resolve();
    else stream.on('readable', done).on('end', done).on('close', done);
  });
}

/** One running script. `next()` gives its markers one by one; a `fail` marker and its end are errors. */
export class HostSession {
  #reader: MarkerReader;
  #exit: ExitStatus | undefined;
  #seen = false;
  #up = false;
  #passwords = 0;
  #heard = 0;
  #stop: (error: RingsideError) => void = () => undefined;
  readonly #stopped: Promise<never>;
  readonly #timer: IdleTimer;
  readonly #prompter: Prompter;
  readonly #onAbort = (): void => this.#stop(cancelled());

  constructor(
    private readonly transport: Transport,
    readonly channel: ExecChannel,
    private readonly options: SessionOptions,
    private readonly failed: (code: string, text: string) => RingsideError,
    nonce: string,
    prompt: string,
  ) {
    this.#reader = new MarkerReader(nonce, prompt);
    this.#stopped = new Promise<never>((_resolve, reject) => {
      this.#stop = reject;
    });
    // Without a waiter at that moment, the rejection waits for the next call.
    this.#stopped.catch(() => undefined);
    this.#timer = new IdleTimer(idleSeconds * 1000, () =>
      this.#stop(
        new RingsideError(
          'host-timeout',
          `${transport.host} gave no sign of life for ${idleSeconds} s while the agent was being started.`,
          {
            remedy: 'Look whether sudo or a file system hangs there, then try again.',
            detail: this.#reader.noise,
          },
        ),
      ),
    );
    this.#prompter = this.#timer.wrap(options.prompter);
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted) this.#onAbort();
    void channel.exit.then((exit) => (this.#exit = exit));
  }

  /** Ends the waiting, and with `close` the command as well. */
  finish(close: boolean): void {
    this.#timer.stop();
    this.options.signal?.removeEventListener('abort', this.#onAbort);
    if (close) this.channel.close();
  }

  /** Waits for a promise, but no longer than the session lives. */
  race<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#stopped]);
  }

  /** Shows that work goes on: the time limit begins anew. */
  touch(): void {
    this.#timer.touch();
  }

  get noise(): string {
    return this.#reader.noise;
  }

  /** The next marker. Errors: what the script says by `fail`, sudo's refusals, host-lost, host-timeout, cancelled. */
  async next(): Promise<Marker> {
    for (;;) {
      const marker = this.#reader.next();
      if (marker === 'prompt') {
        await this.#givePassword();
      } else if (marker !== undefined) {
        this.#timer.touch();
        this.#seen = true;
        if (marker.word === 'up') this.#up = true;
        if (marker.word !== 'fail') return marker;
        const [code = '', ...text] = marker.text.split(' ');
        throw this.failed(code, text.join(' '));
      } else {
        await this.#more();
      }
    }
  }

  async #more(): Promise<void> {
    const { stderr } = this.channel;
    await this.race(readable(stderr));
    const chunk = stderr.read() as Buffer | null;
    if (chunk !== null) {
      this.#heard += chunk.length;
      if (this.#heard > maxTalk) throw this.#talksForEver();
      this.#reader.push(chunk);
      return;
    }
    if (!stderr.readableEnded && !stderr.destroyed) return;
    await this.race(this.channel.exit);
    throw this.#ended();
  }

  #talksForEver(): RingsideError {
    return new RingsideError('too-large', `${this.transport.host} prints without end instead of starting the agent.`, {
      remedy:
        'A start-up file of the login shell (.bashrc) or a fixed command (ForceCommand) does that; `ssh HOST true` shows it.',
      detail: this.#reader.noise.slice(0, 1000),
    });
  }

  /** The connection is gone. */
  cut(): RingsideError {
    return new RingsideError(
      'host-lost',
      `The connection to ${this.transport.host} was cut while the agent was being started.`,
      {
        remedy:
          'Try again; a half uploaded file is never executed, and removed by the host or by the next start there.',
      },
    );
  }

  /** The script is over without having said why: sudo refused, or the connection is gone. */
  #ended(): RingsideError {
    const { host } = this.transport;
    if (this.#exit?.code === null && this.#exit.signal === null) return this.cut();
    if (!this.#seen) {
      const said = this.channel.stdout.read() as Buffer | null;
      const detail = `${neutralize(said?.toString('utf8') ?? '')}${this.#reader.noise}`;
      const why = /\brestricted\b/.test(detail)
        ? 'it is a restricted shell, which starts no /bin/sh'
        : `it ended at once (exit ${this.#exit?.code ?? '?'})`;
      return new RingsideError('agent-start', `${host} ran no command for us by the login shell: ${why}.`, {
        detail,
        remedy: 'Choose a user with a real login shell (`chsh`), and check that /bin/sh works there.',
      });
    }
    if (!this.#up) return sudoFailure(host, this.#reader.noise, this.#passwords);
    return new RingsideError(
      'agent-start',
      `The start script on ${host} ended unexpectedly (exit ${this.#exit?.code ?? '?'}).`,
      {
        detail: this.#reader.noise,
        remedy: 'The detail shows what the host printed; please report it when it makes no sense.',
      },
    );
  }

  async #givePassword(): Promise<void> {
    const { ssh, log } = this.options;
    const { host } = this.transport;
    const attempt = ++this.#passwords;
    let password = attempt === 1 ? ssh.sudoPassword : undefined;
    password ??= await this.race(
      this.#prompter.secret(
        { kind: 'sudo', host, prompt: `sudo password on ${host}`, echo: false, attempt },
        this.options.signal,
      ),
    );
    if (password === undefined) throw attempt === 1 ? sudoPasswordMissing(host) : new PasswordWrong(host);
    log.debug(`${host}: answering sudo's prompt (attempt ${attempt})`);
    // sudo reads one line byte by byte; what follows on stdin is the agent's.
    this.channel.stdin.write(`${password.replace(/[\r\n].*$/s, '')}\n`);
  }

  /** After the last marker: the rest of stderr goes back to whoever reads it next. */
  handOver(): void {
    this.finish(false);
    const rest = this.#reader.rest();
    if (rest.length > 0 && !this.channel.stderr.readableEnded) this.channel.stderr.unshift(rest);
  }
}

/**
 * Runs a script with root's privilege as the options say, and gives the session to `use`. Tries without a password
 * first; where sudo wants one, a second start asks for it. `use` must have waited for the marker "up" (or the end)
 * before anything of consequence happens, because it is called again for the second start.
 */
export async function withPrivilege<T>(
  transport: Transport,
  options: SessionOptions,
  script: (nonce: string, elevation: Elevation) => string,
  failed: (code: string, text: string) => RingsideError,
  use: (session: HostSession, elevation: Elevation) => Promise<T>,
): Promise<T> {
  const run = async (elevation: Elevation, nonce: string, prompt: string): Promise<T> => {
    const channel = await transport.exec(script(nonce, elevation), options);
    const session = new HostSession(transport, channel, options, failed, nonce, prompt);
    try {
      return await use(session, elevation);
    } catch (error) {
      session.finish(true);
      throw error;
    }
  };
  const nonce = randomBytes(16).toString('hex');
  const prompt = `[${randomBytes(16).toString('hex')}]`;
  if (options.ssh.sudo === 'never') return run({ kind: 'none' }, nonce, prompt);
  const withPassword = (tty: boolean): Elevation => ({ kind: 'sudo-password', prompt, tty });
  const sudo = async (tty: boolean): Promise<T> => {
    try {
      if (options.sudoAsks) return await run(withPassword(tty), nonce, prompt);
      return await run({ kind: 'sudo', always: options.ssh.sudo === 'always', tty }, nonce, prompt);
    } catch (error) {
      if (!sudoNeedsPassword(error)) throw error;
      options.log.debug(`${transport.host}: sudo wants a password`);
      return run(withPassword(tty), nonce, prompt);
    }
  };
  try {
    return await sudo(false);
  } catch (error) {
    if (sudoNeedsTerminal(error)) {
      options.log.debug(`${transport.host}: sudo wants a terminal`);
      return sudo(true);
    }
    if (!sudoSaysNo(error)) throw error;
    return run({ kind: 'doas' }, nonce, prompt).catch((second: unknown) => {
      if (!sudoSaysNo(second)) throw second;
      throw second.detail === 'doas is not installed' ? error : doasToo(error, transport.host, second.detail);
    });
  }
}
