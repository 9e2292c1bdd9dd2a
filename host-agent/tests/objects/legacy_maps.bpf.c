// Maps as they were written before libbpf 1.0.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct old_map {
  unsigned int type, key_size, value_size, max_entries, flags;
};

struct old_map old SEC("maps") = {BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0};

SEC("raw_tp/sys_enter")
int uses_old_map(void *ctx)
{
  __u32 zero = 0;
  return bpf_map_lookup_elem(&old, &zero) != 0;
}

char LICENSE[] SEC("license") = "GPL";
