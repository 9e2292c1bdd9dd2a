// A map that the object itself puts into bpffs, and a program that counts in it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
  __uint(pinning, LIBBPF_PIN_BY_NAME);
} ringside_by_name SEC(".maps");

SEC("raw_tp/sys_enter")
int ringside_count(void *ctx)
{
  __u32 key = 0;
  __u64 *value = bpf_map_lookup_elem(&ringside_by_name, &key);
  if (value)
    *value += 1;
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
