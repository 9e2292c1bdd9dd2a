// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Shows every openat(): the file, what came of it, and how long it took.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lost.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct open_event {
	__u64 ts;
	__u64 latency_ns;
	__u32 pid;
	__u32 tid;
	// A file descriptor, or the negative error: -2 is ENOENT.
	__s32 ret;
	__u32 flags;
	char comm[16];
	char filename[128];
};

// What is known at the start of a call and needed at its end.
struct open_call {
	__u64 started;
	const char *filename;
	__u32 flags;
};

// Between the two tracepoints a call is remembered by its thread. An LRU map forgets the oldest by itself, so threads
// that are killed in the middle leave nothing behind.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct open_call);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} events SEC(".maps");
LOST_SAMPLES(events);

// Only this process (`--set only_pid=4242`); 0 = all.
const volatile __u32 only_pid = 0;

SEC("tp/syscalls/sys_enter_openat")
int enter_openat(struct trace_event_raw_sys_enter *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 pid = id >> 32, tid = id;
	struct open_call call = {};

	if (only_pid && pid != only_pid)
		return 0;

	call.started = bpf_ktime_get_ns();
	call.filename = (const char *)ctx->args[1];
	call.flags = ctx->args[2];
	bpf_map_update_elem(&calls, &tid, &call, BPF_ANY);
	return 0;
}

SEC("tp/syscalls/sys_exit_openat")
int exit_openat(struct trace_event_raw_sys_exit *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tid = id;
	struct open_call *call;
	struct open_event *e;

	call = bpf_map_lookup_elem(&calls, &tid);
	if (!call)
		return 0; // began before the program was attached

	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		count_lost(events);
		goto out;
	}

	e->ts = bpf_ktime_get_ns();
	e->latency_ns = e->ts - call->started;
	e->pid = id >> 32;
	e->tid = tid;
	e->ret = ctx->ret;
	e->flags = call->flags;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	// Read at the end of the call: by now the kernel has touched the page that holds the name.
	if (bpf_probe_read_user_str(e->filename, sizeof(e->filename), call->filename) < 0)
		e->filename[0] = 0;

	bpf_ringbuf_submit(e, 0);
out:
	bpf_map_delete_elem(&calls, &tid);
	return 0;
}
