// Maps of a terabyte each, of which one grows only as it is used.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 0x7fffffff);
  __type(key, __u64);
  __type(value, char[512]);
} huge SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} small SEC(".maps");

SEC("raw_tp/sys_enter")
int uses_map(void *ctx)
{
  __u64 zero = 0;
  return bpf_map_lookup_elem(&huge, &zero) != 0;
}

char LICENSE[] SEC("license") = "GPL";
