// Maps to be read, filled by a program that runs once for each getpid.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 wanted_tid;
__u64 calls;

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 10000);
  __type(key, __u32);
  __type(value, __u64);
} squares SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 3);
  __type(key, __u32);
  __type(value, __u32);
} per_cpu SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 16);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, __u32);
} prefixes SEC(".maps");

SEC("tracepoint/syscalls/sys_enter_getpid")
int on_getpid(void *ctx)
{
  if ((__u32)bpf_get_current_pid_tgid() != wanted_tid)
    return 0;
  __u32 key = __sync_fetch_and_add(&calls, 1);
  __u64 value = (__u64)key * key;
  bpf_map_update_elem(&squares, &key, &value, BPF_ANY);
  __u32 slot = 1;
  __u32 *count = bpf_map_lookup_elem(&per_cpu, &slot);
  if (count)
    *count += 1;
  if (key < 3) {
    __u64 prefix = 32 | (__u64)key << 32;
    bpf_map_update_elem(&prefixes, &prefix, &key, BPF_ANY);
  }
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
