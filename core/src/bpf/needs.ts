/** What a program asks of the kernel, told from its kind and its maps. */
import type { ProgramSection } from './programSection.ts';

/** Ways to attach, with the kernel that brought them (x86-64; others came later with some). */
const attachSince: Readonly<Record<string, string>> = {
  ...{ fentry: '5.5', fexit: '5.5', fmod_ret: '5.7', tp_btf: '5.5', freplace: '5.6', lsm: '5.7', lsm_cgroup: '6.0' },
  ...{ iter: '5.8', 'kprobe.multi': '5.18', 'kretprobe.multi': '5.18', 'kprobe.session': '6.10' },
  ...{ 'uprobe.multi': '6.6', 'uretprobe.multi': '6.6', 'uprobe.session': '6.13', syscall: '5.14' },
  ...{ struct_ops: '5.6', sk_lookup: '5.9', netfilter: '6.4', 'netkit/primary': '6.7', 'netkit/peer': '6.7' },
  ...{ perf_event: '4.9', xdp: '4.8', 'xdp/devmap': '5.8', 'xdp/cpumap': '5.9', sockops: '4.13', raw_tp: '4.17' },
  ...{ sk_msg: '4.17', flow_dissector: '4.20', 'sk_reuseport/migrate': '5.14' },
};

const mapSince: Readonly<Record<string, string>> = {
  ...{ ringbuf: '5.8', user_ringbuf: '6.1', bloom_filter: '5.16', task_storage: '5.11', inode_storage: '5.10' },
  ...{ sk_storage: '5.2', cgrp_storage: '6.2', arena: '6.9', struct_ops: '5.6', devmap_hash: '5.4' },
};

/** Kernel features by name, those of the maps of the whole object included. */
export function featuresOf(section: ProgramSection, mapTypes: readonly string[]): string[] {
  const attach = attachSince[section.attach];
  const maps = [...new Set(mapTypes)].flatMap((type) =>
    mapSince[type] === undefined ? [] : [`${type} map (Linux ${mapSince[type]})`],
  );
  const sleeps = section.sleepable && (section.type === 'tracing' || section.type === 'lsm');
  const sleepable = sleeps ? ['sleepable programs (Linux 5.10)'] : [];
  return [...(attach === undefined ? [] : [`${section.attach} (Linux ${attach})`]), ...sleepable, ...maps];
}

/** Kinds that see the same moment of the same thing. */
const moments: Readonly<Record<string, string>> = {
  ...{ kprobe: 'enter', fentry: 'enter', 'kprobe.multi': 'enter', 'fentry.multi': 'enter' },
  ...{ kretprobe: 'leave', fexit: 'leave', 'kretprobe.multi': 'leave', 'fexit.multi': 'leave' },
  ...{ tracepoint: 'event', raw_tp: 'event', tp_btf: 'event', ksyscall: 'syscall', kretsyscall: 'sysret' },
};

function hook({ attach, target, section }: ProgramSection): string | null {
  const moment = moments[attach];
  const name = target ?? (section.includes('/') ? section.slice(section.indexOf('/') + 1) : '');
  if (moment === undefined || name === '') return null;
  return `${moment} ${moment === 'event' ? name.replace(/^.*[:/]/, '') : name}`;
}

/** Indices of the programs that probe the hook of program `index` in another way. */
export function variantsOf(sections: readonly ProgramSection[], index: number): number[] {
  const own = hook(sections[index]!);
  if (own === null) return [];
  const attach = sections[index]!.attach;
  return sections.flatMap((other, i) => (i !== index && other.attach !== attach && hook(other) === own ? [i] : []));
}
