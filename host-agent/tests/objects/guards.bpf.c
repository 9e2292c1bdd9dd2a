// Programs that guards ask about, and ones that they do not.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} table SEC(".maps");

__u64 packets;

SEC("xdp")
int on_packet(struct xdp_md *ctx)
{
  packets++;
#ifdef PASS
  return XDP_PASS;
#else
  return ctx->ingress_ifindex == 0 ? XDP_PASS : XDP_DROP;
#endif
}

SEC("tc")
int passing(struct __sk_buff *skb)
{
  packets++;
  return TC_ACT_OK;
}

SEC("tc")
int dropping(struct __sk_buff *skb)
{
  return TC_ACT_SHOT;
}

SEC("raw_tp/sys_enter")
int signalling(void *ctx)
{
  if (bpf_get_current_pid_tgid() >> 32 == 0x7fffffff)
    bpf_send_signal(9);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
