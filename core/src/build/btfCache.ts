/** Raw BTF of kernels that were seen, by hash: megabytes that need not cross a slow link twice. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RingsideError } from '../errors.ts';
import { prune, sha256Hex, touch, writeAtomically } from './cache.ts';

/** A kernel's BTF has some 6 MB. */
const KEEP = 8;

/** The BTF with that SHA-256 (hex): from the cache, else fetched. Error: `protocol` when what comes has another hash. */
export async function cachedBtf(
  fetch: () => Promise<Uint8Array>,
  sha256: string,
  cacheDir: string,
): Promise<Uint8Array> {
  // The hash comes from a host and becomes a file name here.
  if (!/^[0-9a-f]{64}$/.test(sha256)) return fetch();
  const folder = join(cacheDir, 'btf');
  const path = join(folder, sha256);
  const known = await readFile(path).catch(() => null);
  if (known && sha256Hex(known) === sha256) {
    await touch(path);
    return known;
  }
  const bytes = await fetch();
  const actual = sha256Hex(bytes);
  if (actual !== sha256) {
    throw new RingsideError('protocol', "The kernel's BTF does not have the hash that was announced for it.", {
      remedy: 'Connect to the host again.',
      detail: `announced ${sha256}, got ${actual}`,
    });
  }
  await writeAtomically(path, bytes);
  await prune(folder, KEEP);
  return bytes;
}
