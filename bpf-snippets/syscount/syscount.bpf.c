// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Counts system calls per process in a hash map: no event leaves the kernel, so it costs little on a busy machine.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct process_calls {
	__u64 calls;
	__u64 last_ts;
	__u32 last_syscall;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32); // process id
	__type(value, struct process_calls);
} processes SEC(".maps");

SEC("tp/raw_syscalls/sys_enter")
int count_call(struct trace_event_raw_sys_enter *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct process_calls *known, fresh = {};

	known = bpf_map_lookup_elem(&processes, &pid);
	if (!known) {
		bpf_get_current_comm(fresh.comm, sizeof(fresh.comm));
		// Another thread of the process may be first: then its entry stays.
		bpf_map_update_elem(&processes, &pid, &fresh, BPF_NOEXIST);
		known = bpf_map_lookup_elem(&processes, &pid);
		if (!known)
			return 0;
	}

	// Threads of one process run on several CPUs at once: an ordinary += would lose counts.
	__sync_fetch_and_add(&known->calls, 1);
	known->last_ts = bpf_ktime_get_ns();
	known->last_syscall = ctx->id;
	return 0;
}
