/** SEC(): a name that libbpf knows, a target that the kernel has, an argument of the right type. */
import { guessSection, nearestForm, parseSection, sectionContext, type ParsedSection } from '@ringside/core/bpf';
import type { Analysis } from '../analysis.ts';
import type { CFunction, CSection } from '../c/model.ts';
import type { NameList } from '../kernel/kernel.ts';
import type { CheckCode, Finding, Fix } from './codes.ts';
import { nearest } from './nearest.ts';

/** Sections of data and of functions without a target of their own. */
const DATA = /^(\.|license$|version$|maps|classic|fentry$|kconfig)/;

export function checkSections({ source, world }: Analysis): Finding[] {
  const findings: Finding[] = [];
  for (const program of source.model.functions) {
    const { section } = program;
    if (!section?.literal || DATA.test(section.name)) continue;
    const parsed = parseSection(section.name);
    if (parsed.form === null) {
      findings.push(...unknownSection(section, program));
      continue;
    }
    findings.push(
      ...incomplete(section, parsed),
      ...missingTarget(section, parsed, world),
      ...wrongContext(program, parsed, source.text),
    );
  }
  return findings;
}

/** The struct that the program's only parameter points to. */
function contextOf(program: CFunction): string | null {
  const [first] = program.parameters;
  return first && program.macro === '' ? (/^struct (\w+)$/.exec(first.type.base)?.[1] ?? null) : null;
}

function unknownSection(section: CSection, program: CFunction): Finding[] {
  const name = section.name.replace(/^\?/, '');
  // Other loaders give names of their own; where Ringside can tell what is meant it attaches them.
  const guess = guessSection(section.name, program.name, contextOf(program));
  const near = misspelt(name);
  if (guess !== null && near === null) return [];
  const better = near ?? nearestForm(name);
  const message = `libbpf does not know the section "${section.name}"${better === null ? '' : `; did you mean "${better}"?`}`;
  const fixes = better === null ? [] : [replaceSection(section, better)];
  return [{ code: 'unknown-section', start: section.start, end: section.end, message, fixes }];
}

/** "kprbe/vfs_read" → "kprobe/vfs_read": the head is nearly one that libbpf knows, what follows is kept. */
function misspelt(name: string): string | null {
  const slash = name.indexOf('/');
  const head = slash < 0 ? name : name.slice(0, slash);
  if (parseSection(head).form !== null) return null;
  const near = nearestForm(head);
  if (near === null || head.startsWith(near)) return null;
  return near + (slash < 0 ? '' : name.slice(slash));
}

function replaceSection(section: CSection, name: string): Fix {
  const text = section.name.startsWith('?') ? `?${name}` : name;
  return { title: `Change to SEC("${text}")`, edits: [{ start: section.start, end: section.end, text }] };
}

function incomplete(section: CSection, { form, target }: ParsedSection): Finding[] {
  if (form?.target !== 'tracepoint' || target !== null || !section.name.includes('/')) return [];
  const message = `A tracepoint is named by category and event: "${form.pattern.replace('+', '')}/sched/sched_switch".`;
  return [{ code: 'incomplete-section', start: section.start, end: section.end, message, fixes: [] }];
}

interface Wanted {
  /** "sched_switch": the part of the section that names the target. */
  name: string;
  known: NameList;
  code: CheckCode;
  what: string;
  /** True when what is not in the list does not exist. */
  sure: boolean;
}

