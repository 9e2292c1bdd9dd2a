/**
 * What a program is whose section libbpf does not know: `xdp_pass`, `xdp/lo`, `perf_event/type=0,frequency=99`. Its own
 * user space knows; Ringside reads it from the name and from the type of the context argument, and says that it did.
 */
import { sectionForms } from './sections.ts';

export interface SectionGuess {
  /** The section that libbpf knows and that means the same: "xdp", "kprobe/do_unlinkat". */
  section: string;
  /** Target keys that the name gives besides: iface=lo, freq=99. */
  keys: Record<string, string>;
  /** In a sentence: from what this was read. */
  why: string;
}

/** One way to read a name; `rest` is what follows the matched prefix, without its separator. */
interface Rule {
  prefix: RegExp;
  /** The structs that programs of this kind take; empty = any. */
  contexts: readonly string[];
  read: (rest: string, context: string | null, prefix: string) => Reading | null;
}

interface Reading {
  section: string;
  keys?: Record<string, string>;
}

const SKB = ['__sk_buff'];
const REGS = ['pt_regs', 'user_pt_regs'];
const ADDRESS_HOOKS =
  /(bind|connect|sendmsg|recvmsg|getpeername|getsockname)(4|6|_unix)|(?:post_bind)(4|6)|sock_(create|release)/;

/** A name after the prefix that is the target itself: a kernel function, an event. */
const named =
  (section: string): Rule['read'] =>
  (rest) => ({ section: /^\w+$/.test(rest) ? `${section}/${rest}` : section });
const plain =
  (section: string): Rule['read'] =>
  () => ({ section });

const rules: readonly Rule[] = [
  { prefix: /^xdp/, contexts: ['xdp_md'], read: (rest) => ({ section: xdpForm(rest), keys: ifaceKey(rest) }) },
  { prefix: /^(socket_filter|socket|sockfilter|sock_filter)/, contexts: SKB, read: plain('socket') },
  { prefix: /^perf_event/, contexts: ['bpf_perf_event_data'], read: (rest) => perfEvent(rest) },
  {
    prefix: /^(tcx|tc|classifier|cls)/,
    contexts: SKB,
    read: (rest) => ({ section: tcForm(rest), keys: ifaceKey(rest) }),
  },
  { prefix: /^(action|act)(?![a-z])/, contexts: SKB, read: plain('action') },
  { prefix: /^(cgroup_skb|cgroup-skb|cgroupskb|cgroup\/skb)/, contexts: SKB, read: (rest) => cgroupSkb(rest) },
  { prefix: /^cgroup/, contexts: [], read: (rest, context) => cgroupHook(rest, context) },
  { prefix: /^(tracepoint|trace_point|tp)(?![a-z])/, contexts: [], read: (rest) => tracepoint(rest) },
  { prefix: /^(raw_tracepoint|raw_tp)/, contexts: [], read: named('raw_tp') },
  { prefix: /^tp_btf/, contexts: [], read: named('tp_btf') },
  { prefix: /^(kretfunc|fexit)/, contexts: [], read: named('fexit') },
  { prefix: /^(kfunc|fentry)/, contexts: [], read: named('fentry') },
  { prefix: /^(kretprobe|kprobe_ret)/, contexts: REGS, read: named('kretprobe') },
  { prefix: /^kprobe/, contexts: REGS, read: named('kprobe') },
  { prefix: /^(ksyscall|syscall__)/, contexts: REGS, read: named('ksyscall') },
  { prefix: /^(uretprobe)/, contexts: REGS, read: plain('uretprobe') },
  { prefix: /^(uprobe)/, contexts: REGS, read: plain('uprobe') },
  { prefix: /^usdt/, contexts: REGS, read: plain('usdt') },
  { prefix: /^lsm/, contexts: [], read: named('lsm') },
  { prefix: /^(sockops|sock_ops|sockop)/, contexts: ['bpf_sock_ops'], read: plain('sockops') },
  { prefix: /^sk_msg/, contexts: ['sk_msg_md'], read: plain('sk_msg') },
  { prefix: /^(sk_skb|sockmap)/, contexts: SKB, read: (rest) => ({ section: skSkbForm(rest) }) },
  { prefix: /^sk_lookup/, contexts: ['bpf_sk_lookup'], read: plain('sk_lookup') },
  { prefix: /^sk_reuseport/, contexts: ['sk_reuseport_md'], read: plain('sk_reuseport') },
  { prefix: /^flow_dissector/, contexts: SKB, read: plain('flow_dissector') },
  { prefix: /^netfilter/, contexts: ['bpf_nf_ctx'], read: plain('netfilter') },
  { prefix: /^lwt_(in|out|xmit|seg6local)/, contexts: SKB, read: (_rest, _context, lwt) => ({ section: lwt }) },
  { prefix: /^lirc_mode2/, contexts: [], read: plain('lirc_mode2') },
  { prefix: /^iter/, contexts: [], read: named('iter') },
];

