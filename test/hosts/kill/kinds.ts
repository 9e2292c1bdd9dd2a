/** In which ways a program stays with the kernel: the columns of the kill matrix. */

/** What of a host attachments are made to; the same names everywhere, and values that `matrix.ts` finds out. */
export interface Places {
  cgroup: string;
  /** A process that holds a socket, and one that shares its port. */
  pid: string;
  socket: string;
  shared: string;
}

export interface Kind {
  /** Column of the table. */
  name: string;
  /** The program of leftovers.bpf.c, or its struct_ops map. */
  program?: string;
  /** What `attach --program` is given, where that is not the program alone. */
  members?: string[];
  /** Choices as the CLI takes them, with places in braces. */
  targets?: string[];
  /** What is watched instead of the program; operations leave it a moment later, when no CPU can be in them any more. */
  watched?: string;
}

export const INTERFACE = 'rskillx';
export const NETKIT = 'rskillk';
export const CPUS = '/sys/fs/bpf/rskill_cpus';
export const PIN = '/sys/fs/bpf/rs_left_pin';
export const CONTROLS = '/proc/sys/net/ipv4/tcp_available_congestion_control';

const iface = `iface=${INTERFACE}`;

/** What every kernel of the tests can attach. tc: a filter of clsact before Linux 6.6, then a link. */
export const everywhere: Kind[] = [
  { name: 'tracepoint', program: 'rs_tracepoint' },
  { name: 'uprobe', program: 'rs_uprobe', targets: ['binary=/bin/true', 'offset=0x1000'] },
  { name: 'perf event', program: 'rs_perf_event', targets: ['event=cpu-clock', 'freq=1'] },
  { name: 'xdp', program: 'rs_xdp', targets: [iface] },
  { name: 'tc', program: 'rs_tc', targets: [iface] },
  { name: 'cgroup', program: 'rs_cgroup', targets: ['cgroup={cgroup}'] },
  { name: 'sockmap', program: 'rs_sockmap' },
  { name: 'cpumap entry', program: 'rs_cpumap', targets: ['map=rs_cpus:0'] },
  { name: "other's socket", program: 'rs_socket', targets: ['pid={pid}', 'fd={socket}'] },
  { name: 'reuseport', program: 'rs_reuseport', targets: ['pid={pid}', 'fd={shared}'] },
  {
    name: 'struct_ops',
    program: 'rs_operations',
    members: ['rs_ssthresh', 'rs_undo', 'rs_avoid'],
    watched: `word:${CONTROLS}:rs_leftover`,
  },
  { name: 'pin', watched: `file:${PIN}` },
];

/** Also by links, or what stands for them before 5.15. */
export const byTracing: Kind[] = [
  { name: 'raw_tp', program: 'rs_raw_tp' },
  { name: 'tp_btf', program: 'rs_tp_btf' },
  { name: 'iter', program: 'rs_iter' },
  { name: 'sk_lookup', program: 'rs_sk_lookup' },
  { name: 'kprobe', program: 'rs_kprobe' },
  { name: 'kretprobe', program: 'rs_kretprobe' },
  { name: 'fentry', program: 'rs_fentry' },
  { name: 'fexit', program: 'rs_fexit' },
  { name: 'lsm', program: 'rs_lsm' },
];

export const newer: Kind[] = [
  { name: 'kprobe.multi', program: 'rs_kprobe_multi' },
  { name: 'uprobe.multi', program: 'rs_uprobe_multi' },
  { name: 'lsm_cgroup', program: 'rs_lsm_cgroup', targets: ['cgroup={cgroup}'] },
  { name: 'netfilter', program: 'rs_netfilter', targets: ['pf=ipv4', 'hook=input', 'priority=77'] },
  { name: 'netkit', program: 'rs_netkit', targets: [`iface=${NETKIT}`] },
];
