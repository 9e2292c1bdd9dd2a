// SPDX-License-Identifier: GPL-2.0
/* 64-byte records of the benchmark's generator (generator.c), and only of it. Failed reservations are counted. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define MAGIC 0xC0FFEE
#ifndef SUBMIT_FLAGS
#define SUBMIT_FLAGS 0
#endif

struct event {
	u64 ts;
	u32 pid;
	u32 tid;
	u64 seq;
	char comm[16];
	u32 cpu;
	u32 uid;
	u64 arg;
	u64 spare;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} events_lost_samples SEC(".maps");

SEC("tp/syscalls/sys_enter_getppid")
int on_getppid(struct trace_event_raw_sys_enter *ctx)
{
	/* getppid has no arguments, so its tracepoint has no fields for them: the registers have. */
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct event *e;

	if (PT_REGS_PARM1_SYSCALL(regs) != MAGIC)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		u32 zero = 0;
		u64 *lost = bpf_map_lookup_elem(&events_lost_samples, &zero);

		if (lost)
			(*lost)++;
		return 0;
	}
	u64 id = bpf_get_current_pid_tgid();

	e->ts = bpf_ktime_get_ns();
	e->pid = id >> 32;
	e->tid = id;
	e->seq = PT_REGS_PARM2_SYSCALL(regs);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->cpu = bpf_get_smp_processor_id();
	e->uid = bpf_get_current_uid_gid();
	e->arg = PT_REGS_PARM3_SYSCALL(regs);
	e->spare = 0;
	bpf_ringbuf_submit(e, SUBMIT_FLAGS);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
