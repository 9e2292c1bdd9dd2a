/* Samples and counters. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "hit.h"

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;

	if (pid != 0) /* nobody asks for the idle task */
		hit(pid);
	return 0;
}
