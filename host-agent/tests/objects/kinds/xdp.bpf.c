/* Frames as the driver sees them. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"

#define ETHERNET 14
#define TO_PORT (ETHERNET + 20 + 2)

static __always_inline int frame(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + TO_PORT + 2 <= end && *(__be16 *)(data + TO_PORT) == bpf_htons(MATRIX_PORT))
		hit(MATRIX_PORT);
	return XDP_PASS;
}

SEC("xdp")
int on_xdp(struct xdp_md *ctx)
{
	return frame(ctx);
}

SEC("xdp.frags")
int on_xdp_frags(struct xdp_md *ctx)
{
	return frame(ctx);
}
