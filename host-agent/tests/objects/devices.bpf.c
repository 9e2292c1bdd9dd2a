// SPDX-License-Identifier: GPL-2.0
// Device maps, whose flags the kernel adds to.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 8);
	__type(key, int);
	__type(value, int);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 8);
	__type(key, int);
	__type(value, int);
} ports_by_key SEC(".maps");

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	int port = bpf_redirect_map(&ports, 0, XDP_PASS);

	return port == XDP_PASS ? bpf_redirect_map(&ports_by_key, 0, XDP_PASS) : port;
}

char LICENSE[] SEC("license") = "GPL";