function missingTarget(section: CSection, parsed: ParsedSection, world: Analysis['world']): Finding[] {
  const wanted = wantedTarget(parsed, world);
  // Patterns, offsets and the compiler's suffixes are no plain names.
  if (!wanted || !/^[\w/]+$/.test(wanted.name) || wanted.known.names.length === 0 || wanted.known.has(wanted.name))
    return [];
  const near = nearest(wanted.name, wanted.known.names);
  if (near.length === 0 && !wanted.sure) return [];
  const start = section.end - wanted.name.length;
  const where =
    world.host === null
      ? "this machine's kernel"
      : `${world.host}${world.release === null ? '' : ` (kernel ${world.release})`}`;
  const question = near.length === 0 ? '' : `; did you mean ${near[0]!}?`;
  const seen = world.cached ? ', as it was when it was last connected,' : '';
  const message = `${capital(where)}${seen} has no ${wanted.what} "${wanted.name}"${question}`;
  const fixes = near.map((name): Fix => ({
    title: `Change to ${name}`,
    edits: [{ start, end: section.end, text: name }],
  }));
  return [{ code: wanted.code, start, end: section.end, message, fixes }];
}

function capital(text: string): string {
  return text.startsWith('this ') ? `T${text.slice(1)}` : text;
}

function wantedTarget({ form, target, attach, type }: ParsedSection, world: Analysis['world']): Wanted | null {
  const { kernel, points } = world;
  if (form === null || target === null) return null;
  if (form.target === 'tracepoint') {
    const name = target.replace(':', '/');
    return {
      name,
      known: points.tracepointNames,
      code: 'no-such-tracepoint',
      what: 'tracepoint',
      sure: points.complete,
    };
  }
  if (!kernel) return null;
  const isHost = world.host !== null;
  switch (form.target) {
    case 'event':
      return { name: target, known: kernel.events, code: 'no-such-tracepoint', what: 'raw tracepoint', sure: false };
    case 'iter':
      return { name: target, known: kernel.iterators, code: 'no-such-hook', what: 'iterator', sure: false };
    case 'func':
      if (type === 'ext') return null;
      if (type === 'lsm')
        return { name: target, known: kernel.hooks, code: 'no-such-hook', what: 'LSM hook', sure: isHost };
      if (attach.endsWith('syscall')) {
        return { name: target, known: kernel.syscalls, code: 'no-such-function', what: 'system call', sure: false };
      }
      if (type === 'kprobe' && points.kprobes) {
        return { name: target, known: points.kprobes, code: 'no-such-function', what: 'function', sure: true };
      }
      // Modules have functions that the kernel's own types do not describe.
      return { name: target, known: kernel.functions, code: 'no-such-function', what: 'function', sure: false };
    default:
      return null;
  }
}

function wrongContext(program: CFunction, { form }: ParsedSection, text: string): Finding[] {
  const { contexts } = sectionContext(form!);
  const context = contextOf(program);
  const parameter = program.parameters[0];
  if (contexts.length === 0 || context === null || parameter === undefined || contexts.includes(context)) return [];
  // libbpf's own names for registers, and structs that the source or the project derives from the context.
  if (!KNOWN_CONTEXTS.has(context)) return [];
  const right = contexts[0]!;
  const message = `Programs of SEC("${form!.pattern.replace('+', '')}") get a struct ${right} *, not a struct ${context} *`;
  const at = text.lastIndexOf(context, parameter.start);
  if (at < program.end) return [];
  const fix: Fix = {
    title: `Change to struct ${right} *`,
    edits: [{ start: at, end: at + context.length, text: right }],
  };
  return [{ code: 'wrong-context', start: at, end: parameter.start + parameter.name.length, message, fixes: [fix] }];
}

/** Structs that are the context of some program: any other may be a view of its own on the right one. */
const KNOWN_CONTEXTS: ReadonlySet<string> = new Set([
  ...[
    'xdp_md',
    '__sk_buff',
    'pt_regs',
    'user_pt_regs',
    'bpf_sock',
    'bpf_sock_addr',
    'bpf_sock_ops',
    'sk_msg_md',
    'bpf_sysctl',
  ],
  ...['bpf_sockopt', 'bpf_cgroup_dev_ctx', 'bpf_sk_lookup', 'sk_reuseport_md', 'bpf_perf_event_data', 'bpf_nf_ctx'],
  ...['bpf_raw_tracepoint_args', 'sk_buff', 'xdp_buff', 'trace_event_raw_sys_enter', 'trace_event_raw_sys_exit'],
]);
