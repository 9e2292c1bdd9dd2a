// A program with a global function that another object replaces.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__attribute__((noinline)) int replaceable(struct xdp_md *ctx)
{
  volatile int verdict = XDP_DROP;
  return verdict;
}

SEC("xdp")
int with_replaceable(struct xdp_md *ctx)
{
  return replaceable(ctx);
}

char LICENSE[] SEC("license") = "GPL";
