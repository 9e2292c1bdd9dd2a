/** Helpers that do the same in another type of program. */
import { replaceIn, type Fix } from './edits.ts';
import type { Failure } from './failure.ts';
import { argumentsOf } from './sourceText.ts';

interface Alternative {
  /** Of sections. */
  section: RegExp;
  called: string;
  instead: string;
  /** Of the arguments; the same ones when left out. */
  arguments?: (given: string[]) => string[];
  why: string;
  /** What the context is called, where a declaration of it has to change. */
  context?: [from: string, to: string];
}

const skb = /^(?:tc|tcx|netkit|classifier|action|cgroup_skb|cgroup\/skb|socket|sk_skb|lwt)/;
const xdp = /^xdp/;
const any = /./;

const alternatives: readonly Alternative[] = [
  {
    section: xdp,
    called: 'bpf_skb_load_bytes',
    instead: 'bpf_xdp_load_bytes',
    why: 'reads the packet of an XDP program',
  },
  {
    section: skb,
    called: 'bpf_xdp_load_bytes',
    instead: 'bpf_skb_load_bytes',
    why: 'reads the packet of a socket buffer',
  },
  {
    ...{ section: xdp, called: 'bpf_skb_store_bytes', instead: 'bpf_xdp_store_bytes' },
    arguments: (given) => given.slice(0, 4),
    why: 'writes the packet of an XDP program',
  },
  {
    ...{ section: skb, called: 'bpf_xdp_store_bytes', instead: 'bpf_skb_store_bytes' },
    arguments: (given) => [...given.slice(0, 4), '0'],
    why: 'writes the packet of a socket buffer',
  },
  { section: xdp, called: 'bpf_skb_output', instead: 'bpf_perf_event_output', why: 'does the same with the context' },
  { section: skb, called: 'bpf_xdp_output', instead: 'bpf_perf_event_output', why: 'does the same with the context' },
  {
    section: xdp,
    called: 'bpf_dynptr_from_skb',
    instead: 'bpf_dynptr_from_xdp',
    why: 'is for XDP programs',
    context: ['__sk_buff', 'xdp_md'],
  },
  {
    section: skb,
    called: 'bpf_dynptr_from_xdp',
    instead: 'bpf_dynptr_from_skb',
    why: 'is for socket buffers',
    context: ['xdp_md', '__sk_buff'],
  },
  { section: any, called: 'bpf_copy_from_user', instead: 'bpf_probe_read_user', why: 'does not wait' },
  { section: any, called: 'bpf_ktime_get_coarse_ns', instead: 'bpf_ktime_get_ns', why: 'is there for all programs' },
  { section: any, called: 'bpf_probe_read', instead: 'bpf_probe_read_kernel', why: 'says which memory it reads' },
  {
    section: any,
    called: 'bpf_probe_read_str',
    instead: 'bpf_probe_read_kernel_str',
    why: 'says which memory it reads',
  },
];

/** What to call instead; null when nothing does the same. */
export function alternative(failure: Failure, called: string): Alternative | null {
  const section = failure.program.source?.section ?? '';
  return alternatives.find((a) => a.called === called && a.section.test(section)) ?? null;
}

/** The call with the other helper, where it stands on one line. */
export function callInstead(failure: Failure, { called, instead, ...other }: Alternative): Fix | null {
  const place = failure.place;
  const file = failure.program.file(place);
  const text = file?.line(place.line) ?? '';
  const call = new RegExp(`\\b${called}\\s*\\(`).exec(text);
  if (!file || !call) return null;
  const title = `Call ${instead}(), which ${other.why}`;
  const from = call.index + 1;
  if (!other.arguments) return { title, edits: [replaceIn(file, place.line, from, from + called.length, instead)] };
  const given = argumentsOf(text, called);
  const end = given && closing(text, call.index + call[0].length - 1);
  if (!given || !end) return null;
  const made = `${instead}(${other.arguments(given).join(', ')})`;
  return { title, edits: [replaceIn(file, place.line, from, end + 1, made)] };
}

/** The same for kernel functions, which the program declares itself. */
export function kernelFunctionInstead(failure: Failure, other: Alternative): Fix | null {
  const fix = callInstead(failure, other);
  const file = failure.program.file(failure.place);
  const declared = file
    ? file.lines.findIndex((l) => new RegExp(`^extern\\b.*\\b${other.called}\\s*\\(`).test(l)) + 1
    : 0;
  if (!fix || !file || declared === 0) return fix;
  const text = file.line(declared);
  const [from, to] = other.context ?? ['', ''];
  const renamed = text.replace(other.called, other.instead).replace(from, to);
  const edit = replaceIn(file, declared, 1, text.length + 1, renamed);
  return { ...fix, edits: [edit, ...fix.edits] };
}

/** Index behind the parenthesis that closes the one at an index; null when it is on another line. */
function closing(text: string, open: number): number | null {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return at + 1;
  }
  return null;
}
