// A program that costs far too much: a deliberately slow loop on every context switch. And one that floods a ring.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 turns;

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} flood SEC(".maps");

static long turn(__u32 index, void *ctx)
{
  __sync_fetch_and_add(&turns, 1);
  return 0;
}

SEC("tracepoint/sched/sched_switch")
int on_switch(void *ctx)
{
  bpf_loop(1 << 17, turn, 0, 0);
  return 0;
}

static long record(__u32 index, void *ctx)
{
  __u64 number = index;
  bpf_ringbuf_output(&flood, &number, sizeof(number), BPF_RB_NO_WAKEUP);
  return 0;
}

SEC("?tracepoint/sched/sched_switch")
int on_switch_flood(void *ctx)
{
  bpf_loop(50, record, 0, 0);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
