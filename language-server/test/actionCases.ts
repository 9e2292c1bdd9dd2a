/**
 * Sources for the actions of the language server: ‸ is the cursor, two of them a selection. Every result compiles with the
 * real compiler and is accepted by the kernel (test/integration/codeActions.itest.ts).
 */
import type { Case } from './cases.ts';

export interface ActionCase extends Case {
  /** A part of the action's title. */
  action: string;
}

const head =
  '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n#include <bpf/bpf_core_read.h>\n\nchar LICENSE[] SEC("license") = "GPL";\n\n';
const bare = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n\nchar LICENSE[] SEC("license") = "GPL";\n\n';
const current = '\tstruct task_struct *task = (void *)bpf_get_current_task();\n';
const tp = 'SEC("raw_tp/sched_switch")\nint handle(struct bpf_raw_tracepoint_args *ctx)\n{\n';
const end = '\treturn 0;\n}\n';
const ring =
  'struct {\n\t__uint(type, BPF_MAP_TYPE_RINGBUF);\n\t__uint(max_entries, 256 * 1024);\n} events SEC(".maps");\n\n';
const hash =
  'struct {\n\t__uint(type, BPF_MAP_TYPE_HASH);\n\t__uint(max_entries, 1024);\n\t__type(key, __u32);\n\t__type(value, __u64);\n} counts SEC(".maps");\n\n';
const event = 'struct event {\n\t__u64 time;\n\t__u32 pid;\n};\n\n';
const perf =
  'struct {\n\t__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);\n\t__uint(key_size, sizeof(__u32));\n\t__uint(value_size, sizeof(__u32));\n} events SEC(".maps");\n\n';

