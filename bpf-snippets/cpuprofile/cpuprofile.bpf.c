// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Takes a sample of what runs, some times a second on every CPU: the process and its stacks in kernel and program.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "lost.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define MAX_FRAMES 64

struct cpu_sample {
	__u64 ts;
	__u32 pid;
	__u32 tid;
	__u32 cpu;
	__u16 kernel_frames;
	__u16 user_frames;
	char comm[16];
	// Return addresses, the innermost first; what is not used is 0.
	__u64 kernel_stack[MAX_FRAMES];
	__u64 user_stack[MAX_FRAMES];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 * 1024 * 1024);
} samples SEC(".maps");
LOST_SAMPLES(samples);

// Sleeping CPUs are sampled too, in the idle task (pid 0). Leave it out unless you want to see idleness.
const volatile bool with_idle = false;

static __always_inline __u16 frames(long bytes)
{
	return bytes > 0 ? bytes / sizeof(__u64) : 0;
}

// How often is chosen when it is attached (target `freq`): 49 times a second unless said otherwise, so that samples do
// not march in step with work that happens 50 or 100 times a second.
SEC("perf_event")
int take_sample(struct bpf_perf_event_data *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 pid = id >> 32, tid = id;
	struct cpu_sample *s;

	if (tid == 0 && !with_idle)
		return 0;

	s = bpf_ringbuf_reserve(&samples, sizeof(*s), 0);
	if (!s) {
		count_lost(samples);
		return 0;
	}

	s->ts = bpf_ktime_get_ns();
	s->pid = pid;
	s->tid = tid;
	s->cpu = bpf_get_smp_processor_id();
	bpf_get_current_comm(s->comm, sizeof(s->comm));
	// Both fill the rest of the array with 0. Kernel threads have no stack in user space: the length is negative.
	s->kernel_frames = frames(bpf_get_stack(ctx, s->kernel_stack, sizeof(s->kernel_stack), 0));
	s->user_frames = frames(bpf_get_stack(ctx, s->user_stack, sizeof(s->user_stack), BPF_F_USER_STACK));

	bpf_ringbuf_submit(s, 0);
	return 0;
}
