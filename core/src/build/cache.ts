/** Files under the cache folder: content-addressed, written atomically, pruned by age. Deleting any of them is safe. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** `$XDG_CACHE_HOME/ringside`, or the platform's usual place. */
export function defaultCacheDir(): string {
  const xdg = process.env['XDG_CACHE_HOME'];
  if (xdg) return join(xdg, 'ringside');
  if (process.platform === 'win32') return join(process.env['LOCALAPPDATA'] ?? homedir(), 'ringside', 'cache');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'ringside');
  return join(homedir(), '.cache', 'ringside');
}

export function sha256Hex(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A name beside `path` that no other process uses, on the same file system so that a rename is atomic. */
export function temporaryName(path: string): string {
  return `${path}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
}

/** Writes a file so that a reader sees the old content, or the whole new one, never a part. */
export async function writeAtomically(path: string, data: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryName(path);
  try {
    await writeFile(temporary, data);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Marks a cached file as used now, so that pruning by age keeps what is in use. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

/**
 * Keeps the `keep` entries of a folder that were changed last. A file younger than a minute stays whatever the count,
 * because another process may be about to use it.
 */
export async function prune(folder: string, keep: number): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.length <= keep) return;
  const entries = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return {
        path,
        mtimeMs: await stat(path).then(
          (s) => s.mtimeMs,
          () => 0,
        ),
      };
    }),
  );
  const youngest = Date.now() - 60_000;
  entries.sort((a, b) => b.mtimeMs - a.mtimeMs);
  await Promise.all(
    entries
      .slice(keep)
      .filter((e) => e.mtimeMs < youngest)
      .map((e) => rm(e.path, { recursive: true, force: true })),
  );
}