export const actionCases: ActionCase[] = [
  {
    ...{ name: 'a direct read of a kernel pointer', action: 'BPF_CORE_READ' },
    text: `${head}${tp}${current}\treturn task->real_parent->t‸gid;\n}\n`,
  },
  {
    ...{ name: 'a read through a struct within a struct', action: 'BPF_CORE_READ' },
    text: `${head}SEC("kprobe/tcp_close")\nint BPF_KPROBE(handle, struct sock *sk)\n{\n\treturn sk->__sk_common.skc_fam‸ily == 2;\n}\n`,
  },
  {
    ...{ name: 'a read of an element', action: 'BPF_CORE_READ' },
    text: `${head}SEC("kprobe/vfs_read")\nint BPF_KPROBE(handle, struct file *file)\n{\n\treturn file->f_path.dentry->d_name.name‸ != 0;\n}\n`,
  },
  {
    ...{ name: 'a read where the header is missing', action: 'BPF_CORE_READ' },
    text: `${bare}${tp}${current}\treturn task->‸tgid;\n}\n`,
  },
  {
    ...{ name: 'a read where only another of the headers is there', action: 'BPF_CORE_READ' },
    text: `${bare.replace('bpf_helpers.h>', '$&\n#include <bpf/bpf_tracing.h>')}${tp}${current}\treturn task->‸pid;\n}\n`,
  },
  {
    ...{ name: 'a bit field', action: 'BPF_CORE_READ_BITFIELD_PROBED' },
    text: `${head}${tp}${current}\treturn task->in_ex‸ecve;\n}\n`,
  },
  {
    ...{ name: 'a looked-up value without a check', action: 'Check' },
    text: `${head}${hash}${tp}\t__u32 key = 1;\n\t__u64 *count = bpf_map_look‸up_elem(&counts, &key);\n\t*count += 1;\n${end}`,
  },
  {
    ...{ name: 'a use of a value without a check', action: 'Check' },
    text: `${head}${hash}${tp}\t__u32 key = 1;\n\t__u64 *count;\n\n\tcount = bpf_map_lookup_elem(&counts, &key);\n\t*cou‸nt += 1;\n${end}`,
  },
  {
    ...{ name: 'a reserved record without a check, in XDP', action: 'Check' },
    text: `${head}${event}${ring}SEC("xdp")\nint handle(struct xdp_md *ctx)\n{\n\tstruct event *e = bpf_ringbuf_reserve(&events, size‸of(*e), 0);\n\te->pid = 1;\n\tbpf_ringbuf_submit(e, 0);\n\treturn XDP_PASS;\n}\n`,
  },
  {
    ...{ name: 'a part that uses variables', action: 'Extract to a function' },
    text: `${head}${hash}${tp}\t__u32 key = 1;\n\t__u64 one = 1;\n\n‸\tif (key > 0)\n\t\tbpf_map_update_elem(&counts, &key, &one, BPF_ANY);\n‸${end}`,
  },
  {
    ...{ name: 'a part that makes a value', action: 'Extract to a function' },
    text: `${head}${tp}\t__u64 id = bpf_get_current_pid_tgid();\n\n\t‸__u32 pid = id >> 32;\n\tif (pid == 0)\n\t\tpid = 1;‸\n\treturn pid > 1000;\n}\n`,
  },
  {
    ...{ name: 'a part that changes a value', action: 'Extract to a function' },
    text: `${head}${tp}\tint sum = 0;\n\n‸\tfor (int i = 0; i < 4; i++) {\n\t\tif (i == 2)\n\t\t\tcontinue;\n\t\tsum += i;\n\t}\n‸\treturn sum;\n}\n`,
  },
  {
    ...{ name: 'a part that fills a struct', action: 'Extract to a function' },
    text: `${head}${event}${ring}${tp}\tstruct event e = {};\n\n‸\te.pid = bpf_get_current_pid_tgid() >> 32;\n\te.time = bpf_ktime_get_ns();\n\tbpf_ringbuf_output(&events, &e, sizeof(e), 0);\n‸${end}`,
  },
  {
    ...{ name: 'a part that fills an array', action: 'Extract to a function' },
    text: `${head}${tp}\tchar comm[16];\n\n‸\tbpf_get_current_comm(comm, sizeof(comm));\n‸\treturn comm[0] == 'x';\n}\n`,
  },
  {
    ...{ name: 'the end of a function', action: 'Extract to a function' },
    text: `${head}${tp}\t__u32 pid = bpf_get_current_pid_tgid() >> 32;\n\n‸\tif (pid == 0)\n\t\treturn 1;\n\treturn 0;\n‸}\n`,
  },
  {
    ...{ name: 'a part with the context', action: 'Extract to a global function' },
    text: `${head}SEC("xdp")\nint handle(struct xdp_md *ctx)\n{\n\tint verdict = XDP_PASS;\n\n‸\tvoid *data = (void *)(long)ctx->data;\n\tvoid *end = (void *)(long)ctx->data_end;\n\tif (data + 14 > end)\n\t\tverdict = XDP_DROP;\n‸\treturn verdict;\n}\n`,
  },
  {
    ...{ name: 'a part with memory of its own', action: 'Extract to a global function' },
    text: `${head}${event}${tp}\tstruct event e = {};\n\n‸\te.pid = 7;\n\te.time = e.pid * 2;\n‸\treturn e.time > 10;\n}\n`,
  },
  {
    ...{ name: 'a part with a pointer of the kernel, global', action: 'Extract to a global function' },
    text: `${head}${tp}${current}\tint pid;\n‸\tpid = BPF_CORE_READ(task, pid);\n‸\treturn pid;\n}\n`,
  },
  {
    ...{ name: 'a part that may return', action: 'Extract to a function' },
    text: `${head}${tp}\tint x = 1;\n‸\tif (x)\n\t\treturn 1;\n\tx = 2;\n‸\treturn x;\n}\n`,
  },
  {
    ...{ name: 'a part that leaves a loop', action: 'Extract to a function' },
    text: `${head}${tp}\tfor (int i = 0; i < 4; i++) {\n‸\t\tif (i == 2)\n\t\t\tbreak;\n‸\t}\n${end}`,
  },
  {
    ...{ name: 'a part that changes two values', action: 'Extract to a function' },
    text: `${head}${tp}\tint a = 1, b = 2;\n‸\ta = 3;\n\tb = 4;\n‸\treturn a + b;\n}\n`,
  },
  {
    ...{ name: 'a perf buffer, at its definition', action: 'into a ring buffer' },
    text: `${head}${event}${perf.replace('PERF_EVENT', 'PERF_‸EVENT')}${tp}\tstruct event e = {};\n\tbpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &e, sizeof(e));\n${end}`,
  },
  {
    ...{ name: 'a perf buffer, at a call', action: 'into a ring buffer' },
    text: `${head}${event}${perf}static long send(void *ctx, struct event *e)\n{\n\treturn bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, e, sizeof(*e));\n}\n\n${tp}\tstruct event e = {};\n\tsend(ctx, &e);\n\tif (bpf_perf_event_out‸put(ctx, &events, BPF_F_CURRENT_CPU, &e, sizeof(e)))\n\t\treturn 1;\n${end}`,
  },
  {
    ...{ name: 'a reserve with a check of one line', action: 'Count what is lost' },
    text: `${head}${event}${ring}${tp}\tstruct event *e = bpf_ringbuf_res‸erve(&events, sizeof(*e), 0);\n\tif (!e)\n\t\treturn 0;\n\te->pid = 1;\n\tbpf_ringbuf_submit(e, 0);\n${end}`,
  },
  {
    ...{ name: 'a reserve with a check that is a block, from the ring', action: 'Count what is lost' },
    text: `${head}${event}${ring.replace('RINGBUF', 'RING‸BUF')}${tp}\tstruct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);\n\tif (!e) {\n\t\treturn 0;\n\t}\n\tbpf_ringbuf_submit(e, 0);\n${end}`,
  },
  {
    ...{ name: 'an output whose answer nobody looks at', action: 'Count what is lost' },
    text: `${head}${event}${ring}${tp}\tstruct event e = {};\n\tbpf_ringbuf_out‸put(&events, &e, sizeof(e), 0);\n${end}`,
  },
  {
    ...{ name: 'an output whose answer is returned', action: 'Count what is lost' },
    text: `${head}${event}${ring}${tp}\tstruct event e = {};\n\treturn bpf_ringbuf_out‸put(&events, &e, sizeof(e), 0);\n}\n`,
  },
  {
    ...{ name: 'a number that is compared with', action: 'set before loading' },
    text: `${head}${tp}\t__u64 delta = bpf_ktime_get_ns();\n\tif (delta < 10‸00000)\n\t\treturn 1;\n${end}`,
  },
  {
    ...{ name: 'a #define', action: 'set before loading' },
    text: `${head.replace('char L', '#define MIN_‸NS 1000000ULL\n\nchar L')}${tp}\t__u64 delta = bpf_ktime_get_ns();\n\tif (delta < MIN_NS)\n\t\treturn 1;\n${end}`,
  },
  {
    ...{ name: 'a #define that is an array length', action: 'set before loading' },
    text: `${head.replace('char L', '#define LE‸N 16\n\nchar L')}${tp}\tchar comm[LEN];\n\tbpf_get_current_comm(comm, LEN);\n\treturn comm[0];\n}\n`,
  },
  {
    ...{ name: 'a hash map that is not there', action: 'Define the hash map' },
    text: `${head}${event}${tp}\t__u64 key = 1;\n\tstruct event *found = bpf_map_lookup_elem(&rec‸ords, &key);\n\tif (!found)\n\t\treturn 0;\n\treturn found->pid;\n}\n`,
  },
  {
    ...{ name: 'a ring that is not there', action: 'Define the ring buffer' },
    text: `${head}${event}${tp}\tstruct event *e = bpf_ringbuf_reserve(&ev‸ents, sizeof(*e), 0);\n\tif (!e)\n\t\treturn 0;\n\tbpf_ringbuf_submit(e, 0);\n${end}`,
  },
  { name: 'an empty line of a program', action: 'Send an event', text: `${head}${tp}\t‸\n${end}` },
  {
    name: 'an empty line of a program that has a ring',
    action: 'Send an event through events',
    text: `${head}${event}${ring}${tp}\t‸\n${end}`,
  },
  { name: 'an empty line, counted', action: 'Count in a hash map', text: `${head}${tp}‸\n${end}` },
  { name: 'an empty line outside of functions', action: 'Add a ring buffer', text: `${head}‸\n\n${tp}${end}` },
  { name: 'an empty line outside of functions, hash', action: 'Add a hash map', text: `${head}‸\n\n${tp}${end}` },
  {
    ...{ name: 'CRLF', action: 'Count what is lost' },
    text: `${head}${event}${ring}${tp}\tstruct event *e = bpf_ringbuf_res‸erve(&events, sizeof(*e), 0);\n\tif (!e)\n\t\treturn 0;\n\tbpf_ringbuf_submit(e, 0);\n${end}`.replaceAll(
      '\n',
      '\r\n',
    ),
  },
];

