/**
 * What a host's kernel was the last time: with it a program is compiled while the connection is still being made. It
 * only saves time; what the host says once it is connected decides.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex, writeAtomically } from '../build/index.ts';

export interface RememberedHost {
  arch: string;
  /** `uname -r` */
  kernel: string;
  btfSha256: string;
}

const fileOf = (cacheDir: string, host: string): string => join(cacheDir, 'hosts', `${sha256Hex(host)}.json`);

/** undefined for a host that was never here, and for a file that somebody has damaged. */
export async function recallHost(cacheDir: string, host: string): Promise<RememberedHost | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(fileOf(cacheDir, host), 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { arch, kernel, btfSha256 } = value as Record<string, unknown>;
    if (typeof arch !== 'string' || typeof kernel !== 'string' || typeof btfSha256 !== 'string') return undefined;
    return { arch, kernel, btfSha256 };
  } catch {
    return undefined;
  }
}

/** Never rejects: a cache that cannot be written costs time, not the run. */
export async function rememberHost(cacheDir: string, host: string, seen: RememberedHost): Promise<void> {
  const known = await recallHost(cacheDir, host);
  if (known?.arch === seen.arch && known.kernel === seen.kernel && known.btfSha256 === seen.btfSha256) return;
  await writeAtomically(fileOf(cacheDir, host), JSON.stringify(seen)).catch(() => undefined);
}
