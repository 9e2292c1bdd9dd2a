// Sections that libbpf does not know, or that leave the target to user space.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp_pass_everything")
int pass(struct xdp_md *ctx)
{
  return XDP_PASS;
}

SEC("cgroup_packets/in")
int inside(struct __sk_buff *skb)
{
  return 1;
}

SEC("tp_btf")
int on_event(__u64 *ctx)
{
  return 0;
}

SEC("iter/dummy")
int walk(void *ctx)
{
  return 0;
}

SEC("freplace/replaceable")
int replacement(struct xdp_md *ctx)
{
  return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
