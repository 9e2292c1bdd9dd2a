// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Shows every process that ends: its exit code, the signal that killed it, and how long it lived.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "lost.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct exit_event {
	__u64 ts;
	__u64 duration_ns;
	__u32 pid;
	__u32 ppid;
	__s32 exit_code;
	__u32 signal;
	bool core_dumped;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");
LOST_SAMPLES(events);

// Set it before attaching (`--set only_failed=true`) to see only what did not end with 0.
const volatile bool only_failed = false;

SEC("tp/sched/sched_process_exit")
int handle_exit(void *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();
	__u32 pid = id >> 32, tid = id;
	struct exit_event *e;
	int status;

	// Every thread comes by here; the one whose id is the process's own speaks for all.
	if (pid != tid)
		return 0;

	// As wait() gives it: the signal in the lower seven bits, whether it left a core, then the exit code.
	status = BPF_CORE_READ(task, exit_code);
	if (only_failed && status == 0)
		return 0;

	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count_lost(events);
		return 0;
	}

	e->ts = bpf_ktime_get_ns();
	e->duration_ns = e->ts - BPF_CORE_READ(task, start_time);
	e->pid = pid;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->exit_code = (status >> 8) & 0xff;
	e->signal = status & 0x7f;
	e->core_dumped = status & 0x80;
	bpf_get_current_comm(e->comm, sizeof(e->comm));

	bpf_ringbuf_submit(e, 0);
	return 0;
}
