// SPDX-License-Identifier: GPL-2.0
/* A record for each call of the load's generator (test/bench/programs/generator.c), counted by process and by size. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define MAGIC 0xC0FFEE

struct soak_call {
	u64 ts;
	u32 pid;
	u32 cpu;
	u64 seq;
	u64 size;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} soak_calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} soak_calls_lost_samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} soak_sizes SEC(".maps");

SEC("tp/syscalls/sys_enter_getppid")
int soak_on_call(void *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct soak_call *call;
	u64 seq, size, one = 1, *count;

	if (PT_REGS_PARM1_SYSCALL(regs) != MAGIC)
		return 0;
	seq = PT_REGS_PARM2_SYSCALL(regs);
	size = seq * 2654435761 % 4000;
	call = bpf_ringbuf_reserve(&soak_calls, sizeof(*call), 0);
	if (!call) {
		u32 zero = 0;

		count = bpf_map_lookup_elem(&soak_calls_lost_samples, &zero);
		if (count)
			(*count)++;
		return 0;
	}
	call->ts = bpf_ktime_get_ns();
	call->pid = bpf_get_current_pid_tgid() >> 32;
	call->cpu = bpf_get_smp_processor_id();
	call->seq = seq;
	call->size = size;
	bpf_get_current_comm(call->comm, sizeof(call->comm));
	bpf_ringbuf_submit(call, 0);
	count = bpf_map_lookup_elem(&soak_sizes, &size);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&soak_sizes, &size, &one, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
