// A hash map that is filled from user space: its keys and values are typed, its program never runs.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u64 bytes;
	__u32 packets;
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1000000);
	__type(key, __u32);
	__type(value, struct flow);
} million SEC(".maps");

SEC("socket")
int never(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct flow *flow = bpf_map_lookup_elem(&million, &key);

	return flow ? flow->packets : 0;
}

char LICENSE[] SEC("license") = "GPL";
