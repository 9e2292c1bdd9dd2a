/* A congestion control: what Reno does, and a record when a connection takes it. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "hit.h"

SEC("struct_ops/init")
void BPF_PROG(on_init, struct sock *sk)
{
	hit(MATRIX_PORT);
}

SEC("struct_ops/ssthresh")
__u32 BPF_PROG(on_ssthresh, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/undo_cwnd")
__u32 BPF_PROG(on_undo_cwnd, struct sock *sk)
{
	return 2;
}

SEC("struct_ops/cong_avoid")
void BPF_PROG(on_cong_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
}

SEC(".struct_ops")
struct tcp_congestion_ops ringside_cc = {
	.init = (void *)on_init,
	.ssthresh = (void *)on_ssthresh,
	.undo_cwnd = (void *)on_undo_cwnd,
	.cong_avoid = (void *)on_cong_avoid,
	.name = "ringside_cc",
};
