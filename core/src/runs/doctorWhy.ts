/** Why each of the doctor's checks matters: what does not work, or is not safe, where it fails. */
const reasons: Record<string, string> = {
  privilege: 'Without these capabilities the kernel refuses to load programs, or some of the ways to attach them.',
  btf: 'CO-RE programs are fitted to this kernel by its types: without them they cannot be built or loaded here.',
  lockdown: 'A locked kernel keeps its memory or its functions from programs, so that tracing sees less or nothing.',
  tracefs: 'Tracepoints, kprobes and the output of bpf_printk are found through it.',
  bpffs: 'Pinned maps and programs live in it; only objects that pin something need it.',
  cgroup2: 'Programs on control groups (cgroup_skb, sockops, connect4 …) are attached to a folder of it.',
  'kernel-symbols': 'By them stacks of the kernel are shown with the names of functions.',
  'perf-events': 'kprobe, uprobe, tracepoint and perf_event programs are attached to them.',
  kconfig: 'Objects that ask for the kernel’s configuration (extern … __kconfig) are loaded with what is in it.',
  lsm: 'A program on a security hook that never runs denies nothing and sees nothing.',
  jit: 'Programs that are interpreted cost several times as much in every event.',
  unprivileged: 'Programs of any user widen what an attacker on the host can reach in the kernel.',
  'audit-log': 'It is how an administrator finds out later who has loaded what.',
  'allowed-objects': "The host's root can say which objects may run here; every other one is refused.",
  compiler: 'Sources are built on this side, with the types of the host. Objects that are built already need none.',
  'read-only': 'What the kernel takes is found out by loading and attaching only.',
  ringbuf: 'They carry events in order over all CPUs, with less memory and less loss than perf buffers.',
  'prog-stream': "There a program writes its own lines, and the kernel what it says of the program's faults.",
  attach: 'A program whose kind the kernel refuses is left out when its object is attached.',
};

/** The reason, in one sentence; empty for a check that this list does not know. */
export const whyItMatters = (id: string): string => reasons[id] ?? '';
