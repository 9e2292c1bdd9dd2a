/* Records by the older way: a perf buffer. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct hit {
	__u32 magic;
	__u32 program;
	__u64 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} events SEC(".maps");

SEC("tp/syscalls/sys_enter_getpgid")
int on_perf_buffer(struct trace_event_raw_sys_enter *ctx)
{
	struct hit record = { 0x52494e47, 0, bpf_get_current_pid_tgid() >> 32 };

	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &record, sizeof(record));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
