/** The user's and the system's known_hosts files on disk. */
import { chmod, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RingsideError } from '../errors.ts';
import { formatKnownHost, parseKnownHosts, type KnownHostsEntry } from './knownHosts.ts';

/** A known_hosts file larger than this is not one. */
const maxFileBytes = 64 * 1024 * 1024;

/** Entries of several files in order. Missing files are empty; one that exists and cannot be read is an error. */
export async function readKnownHosts(files: readonly string[]): Promise<KnownHostsEntry[]> {
  const entries: KnownHostsEntry[] = [];
  for (const file of files) {
    const text = await readText(file);
    for (const entry of parseKnownHosts(text, file)) entries.push(entry);
  }
  return entries;
}

async function readText(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size > maxFileBytes) throw new Error(`${file} has ${size} bytes`);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return '';
    // Without the file a changed key would look like a new one, so this must not pass silently.
    throw new RingsideError('ssh-config', `The known_hosts file ${file} cannot be read: ${(error as Error).message}`, {
      remedy: 'Make the file readable for you, or name another one with --known-hosts.',
      links: [file],
      cause: error,
    });
  }
}

/** Adds a key at the end of `file` (made with 0600, its folder with 0700, when missing). */
export async function appendKnownHost(file: string, name: string, key: Uint8Array, hash: boolean): Promise<void> {
  if (file === '/dev/null' || file === 'none') return;
  const folder = dirname(file);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) await chmod(folder, 0o700);
  const before = await readFile(file, 'utf8').catch(() => '');
  const handle = await open(file, 'a', 0o600);
  try {
    const separator = before === '' || before.endsWith('\n') ? '' : '\n';
    await handle.writeFile(separator + formatKnownHost(name, key, hash));
  } finally {
    await handle.close();
  }
}
