// Records in a ring buffer, with the program's own count of what it made and what found no room.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
  __u64 number;
  __u64 time;
  __u32 tid;
  __u32 cpu;
  char text[32];
};

const volatile __u32 wanted_tid;
__u64 made;
__u64 failed;

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} events SEC(".maps");

// By this name the agent knows it for the exact count of what `counted` lost.
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} counted SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} counted_lost SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_getpid")
int on_getpid(void *ctx)
{
  __u32 tid = (__u32)bpf_get_current_pid_tgid();
  if (tid != wanted_tid)
    return 0;
  struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  __u64 number = __sync_fetch_and_add(&made, 1);
  if (!event) {
    __sync_fetch_and_add(&failed, 1);
    return 0;
  }
  event->number = number;
  event->time = bpf_ktime_get_ns();
  event->tid = tid;
  event->cpu = bpf_get_smp_processor_id();
  __builtin_memcpy(event->text, "ring", 5);
  // Every tenth is taken back: the agent must skip it, not count it.
  if (number % 10 == 9)
    bpf_ringbuf_discard(event, 0);
  else
    bpf_ringbuf_submit(event, 0);
  return 0;
}

SEC("?tracepoint/syscalls/sys_enter_getpid")
int on_getpid_counted(void *ctx)
{
  if ((__u32)bpf_get_current_pid_tgid() != wanted_tid)
    return 0;
  __u64 number = __sync_fetch_and_add(&made, 1);
  if (bpf_ringbuf_output(&counted, &number, sizeof(number), 0)) {
    __u32 zero = 0;
    __u64 *lost = bpf_map_lookup_elem(&counted_lost, &zero);
    if (lost)
      *lost += 1;
  }
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
