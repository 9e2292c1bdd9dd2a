// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Measures how long openat() takes and counts the times in powers of two: a histogram that is made in the kernel.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Slot n counts the calls that took at least 2^n and less than 2^(n+1) nanoseconds; the last one takes all above.
#define SLOTS 36

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} latency_ns SEC(".maps");

// When each thread's call began.
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, __u64);
} started SEC(".maps");

// The position of the highest bit, by halving: BPF has no instruction for it.
static __always_inline __u32 log2(__u64 value)
{
	__u32 position = 0;

	if (value >> 32) { value >>= 32; position += 32; }
	if (value >> 16) { value >>= 16; position += 16; }
	if (value >> 8)  { value >>= 8;  position += 8; }
	if (value >> 4)  { value >>= 4;  position += 4; }
	if (value >> 2)  { value >>= 2;  position += 2; }
	if (value >> 1)  { position += 1; }
	return position;
}

SEC("tp/syscalls/sys_enter_openat")
int enter_openat(void *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&started, &tid, &now, BPF_ANY);
	return 0;
}

SEC("tp/syscalls/sys_exit_openat")
int exit_openat(void *ctx)
{
	__u32 tid = bpf_get_current_pid_tgid();
	__u64 *start, *count;
	__u32 slot;

	start = bpf_map_lookup_elem(&started, &tid);
	if (!start)
		return 0;

	slot = log2(bpf_ktime_get_ns() - *start);
	if (slot >= SLOTS)
		slot = SLOTS - 1;
	count = bpf_map_lookup_elem(&latency_ns, &slot);
	if (count)
		__sync_fetch_and_add(count, 1);

	bpf_map_delete_elem(&started, &tid);
	return 0;
}