/** Places where nothing of that kind is offered. */
export const noActionCases: ActionCase[] = [
  {
    name: 'a checked value',
    action: 'Check',
    text: `${head}${hash}${tp}\t__u32 key = 1;\n\t__u64 *c = bpf_map_lookup_el‸em(&counts, &key);\n\tif (c)\n\t\t*c += 1;\n${end}`,
  },
  {
    name: 'a pointer that is never NULL',
    action: 'Check',
    text: `${head}${tp}\tstruct task_struct *t = bpf_get_current_task_b‸tf();\n\treturn t->pid;\n}\n`,
  },
  { name: 'the context', action: 'BPF_CORE_READ', text: `${head}${tp}\treturn ctx->ar‸gs[0];\n}\n` },
  {
    name: "a struct of the program's own",
    action: 'BPF_CORE_READ',
    text: `${head}${event}static int f(struct event *e)\n{\n\treturn e->p‸id;\n}\n`,
  },
  { name: 'what is assigned to', action: 'BPF_CORE_READ', text: `${head}${tp}${current}\ttask->p‸id = 1;\n${end}` },
  { name: 'an array', action: 'BPF_CORE_READ', text: `${head}${tp}${current}\treturn task->co‸mm != 0;\n}\n` },
  {
    name: 'what is wrapped already',
    action: 'BPF_CORE_READ',
    text: `${head}${tp}${current}\treturn BPF_CORE_READ(task, real_par‸ent, pid);\n}\n`,
  },
  { name: 'half of a statement', action: 'Extract', text: `${head}${tp}\tint x = ‸1 + 2;\n‸\treturn x;\n}\n` },
  {
    name: 'a ring that counts already',
    action: 'Count what is lost',
    text: `${head}${event}${ring}${ring.replace(' events ', ' events_lost_samples ')}${tp}\tstruct event e = {};\n\tbpf_ringbuf_outp‸ut(&events, &e, sizeof(e), 0);\n${end}`,
  },
  {
    name: 'a case of a switch',
    action: 'set before loading',
    text: `${head}${tp}\tswitch (bpf_get_smp_processor_id()) {\n\tcase 1‸2:\n\t\treturn 1;\n\t}\n${end}`,
  },
  {
    name: 'the length of an array',
    action: 'set before loading',
    text: `${head}${tp}\tchar name[1‸6];\n\tbpf_get_current_comm(name, 16);\n${end}`,
  },
  { name: 'binary junk', action: '', text: '\u0000\u0001 SEC("x‸dp")' },
];
