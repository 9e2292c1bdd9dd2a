/* A program on the entries of a cpumap, and one that sends frames there. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} places SEC(".maps");

SEC("xdp/cpumap")
int on_cpumap(struct xdp_md *ctx)
{
	hit(MATRIX_PORT);
	return XDP_PASS;
}

SEC("xdp.frags/cpumap")
int on_cpumap_frags(struct xdp_md *ctx)
{
	hit(MATRIX_PORT);
	return XDP_PASS;
}

SEC("xdp")
int send(struct xdp_md *ctx)
{
	return bpf_redirect_map(&places, 0, XDP_PASS);
}

SEC("xdp.frags")
int send_frags(struct xdp_md *ctx)
{
	return bpf_redirect_map(&places, 0, XDP_PASS);
}
