/**
 * Which capabilities the agent needs to load and attach a program, from Linux 5.8 on: by its type, its section, the
 * helpers that it calls and the maps of its object. The agent computes the same of what it loads
 * (`host-agent/crates/agent/src/privilege/table.rs`) and keeps nothing else while a run goes on; a test holds the two
 * tables equal.
 */
import { calledFunctions } from './calls.ts';
import { CallKind, decodeInsns, Opcode } from './insns.ts';
import type { BpfFunction, BpfObject } from './object.ts';
import type { ProgramSection } from './programSection.ts';

const TRACING = ['CAP_BPF', 'CAP_PERFMON'];
const NETWORK = ['CAP_BPF', 'CAP_NET_ADMIN'];

/** By bpftool's name of the program type. */
export const typeCapabilities: Readonly<Record<string, readonly string[]>> = {
  socket_filter: ['CAP_BPF', 'CAP_NET_RAW'],
  ...{ kprobe: TRACING, tracepoint: TRACING, perf_event: TRACING, raw_tracepoint: TRACING },
  ...{ raw_tracepoint_writable: TRACING, tracing: TRACING, struct_ops: TRACING, lsm: TRACING },
  ...{ sched_cls: NETWORK, sched_act: NETWORK, xdp: NETWORK, netfilter: NETWORK, flow_dissector: NETWORK },
  ...{ lwt_in: NETWORK, lwt_out: NETWORK, lwt_xmit: NETWORK, lwt_seg6local: NETWORK, lirc_mode2: NETWORK },
  ...{ cgroup_skb: NETWORK, cgroup_sock: NETWORK, cgroup_device: NETWORK, cgroup_sock_addr: NETWORK },
  ...{ cgroup_sysctl: NETWORK, cgroup_sockopt: NETWORK, sock_ops: NETWORK, sk_skb: NETWORK, sk_msg: NETWORK },
  sk_reuseport: ['CAP_BPF', 'CAP_SYS_PTRACE'],
  ext: ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN'],
  ...{ sk_lookup: ['CAP_BPF'], syscall: ['CAP_BPF'] },
};

/** By the first part of the section, where attaching asks for more than the type: probes of a process's memory. */
export const sectionCapabilities: Readonly<Record<string, string>> = {
  ...{ uprobe: 'CAP_SYS_ADMIN', 'uprobe.s': 'CAP_SYS_ADMIN', uretprobe: 'CAP_SYS_ADMIN' },
  ...{ 'uretprobe.s': 'CAP_SYS_ADMIN', usdt: 'CAP_SYS_ADMIN', 'usdt.s': 'CAP_SYS_ADMIN' },
};

const PRINTS = ['CAP_PERFMON', 'CAP_SYSLOG'];
/** By the number of the helper. Prints are told apart by where programs lie, which the kernel shows with CAP_SYSLOG. */
export const helperCapabilities: Readonly<Record<number, readonly string[]>> = {
  ...{ 6: PRINTS, 177: PRINTS, 36: ['CAP_SYS_ADMIN'] },
  ...Object.fromEntries([35, 55, 112, 113, 114, 115, 149, 158, 165, 175].map((helper) => [helper, ['CAP_PERFMON']])),
};

/** By bpftool's name of the map type. */
export const mapCapabilities: Readonly<Record<string, string>> = {
  perf_event_array: 'CAP_PERFMON',
  ...{ devmap: 'CAP_NET_ADMIN', devmap_hash: 'CAP_NET_ADMIN', xskmap: 'CAP_NET_ADMIN' },
  ...{ sockmap: 'CAP_NET_ADMIN', sockhash: 'CAP_NET_ADMIN' },
};

/** In the order in which people name them. */
const order = [
  ...['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_SYS_ADMIN', 'CAP_SYS_PTRACE'],
  ...['CAP_SYSLOG'],
];
const sorted = (names: Iterable<string>): string[] =>
  [...new Set(names)].sort((a, b) => order.indexOf(a) - order.indexOf(b));

/** What one program needs; nothing is said of a program whose section is not known. */
export function capabilitiesOf(object: BpfObject, program: BpfFunction, { type, section }: ProgramSection): string[] {
  const byType = typeCapabilities[type];
  if (byType === undefined) return [];
  const prefix = section.replace(/^\?/, '').split('/')[0]!;
  const helpers = [...helpersOf(object, program)].flatMap((helper) => helperCapabilities[helper] ?? []);
  return sorted([...byType, ...[sectionCapabilities[prefix] ?? []].flat(), ...helpers]);
}

/** What the whole object needs: its programs that are loaded without being asked for by name, and all its maps. */
export function objectCapabilities(
  programs: readonly { capabilities: readonly string[]; autoload: boolean }[],
  mapTypes: readonly string[],
): string[] {
  const loaded = programs.some((p) => p.autoload) ? programs.filter((p) => p.autoload) : programs;
  const ofMaps = mapTypes.flatMap((type) => mapCapabilities[type] ?? []);
  return sorted(['CAP_BPF', ...loaded.flatMap((p) => p.capabilities), ...ofMaps]);
}

/** Numbers of the helpers that a program calls, in its own code or in functions that it reaches. */
function helpersOf(object: BpfObject, program: BpfFunction): Set<number> {
  const helpers = new Set<number>();
  const seen = new Set<BpfFunction>();
  const waiting = [program];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const code = at.section.data.subarray(at.offset, at.offset + at.size);
    for (const insn of decodeInsns(code)) {
      if (insn.code === Opcode.call && insn.src === CallKind.helper) helpers.add(insn.imm);
    }
    waiting.push(...calledFunctions(object, at));
  }
  return helpers;
}
