/** Iterators, struct_ops, replaced functions, programs that are run, and the kinds of maps. */
import type { Kind } from '../kind.ts';

const base = { object: 'iter', trigger: '', value: 4242, by: 'iterator' as const };

/** iter/NAME with the program on_NAME. */
const iterator = (name: string, feature: string, targets: string[] = []): Kind => ({
  ...base,
  name: `iter/${name}`,
  sections: ['iter+'],
  programs: [`on_${name}`],
  targets,
  feature,
  names: new RegExp(`iter(ator)?.*${name}|${name}.*iterator`, 'i'),
});

const trampolines = /trampoline|CONFIG_DYNAMIC_FTRACE/i;

export const otherKinds: Kind[] = [
  iterator('task', 'task iterators (Linux 5.8)'),
  iterator('task_file', 'task_file iterators (Linux 5.8)'),
  iterator('task_vma', 'task_vma iterators (Linux 5.12)'),
  iterator('bpf_map', 'bpf_map iterators (Linux 5.8)'),
  iterator('bpf_map_elem', 'bpf_map_elem iterators (Linux 5.9)', ['map=walked']),
  iterator('bpf_sk_storage_map', 'bpf_sk_storage_map iterators (Linux 5.9)', ['map=stored']),
  iterator('sockmap', 'sockmap iterators (Linux 5.10)', ['map=sockets']),
  iterator('bpf_prog', 'bpf_prog iterators (Linux 5.9)'),
  iterator('bpf_link', 'bpf_link iterators (Linux 5.19)'),
  iterator('cgroup', 'cgroup iterators (Linux 6.1)', ['cgroup={cgroup}']),
  iterator('tcp', 'tcp iterators (Linux 5.9)'),
  iterator('udp', 'udp iterators (Linux 5.9)'),
  iterator('unix', 'unix iterators (Linux 5.15)'),
  iterator('netlink', 'netlink iterators (Linux 5.8)'),
  iterator('ipv6_route', 'ipv6_route iterators (Linux 5.8)'),
  iterator('ksym', 'ksym iterators (Linux 6.0)'),
  iterator('kmem_cache', 'kmem_cache iterators (Linux 6.13)'),
  {
    ...iterator('dmabuf', 'dmabuf iterators (Linux 6.16)'),
    idleWithout: {
      place: 'dmabuf',
      reason:
        'The iterator was attached and read; this kernel has no dmabuf to be walked over and no way to make one (CONFIG_UDMABUF).',
    },
  },
  {
    ...base,
    name: 'iter.s/task',
    sections: ['iter.s+'],
    programs: ['on_task_s'],
    feature: 'sleepable iterators (Linux 5.18)',
    names: /sleepable iterator|ring buffers for sleepable/i,
  },

  {
    name: 'struct_ops, tcp_congestion_ops',
    object: 'tcp_congestion',
    sections: ['struct_ops+'],
    programs: [''],
    trigger: 'tcp4 ringside_cc',
    feature: 'congestion controls by struct_ops',
    names: /struct_ops|trampoline/i,
  },
  {
    name: 'struct_ops.link, tcp_congestion_ops',
    object: 'tcp_congestion_link',
    sections: ['struct_ops+'],
    programs: [''],
    trigger: 'tcp4 ringside_cc',
    feature: 'links for struct_ops (Linux 6.4)',
    names: /struct_ops|trampoline/i,
  },
  {
    name: 'struct_ops.link, sched_ext_ops',
    object: 'sched_ext',
    sections: ['struct_ops.s+'],
    programs: [''],
    trigger: '',
    value: 4242,
    feature: 'schedulers by struct_ops (Linux 6.12, CONFIG_SCHED_CLASS_EXT)',
    names: /sched_ext/i,
  },
  {
    name: 'freplace',
    object: 'freplace',
    sections: ['freplace+'],
    programs: ['on_freplace'],
    before: { object: 'replaced', programs: ['replaced'], targets: ['iface={veth}'] },
    targets: ['program=replaced'],
    trigger: 'packet {peer}',
    feature: 'replacing functions of a program (BPF trampolines)',
    names: trampolines,
  },
  {
    name: 'syscall',
    object: 'syscall',
    sections: ['syscall'],
    programs: ['on_syscall'],
    trigger: '',
    value: 4242,
    feature: 'syscall programs (Linux 5.14)',
    names: /syscall program|type syscall/i,
  },

  {
    name: 'map: perf buffer',
    object: 'perf_buffer',
    sections: [],
    programs: ['on_perf_buffer'],
    trigger: 'getpgid',
    feature: 'perf buffers',
    names: /perf/i,
  },
  {
    name: 'map: user_ringbuf',
    object: 'user_ringbuf',
    sections: [],
    programs: ['on_order'],
    trigger: 'getpgid',
    by: 'user-ring',
    value: 4242,
    feature: 'user ring buffers (Linux 6.1)',
    names: /user_ringbuf|user ring buffer/i,
  },
  {
    name: 'map: arena',
    object: 'arena',
    sections: [],
    programs: ['on_arena'],
    trigger: '',
    value: 4242,
    feature: 'arenas (Linux 6.9)',
    names: /arena/i,
  },
];
