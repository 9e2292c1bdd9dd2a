// One program for each kind that needs something to be chosen, and some that the agent cannot attach.
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>

__u64 packets;
__u64 samples;
__u64 seen;
__u64 probed;

SEC("xdp")
int count_packets(struct xdp_md *ctx)
{
  __sync_fetch_and_add(&packets, 1);
  return XDP_PASS;
}

SEC("perf_event")
int sample(struct bpf_perf_event_data *ctx)
{
  __sync_fetch_and_add(&samples, 1);
  return 0;
}

SEC("raw_tp/sys_enter")
int on_syscall(struct bpf_raw_tracepoint_args *ctx)
{
  __sync_fetch_and_add(&seen, 1);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int on_fork(__u64 *ctx)
{
  return 0;
}

SEC("tcx/ingress")
int on_ingress(struct __sk_buff *skb)
{
  return -1;
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
  return 1;
}

SEC("sk_lookup")
int on_lookup(struct bpf_sk_lookup *ctx)
{
  return SK_PASS;
}

SEC("uprobe")
int on_call(void *ctx)
{
  __sync_fetch_and_add(&probed, 1);
  return 0;
}

SEC("tp")
int anywhere(void *ctx)
{
  return 0;
}

SEC("tracepoint/syscalls/sys_enter_getpidd")
int misspelt(void *ctx)
{
  return 0;
}

SEC("socket")
int any_socket(struct __sk_buff *skb)
{
  return 0;
}

SEC("lwt_out")
int on_route(struct __sk_buff *skb)
{
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
