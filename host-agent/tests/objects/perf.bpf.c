// Records in a perf buffer.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 wanted_tid;
__u64 made;
__u64 failed;

struct {
  __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
  __uint(key_size, 4);
  __uint(value_size, 4);
} events SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_getpid")
int on_getpid(void *ctx)
{
  if ((__u32)bpf_get_current_pid_tgid() != wanted_tid)
    return 0;
  __u64 record[3] = {made, bpf_ktime_get_ns(), 0x0123456789abcdef};
  made += 1;
  if (bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, record, sizeof(record)))
    failed += 1;
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
