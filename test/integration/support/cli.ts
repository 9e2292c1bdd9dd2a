/** The built `ringside` command as tests and people start it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..', '..');
const cli = join(root, 'cli', 'bin', 'ringside.mjs');

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
  /** stdout's lines that are JSON. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the shapes are what the tests are about
  json: any[];
}

export interface RunningCli {
  child: ChildProcess;
  done: Promise<CliResult>;
  /** Waits for a line of stdout that matches. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  waitFor(matches: (value: any) => boolean, timeoutMs?: number): Promise<any>;
}

export interface CliOptions {
  input?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** Network namespace (`ip netns`) that the command runs in. */
  netns?: string;
  /** What starts the command instead of this process: words before it. */
  through?: string[];
}

let cacheFolder: string | undefined;

/** Every test file that starts the command has its own cache, so that nothing is warm by accident. */
const cacheDir = (): string => (cacheFolder ??= mkdtempSync(join(tmpdir(), 'ringside-cli-cache-')));

export function removeCache(): void {
  if (cacheFolder !== undefined) rmSync(cacheFolder, { recursive: true, force: true });
  cacheFolder = undefined;
}

export function startCli(args: string[], options: CliOptions = {}): RunningCli {
  const command = [process.execPath, cli, ...args];
  // Only the network is another: `ip netns exec` would hide what is mounted below /sys.
  if (options.netns !== undefined) command.unshift('nsenter', `--net=/run/netns/${options.netns}`);
  command.unshift(...(options.through ?? []));
  const child = spawn(command[0]!, command.slice(1), {
    cwd: options.cwd ?? root,
    env: { ...process.env, RINGSIDE_CACHE: cacheDir(), NO_COLOR: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const result: CliResult = { code: null, stdout: '', stderr: '', json: [] };
  const watchers = new Set<() => void>();
  let partial = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const text = String(chunk);
    result.stdout += text;
    partial += text;
    const lines = partial.split('\n');
    partial = lines.pop()!;
    for (const line of lines) if (line.startsWith('{') || line.startsWith('[')) result.json.push(JSON.parse(line));
    for (const watcher of watchers) watcher();
  });
  child.stderr.on('data', (chunk: Buffer) => (result.stderr += String(chunk)));
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const done = new Promise<CliResult>((resolve) => {
    child.once('close', (code) => {
      result.code = code;
      resolve(result);
      for (const watcher of watchers) watcher();
    });
  });
  return {
    child,
    done,
    waitFor: (matches, timeoutMs = 30_000) =>
      new Promise((resolve, reject) => {
        const fail = (why: string): void => {
          watchers.delete(look);
          clearTimeout(timer);
          reject(new Error(`${why}\nstdout: ${result.stdout.slice(-3000)}\nstderr: ${result.stderr.slice(-3000)}`));
        };
        const look = (): void => {
          const found: unknown = result.json.find((v) => matches(v));
          if (found !== undefined) {
            watchers.delete(look);
            clearTimeout(timer);
            resolve(found);
          } else if (result.code !== null) fail(`ringside ended with ${result.code} before the line came`);
        };
        const timer = setTimeout(() => fail(`no such line in ${timeoutMs} ms`), timeoutMs);
        watchers.add(look);
        look();
      }),
  };
}

export const cliRun = (args: string[], options: CliOptions = {}): Promise<CliResult> => startCli(args, options).done;
