// An arena at an address that its author chose.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

// Newer than the headers of some distributions.
#define MAP_TYPE_ARENA 33

struct {
  __uint(type, MAP_TYPE_ARENA);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 16);
  __ulong(map_extra, 0x100000000000ull);
} pages SEC(".maps");

SEC("socket")
int nothing(struct __sk_buff *skb)
{
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
