/** The vmlinux.h of a connected host, made from its BTF, which is fetched once per kernel. */
import { vmlinuxHeader } from '../build/index.ts';
import { RingsideError } from '../errors.ts';
import type { CallOptions } from '../progress.ts';
import type { ConnectedHost } from './hosts.ts';

/** Path of the header. Errors: no-btf, what the agent answers. */
export function headerOfHost(host: ConnectedHost, cacheDir: string, call: CallOptions): Promise<string> {
  if (!host.facts.btf) {
    throw new RingsideError(
      'no-btf',
      `${host.name} (kernel ${host.info.kernel}) has no BTF: /sys/kernel/btf/vmlinux is missing.`,
      {
        remedy: 'Put a vmlinux.h beside the program, or use a kernel with CONFIG_DEBUG_INFO_BTF=y.',
      },
    );
  }
  const fetch = async (): Promise<Uint8Array> => {
    call.progress?.({ step: `Reading the kernel's types from ${host.name}` });
    const { blob } = await host.agent.request({ case: 'getBtf', value: {} }, 'btf', call);
    return host.agent.takeBlob(blob);
  };
  return vmlinuxHeader(fetch, host.facts.btfSha256, cacheDir);
}
