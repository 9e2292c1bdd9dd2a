/** What the cases of the language server type, where ‸ is the cursor. What comes of it is in golden/. */

export interface Case {
  /** Unique within its feature. */
  name: string;
  text: string;
  /** Left to clangd: what only a C tool would otherwise know. */
  clangd?: boolean;
  /** Written for three hosts: web1, old1 (test/older.c) and web3, whose kernel is that of web1. */
  hosts?: boolean;
  /** Of the file's name; "bpf.c" when left out. */
  extension?: string;
}

const head = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n\n';
const gpl = 'char LICENSE[] SEC("license") = "GPL";\n';

/** Inside a program of a section. */
const inside = (section: string, context: string, body: string): string =>
  `${head}${gpl}\nSEC("${section}")\nint handle(${context})\n{\n${body}\n\treturn 0;\n}\n`;
const tp = (body: string): string =>
  inside('tp/sched/sched_process_exec', 'struct trace_event_raw_sched_process_exec *ctx', body);
const map = (body: string): string => `${head}struct {\n${body}\n} events SEC(".maps");\n`;
const section = (text: string): string => `${head}SEC("${text}`;

const types = `
struct event {
	__u32 pid;
	__u64 ts;
	char comm[16];
	union {
		__u32 v4;
		__u8 v6[16];
	} address;
};
typedef struct event event_t;
`;

const onHosts = (cases: Case[]): Case[] => cases.map((each) => ({ ...each, hosts: true }));
/** With a task to look into, which has the fields of web1. */
const core = (body: string): string =>
  inside(
    'raw_tp/sched_switch',
    'struct bpf_raw_tracepoint_args *ctx',
    `\tstruct task_struct *task = (void *)bpf_get_current_task();\n${body}`,
  );

const including = (header: string, text: string): string => text.replace('bpf_helpers.h>', `$&\n#include <${header}>`);
/** Of a source without headers. */
const plainSec = '#define SEC(name) __attribute__((section(name), used))\n';

