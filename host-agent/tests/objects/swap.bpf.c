// Versions of one program, chosen by macros. Each lseek of one thread makes a record with its offset, and is counted in
// maps that the next version may take over.
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#ifndef VERSION
#define VERSION 1
#endif
#ifndef COUNT_TYPE
#define COUNT_TYPE __u64
#endif
#ifndef ENTRIES
#define ENTRIES 64
#endif
#ifndef RING_BYTES
#define RING_BYTES (1 << 20)
#endif

const volatile __u32 wanted_tid;
__u64 made;
__u64 failed;
#ifdef MORE_GLOBALS
__u64 more;
#endif

struct event {
  __u64 offset;
  __u32 version;
  __u32 cpu;
};

struct count {
  COUNT_TYPE times;
  __u64 last;
};

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, RING_BYTES);
} events SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, ENTRIES);
  __type(key, __u32);
  __type(value, struct count);
} counts SEC(".maps");

#ifdef PERF
struct {
  __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
  __uint(key_size, 4);
  __uint(value_size, 4);
} samples SEC(".maps");
#endif

#if VERSION == 1
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} only_in_one SEC(".maps");
#else
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} only_in_others SEC(".maps");
#endif

#ifdef __TARGET_ARCH_x86
#define LSEEK 8
#else
#define LSEEK 62
#endif

SEC("raw_tp/sys_enter")
int on_lseek(struct bpf_raw_tracepoint_args *ctx)
{
  if (ctx->args[1] != LSEEK || (__u32)bpf_get_current_pid_tgid() != wanted_tid)
    return 0;
  struct pt_regs *regs = (struct pt_regs *)ctx->args[0];
  struct event event = {.version = VERSION, .cpu = bpf_get_smp_processor_id()};
  bpf_probe_read_kernel(&event.offset, sizeof(event.offset), &PT_REGS_PARM2_SYSCALL(regs));
  __u32 key = event.offset % 16;
  struct count zero = {}, *count = bpf_map_lookup_elem(&counts, &key);
  if (!count) {
    bpf_map_update_elem(&counts, &key, &zero, BPF_NOEXIST);
    count = bpf_map_lookup_elem(&counts, &key);
  }
  if (count) {
    __sync_fetch_and_add(&count->times, 1);
    count->last = event.offset;
  }
  __sync_fetch_and_add(&made, 1);
#ifdef MORE_GLOBALS
  more += 1;
#endif
#ifdef PERF
  long result = bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU, &event, sizeof(event));
#else
  long result = bpf_ringbuf_output(&events, &event, sizeof(event), 0);
#endif
  if (result)
    __sync_fetch_and_add(&failed, 1);
#ifdef REFUSED
  // No such pointer: the verifier refuses it.
  return *(volatile int *)ctx->args[0];
#endif
  return 0;
}

#ifdef NETWORK
SEC("xdp")
int on_packet(struct xdp_md *ctx)
{
  __u32 key = 1000 + VERSION;
  struct count one = {.times = 1}, *count = bpf_map_lookup_elem(&counts, &key);
  if (count)
    __sync_fetch_and_add(&count->times, 1);
  else
    bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
  return XDP_PASS;
}
#endif

#ifdef SPEAKS
SEC("raw_tp/sys_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
  if ((__u32)bpf_get_current_pid_tgid() == wanted_tid)
    bpf_printk("version %d", VERSION);
  return 0;
}
#endif

char LICENSE[] SEC("license") = "GPL";
