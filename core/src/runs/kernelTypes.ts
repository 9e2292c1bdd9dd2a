/** The types of a connected host's kernel: its BTF, fetched once per kernel, and the vmlinux.h made from it. */
import { cachedBtf, vmlinuxHeader } from '../build/index.ts';
import { Btf } from '../bpf/index.ts';
import { RingsideError } from '../errors.ts';
import type { CallOptions } from '../progress.ts';
import type { ConnectedHost } from './hosts.ts';

/** Path of the header. Errors: no-btf, what the agent answers. */
export function headerOfHost(host: ConnectedHost, cacheDir: string, call: CallOptions): Promise<string> {
  requireBtf(host);
  return vmlinuxHeader(() => btfOfHost(host, cacheDir, call), host.facts.btfSha256, cacheDir);
}

/** Raw BTF of the host's kernel. Errors: no-btf, what the agent answers. */
export function btfOfHost(host: ConnectedHost, cacheDir: string, call: CallOptions): Promise<Uint8Array> {
  requireBtf(host);
  return cachedBtf(() => fetchBtf(host, '', call), host.facts.btfSha256, cacheDir);
}

function requireBtf(host: ConnectedHost): void {
  if (host.facts.btf) return;
  throw new RingsideError(
    'no-btf',
    `${host.name} (kernel ${host.info.kernel}) has no BTF: /sys/kernel/btf/vmlinux is missing.`,
    {
      remedy:
        'Put a vmlinux.h beside the program, or build it with the types of that kernel (`ringside build --btf`) and attach the object with --btf, or use a kernel with CONFIG_DEBUG_INFO_BTF=y.',
    },
  );
}

async function fetchBtf(host: ConnectedHost, module: string, call: CallOptions): Promise<Uint8Array> {
  call.progress?.({ step: `Reading the types of ${module || 'the kernel'} from ${host.name}` });
  const { blob } = await host.agent.request({ case: 'getBtf', value: { module } }, 'btf', call);
  return host.agent.takeBlob(blob);
}

/** Types of one host, read as they are asked for and kept while the host is connected. */
export class KernelTypes {
  private static readonly known = new WeakMap<ConnectedHost, KernelTypes>();
  private kernel: Promise<Btf | null> | undefined;
  private readonly modules = new Map<string, Promise<Btf | null>>();

  private constructor(
    private readonly host: ConnectedHost,
    private readonly cacheDir: string,
  ) {}

  static of(host: ConnectedHost, cacheDir: string): KernelTypes {
    let types = this.known.get(host);
    if (!types) this.known.set(host, (types = new KernelTypes(host, cacheDir)));
    return types;
  }

  /** Of the kernel ("") or of a module on top of it; null where the host shows none. */
  async types(module: string, call: CallOptions): Promise<Btf | null> {
    const base = await this.kernelTypes(call);
    if (module === '' || !base) return base;
    return kept(
      this.modules.get(module),
      (promise) => (promise ? this.modules.set(module, promise) : this.modules.delete(module)),
      async () => {
        try {
          return Btf.parse(await fetchBtf(this.host, module, call), base);
        } catch (error) {
          // Unloaded meanwhile, or built without types.
          if (RingsideError.from(error).code === 'no-btf') return null;
          throw error;
        }
      },
    );
  }

  private kernelTypes(call: CallOptions): Promise<Btf | null> {
    if (!this.host.facts.btf) return Promise.resolve(null);
    return kept(
      this.kernel,
      (promise) => (this.kernel = promise),
      async () => Btf.parse(await btfOfHost(this.host, this.cacheDir, call)),
    );
  }
}

/** The promise that is there, or a new one that is kept unless it fails. */
function kept<T>(
  known: Promise<T> | undefined,
  keep: (promise: Promise<T> | undefined) => unknown,
  make: () => Promise<T>,
): Promise<T> {
  if (known) return known;
  const promise = make();
  keep(promise);
  promise.catch(() => keep(undefined));
  return promise;
}
