/** What is gone to, found and renamed without clangd, and bpftrace scripts; ‸ is the cursor. What comes of it is in golden/. */
import type { Case } from './cases.ts';

const source = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/* What is sent
 * to user space. */
struct event {
	__u32 pid;
	__u64 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct event);
} events SEC(".maps");

typedef struct event event_t;
enum color { RED = 1, GREEN, BLUE = LIMIT_OF_ELSEWHERE };

#define LIMIT 4
#define READ(from, field) ((from)->field)

const volatile int wanted = 0;
int used = LIMIT;

static int tell(struct task_struct *task, __u32 key)
{
	struct event *e = bpf_map_lookup_elem(&events, &key);
	int count = 0;

	if (!e)
		return 0;
	for (int i = 0; i < 4; i++)
		count += i;
	for (int i = 0; i < 4; i++) {
		int count = i;
		e->count += count;
	}
	e->pid = BPF_CORE_READ(task, real_parent, tgid);
	return READ(e, pid) + count + used;
}

SEC("fentry/vfs_read")
int BPF_PROG(on_read, struct file *file)
{
	__u32 key = wanted;

	event_t *last = 0;

	if (key == GREEN || key == BLUE || key == XDP_PASS || last)
		goto out;
	used = file->f_flags;
	return tell(0, key);
out:
	return ctx != 0;
}
char LICENSE[] SEC("license") = "GPL";
`;

/** The cursor behind the first letter of the nth place of a text. */
function at(text: string, nth = 0): string {
  let found = source.indexOf(text);
  for (let i = 0; i < nth; i++) found = source.indexOf(text, found + 1);
  if (found < 0) throw new Error(`the source has no ${text}`);
  return `${source.slice(0, found + 1)}‸${source.slice(found + 1)}`;
}

export const navigationCases: Case[] = [
  { name: 'a local variable', text: at('count += i') },
  { name: 'a variable of an inner block hides it', text: at('count;\n\t}') },
  { name: 'a loop variable', text: at('i < 4') },
  { name: 'the loop variable of the next loop', text: at('i < 4', 1) },
  { name: 'a parameter', text: at('key);\n\tint') },
  { name: 'a variable of the same name elsewhere', text: at('key);\nout') },
  { name: 'an argument of BPF_PROG', text: at('file->f_flags') },
  { name: 'the ctx of BPF_PROG', text: at('ctx != 0') },
  { name: 'a map', text: at('events, &key') },
  { name: 'a function', text: at('tell(0') },
  { name: 'a program', text: at('on_read') },
  { name: 'a global variable', text: at('used;') },
  { name: 'a field of the source', text: at('count += count') },
  { name: 'a field at its declaration', text: at('pid;') },
  { name: 'a struct of the source', text: at('event *e') },
  { name: 'a constant', text: at('LIMIT;') },
  { name: 'a typedef', text: at('event_t *last') },
  { name: 'a typedef at its declaration', text: at('event_t;') },
  { name: 'an enumerator', text: at('GREEN ||') },
  { name: 'an enumerator whose value is not known', text: at('BLUE ||') },
  { name: 'an enumerator of the kernel', text: at('XDP_PASS') },
  { name: 'the typedef of the kernel', text: at('__u32 key = wanted') },
  { name: 'a kernel field in a chain', text: at('tgid)') },
  { name: 'a kernel type', text: at('task_struct *task') },
  { name: 'a helper', text: at('bpf_map_lookup_elem') },
  { name: 'a label', text: at('out;') },
];

export const renameCases: (Case & { to?: string })[] = [
  { name: 'a local variable', text: at('count = 0') },
  { name: 'a loop variable', text: at('i = 0', 1) },
  { name: 'a parameter', text: at('key)\n{') },
  { name: 'an argument of BPF_PROG', text: at('file)\n{') },
  { name: 'a map', text: at('events SEC') },
  { name: 'a function', text: at('tell(struct') },
  { name: 'a global variable', text: at('used;') },
  { name: 'a name that is taken', text: at('used;'), to: 'wanted' },
  { name: 'what is no name', text: at('used;'), to: '2nd' },
  { name: 'a keyword', text: at('used;'), to: 'while' },
  { name: 'an argument of a macro', text: at('e = bpf') },
  { name: 'a field', text: at('pid;') },
  { name: 'a typedef', text: at('event_t *last') },
  { name: 'a kernel type', text: at('task_struct *task') },
  { name: 'a helper', text: at('bpf_map_lookup_elem') },
  { name: 'the ctx of BPF_PROG', text: at('ctx != 0') },
];

export const scriptCases: (Case & { hover?: boolean })[] = [
  { name: 'types of probes', text: 'k‸' },
  { name: 'tracepoints', text: 'tracepoint:sched:‸' },
  { name: 'tracepoints by the short name', text: 't:syscalls:‸' },
  { name: 'functions', text: 'kprobe:vfs_‸' },
  { name: 'raw tracepoints', text: 'rawtracepoint:sched‸' },
  { name: 'fields of a tracepoint', text: 'tracepoint:sched:sched_wakeup { printf("%d", args.‸) }' },
  { name: 'arguments of a function', text: 'fentry:vfs_read { print(args.‸) }' },
  { name: 'maps of the script', text: 'kprobe:vfs_read { @reads = count(); } END { print(@‸ }' },
  { name: 'nothing behind an unknown probe', text: 'profile:hz:‸' },
  { name: 'hover of a tracepoint', text: 'tracepoint:sched:sched_wake‸up { }', hover: true },
  { name: 'hover of a function', text: 'fentry:vfs_re‸ad { }', hover: true },
  { name: 'hover of a probe that the host lacks', text: 'kprobe:vfs_raed‸ { }', hover: true },
  { name: 'hover of a field', text: 'tracepoint:sched:sched_wakeup { print(args.pr‸io) }', hover: true },
  { name: 'hover of a variable', text: 'kprobe:vfs_read { print(pi‸d) }', hover: true },
  { name: 'hover of a function of bpftrace', text: 'kprobe:vfs_read { @ = cou‸nt(); }', hover: true },
  { name: 'no hover in a string', text: 'kprobe:vfs_read { print("pi‸d") }', hover: true },
];
