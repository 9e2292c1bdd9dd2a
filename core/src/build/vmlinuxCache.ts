/** Where vmlinux.h comes from: a host's BTF, this machine's, or a header of the user's; each kept once in the cache. */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Btf } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import { exists, prune, sha256Hex, touch, writeAtomically } from './cache.ts';
import { vmlinuxWriterVersion, writeVmlinuxHeader } from './vmlinux.ts';

export const localBtf = '/sys/kernel/btf/vmlinux';
const KEEP_HEADERS = 32;

/**
 * Path of the vmlinux.h for a kernel's BTF, written on first use. `sha256` (hex) is the BTF's; `btf` may be a function,
 * so that a known kernel's megabytes are not fetched again. Errors: `object-malformed` for BTF that cannot be read.
 */
export async function vmlinuxHeader(
  btf: Uint8Array | (() => Promise<Uint8Array>),
  sha256: string,
  cacheDir: string,
): Promise<string> {
  const cached = await cachedVmlinuxHeader(sha256, cacheDir);
  if (cached !== undefined) return cached;
  const bytes = typeof btf === 'function' ? await btf() : btf;
  // The hash names what other builds will trust: it is checked, not believed.
  const actual = sha256Hex(bytes);
  if (actual !== sha256) {
    throw new RingsideError('protocol', "The kernel's BTF does not have the hash that was announced for it.", {
      remedy: 'Connect to the host again.',
      detail: `announced ${sha256}, got ${actual}`,
    });
  }
  const path = headerPath(sha256, cacheDir);
  await writeAtomically(path, writeVmlinuxHeader(Btf.parse(bytes)));
  await prune(join(cacheDir, 'vmlinux'), KEEP_HEADERS);
  return path;
}

/** The header of a kernel whose BTF has been here before; undefined when it has not. `sha256` (hex) is the BTF's. */
export async function cachedVmlinuxHeader(sha256: string, cacheDir: string): Promise<string | undefined> {
  const path = headerPath(sha256, cacheDir);
  if (!(await exists(path))) return undefined;
  await touch(dirname(path));
  return path;
}

function headerPath(sha256: string, cacheDir: string): string {
  // The hash comes from a host and becomes a file name here.
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new RingsideError('protocol', "The hash of the kernel's BTF is not a SHA-256.", {
      detail: sha256.slice(0, 100),
    });
  }
  return join(cacheDir, 'vmlinux', `${sha256}-${vmlinuxWriterVersion}`, 'vmlinux.h');
}

/** The header for this machine's kernel. Error: `no-vmlinux`. */
export async function localVmlinuxHeader(cacheDir: string): Promise<string> {
  const bytes = await readFile(localBtf).catch(() => null);
  if (!bytes) {
    throw new RingsideError('no-vmlinux', `This machine's kernel has no BTF (${localBtf}), so there is no vmlinux.h.`, {
      remedy: 'Choose a host whose kernel has BTF, or put a vmlinux.h beside the program.',
    });
  }
  return vmlinuxHeader(bytes, sha256Hex(bytes), cacheDir);
}

/** The header for a raw BTF file (`--btf FILE`). Errors: `file-not-found`, `object-malformed`. */
export async function vmlinuxHeaderOfFile(btfFile: string, cacheDir: string): Promise<string> {
  const bytes = await readFile(btfFile).catch((error: unknown) => {
    throw new RingsideError('file-not-found', `The BTF file ${btfFile} cannot be read.`, { cause: error });
  });
  return vmlinuxHeader(bytes, sha256Hex(bytes), cacheDir);
}

/** A header of the user's (`--vmlinux HEADER`), under the name that programs include it by. Error: `file-not-found`. */
export async function importHeader(header: string, cacheDir: string): Promise<string> {
  const text = await readFile(header).catch((error: unknown) => {
    throw new RingsideError('file-not-found', `The header ${header} cannot be read.`, { cause: error });
  });
  if (basename(header) === 'vmlinux.h') return header;
  const path = join(cacheDir, 'vmlinux', `header-${sha256Hex(text)}`, 'vmlinux.h');
  if (!(await stat(path).catch(() => null))) await writeAtomically(path, text);
  return path;
}
