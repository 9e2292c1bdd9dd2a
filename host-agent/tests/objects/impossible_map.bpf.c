// A map that no kernel creates: an array with keys of eight bytes.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(key_size, 8);
  __uint(value_size, 8);
} impossible SEC(".maps");

SEC("raw_tp/sys_enter")
int uses_map(void *ctx)
{
  __u64 zero = 0;
  return bpf_map_lookup_elem(&impossible, &zero) != 0;
}

char LICENSE[] SEC("license") = "GPL";