export const completionCases: Case[] = [
  { name: 'sections, nothing typed', text: section('‸")\n') },
  { name: 'sections, a part typed', text: section('kpr‸")\n') },
  { name: 'sections, while the quote is missing', text: section('xd‸') },
  { name: 'sections, loaded on request', text: section('?fen‸")\n') },
  {
    name: 'sections, before a program that is there',
    text: `${section('x‸")\n')}int handle(struct xdp_md *ctx)\n{\n\treturn XDP_PASS;\n}\n`,
  },
  { name: 'tracepoints by category', text: section('tp/sched/‸")\n') },
  { name: 'tracepoints by a part of the name', text: section('tracepoint/wakeup‸")\n') },
  { name: 'a tracepoint with its own struct', text: section('tp/sched/sched_process_ex‸")\n') },
  { name: 'a tracepoint with the struct of its class', text: section('tp/sched/sched_wakeup‸")\n') },
  { name: 'a system call begins', text: section('tp/syscalls/sys_enter_open‸")\n') },
  { name: 'a system call ends', text: section('tp/syscalls/sys_exit_open‸")\n') },
  { name: 'a section in an empty file', text: 'SEC("tp/sched/sched_process_ex‸")' },
  { name: 'a section below a comment', text: '// SPDX-License-Identifier: GPL-2.0\nSEC("kprobe/vfs_rea‸")\n' },
  { name: 'a section below a licence', text: 'char LICENSE[] SEC("license") = "GPL";\nSEC("fentry/vfs_rea‸")\n' },
  { name: 'kprobe functions', text: section('kprobe/vfs_‸")\n') },
  { name: 'kprobe functions that contain what is typed', text: section('kprobe/unlink‸")\n') },
  { name: 'kretprobe has the result', text: section('kretprobe/vfs_read‸")\n') },
  { name: 'fentry has typed arguments', text: section('fentry/vfs_re‸")\n') },
  { name: 'fexit has arguments and result', text: section('fexit/vfs_re‸")\n') },
  { name: 'fexit of a function without result', text: section('fexit/tcp_cl‸")\n') },
  { name: 'lsm hooks', text: section('lsm/‸")\n') },
  { name: 'sleepable lsm hooks', text: section('lsm.s/file‸")\n') },
  { name: 'raw tracepoints', text: section('raw_tp/‸")\n') },
  { name: 'tp_btf with typed arguments', text: section('tp_btf/sched_sw‸")\n') },
  { name: 'iterators', text: section('iter/‸")\n') },
  { name: 'struct_ops members', text: section('struct_ops/‸")\n') },
  { name: 'system calls', text: section('ksyscall/‸")\n') },
  { name: 'xdp program', text: section('xdp‸")\n') },
  {
    name: 'no program behind a section that has one',
    text: `${section('kprobe/vfs_re‸")\n')}int BPF_KPROBE(handle)\n{\n\treturn 0;\n}\n`,
  },
  { name: 'no program where the section is in a macro', text: `${head}#define P SEC("kprobe/vfs_re‸")\n` },
  {
    name: 'a program with CRLF',
    text: section('fentry/vfs_re‸")\r\n').replaceAll('\n', '\r\n').replaceAll('\r\r', '\r'),
  },
  {
    name: 'a section between two programs',
    text: `${tp('')}\nSEC("tp_btf/‸")\n\n${tp('').slice(head.length + gpl.length)}`,
  },
  { name: 'a target that no kernel can list', text: section('uprobe/‸")\n') },
  { name: 'fields behind an arrow', text: tp('\tstruct task_struct *task = 0;\n\ttask->‸') },
  { name: 'fields behind an arrow, a part typed', text: tp('\tstruct task_struct *task = 0;\n\ttask->real‸') },
  { name: 'fields of a field', text: tp('\tstruct task_struct *task = 0;\n\ttask->real_parent->‸') },
  { name: 'fields behind a dot', text: tp('\tstruct file *f = 0;\n\tf->f_path.‸') },
  { name: 'fields behind an index', text: tp('\tstruct task_struct *task = 0;\n\ttask->files[1]->‸') },
  { name: 'fields of the context', text: tp('\t__u32 x = ctx->‸') },
  { name: 'fields behind a cast', text: tp('\t((struct sock *)0)->‸') },
  { name: 'fields of what a helper returns', text: tp('\tbpf_get_current_task_btf()->‸') },
  { name: 'fields of what a kfunc returns', text: tp('\tbpf_task_acquire(0)->‸') },
  {
    name: "fields of the source's own struct",
    text: `${head}${types}${gpl}SEC("xdp")\nint p(struct xdp_md *ctx)\n{\n\tstruct event e = {};\n\te.‸\n}\n`,
  },
  {
    name: 'fields of a nested union',
    text: `${head}${types}${gpl}SEC("xdp")\nint p(struct xdp_md *ctx)\n{\n\tstruct event e = {};\n\te.address.‸\n}\n`,
  },
  {
    name: 'fields through a typedef',
    text: `${head}${types}${gpl}SEC("xdp")\nint p(struct xdp_md *ctx)\n{\n\tevent_t *e = 0;\n\te->‸\n}\n`,
  },
  {
    name: 'fields of an argument of BPF_PROG',
    text: inside('fentry/vfs_read', 'void', '')
      .replace('int handle(void)', 'int BPF_PROG(handle, struct file *file)')
      .replace('{\n\n', '{\n\tfile->‸\n'),
  },
  {
    name: 'fields of the registers of BPF_KPROBE',
    text: inside('kprobe/vfs_read', 'void', '')
      .replace('int handle(void)', 'int BPF_KPROBE(handle, struct file *file)')
      .replace('{\n\n', '{\n\tctx->‸\n'),
  },
  {
    name: 'fields of the innermost of two variables',
    text: tp('\tstruct file *x = 0;\n\t{\n\t\tstruct sock *x = 0;\n\t\tx->‸\n\t}'),
  },
  {
    name: 'fields of an outer variable behind a block',
    text: tp('\tstruct file *x = 0;\n\t{\n\t\tstruct sock *x = 0;\n\t}\n\tx->‸'),
  },
  { name: 'fields of a loop variable', text: tp('\tfor (struct task_struct *t = 0; t; t = t->‸') },
  { name: 'fields in a condition', text: tp('\tstruct sock *sk = 0;\n\tif (sk->__sk_common.‸') },
  {
    name: 'fields where the statement is unfinished',
    text: tp('\tstruct sock *sk = 0;\n\t__u16 p = sk->\n\t__u16 q = sk->‸'),
  },
  { name: 'no fields of a number', text: tp('\tint x = 0;\n\tx.‸') },
  { name: 'no fields of what is not known', text: tp('\tstruct nowhere *x = 0;\n\tx->‸') },
  { name: 'fields left to clangd', text: tp('\tstruct task_struct *task = 0;\n\ttask->‸'), clangd: true },
  { name: 'BPF_CORE_READ, first field', text: tp('\tstruct task_struct *task = 0;\n\tBPF_CORE_READ(task, ‸)') },
  {
    name: 'BPF_CORE_READ, second field',
    text: tp('\tstruct task_struct *task = 0;\n\tBPF_CORE_READ(task, real_parent, ‸)'),
  },
  { name: 'BPF_CORE_READ, a dotted field', text: tp('\tstruct sock *sk = 0;\n\tBPF_CORE_READ(sk, __sk_common.‸)') },
  {
    name: 'BPF_CORE_READ, three steps',
    text: tp('\tstruct file *f = 0;\n\tBPF_CORE_READ(f, f_path.dentry, d_name.‸)'),
  },
  { name: 'BPF_CORE_READ of a cast', text: tp('\tBPF_CORE_READ((struct file *)0, f_inode, ‸)') },
  {
    name: 'BPF_CORE_READ_INTO',
    text: tp('\tstruct task_struct *task = 0;\n\t__u64 t;\n\tBPF_CORE_READ_INTO(&t, task, ‸)'),
  },
  {
    name: 'BPF_CORE_READ with clangd',
    text: tp('\tstruct task_struct *task = 0;\n\tBPF_CORE_READ(task, real_parent, ‸)'),
    clangd: true,
  },
  { name: 'BPF_CORE_READ, its source', text: tp('\tstruct task_struct *task = 0;\n\tBPF_CORE_READ(task->‸') },
  { name: 'helpers', text: tp('\tbpf_get_cur‸') },
  { name: 'helpers by a part of the name', text: tp('\tringbuf‸') },
  { name: 'helpers that the program may not call come last', text: tp('\tbpf_xdp_adjust_h‸') },
  { name: 'helpers that the kernel lacks', text: tp('\tbpf_ktime_get_‸') },
  { name: 'kfuncs', text: tp('\tbpf_task_‸') },
  { name: 'helpers left to clangd, kfuncs kept', text: tp('\tbpf_task_‸'), clangd: true },
  { name: 'constants', text: tp('\tint x = XDP_‸') },
  { name: 'names of structs', text: tp('\tstruct task_‸') },
  { name: 'fields of a map', text: map('\t‸') },
  {
    name: 'fields of a map that are not there yet',
    text: map('\t__uint(type, BPF_MAP_TYPE_HASH);\n\t__type(key, __u32);\n\t‸'),
  },
  { name: 'the name of a field', text: map('\t__uint(‸)') },
  { name: 'the name of a typed field', text: map('\t__type(‸)') },
  { name: 'types of maps', text: map('\t__uint(type, ‸)') },
  { name: 'types of maps, a part typed', text: map('\t__uint(type, BPF_MAP_TYPE_PERCPU_‸)') },
  { name: 'flags of a map', text: map('\t__uint(type, BPF_MAP_TYPE_HASH);\n\t__uint(map_flags, ‸)') },
  { name: 'pinning', text: map('\t__uint(pinning, ‸)') },
  { name: 'a map that is being begun', text: `${head}struct {\n\t__u‸\n` },
  { name: 'the top level', text: `${head}S‸\n` },
  { name: 'nothing in a comment', text: tp('\t// task->‸') },
  { name: 'nothing in a block comment', text: tp('\t/* bpf_get_‸ */') },
  { name: 'nothing in a string', text: tp('\tchar x[] = "bpf_get_‸";') },
  { name: 'nothing in a directive', text: `${head}#include <bpf_‸\n` },
  { name: 'nothing in a number', text: tp('\tint x = 12‸') },
];

