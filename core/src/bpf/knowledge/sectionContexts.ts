/** What programs of a section get as their argument, and in a sentence what they attach to. */
import type { SectionForm } from '../sections.ts';

/** How a program of the section is written. */
export type ProgramShape =
  /** int name(struct X *ctx) */
  | { kind: 'context'; struct: string | null }
  /** int BPF_PROG(name, typed arguments): the arguments of the target, in their order. */
  | {
      kind: 'macro';
      macro: 'BPF_PROG' | 'BPF_KPROBE' | 'BPF_KRETPROBE' | 'BPF_KSYSCALL' | 'BPF_UPROBE' | 'BPF_URETPROBE' | 'BPF_USDT';
    };

export interface SectionContext {
  shape: ProgramShape;
  /** Structs that may stand as the context; empty = anything is right. */
  contexts: readonly string[];
  /** "Runs when …" */
  what: string;
  /** What a program returns when it lets everything go on: "XDP_PASS". */
  returns: string;
}

const context = (struct: string | null, what: string, returns = '0', others: string[] = []): SectionContext => {
  return { shape: { kind: 'context', struct }, contexts: struct === null ? [] : [struct, ...others], what, returns };
};
type Macro = Extract<ProgramShape, { kind: 'macro' }>['macro'];
const macro = (name: Macro, what: string, contexts: string[] = []): SectionContext => {
  return { shape: { kind: 'macro', macro: name }, contexts, what, returns: '0' };
};

const SKB = '__sk_buff';
const REGS = ['pt_regs', 'user_pt_regs'];

const byAttach: Readonly<Record<string, SectionContext>> = {
  kprobe: macro('BPF_KPROBE', 'Runs when a kernel function (or an instruction in it) is reached.', REGS),
  kretprobe: macro('BPF_KRETPROBE', 'Runs when a kernel function returns.', REGS),
  'kprobe.multi': macro('BPF_KPROBE', 'Runs when any kernel function that the pattern names is reached.', REGS),
  'kretprobe.multi': macro('BPF_KRETPROBE', 'Runs when any kernel function that the pattern names returns.', REGS),
  'kprobe.session': macro('BPF_KPROBE', 'Runs when a kernel function is reached, and again when it returns.', REGS),
  uprobe: macro('BPF_UPROBE', 'Runs when a function of a binary is reached.', REGS),
  uretprobe: macro('BPF_URETPROBE', 'Runs when a function of a binary returns.', REGS),
  'uprobe.multi': macro('BPF_UPROBE', 'Runs when any function of a binary that the pattern names is reached.', REGS),
  'uretprobe.multi': macro('BPF_URETPROBE', 'Runs when any function of a binary that the pattern names returns.', REGS),
  'uprobe.session': macro(
    'BPF_UPROBE',
    'Runs when a function of a binary is reached, and again when it returns.',
    REGS,
  ),
  ksyscall: macro('BPF_KSYSCALL', 'Runs when a system call begins, whatever the kernel calls its function.', REGS),
  kretsyscall: macro('BPF_KRETPROBE', 'Runs when a system call returns.', REGS),
  usdt: macro('BPF_USDT', 'Runs when a binary reaches a static probe (USDT).', REGS),
  tracepoint: context(null, 'Runs at a tracepoint; the context is the record that the tracepoint describes.'),
  raw_tp: context('bpf_raw_tracepoint_args', 'Runs at a tracepoint, with its raw arguments.'),
  tp_btf: macro('BPF_PROG', 'Runs at a tracepoint, with typed arguments that can be read directly.'),
  fentry: macro('BPF_PROG', 'Runs when a kernel function is entered, with typed arguments; cheaper than a kprobe.'),
  fexit: macro('BPF_PROG', 'Runs when a kernel function returns, with its arguments and its result.'),
  fsession: macro('BPF_PROG', 'Runs when a kernel function is entered, and again when it returns.'),
  fmod_ret: macro('BPF_PROG', 'Runs before a kernel function that allows it, and may return in its place.'),
  'fentry.multi': macro('BPF_PROG', 'Runs when any kernel function that the pattern names is entered.'),
  'fexit.multi': macro('BPF_PROG', 'Runs when any kernel function that the pattern names returns.'),
  'fsession.multi': macro('BPF_PROG', 'Runs at both ends of every kernel function that the pattern names.'),
  freplace: context(null, 'Takes the place of a global function of a loaded program.'),
  lsm: macro('BPF_PROG', 'Decides at a security hook: 0 allows, a negative errno refuses.'),
  lsm_cgroup: macro('BPF_PROG', 'Decides at a security hook for the processes of a control group.'),
  iter: context(null, 'Walks all objects of a kind and writes text about them.'),
  syscall: context(null, 'Runs when user space asks for it (BPF_PROG_RUN), and may sleep.'),
  perf_event: context('bpf_perf_event_data', 'Runs at every sample of a perf event: a profiler.'),
  struct_ops: macro('BPF_PROG', 'Implements a function of a kernel interface (a TCP congestion control, a scheduler).'),
  sk_lookup: context('bpf_sk_lookup', 'Chooses the socket for a new connection.', 'SK_PASS'),
  netfilter: context('bpf_nf_ctx', 'Runs at a netfilter hook and gives a verdict on a packet.', 'NF_ACCEPT'),
  lirc_mode2: context(null, 'Decodes infrared signals.'),
  flow_dissector: context(SKB, 'Takes the headers of packets apart in place of the kernel.', 'BPF_OK'),
  sk_msg: context('sk_msg_md', 'Gives a verdict on a message that a socket in a map sends.', 'SK_PASS'),
};

