/**
 * Every SEC() form that libbpf 1.7 and 1.8 know, in libbpf's order (the first match wins), with what Ringside adds: how
 * the target is spelt and which target keys are still to be chosen.
 */
import { editDistance } from '../editDistance.ts';

/** How the text after the prefix names the target. */
type TargetForm =
  /** Nothing follows, or what follows belongs to the form's name. */
  | 'none'
  /** A kernel function: kprobe/do_unlinkat, kprobe/do_unlinkat+0x10; a pattern for the multi forms. */
  | 'func'
  /** CATEGORY/NAME of a tracepoint. */
  | 'tracepoint'
  /** A raw tracepoint's name. */
  | 'event'
  /** PATH:SYMBOL[+OFFSET] */
  | 'uprobe'
  /** PATH:PROVIDER:PROBE */
  | 'usdt'
  /** An iterator's name: iter/task, iter/bpf_map_elem. */
  | 'iter'
  /** A member of a struct_ops; optional. */
  | 'member';

export interface SectionForm {
  /** As written in libbpf's table; a trailing "+" means that "/TARGET" may follow. */
  pattern: string;
  /** bpftool's name of the program type. */
  type: string;
  /** libbpf's word for the way it attaches. */
  attach: string;
  sleepable: boolean;
  target: TargetForm;
  /** Target keys that this form needs besides its own target: "iface", "cgroup" … */
  needs: readonly string[];
  /** libbpf attaches it by itself; otherwise the agent has to. */
  libbpfAttaches: boolean;
}

export interface ParsedSection {
  type: string;
  attach: string;
  /** What it attaches to, in words ("syscalls:sys_enter_execve"); null if that is still to be chosen. */
  target: string | null;
  /** Target keys of the CLI contract that must still be chosen. */
  needsTarget: string[];
  /** False for SEC("?…"): loaded only when asked for by name. */
  autoload: boolean;
  sleepable: boolean;
  /** The matching form; null when libbpf does not know the section. */
  form: SectionForm | null;
  /** For an unknown section: the pattern that it most resembles ("xdp" for "xdp_pass"), if any does. */
  nearest: () => string | null;
}

function forms(
  type: string,
  attach: string,
  patterns: string[],
  target: TargetForm = 'none',
  needs: string[] = [],
  libbpfAttaches = target !== 'none' && target !== 'member',
): SectionForm[] {
  return patterns.map((pattern) => {
    const sleepable = /\.s\+?$/.test(pattern) || type === 'syscall';
    return { pattern, type, attach, sleepable, target, needs, libbpfAttaches };
  });
}

const IFACE = ['iface'];
const CGROUP = ['cgroup'];
const MAP = ['map'];
const cgroup = (type: string, hooks: string[]): SectionForm[] =>
  hooks.flatMap((hook) => forms(type, `cgroup/${hook}`, [`cgroup/${hook}`], 'none', CGROUP));

