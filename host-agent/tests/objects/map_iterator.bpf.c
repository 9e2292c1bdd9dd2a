// The least iterator over the entries of a map: whether a kernel takes such programs at all.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("iter/bpf_map_elem")
int each_entry(void *ctx)
{
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
