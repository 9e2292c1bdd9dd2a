// What a colleague or another tool has attached: programs that let everything pass.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int theirs_xdp(struct xdp_md *ctx)
{
  return XDP_PASS;
}

SEC("tc")
int theirs_tc(struct __sk_buff *skb)
{
  return -1;
}

#ifndef WITHOUT_TCX
SEC("tcx/ingress")
int theirs_tcx(struct __sk_buff *skb)
{
  return -1;
}
#endif

SEC("cgroup_skb/ingress")
int theirs_group(struct __sk_buff *skb)
{
  return 1;
}

char LICENSE[] SEC("license") = "GPL";