export const hoverCases: Case[] = [
  { name: 'section with arguments', text: section('fexit/vfs_‸read")\nint BPF_PROG(p)\n{\n\treturn 0;\n}\n') },
  { name: 'section with a context', text: section('xd‸p")\nint p(struct xdp_md *ctx)\n{\n\treturn 0;\n}\n') },
  {
    name: 'section of a tracepoint shows its fields',
    text: section('tp/sched/sched_wake‸up")\nint p(void *ctx)\n{\n\treturn 0;\n}\n'),
  },
  {
    name: 'section of a tracepoint without fields shows the struct',
    text: section('tp/sched/sched_process_ex‸ec")\nint p(void *ctx)\n{\n\treturn 0;\n}\n'),
  },
  {
    name: 'section that is loaded on request',
    text: section('?tc‸")\nint p(struct __sk_buff *ctx)\n{\n\treturn 0;\n}\n'),
  },
  { name: 'unknown section', text: section('no‸thing")\nint p(void *ctx)\n{\n\treturn 0;\n}\n') },
  { name: 'helper that is allowed', text: tp('\tbpf_get_current_co‸mm(0, 0);') },
  { name: 'helper that is not allowed', text: tp('\tbpf_xdp_adjust_he‸ad(0, 0);') },
  { name: 'helper for GPL programs', text: tp('\tbpf_probe_read_ker‸nel(0, 0, 0);') },
  { name: 'helper that the kernel lacks', text: tp('\tbpf_loo‸p(0, 0, 0, 0);') },
  { name: 'kfunc', text: tp('\tbpf_task_acqu‸ire(0);') },
  { name: 'kernel struct with offsets and holes', text: tp('\tstruct task_str‸uct *t;') },
  { name: 'kernel union of the context', text: tp('\tstruct trace_event_raw_sys_ent‸er *t;') },
  { name: 'kernel enum', text: tp('\tenum xdp_act‸ion a;') },
  { name: 'typedef', text: tp('\tpid‸_t p;') },
  { name: 'field', text: tp('\tstruct task_struct *t = 0;\n\tt->tg‸id;') },
  { name: 'field of an anonymous member', text: tp('\tstruct task_struct *t = 0;\n\tt->exit_t‸ime;') },
  { name: 'bit field', text: tp('\tstruct task_struct *t = 0;\n\tt->in_ex‸ecve;') },
  { name: 'array field', text: tp('\tstruct task_struct *t = 0;\n\tt->co‸mm;') },
  { name: 'field of a field', text: tp('\tstruct task_struct *t = 0;\n\tt->real_parent->real_par‸ent;') },
  { name: 'field in BPF_CORE_READ', text: tp('\tstruct task_struct *t = 0;\n\tBPF_CORE_READ(t, real_parent, tg‸id);') },
  {
    name: 'dotted field in BPF_CORE_READ',
    text: tp('\tstruct sock *sk = 0;\n\tBPF_CORE_READ(sk, __sk_common.skc_fam‸ily);'),
  },
  { name: 'field left to clangd', text: tp('\tstruct task_struct *t = 0;\n\tt->tg‸id;'), clangd: true },
  { name: 'struct of the source', text: `${head}${types}struct eve‸nt *e;\n` },
  {
    name: 'field of the source',
    text: `${head}${types}SEC("xdp")\nint p(struct xdp_md *ctx)\n{\n\tstruct event e = {};\n\te.co‸mm[0] = 0;\n\treturn 0;\n}\n`,
  },
  {
    name: 'hash map',
    text: map(
      '\t__uint(type, BPF_MAP_TYPE_HASH);\n\t__uint(max_entries, 1024);\n\t__type(key, __u32);\n\t__type(value, struct task_struct);',
    ).replace('events', 'eve‸nts'),
  },
  {
    name: 'map at its use',
    text: `${map('\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, 256 * 1024);')}SEC("xdp")\nint p(struct xdp_md *ctx)\n{\n\tbpf_ringbuf_output(&eve‸nts, 0, 0, 0);\n\treturn 0;\n}\n`,
  },
  {
    name: 'per-CPU map with a size from a constant',
    text: `#define N (1 << 4)\n${map('\t__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);\n\t__uint(max_entries, N);\n\t__type(key, __u32);\n\t__type(value, __u64);').replace('events', 'eve‸nts')}`,
  },
  { name: 'type of a map', text: map('\t__uint(type, BPF_MAP_TYPE_LRU_H‸ASH);') },
  { name: 'constant of the kernel', text: tp('\tint x = XDP_REDIR‸ECT;') },
  { name: 'constant of the source', text: `#define SIZE (4 * 16)\n${tp('\tint x = SI‸ZE;')}` },
  { name: 'enumerator of the source', text: `enum state { IDLE, BUSY = 1 << 3, GONE };\n${tp('\tint x = GO‸NE;')}` },
  { name: 'constant that is no number', text: `#define NAME "x"\n${tp('\tchar x[] = NA‸ME;')}` },
  { name: 'a variable is for others to tell', text: tp('\tint val‸ue = 0;') },
  { name: 'a keyword', text: tp('\tretu‸rn 0;') },
  ...onHosts([
    { name: 'struct that differs between hosts', text: tp('\tstruct task_str‸uct *t;') },
    { name: 'struct that is the same on all hosts', text: tp('\tstruct qs‸tr *t;') },
    { name: 'struct that a host lacks', text: tp('\tstruct css_s‸et *t;') },
    { name: 'enum that differs between hosts', text: tp('\tenum skb_rea‸son r;') },
    { name: 'field on several hosts', text: tp('\tstruct task_struct *t = 0;\n\tt->tg‸id;') },
    { name: 'field that a host lacks', text: tp('\tstruct task_struct *t = 0;\n\tBPF_CORE_READ(t, exit_ti‸me);') },
    { name: 'helper on several hosts', text: tp('\tbpf_ringbuf_out‸put(0, 0, 0, 0);') },
    { name: 'kfunc on several hosts', text: tp('\tbpf_task_acqu‸ire(0);') },
  ]),
];