/** What each context struct says alone, when the name says nothing. */
const byContext: Readonly<Record<string, (name: string) => string | null>> = {
  xdp_md: (name) => xdpForm(name),
  __sk_buff: (name) => {
    if (/sock(et)?_?filter/.test(name)) return 'socket';
    if (/cgroup/.test(name)) return 'cgroup/skb';
    return /sk_skb|verdict|parser/.test(name) ? skSkbForm(name) : tcForm(name);
  },
  bpf_perf_event_data: () => 'perf_event',
  bpf_raw_tracepoint_args: () => 'raw_tp',
  bpf_sock_ops: () => 'sockops',
  sk_msg_md: () => 'sk_msg',
  bpf_sk_lookup: () => 'sk_lookup',
  sk_reuseport_md: () => 'sk_reuseport',
  bpf_nf_ctx: () => 'netfilter',
  bpf_cgroup_dev_ctx: () => 'cgroup/dev',
  bpf_sysctl: () => 'cgroup/sysctl',
  bpf_sockopt: (name) => (/set/.test(name) ? 'cgroup/setsockopt' : /get/.test(name) ? 'cgroup/getsockopt' : null),
  bpf_sock: (name) => addressHook(name) ?? 'cgroup/sock_create',
  bpf_sock_addr: (name) => addressHook(name),
  pt_regs: (name) => (/ret|exit/.test(name) ? 'kretprobe' : 'kprobe'),
};

/**
 * The section that libbpf knows for one that it does not; null when neither the name nor the context says anything.
 * `context` is the name of the struct that the program's first argument points to, null when BTF does not tell.
 */
export function guessSection(name: string, programName: string, context: string | null): SectionGuess | null {
  const optional = name.startsWith('?') ? '?' : '';
  const section = name.slice(optional.length);
  const fit = (rule: Rule): boolean =>
    rule.prefix.test(section) && (context === null || !knownContext(context) || agrees(rule, context));
  for (const rule of rules.filter(fit)) {
    const prefix = rule.prefix.exec(section)![0];
    const behind = section.slice(prefix.length);
    const read = rule.read(behind.replace(/^[/_:.-]+/, ''), context, prefix);
    if (read === null) continue;
    // "xdp/vlan01" names an interface; "xdp_vlan01" is a name that the author gave the program.
    if (!behind.startsWith('/')) delete read.keys?.['iface'];
    return { section: optional + read.section, keys: read.keys ?? {}, why: sentence(section, read, prefix, context) };
  }
  const alone = context === null ? null : contextAlone(context, `${section} ${programName}`);
  if (alone === null) return null;
  const why = `libbpf does not know the section "${section}"; its context argument is struct ${context!}, so it is taken for "${alone}".`;
  return { section: optional + alone, keys: {}, why };
}

function agrees(rule: Rule, context: string): boolean {
  return rule.contexts.length === 0 || rule.contexts.includes(context);
}

const knownContext = (context: string): boolean => context in byContext;

function contextAlone(context: string, names: string): string | null {
  const iterator = /^bpf_iter__(\w+)$/.exec(context)?.[1];
  if (iterator !== undefined) return `iter/${iterator}`;
  if (/^(trace_event_raw_|syscall_trace_)/.test(context)) return 'tracepoint';
  return byContext[context]?.(names) ?? null;
}

function sentence(section: string, read: Reading, prefix: string, context: string | null): string {
  const keys = Object.entries(read.keys ?? {}).map(([key, value]) => `${key}=${value}`);
  const also = context !== null && knownContext(context) ? ` and its context argument is struct ${context}` : '';
  const given = keys.length > 0 ? ` with ${keys.join(', ')}` : '';
  return `libbpf does not know the section "${section}"; it begins with "${prefix}"${also}, so it is taken for "${read.section}"${given}.`;
}

function xdpForm(rest: string): string {
  const frags = /frags/.test(rest) ? 'xdp.frags' : 'xdp';
  if (/(^|[^a-z])devmap$/.test(rest)) return `${frags}/devmap`;
  return /(^|[^a-z])cpumap$/.test(rest) ? `${frags}/cpumap` : frags;
}