export const sectionForms: readonly SectionForm[] = [
  ...forms('socket_filter', 'socket', ['socket'], 'none', IFACE),
  ...forms('sk_reuseport', 'sk_reuseport/migrate', ['sk_reuseport/migrate'], 'none', ['pid']),
  ...forms('sk_reuseport', 'sk_reuseport', ['sk_reuseport'], 'none', ['pid']),
  ...forms('kprobe', 'kprobe', ['kprobe+'], 'func'),
  ...forms('kprobe', 'uprobe', ['uprobe+', 'uprobe.s+'], 'uprobe'),
  ...forms('kprobe', 'kretprobe', ['kretprobe+'], 'func'),
  ...forms('kprobe', 'uretprobe', ['uretprobe+', 'uretprobe.s+'], 'uprobe'),
  ...forms('kprobe', 'kprobe.multi', ['kprobe.multi+'], 'func'),
  ...forms('kprobe', 'kretprobe.multi', ['kretprobe.multi+'], 'func'),
  ...forms('kprobe', 'kprobe.session', ['kprobe.session+'], 'func'),
  ...forms('kprobe', 'uprobe.multi', ['uprobe.multi+', 'uprobe.multi.s+'], 'uprobe'),
  ...forms('kprobe', 'uretprobe.multi', ['uretprobe.multi+', 'uretprobe.multi.s+'], 'uprobe'),
  ...forms('kprobe', 'uprobe.session', ['uprobe.session+', 'uprobe.session.s+'], 'uprobe'),
  ...forms('kprobe', 'ksyscall', ['ksyscall+'], 'func'),
  ...forms('kprobe', 'kretsyscall', ['kretsyscall+'], 'func'),
  ...forms('kprobe', 'usdt', ['usdt+', 'usdt.s+'], 'usdt'),
  ...forms('sched_cls', 'tcx/ingress', ['tc/ingress', 'tcx/ingress'], 'none', IFACE),
  ...forms('sched_cls', 'tcx/egress', ['tc/egress', 'tcx/egress'], 'none', IFACE),
  ...forms('sched_cls', 'tc', ['tc', 'classifier'], 'none', ['iface', 'direction']),
  ...forms('sched_act', 'tc', ['action'], 'none', ['iface', 'direction']),
  ...forms('sched_cls', 'netkit/primary', ['netkit/primary'], 'none', IFACE),
  ...forms('sched_cls', 'netkit/peer', ['netkit/peer'], 'none', IFACE),
  ...forms('tracepoint', 'tracepoint', ['tracepoint+', 'tp+', 'tracepoint.s+', 'tp.s+'], 'tracepoint'),
  ...forms('raw_tracepoint', 'raw_tp', ['raw_tracepoint+', 'raw_tp+', 'raw_tracepoint.s+', 'raw_tp.s+'], 'event'),
  ...forms('raw_tracepoint_writable', 'raw_tp', ['raw_tracepoint.w+', 'raw_tp.w+'], 'event'),
  ...forms('tracing', 'tp_btf', ['tp_btf+', 'tp_btf.s+'], 'event'),
  ...forms('tracing', 'fentry', ['fentry+', 'fentry.s+'], 'func'),
  ...forms('tracing', 'fmod_ret', ['fmod_ret+', 'fmod_ret.s+'], 'func'),
  ...forms('tracing', 'fexit', ['fexit+', 'fexit.s+'], 'func'),
  ...forms('tracing', 'fsession', ['fsession+', 'fsession.s+'], 'func'),
  ...forms('tracing', 'fsession.multi', ['fsession.multi+', 'fsession.multi.s+'], 'func'),
  ...forms('tracing', 'fentry.multi', ['fentry.multi+', 'fentry.multi.s+'], 'func'),
  ...forms('tracing', 'fexit.multi', ['fexit.multi+', 'fexit.multi.s+'], 'func'),
  ...forms('ext', 'freplace', ['freplace+'], 'func', ['program']),
  ...forms('lsm', 'lsm', ['lsm+', 'lsm.s+'], 'func'),
  ...forms('lsm', 'lsm_cgroup', ['lsm_cgroup+'], 'func', CGROUP, false),
  ...forms('tracing', 'iter', ['iter+', 'iter.s+'], 'iter'),
  ...forms('syscall', 'syscall', ['syscall']),
  ...forms('xdp', 'xdp/devmap', ['xdp.frags/devmap', 'xdp/devmap'], 'none', MAP),
  ...forms('xdp', 'xdp/cpumap', ['xdp.frags/cpumap', 'xdp/cpumap'], 'none', MAP),
  ...forms('xdp', 'xdp', ['xdp.frags', 'xdp'], 'none', IFACE),
  ...forms('perf_event', 'perf_event', ['perf_event']), // samples every CPU at 99 Hz unless told otherwise
  ...['lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local'].flatMap((lwt) => forms(lwt, lwt, [lwt], 'none', IFACE)),
  ...forms('sock_ops', 'sockops', ['sockops'], 'none', CGROUP),
  ...['sk_skb/stream_parser', 'sk_skb/stream_verdict', 'sk_skb/verdict', 'sk_skb'].flatMap((name) =>
    forms('sk_skb', name, [name], 'none', MAP),
  ),
  ...forms('sk_msg', 'sk_msg', ['sk_msg'], 'none', MAP),
  ...forms('lirc_mode2', 'lirc_mode2', ['lirc_mode2']),
  ...forms('flow_dissector', 'flow_dissector', ['flow_dissector']), // the agent's own network namespace by default
  ...forms('cgroup_skb', 'cgroup_skb/ingress', ['cgroup_skb/ingress'], 'none', CGROUP),
  ...forms('cgroup_skb', 'cgroup_skb/egress', ['cgroup_skb/egress'], 'none', CGROUP),
  ...forms('cgroup_skb', 'cgroup/skb', ['cgroup/skb'], 'none', ['cgroup', 'direction']),
  ...cgroup('cgroup_sock', ['sock_create', 'sock_release', 'sock', 'post_bind4', 'post_bind6']),
  ...cgroup('cgroup_sock_addr', [
    ...['bind4', 'bind6', 'connect4', 'connect6', 'connect_unix', 'sendmsg4', 'sendmsg6', 'sendmsg_unix'],
    ...['recvmsg4', 'recvmsg6', 'recvmsg_unix', 'getpeername4', 'getpeername6', 'getpeername_unix'],
    ...['getsockname4', 'getsockname6', 'getsockname_unix'],
  ]),
  ...cgroup('cgroup_sysctl', ['sysctl']),
  ...cgroup('cgroup_sockopt', ['getsockopt', 'setsockopt']),
  ...cgroup('cgroup_device', ['dev']),
  ...forms('struct_ops', 'struct_ops', ['struct_ops+', 'struct_ops.s+'], 'member'),
  ...forms('sk_lookup', 'sk_lookup', ['sk_lookup']), // likewise its own network namespace
  ...forms('netfilter', 'netfilter', ['netfilter']),
];