export const signatureCases: Case[] = [
  { name: 'first argument', text: tp('\tbpf_probe_read_kernel(‸') },
  { name: 'second argument', text: tp('\tbpf_probe_read_kernel(0, ‸)') },
  { name: 'last argument with calls before it', text: tp('\tbpf_probe_read_kernel(f(1, 2), sizeof(x), ‸)') },
  { name: 'variable arguments', text: tp('\tbpf_trace_printk("", 0, 1, 2, ‸)') },
  { name: 'inner call', text: tp('\tbpf_probe_read_kernel(0, bpf_get_current_comm(‸') },
  { name: 'kfunc', text: tp('\tbpf_task_acquire(‸') },
  { name: 'BPF_CORE_READ', text: tp('\tBPF_CORE_READ(a, ‸') },
  { name: 'no call', text: tp('\tint x = (‸') },
  { name: 'left to clangd', text: tp('\tbpf_probe_read_kernel(‸'), clangd: true },
];

const program = (sec: string, parameters: string, body = ''): string => inside(sec, parameters, body);

export const checkCases: Case[] = [
  { name: 'a misspelt function', text: program('kprobe/vfs_raed', 'struct pt_regs *ctx') },
  { name: 'a function that is there', text: program('kprobe/vfs_read', 'struct pt_regs *ctx') },
  { name: 'a function with an offset', text: program('kprobe/vfs_raed+0x10', 'struct pt_regs *ctx') },
  { name: 'a pattern of functions', text: program('kprobe.multi/vfs_raed*', 'struct pt_regs *ctx') },
  { name: 'a function like no other', text: program('kprobe/zzz_nothing_of_the_kind', 'struct pt_regs *ctx') },
  { name: 'a misspelt function of fentry', text: program('fentry/vfs_wirte', 'void *ctx') },
  { name: 'a function of a module', text: program('fentry/ext4_file_open', 'void *ctx') },
  { name: 'a misspelt tracepoint', text: program('tp/sched/sched_process_exce', 'void *ctx') },
  { name: 'a tracepoint of the wrong category', text: program('tp/shced/sched_wakeup', 'void *ctx') },
  { name: 'a tracepoint without a category', text: program('tp/sched_wakeup', 'void *ctx') },
  { name: 'a misspelt raw tracepoint', text: program('raw_tp/sched_swich', 'struct bpf_raw_tracepoint_args *ctx') },
  { name: 'a misspelt LSM hook', text: program('lsm/file_opne', 'void *ctx') },
  { name: 'an LSM hook that is not there', text: program('lsm/zzz_nothing', 'void *ctx') },
  { name: 'a misspelt iterator', text: program('iter/taks', 'struct bpf_iter__task *ctx') },
  { name: 'a misspelt section', text: program('kprbe/vfs_read', 'struct pt_regs *ctx') },
  { name: 'a section that means nothing', text: program('something', 'void *ctx') },
  { name: "a section of another loader's", text: program('xdp_pass', 'struct xdp_md *ctx') },
  { name: 'a section with a question mark', text: program('?kprobe/vfs_raed', 'struct pt_regs *ctx') },
  { name: 'the context of another type', text: program('xdp', 'struct __sk_buff *ctx') },
  { name: 'the context of a kprobe in a tracing program', text: program('tc', 'struct xdp_md *ctx') },
  { name: 'a context of its own', text: program('xdp', 'struct my_view *ctx') },
  { name: 'a helper that is not allowed', text: tp('\tbpf_xdp_adjust_head(ctx, 0);') },
  {
    name: 'a helper that is not allowed, in a function of its own',
    text: tp('\tgrow(ctx);').replace(
      'SEC("tp',
      'static int grow(void *ctx)\n{\n\treturn bpf_redirect(1, 0);\n}\n\nSEC("tp',
    ),
  },
  { name: 'a helper that the kernel lacks', text: tp('\tbpf_loop(1, 0, 0, 0);') },
  {
    name: 'a helper that the program asks about first',
    text: tp('\tif (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))\n\t\tbpf_loop(1, 0, 0, 0);'),
  },
  {
    name: 'a helper behind a question about another that is there',
    text: tp('\tif (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ringbuf_submit))\n\t\tbpf_loop(1, 0, 0, 0);'),
  },
  {
    name: 'a helper that the kernel does not come to',
    text: tp(
      '\tif (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ringbuf_submit))\n\t\treturn 0;\n\tbpf_loop(1, 0, 0, 0);',
    ),
  },
  {
    name: 'a helper for GPL programs',
    text: tp('\tbpf_probe_read_kernel(0, 0, 0);').replace('"GPL"', '"Proprietary"'),
  },
  { name: 'a helper for all programs', text: tp('\tbpf_ktime_get_ns();').replace('"GPL"', '"Proprietary"') },
  { name: 'no licence', text: tp('').replace(gpl, '') },
  { name: 'no licence, CRLF', text: tp('').replace(gpl, '').replaceAll('\n', '\r\n') },
  { name: 'a dual licence', text: tp('\tbpf_probe_read_kernel(0, 0, 0);').replace('"GPL"', '"Dual BSD/GPL"') },
  { name: 'a licence by a macro', text: tp('').replace(gpl, 'LICENSE_GPL;\n') },
  { name: 'bpf_printk', text: tp('\tbpf_printk("x");') },
  { name: 'a map without a type', text: map('\t__uint(max_entries, 4);') },
  { name: 'a map of a type that does not exist', text: map('\t__uint(type, BPF_MAP_TYPE_HAHS);') },
  { name: 'a map type of the project', text: `#define MY_TYPE 1\n${map('\t__uint(type, MY_TYPE);')}` },
  {
    name: 'a hash map without a key',
    text: map('\t__uint(type, BPF_MAP_TYPE_HASH);\n\t__uint(max_entries, 4);\n\t__type(value, __u64);'),
  },
  { name: 'a hash map without anything', text: map('\t__uint(type, BPF_MAP_TYPE_HASH);') },
  {
    name: 'an array without entries',
    text: map('\t__uint(type, BPF_MAP_TYPE_ARRAY);\n\t__type(key, __u32);\n\t__type(value, __u64);'),
  },
  { name: 'a map whose fields are in macros', text: map('\t__uint(type, BPF_MAP_TYPE_HASH);\n\tCOMMON;') },
  {
    name: 'an array with a large key',
    text: map(
      '\t__uint(type, BPF_MAP_TYPE_ARRAY);\n\t__uint(max_entries, 4);\n\t__type(key, __u64);\n\t__type(value, __u64);',
    ),
  },
  {
    name: 'a ring buffer with a key',
    text: map('\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, 4096);\n\t__uint(key_size, 4);'),
  },
  {
    name: 'a ring buffer with the type of its records',
    text: map('\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, 4096);\n\t__type(value, struct file);'),
  },
  {
    name: 'a ring buffer of an odd size',
    text: map('\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, 100 * 1024);'),
  },
  {
    name: 'a ring buffer that is too small',
    text: map('\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, 128);'),
  },
  {
    name: 'a ring buffer of a good size by a constant',
    text: `#define SIZE (1 << 18)\n${map('\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, SIZE);')}`,
  },
  { name: 'a ring buffer sized by user space', text: map('\t__uint(type, BPF_MAP_TYPE_RINGBUF);') },
  {
    name: 'a per-CPU value that is too large',
    text: `struct big { char x[40000]; };\n${map('\t__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);\n\t__uint(max_entries, 1);\n\t__type(key, __u32);\n\t__type(value, struct big);')}`,
  },
  {
    name: 'task storage without its flag',
    text: map('\t__uint(type, BPF_MAP_TYPE_TASK_STORAGE);\n\t__type(key, int);\n\t__type(value, __u64);'),
  },
  {
    name: 'task storage with a number of entries',
    text: map(
      '\t__uint(type, BPF_MAP_TYPE_TASK_STORAGE);\n\t__uint(map_flags, BPF_F_NO_PREALLOC);\n\t__uint(max_entries, 8);\n\t__type(key, int);\n\t__type(value, __u64);',
    ),
  },
  { name: 'too much stack in one variable', text: tp('\tchar name[600];\n\tbpf_get_current_comm(name, 16);') },
  { name: 'too much stack in several', text: tp('\tchar a[300], b[300];\n\tbpf_get_current_comm(a, 16);') },
  {
    name: 'stack of blocks that follow each other',
    text: tp('\t{\n\t\tchar a[300];\n\t}\n\t{\n\t\tchar b[300];\n\t}'),
  },
  { name: 'stack of a struct of the kernel', text: tp('\tstruct task_struct t[6] = {};') },
  { name: 'a static variable is not on the stack', text: tp('\tstatic char name[600];') },
  { name: 'binary junk', text: `\u0000\u0001\u0002SEC("kprobe/vfs_raed")` },
  { name: 'an empty source', text: '' },
  { name: 'a source that ends in the middle', text: `${head}SEC("kprobe/vfs_raed` },
  {
    name: 'two misspelt programs',
    text: `${program('kprobe/vfs_raed', 'struct pt_regs *ctx')}${program('tp/sched/sched_wakup', 'void *ctx')
      .slice(head.length + gpl.length)
      .replace('handle', 'other')}`,
  },
  ...onHosts([
    {
      name: 'what all hosts have',
      text: including(
        'bpf/bpf_core_read.h',
        tp('\tstruct task_struct *t = 0;\n\tt->pid + BPF_CORE_READ(t, real_parent, tgid);'),
      ),
    },
    { name: 'a type that a host lacks', text: tp('\tstruct css_set *a = 0;\n\tstruct css_set *b = 0;') },
    { name: 'an enum that a host lacks', text: tp('\tenum task_kind k = TASK_USER;') },
    { name: 'a field that a host lacks', text: core('\t__u64 t = BPF_CORE_READ(task, exit_time);') },
    {
      name: 'a field that a host lacks, in a chain',
      text: core('\t__u64 t = BPF_CORE_READ(task, real_parent, exit_time);'),
    },
    {
      name: 'a field that a host lacks, inside a chain',
      text: core('\tint p = BPF_CORE_READ(task, real_parent, last_wakee, pid);'),
    },
    { name: 'a field that a host lacks, behind an arrow', text: core('\tint p = task->last_wakee->pid;') },
    { name: 'a field that a host lacks, written to', text: core('\ttask->exit_time = 1;') },
    { name: 'a field that a host lacks, its address', text: core('\tvoid *p = &task->exit_time;') },
    {
      name: 'a field that a host lacks, where only tracing is included',
      text: including('bpf/bpf_tracing.h', core('\tint p = task->last_wakee->pid;')),
    },
    {
      name: 'a field that a host lacks, in two functions',
      text: core('\treturn task->exit_time > 0;').replace(
        'SEC("raw',
        'static int before(struct task_struct *task)\n{\n\treturn task->exit_time == 0;\n}\n\nSEC("raw',
      ),
    },
    { name: 'a field of a type that a host lacks', text: core('\tint k = BPF_CORE_READ(task, kind);') },
    {
      name: 'a field that the program asks about',
      text: core('\t__u64 t = bpf_core_field_exists(task->exit_time) ? BPF_CORE_READ(task, exit_time) : 0;'),
    },
    {
      name: 'a field that the program asks about elsewhere',
      text: core(
        '\tif (bpf_core_field_exists(task->exit_time))\n\t\ttask->exit_time;\n\treturn BPF_CORE_READ(task, exit_time) > 0;',
      ),
    },
    {
      name: 'a field beside one that the program asks about',
      text: core(
        '\tif (bpf_core_field_exists(task->no_such_field))\n\t\treturn 0;\n\treturn task->exit_time > 0 && bpf_core_field_exists(struct dentry, exit_time);',
      ),
    },
    {
      name: 'a field where the answer was no',
      text: core(
        '\tif (bpf_core_field_exists(struct task_struct, exit_time))\n\t\treturn 1;\n\telse\n\t\treturn task->exit_time;',
      ),
    },
    {
      name: 'a field behind a question that leaves the function',
      text: core('\tif (!bpf_core_field_exists(task->exit_time))\n\t\treturn 0;\n\treturn task->exit_time > 0;'),
    },
    {
      name: 'what only hosts with a type come to',
      text: core(
        '\tif (bpf_core_type_exists(struct css_set)) {\n\t\tstruct css_set *set = task->cgroups;\n\t\tbpf_ringbuf_submit(0, 0);\n\t}\n\tenum task_kind kind = TASK_USER;',
      ),
    },
    {
      name: 'a function that is called behind a question, and one that is not',
      text: core(
        '\tif (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ringbuf_submit))\n\t\tasked();\n\tnot_asked();',
      ).replace(
        'SEC("raw',
        'static void asked(void)\n{\n\tbpf_ringbuf_submit(0, 0);\n}\n\nstatic void not_asked(void)\n{\n\tbpf_ringbuf_submit(0, 0);\n}\n\nSEC("raw',
      ),
    },
    {
      name: 'a question that is kept in a variable, and one in a function',
      text: core(
        '\tbool there = bpf_core_field_exists(task->last_wakee);\n\tif (there)\n\t\ttask->last_wakee->pid;\n\tif (has_exit_time() && task->exit_time > 0)\n\t\treturn 1;\n\treturn task->last_wakee->pid;',
      ).replace(
        'SEC("raw',
        'static bool has_exit_time(void)\n{\n\treturn bpf_core_field_exists(struct task_struct, exit_time);\n}\n\nSEC("raw',
      ),
    },
    {
      name: 'a field under a name with a suffix',
      text: core('\t__u64 t = BPF_CORE_READ((struct task_struct___new *)task, exit_time);').replace(
        'SEC("raw',
        'struct task_struct___new {\n\t__u64 exit_time;\n} __attribute__((preserve_access_index));\n\nSEC("raw',
      ),
    },
    {
      name: 'a program that knows kernels by version',
      text: core('\tif (LINUX_KERNEL_VERSION > KERNEL_VERSION(5, 10, 0))\n\t\ttask->exit_time;'),
    },
    {
      name: 'a field of another size',
      text: core('\tstruct inode *inode = 0;\n\t__u64 i = BPF_CORE_READ(inode, i_ino);'),
    },
    {
      name: 'a map type that a host lacks',
      text: map('\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, 4096);'),
    },
    { name: 'a constant of another value', text: core('\tint reason = SKB_DROPPED;') },
    {
      name: 'a constant of another value, as a case',
      text: core('\tswitch (1) {\n\tcase SKB_DROPPED:\n\t\tbreak;\n\t}'),
    },
    {
      name: 'a constant of another value, where the language wants a constant',
      text: core(
        [
          ...['static int one = SKB_DROPPED;', 'int two[1 + SKB_DROPPED];', 'enum { THREE = SKB_DROPPED };'],
          ...['static const int four[] = { 0, SKB_DROPPED };', '_Static_assert(SKB_DROPPED > 0, "five");'],
          'switch (one) {\n\tcase (SKB_DROPPED):\n\t\treturn 6;\n\t}',
        ]
          .map((line) => `\t${line}`)
          .join('\n'),
      ),
    },
    {
      name: 'a constant of another value, relocated',
      text: core('\tint reason = bpf_core_enum_value(enum skb_reason, SKB_DROPPED);'),
    },
    {
      name: 'a constant of another value, behind a label',
      text: core('\tint reasons[] = { SKB_DROPPED };\n\tswitch (1) {\n\tcase 1:\n\t\treturn SKB_DROPPED;\n\t}'),
    },
    {
      name: 'a constant of the source',
      text: core('\tint x = SKB_DROPPED;').replace('SEC("raw', '#define SKB_DROPPED 7\nSEC("raw'),
    },
    { name: 'a helper that a host lacks', text: core('\tbpf_ringbuf_submit(0, 0);') },
    {
      name: 'a helper that a host lacks, in two functions, CRLF',
      text: core('\tbpf_ringbuf_submit(0, 0);')
        .replace('SEC("raw', 'static void before(void)\n{\n\tbpf_ringbuf_submit(0, 0);\n}\n\nSEC("raw')
        .replaceAll('\n', '\r\n'),
    },
    {
      name: 'a helper that a host lacks, below a condition',
      text: core('\tif (task)\n\t\tbpf_ringbuf_submit(0, 0);\n\telse\n\t\treturn 1;'),
    },
    { name: 'a helper that a host lacks, its result', text: core('\tvoid *r = bpf_ringbuf_reserve(0, 0, 0);') },
    {
      name: 'a helper that a host lacks and the program asks about',
      text: core(
        '\tif (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_ringbuf_submit))\n\t\tbpf_ringbuf_submit(0, 0);',
      ),
    },
    { name: 'a kfunc that a host lacks', text: core('\tbpf_task_acquire(task);') },
    { name: 'a tracepoint that a host lacks', text: program('tp/sched/sched_wakeup', 'void *ctx') },
    { name: 'a tracepoint that all hosts have', text: program('tp/sched/sched_switch', 'void *ctx') },
    { name: 'a raw tracepoint that a host lacks', text: program('raw_tp/sched_process_exec', 'void *ctx') },
    { name: 'a function that a host lacks', text: program('kprobe/vfs_write', 'struct pt_regs *ctx') },
    { name: 'a function of fentry that all hosts describe', text: program('fentry/vfs_unlink', 'void *ctx') },
    { name: 'a hook that a host lacks', text: program('lsm/bprm_check_security', 'void *ctx') },
    { name: 'a target that is loaded on request', text: program('?kprobe/vfs_write', 'struct pt_regs *ctx') },
    { name: 'offsetof that differs', text: core('\tint at = offsetof(struct task_struct, comm);') },
    {
      name: 'a struct of its own with fixed offsets',
      text: `${plainSec}struct task_struct {\n\tlong state;\n\tint pid;\n};\n${gpl}SEC("raw_tp/sched_switch")\nint handle(void *ctx)\n{\n\tstruct task_struct *t = 0;\n\treturn t->pid;\n}\n`,
    },
    {
      name: 'a struct of its own that is relocated',
      text: `${plainSec}struct task_struct {\n\tlong state;\n\tint pid;\n} __attribute__((preserve_access_index));\n${gpl}SEC("raw_tp/sched_switch")\nint handle(void *ctx)\n{\n\tstruct task_struct *t = 0;\n\treturn t->pid;\n}\n`,
    },
    {
      name: 'a struct of its own of the same name',
      text: `${plainSec}struct inode {\n\tint mine;\n};\n${gpl}SEC("raw_tp/sched_switch")\nint handle(void *ctx)\n{\n\tstruct inode *t = 0;\n\treturn t->mine;\n}\n`,
    },
  ]),
];