const byType: Readonly<Record<string, SectionContext>> = {
  socket_filter: context(SKB, 'Sees the packets of a socket and says how many bytes of each it gets.', '-1'),
  sk_reuseport: context('sk_reuseport_md', 'Chooses a socket of a SO_REUSEPORT group.', 'SK_PASS'),
  sched_cls: context(
    SKB,
    'Sees the packets of an interface in traffic control; may change, drop and redirect them.',
    'TC_ACT_OK',
  ),
  sched_act: context(SKB, 'Is the action of a traffic control filter.', 'TC_ACT_OK'),
  xdp: context(
    'xdp_md',
    'Sees the packets of an interface before the kernel does; may change, drop and redirect them.',
    'XDP_PASS',
  ),
  lwt_in: context(SKB, 'Sees packets of a lightweight tunnel on their way in.', 'BPF_OK'),
  lwt_out: context(SKB, 'Sees packets of a lightweight tunnel on their way out.', 'BPF_OK'),
  lwt_xmit: context(SKB, 'Sees packets of a lightweight tunnel before they are sent.', 'BPF_OK'),
  lwt_seg6local: context(SKB, 'Is the action of an SRv6 segment.', 'BPF_OK'),
  sock_ops: context('bpf_sock_ops', 'Runs at events of TCP connections of a control group.', '1'),
  sk_skb: context(SKB, 'Parses or judges the data of sockets in a map.', 'SK_PASS'),
  cgroup_skb: context(SKB, 'Sees the packets of a control group: 1 lets them pass, 0 drops them.', '1'),
  cgroup_sock: context(
    'bpf_sock',
    'Runs when a process of a control group makes, binds or closes a socket: 1 allows.',
    '1',
  ),
  cgroup_sock_addr: context(
    'bpf_sock_addr',
    'Sees and may change addresses that processes of a control group use: 1 allows.',
    '1',
  ),
  cgroup_sysctl: context('bpf_sysctl', 'Decides over reads and writes of sysctls by a control group: 1 allows.', '1'),
  cgroup_sockopt: context('bpf_sockopt', 'Sees and may change socket options of a control group: 1 allows.', '1'),
  cgroup_device: context('bpf_cgroup_dev_ctx', 'Decides over the devices of a control group: 1 allows.', '1'),
};

/** Of any form that libbpf knows. */
export function sectionContext(form: SectionForm): SectionContext {
  return byAttach[form.attach] ?? byType[form.type] ?? context(null, 'A BPF program.');
}
