/* Takes the place of a function of replaced.bpf.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"

SEC("freplace/verdict")
int on_freplace(struct xdp_md *ctx)
{
	hit(MATRIX_PORT);
	return XDP_PASS;
}