function tcForm(rest: string): string {
  if (/egress|_out$|^out/.test(rest)) return 'tc/egress';
  return /ingress|_in$|^in$/.test(rest) ? 'tc/ingress' : 'tc';
}

function skSkbForm(rest: string): string {
  if (/parser/.test(rest)) return 'sk_skb/stream_parser';
  if (/stream/.test(rest)) return 'sk_skb/stream_verdict';
  return /verdict/.test(rest) ? 'sk_skb/verdict' : 'sk_skb';
}

function cgroupSkb(rest: string): Reading {
  if (/egress/.test(rest)) return { section: 'cgroup_skb/egress' };
  return { section: /ingress/.test(rest) ? 'cgroup_skb/ingress' : 'cgroup/skb' };
}

function cgroupHook(rest: string, context: string | null): Reading | null {
  const exact = `cgroup/${rest}`;
  if (sectionForms.some((f) => f.pattern === exact)) return { section: exact };
  const hook = addressHook(rest);
  if (hook !== null) return { section: hook };
  const known = /^(sysctl|getsockopt|setsockopt|dev)/.exec(rest)?.[1];
  if (known !== undefined) return { section: `cgroup/${known}` };
  if (/^device/.test(rest)) return { section: 'cgroup/dev' };
  return context === '__sk_buff' ? cgroupSkb(rest) : null;
}

function addressHook(text: string): string | null {
  const hook = ADDRESS_HOOKS.exec(text)?.[0];
  return hook === undefined ? null : `cgroup/${hook}`;
}

/** `syscalls__sys_enter_open`, `syscalls:sys_enter_open`, `sched_sched_switch`. */
function tracepoint(rest: string): Reading {
  const [, category, event] =
    /^(\w+?)(?:__|:|\/)(\w+)$/.exec(rest) ?? /^(syscalls|sched|raw_syscalls)_(\w+)$/.exec(rest) ?? [];
  return { section: category !== undefined && event !== undefined ? `tracepoint/${category}/${event}` : 'tracepoint' };
}

/** Kernel names of interfaces: what else follows "xdp/" is a name that the author gave the program. */
const INTERFACE =
  /^(lo|(eth|wlan|ifb|docker|bond|team|dummy|virbr|br|tun|tap|ppp|usb|wg|can|veth|vlan|macvlan|ipvlan)\d+|en[opsx]\w+|wl[opsx]\w+|veth\w+|br-\w+)$/;

function ifaceKey(rest: string): Record<string, string> {
  return INTERFACE.test(rest) ? { iface: rest } : {};
}

/** Names of perf's generic events by type and config (include/uapi/linux/perf_event.h). */
const perfNames: Readonly<Record<string, readonly string[]>> = {
  '0': [
    ...['cpu-cycles', 'instructions', 'cache-references', 'cache-misses', 'branch-instructions', 'branch-misses'],
    ...['bus-cycles', 'stalled-cycles-frontend', 'stalled-cycles-backend', 'ref-cycles'],
  ],
  '1': [
    ...['cpu-clock', 'task-clock', 'page-faults', 'context-switches', 'cpu-migrations', 'minor-faults', 'major-faults'],
    ...['alignment-faults', 'emulation-faults', 'dummy', 'bpf-output', 'cgroup-switches'],
  ],
};

/** `type=0,config=0,frequency=99`, in any order; what is not understood is left to the default. */
function perfEvent(rest: string): Reading {
  const given = Object.fromEntries(
    rest.split(/[,;&]/).flatMap((pair) => {
      const [, key, value] = /^\s*(\w+)\s*=\s*([\w-]+)\s*$/.exec(pair) ?? [];
      return key !== undefined && value !== undefined ? [[key.toLowerCase(), value] as const] : [];
    }),
  );
  const keys: Record<string, string> = {};
  const event = perfNames[given['type'] ?? '']?.[Number(given['config'] ?? 0)];
  // Cycles are what a profiler asks for by habit, and many machines do not count them: the clock samples everywhere.
  if (event !== undefined && event !== 'cpu-cycles') keys['event'] = event;
  const freq = given['frequency'] ?? given['freq'] ?? given['sample_freq'];
  if (freq !== undefined && /^\d+$/.test(freq)) keys['freq'] = freq;
  for (const key of ['cpu', 'pid']) if (/^\d+$/.test(given[key] ?? '')) keys[key] = given[key]!;
  return { section: 'perf_event', keys };
}
