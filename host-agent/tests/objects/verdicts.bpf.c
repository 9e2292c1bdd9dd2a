// Programs that the verifier accepts, rejects, and takes long over.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 sum;

SEC("raw_tp/sys_enter")
int accepted(void *ctx)
{
  sum += 1;
  return 0;
}

SEC("raw_tp/sys_enter")
int rejected(void *ctx)
{
  return *(volatile int *)(unsigned long)bpf_ktime_get_ns();
}

// A loop that is followed turn by turn: a log of several megabytes.
SEC("raw_tp/sys_enter")
int long_way(void *ctx)
{
  volatile __u64 total = 0;
  for (int i = 0; i < 12000; i++)
    total += i ^ total;
  sum = total;
  return 0;
}

SEC("?raw_tp/sys_enter")
int not_by_default(void *ctx)
{
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
