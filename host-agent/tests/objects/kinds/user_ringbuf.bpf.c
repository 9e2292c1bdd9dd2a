/* Records from user space, taken out when the trigger asks. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "hit.h"

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 64 * 1024);
} orders SEC(".maps");

static long take(struct bpf_dynptr *order, void *context)
{
	__u64 value = 0;

	if (!bpf_dynptr_read(&value, sizeof(value), order, 0, 0))
		hit(value);
	return 0;
}

SEC("tp/syscalls/sys_enter_getpgid")
int on_order(struct trace_event_raw_sys_enter *ctx)
{
	bpf_user_ringbuf_drain(&orders, take, NULL, 0);
	return 0;
}
