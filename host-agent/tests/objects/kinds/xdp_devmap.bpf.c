/* A program on the entries of a devmap, and one that sends frames there. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} places SEC(".maps");

SEC("xdp/devmap")
int on_devmap(struct xdp_md *ctx)
{
	hit(MATRIX_PORT);
	return XDP_DROP; /* the frame would come back by the other end of the pair */
}

SEC("xdp.frags/devmap")
int on_devmap_frags(struct xdp_md *ctx)
{
	hit(MATRIX_PORT);
	return XDP_DROP; /* the frame would come back by the other end of the pair */
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
