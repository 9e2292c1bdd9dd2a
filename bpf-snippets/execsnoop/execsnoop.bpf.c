// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Shows every program that is started: who started it, as whom, and with which arguments.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "lost.h"

// The kernel lets a program use its GPL-only helpers (such as reading kernel memory) when it says that it is GPL too.
char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define ARGS_SIZE 192

// One record. Nothing has to be declared twice: Ringside finds this type where the record is reserved.
struct exec_event {
	__u64 ts;
	__u32 pid;
	__u32 ppid;
	__u32 uid;
	char comm[16];
	char filename[128];
	char args[ARGS_SIZE];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} events SEC(".maps");
LOST_SAMPLES(events);

// The arguments stand one after the other in the new process's memory, each ended by a NUL.
static __always_inline void read_args(struct task_struct *task, char *args)
{
	unsigned long start = BPF_CORE_READ(task, mm, arg_start);
	unsigned long length = BPF_CORE_READ(task, mm, arg_end) - start;

	if (length > ARGS_SIZE - 1)
		length = ARGS_SIZE - 1;
	if (bpf_probe_read_user(args, length, (void *)start)) {
		args[0] = 0;
		return;
	}
	// A space for each NUL but the last makes them one text.
	for (int i = 0; i < ARGS_SIZE - 1; i++) {
		if (i + 1 >= length)
			break;
		if (args[i] == 0)
			args[i] = ' ';
	}
	args[length] = 0;
}

// Fires when execve() has succeeded: `comm` is already that of the new program.
SEC("tp/sched/sched_process_exec")
int handle_exec(struct trace_event_raw_sched_process_exec *ctx)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	// A __data_loc field holds where the text begins within the tracepoint's own record, in its lower half.
	unsigned int filename_at = ctx->__data_loc_filename & 0xffff;
	struct exec_event *e;

	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count_lost(events);
		return 0;
	}

	e->ts = bpf_ktime_get_ns();
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->ppid = BPF_CORE_READ(task, real_parent, tgid);
	e->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_probe_read_kernel_str(e->filename, sizeof(e->filename), (void *)ctx + filename_at);
	read_args(task, e->args);

	bpf_ringbuf_submit(e, 0);
	return 0;
}
