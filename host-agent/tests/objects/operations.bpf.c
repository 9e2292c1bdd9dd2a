// Two congestion controls: one that is registered by a link, one that the kernel keeps until it is taken back.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 connections;

struct sock;

SEC("struct_ops/init")
void cc_init(__u64 *ctx)
{
  __sync_fetch_and_add(&connections, 1);
}

SEC("struct_ops/ssthresh")
int cc_ssthresh(__u64 *ctx)
{
  return 2;
}

SEC("struct_ops/undo_cwnd")
int cc_undo(__u64 *ctx)
{
  return 2;
}

SEC("struct_ops/cong_avoid")
void cc_avoid(__u64 *ctx)
{
}

struct tcp_congestion_ops {
  void (*init)(struct sock *sk);
  __u32 (*ssthresh)(struct sock *sk);
  __u32 (*undo_cwnd)(struct sock *sk);
  void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
  char name[16];
} __attribute__((preserve_access_index));

SEC(".struct_ops.link")
struct tcp_congestion_ops by_link = {
  .init = (void *)cc_init,
  .ssthresh = (void *)cc_ssthresh,
  .undo_cwnd = (void *)cc_undo,
  .cong_avoid = (void *)cc_avoid,
  .name = "ringside_link",
};

SEC(".struct_ops")
struct tcp_congestion_ops without_link = {
  .ssthresh = (void *)cc_ssthresh,
  .undo_cwnd = (void *)cc_undo,
  .cong_avoid = (void *)cc_avoid,
  .name = "ringside_plain",
};

char LICENSE[] SEC("license") = "GPL";
