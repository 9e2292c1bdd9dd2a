/** Where the test hosts' kernels and files are kept: a git-ignored folder that only a newer release makes stale. */
import { execFile, spawn, type ExecFileOptions } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

export const vmDir = join(import.meta.dirname, '..', '..', '..', '.cache', 'vm');

export type Arch = 'amd64' | 'arm64';

/** A kernel of the matrix: Debian's cloud kernel whose release matches. */
export interface KernelWanted {
  /** What tests call it: "6.12". */
  name: string;
  arch: Arch;
}

/** A kernel that was fetched. */
export interface Kernel extends KernelWanted {
  /** "6.12.117+deb12". */
  release: string;
  /** Folder with the unpacked packages. */
  dir: string;
}

/** Part of a file's name: what was made from another list is not taken for it. */
export const fingerprint = (list: readonly string[]): string =>
  createHash('sha256').update(list.join('\n')).digest('hex').slice(0, 8);

const execFileAsync = promisify(execFile);

export async function run(file: string, args: string[], options: ExecFileOptions = {}): Promise<string> {
  try {
    const { stdout } = await execFileAsync(file, args, { maxBuffer: 256 << 20, ...options, encoding: 'utf8' });
    return stdout;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`${file} ${args.slice(0, 6).join(' ')}: ${stderr ?? String(error)}`, { cause: error });
  }
}

/** Runs a script of bash; `words` are its "$@". */
export const sh = (script: string, env: Record<string, string> = {}, words: string[] = []): Promise<string> =>
  run('/bin/bash', ['-euo', 'pipefail', '-c', script, 'sh', ...words], { env: { ...process.env, ...env } });

/** Works alone among all processes (files of tests run two at a time): what two would fetch or write at once. */
export async function alone<T>(work: () => Promise<T>): Promise<T> {
  await mkdir(vmDir, { recursive: true });
  // The lock is a child's, so it is given back however this process ends.
  const lock = spawn('flock', [join(vmDir, 'lock'), 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(lock, 'close');
  try {
    await Promise.race([
      once(lock.stdout, 'data'),
      ended.then(() => Promise.reject(new Error('flock ended without the lock: it is part of util-linux'))),
    ]);
    return await work();
  } finally {
    lock.stdin.end();
    await ended;
  }
}

/**
 * Gives a file its name when it is whole, and removes those of the same kind that were made from older lists: a machine that
 * boots from one has read it, or keeps what it has opened.
 */
export async function settle(made: string, file: string, kind: string): Promise<void> {
  await rename(made, file);
  for (const name of await readdir(dirname(file)))
    if (name.startsWith(kind) && name !== basename(file)) await rm(join(dirname(file), name), { recursive: true });
}
