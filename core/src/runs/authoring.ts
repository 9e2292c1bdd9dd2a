/**
 * What the language server needs of a host: the paths of its kernel's header and types and of a list of what programs can
 * attach to, all in the cache. Nobody is connected for it: a host that is not connected is told as it was the last time.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedVmlinuxHeader, sha256Hex, writeAtomically } from '../build/index.ts';
import { prune } from '../build/cache.ts';
import { RingsideError } from '../errors.ts';
import type { AuthoringTarget, HostInfo } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import { recallHost, rememberHost } from './hostMemory.ts';
import type { ConnectedHost } from './hosts.ts';
import { btfOfHost, headerOfHost } from './kernelTypes.ts';
import { readPointLines } from './pointLines.ts';

/** Lists of this many kernels are kept. */
const KEEP = 16;
/** Kernels have 60,000 functions and 3,000 tracepoints. */
const LIMIT = 200_000;

/** Modules come and go: an older list is read again. */
const FRESH_MS = 24 * 3600 * 1000;

/** Of a connected host. Errors: what the host answers; a list that it cannot give is left out. */
export async function authoringTarget(
  host: ConnectedHost,
  cacheDir: string,
  call: CallOptions,
): Promise<AuthoringTarget> {
  const { arch, kernel, btfSha256 } = host.info;
  if (!host.facts.btf || btfSha256 === '') {
    return { ...{ host: host.name, kernel, arch, cached: false }, vmlinuxHeader: null, btf: null, targets: null };
  }
  await btfOfHost(host, cacheDir, call);
  const vmlinuxHeader = await headerOfHost(host, cacheDir, call);
  const targets = listPath(btfSha256, host.name, cacheDir);
  await writeAtomically(targets, JSON.stringify(await readPoints(host, call)));
  await prune(join(cacheDir, 'attach'), KEEP);
  await rememberHost(cacheDir, host.name, { arch, kernel, btfSha256 });
  return {
    ...{ host: host.name, kernel, arch, cached: false },
    vmlinuxHeader,
    btf: btfPath(btfSha256, cacheDir),
    targets,
  };
}

/** Of a connected host whose kernel has been read lately, without asking it; null for any other. */
export async function recentTarget(
  name: string,
  { kernel, btfSha256 }: Pick<HostInfo, 'kernel' | 'btfSha256'>,
  cacheDir: string,
): Promise<AuthoringTarget | null> {
  const known = await rememberedTarget(name, cacheDir);
  if (
    !known?.targets ||
    !known.vmlinuxHeader ||
    known.kernel !== kernel ||
    known.btf !== btfPath(btfSha256, cacheDir)
  ) {
    return null;
  }
  const list = await stat(known.targets).catch(() => null);
  return list !== null && Date.now() - list.mtimeMs < FRESH_MS ? { ...known, cached: false } : null;
}

/** Of a host that is not connected, as it was the last time; null for one that was never here. */
export async function rememberedTarget(name: string, cacheDir: string): Promise<AuthoringTarget | null> {
  const known = await recallHost(cacheDir, name);
  if (known === undefined || !/^[0-9a-f]{64}$/.test(known.btfSha256)) return null;
  const { kernel, arch, btfSha256 } = known;
  const [btf, targets] = [btfPath(btfSha256, cacheDir), listPath(btfSha256, name, cacheDir)];
  if (!(await exists(btf))) return null;
  const vmlinuxHeader = (await cachedVmlinuxHeader(btfSha256, cacheDir)) ?? null;
  return {
    ...{ host: name, kernel, arch, cached: true, vmlinuxHeader, btf },
    targets: (await exists(targets)) ? targets : null,
  };
}

function btfPath(sha256: string, cacheDir: string): string {
  return join(cacheDir, 'btf', sha256);
}
/** By kernel and host: two hosts with one kernel may have other modules and rights. */
function listPath(sha256: string, host: string, cacheDir: string): string {
  return join(cacheDir, 'attach', `${sha256.slice(0, 32)}-${sha256Hex(host).slice(0, 16)}.json`);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

async function readPoints(host: ConnectedHost, call: CallOptions): Promise<object> {
  const list = async (kind: string) => {
    try {
      const value = { kind, pattern: '', binary: '', pid: 0, limit: LIMIT, asText: true };
      const { text, total } = await host.agent.request({ case: 'listTargets', value }, 'targetList', call);
      const points = readPointLines(text);
      // A list that was cut says nothing of what is not in it.
      return Number(total) > points.length ? [] : points;
    } catch (error) {
      if (RingsideError.from(error).code === 'cancelled') throw error;
      return [];
    }
  };
  const tracepoints = await list('tracepoint');
  const kprobes = (await list('kprobe')).map(({ name }) => name);
  return { tracepoints, kprobes };
}
