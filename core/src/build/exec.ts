/** Runs a local tool (clang, zig, python) without a shell: output capped, killed when the caller gives up. */
import { spawn, type ChildProcess } from 'node:child_process';
import { cancelled } from '../errors.ts';

export interface ToolResult {
  /** null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** True when output beyond the cap was thrown away. */
  truncated: boolean;
  /** True when it was killed because its time was over. */
  timedOut: boolean;
}

export interface ToolOptions {
  cwd?: string;
  signal?: AbortSignal | undefined;
  /** Bytes kept of stdout and of stderr each; default 4 MiB. */
  maxBytes?: number;
  /** Milliseconds after which the tool is killed; 0 = never. */
  timeoutMs?: number;
  /** The tool may be left behind by an exiting process: it does not hold the event loop, and is killed at exit. */
  background?: boolean;
}

const defaultMaxBytes = 4 << 20;

/** Keeps the first `max` bytes of a stream. */
class CappedOutput {
  private readonly chunks: Buffer[] = [];
  private kept = 0;
  truncated = false;
  constructor(private readonly max: number) {}

  add(chunk: Buffer): void {
    const room = this.max - this.kept;
    if (chunk.length > room) this.truncated = true;
    if (room <= 0) return;
    this.chunks.push(chunk.subarray(0, room));
    this.kept += Math.min(room, chunk.length);
  }
  text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (process.platform === 'win32') child.kill('SIGKILL');
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended in the meantime.
  }
}

/**
 * Resolves when the tool has ended, whatever its exit code; rejects with the spawn error (ENOENT, EACCES …) when it
 * could not be started and with `cancelled` when the signal fired, after the tool was killed and is gone.
 */
export function runTool(path: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
  const { signal, maxBytes = defaultMaxBytes, timeoutMs = 0 } = options;
  if (signal?.aborted) return Promise.reject(cancelled());
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      cwd: options.cwd,
      // Messages are parsed: they must be English whatever the user's locale.
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      // A group of its own: a wrapper (zig cc, ccache) is killed with the compiler that it has started.
      detached: process.platform !== 'win32',
    });
    const stdout = new CappedOutput(maxBytes);
    const stderr = new CappedOutput(maxBytes);
    const kill = () => killGroup(child);
    let timedOut = false;
    const late = (): void => {
      timedOut = true;
      kill();
    };
    const timer = timeoutMs > 0 ? setTimeout(late, timeoutMs) : undefined;
    signal?.addEventListener('abort', kill, { once: true });
    if (options.background) {
      child.unref();
      for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref?(): void }).unref?.();
      process.once('exit', kill);
    }
    child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));

    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
      process.removeListener('exit', kill);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', (code, killedBy) => {
      settle();
      if (signal?.aborted) reject(cancelled());
      else
        resolve({
          code,
          signal: killedBy,
          stdout: stdout.text(),
          stderr: stderr.text(),
          truncated: stdout.truncated || stderr.truncated,
          timedOut,
        });
    });
  });
}
