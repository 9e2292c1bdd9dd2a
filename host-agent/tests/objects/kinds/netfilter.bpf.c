/* A netfilter hook. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"

#define NF_ACCEPT 1

SEC("netfilter")
int on_netfilter(struct bpf_nf_ctx *ctx)
{
	struct sk_buff *skb = ctx->skb;
	unsigned char *head = BPF_CORE_READ(skb, head);
	struct udphdr udp = {};

	bpf_probe_read_kernel(&udp, sizeof(udp), head + BPF_CORE_READ(skb, network_header) + sizeof(struct iphdr));
	if (udp.dest == bpf_htons(MATRIX_PORT))
		hit(MATRIX_PORT);
	return NF_ACCEPT;
}