/** Iterators that walk one map's elements and so need a map. */
const MAP_ITERATORS = new Set(['bpf_map_elem', 'bpf_sk_storage_map', 'sockmap']);

/** Takes a SEC() name apart as libbpf does. */
export function parseSection(name: string): ParsedSection {
  const autoload = !name.startsWith('?');
  const section = autoload ? name : name.slice(1);
  const form = sectionForms.find((f) => matches(f.pattern, section)) ?? null;
  if (!form) {
    const unknown = { type: 'unspec', attach: '', target: null, needsTarget: [], autoload, sleepable: false, form };
    return { ...unknown, nearest: () => nearestForm(section) };
  }
  const prefix = form.pattern.endsWith('+') ? form.pattern.length - 1 : section.length;
  const { target, missing } = parseTarget(form.target, section.slice(prefix + 1));
  return {
    type: form.type,
    attach: form.attach,
    target,
    needsTarget: [...missing, ...form.needs],
    autoload,
    sleepable: form.sleepable,
    form,
    nearest: () => null,
  };
}

function matches(pattern: string, section: string): boolean {
  if (!pattern.endsWith('+')) return section === pattern;
  const prefix = pattern.slice(0, -1);
  return section === prefix || section.startsWith(`${prefix}/`);
}

function parseTarget(form: TargetForm, text: string): { target: string | null; missing: string[] } {
  const whole = (missing: string[]) => (text === '' ? { target: null, missing } : { target: text, missing: [] });
  switch (form) {
    case 'none':
      return { target: null, missing: [] };
    case 'func':
      return whole(['func']);
    case 'event':
      return whole(['event']);
    case 'member':
      return whole([]);
    case 'iter':
      return MAP_ITERATORS.has(text) ? { target: text, missing: ['map'] } : whole(['event']);
    case 'tracepoint': {
      const [, category, event] = /^([^/]+)\/(.+)$/.exec(text) ?? [];
      return category && event ? { target: `${category}:${event}`, missing: [] } : { target: null, missing: ['event'] };
    }
    case 'uprobe': {
      const at = text.indexOf(':');
      if (text === '') return { target: null, missing: ['binary', 'symbol'] };
      return at < 1 || at === text.length - 1 ? { target: text, missing: ['symbol'] } : { target: text, missing: [] };
    }
    case 'usdt': {
      if (text === '') return { target: null, missing: ['binary', 'provider', 'probe'] };
      const [, provider, probe] = text.split(':');
      const missing = [...(provider ? [] : ['provider']), ...(probe ? [] : ['probe'])];
      return { target: text, missing };
    }
  }
}

/**
 * The form that an unknown section most resembles: the longest pattern that begins it, else the one within a few typing
 * errors of the part before the slash.
 */
export function nearestForm(section: string): string | null {
  const plain = sectionForms.map((f) => f.pattern.replace(/\+$/, ''));
  const begins = plain.filter((p) => section.startsWith(p)).sort((a, b) => b.length - a.length)[0];
  if (begins !== undefined) return begins;
  const head = section.split('/')[0] ?? section;
  let best: string | null = null;
  let least = Math.max(1, Math.floor(head.length / 3)) + 1;
  for (const pattern of plain) {
    const distance = Math.min(editDistance(head, pattern, least), editDistance(section, pattern, least));
    if (distance < least) [best, least] = [pattern, distance];
  }
  return best;
}
