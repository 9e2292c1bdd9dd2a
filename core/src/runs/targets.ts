/** What programs can attach to on a host: the agent lists, the kernel's types add arguments. */
import type { TargetEntry as WireEntry } from '../agent/generated/agent_pb.ts';
import { functionSignature, lsmSignature, rawTracepointSignature, type Btf, type Signature } from '../bpf/index.ts';
import { throwIfAborted } from '../errors.ts';
import type { TargetEntry, TargetKind, TargetListing, TargetQuery } from '../model/index.ts';
import type { CallOptions } from '../progress.ts';
import type { ConnectedHost } from './hosts.ts';
import { KernelTypes } from './kernelTypes.ts';

/** How the kernel's types describe a target of that kind. */
const signatures: Partial<Record<TargetKind, (types: Btf, name: string) => Signature | null>> = {
  kprobe: functionSignature,
  fentry: functionSignature,
  lsm: lsmSignature,
  raw_tp: rawTracepointSignature,
};

/** Kinds whose arguments the agent itself knows. */
const described: ReadonlySet<TargetKind> = new Set<TargetKind>(['tracepoint', 'usdt']);
/** Kinds that have no arguments, as they are no code. */
const without: ReadonlySet<TargetKind> = new Set<TargetKind>(['iface', 'cgroup', 'process', 'container']);

/** Errors: target-not-found with the nearest names, no-btf, no-permission, bad-value, not-elf. */
export async function listTargets(
  host: ConnectedHost,
  query: TargetQuery,
  cacheDir: string,
  call: CallOptions,
): Promise<TargetListing> {
  const { kind, pattern, binary = '', pid = 0, limit = 0 } = query;
  const list = await host.agent.request(
    { case: 'listTargets', value: { kind, pattern, binary, pid, limit } },
    'targetList',
    call,
  );
  const types = KernelTypes.of(host, cacheDir);
  const describe = signatures[kind];
  const targets: TargetEntry[] = [];
  for (const wire of list.targets) {
    throwIfAborted(call.signal);
    const btf = describe && (await types.types(wire.module, call));
    targets.push(entry(kind, wire, (btf && describe(btf, wire.name)) ?? null));
  }
  return { host: host.name, kind, targets, total: Number(list.total) };
}

function entry(kind: TargetKind, wire: WireEntry, known: Signature | null): TargetEntry {
  const { name, module, details, unusable } = wire;
  const common = { name, module, details, unusable: unusable || null };
  if (known) {
    const args = known.arguments.map((argument) => ({ ...argument, offset: null }));
    return { ...common, arguments: args, returns: known.returns };
  }
  if (described.has(kind)) {
    const isField = kind === 'tracepoint';
    const args = wire.arguments.map(({ name, type, offset, size }) => ({
      name,
      type,
      offset: isField ? offset : null,
      // A USDT note may leave the size out; a field of a tracepoint may really be empty.
      size: isField || size > 0 ? size : null,
    }));
    return { ...common, arguments: args, returns: '' };
  }
  return { ...common, arguments: without.has(kind) ? [] : null, returns: without.has(kind) ? '' : null };
}
