// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Counts packets and bytes that come in at an interface, by IP protocol, before the network stack sees them.
// Every packet goes on its way: nothing is dropped or changed.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
// What is no IP (ARP, for one) is counted at a number that IANA keeps free.
#define NOT_IP 255

struct traffic {
	__u64 packets;
	__u64 bytes;
};

// A per-CPU array: each CPU counts in its own copy, so nothing is shared or locked. Ringside shows them and their sum.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32); // IP protocol: 1 ICMP, 6 TCP, 17 UDP …
	__type(value, struct traffic);
} protocols SEC(".maps");

// The verifier lets a program read only what it has compared with `end` before.
static __always_inline __u32 protocol_of(void *data, void *end)
{
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return NOT_IP;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);

		return (void *)(ip + 1) > end ? NOT_IP : ip->protocol;
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = (void *)(eth + 1);

		return (void *)(ip6 + 1) > end ? NOT_IP : ip6->nexthdr;
	}
	return NOT_IP;
}

SEC("xdp")
int count_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 protocol = protocol_of(data, end);
	struct traffic *traffic;

	traffic = bpf_map_lookup_elem(&protocols, &protocol);
	if (traffic) {
		traffic->packets += 1;
		traffic->bytes += end - data;
	}
	return XDP_PASS;
}
