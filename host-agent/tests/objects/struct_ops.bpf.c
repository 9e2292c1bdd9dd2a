// A congestion control that does nothing, and an optional struct of operations that no kernel knows.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sock;

struct tcp_congestion_ops {
  __u32 (*ssthresh)(struct sock *sk);
  void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
  __u32 (*undo_cwnd)(struct sock *sk);
  char name[16];
} __attribute__((preserve_access_index));

struct no_such_ops {
  int (*act)(int number);
} __attribute__((preserve_access_index));

SEC("struct_ops/quiet_ssthresh")
__u32 quiet_ssthresh(__u64 *ctx)
{
  return 10;
}

SEC("struct_ops/quiet_avoid")
void quiet_avoid(__u64 *ctx)
{
}

SEC("struct_ops/quiet_undo")
__u32 quiet_undo(__u64 *ctx)
{
  return 10;
}

SEC(".struct_ops.link")
struct tcp_congestion_ops quiet = {
  .ssthresh = (void *)quiet_ssthresh,
  .cong_avoid = (void *)quiet_avoid,
  .undo_cwnd = (void *)quiet_undo,
  .name = "rs_quiet",
};

SEC("struct_ops/unknown_act")
int unknown_act(__u64 *ctx)
{
  return 0;
}

SEC(".struct_ops.link")
struct no_such_ops unknown = {
  .act = (void *)unknown_act,
};

SEC("raw_tp/sys_enter")
int plain(void *ctx)
{
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
