/** This machine as a host: the same interface, with child processes in place of ssh channels. */
import { spawn } from 'node:child_process';
import { RingsideError, throwIfAborted } from '../errors.ts';
import type { CallOptions } from '../progress.ts';
import { runToEnd } from './run.ts';
import type { ExecChannel, ExitStatus, RunOptions, RunResult, Transport } from './transport.ts';

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended meanwhile, or runs as another user (sudo) and ends by itself when its pipes close.
  }
}

export class LocalTransport implements Transport {
  readonly kind = 'local';
  readonly #channels = new Set<ExecChannel>();
  readonly #listeners: ((error: RingsideError | undefined) => void)[] = [];
  #disposed = false;

  constructor(readonly host = 'local') {}

  async exec(command: string, options: CallOptions = {}): Promise<ExecChannel> {
    return (await this.#start(command, options)).channel;
  }

  #start(command: string, options: CallOptions): Promise<{ channel: ExecChannel; pid: number | undefined }> {
    return new Promise((resolve, reject) => {
      throwIfAborted(options.signal);
      if (this.#disposed) throw new RingsideError('host-lost', `The connection to ${this.host} is closed.`);
      // Its own session, as over ssh: Ctrl-C in the terminal must reach our client only, which then detaches cleanly.
      const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
      child.once('error', (error) => {
        reject(new RingsideError('agent-start', `/bin/sh cannot be started: ${error.message}.`, { cause: error }));
      });
      // A command that ends without reading its input is no failure of ours.
      child.stdin.on('error', () => undefined);
      const exit = new Promise<ExitStatus>((settle) => {
        child.once('exit', (code, signal) => settle({ code, signal }));
      });
      const channel: ExecChannel = {
        stdin: child.stdin,
        stdout: child.stdout,
        stderr: child.stderr,
        exit,
        close: () => {
          child.stdin.destroy();
          child.stdout.destroy();
          child.stderr.destroy();
          // What is kept lives on; nobody here waits for its end.
          child.unref();
        },
      };
      child.once('spawn', () => {
        this.#channels.add(channel);
        void exit.then(() => this.#channels.delete(channel));
        resolve({ channel, pid: child.pid });
      });
    });
  }

  async run(command: string, options: RunOptions = {}): Promise<RunResult> {
    const { channel, pid } = await this.#start(command, options);
    const close = (): void => {
      channel.close();
      // What is given up halfway must not go on on the person's own machine; the group is the command's own session.
      if (pid !== undefined) killGroup(pid);
    };
    return runToEnd(this.host, { ...channel, close }, options, () => undefined);
  }

  onClose(listener: (error: RingsideError | undefined) => void): void {
    this.#listeners.push(listener);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const channel of this.#channels) channel.close();
    for (const listener of this.#listeners.splice(0)) listener(undefined);
  }
}
