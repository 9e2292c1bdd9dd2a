/* Programs of a socket map, which a sockops program fills with both ends of a connection to the triggers' port. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

static __always_inline int to_matrix(__u32 local, __u32 remote)
{
	return local == MATRIX_PORT || bpf_ntohl(remote) == MATRIX_PORT;
}

SEC("sockops")
int fill(struct bpf_sock_ops *ctx)
{
	__u32 at = ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB;

	if (!at && ctx->op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		return 1;
	if (to_matrix(ctx->local_port, ctx->remote_port))
		bpf_sock_map_update(ctx, &sockets, &at, BPF_ANY);
	return 1;
}

SEC("sk_msg")
int on_sk_msg(struct sk_msg_md *msg)
{
	if (to_matrix(msg->local_port, msg->remote_port))
		hit(MATRIX_PORT);
	return SK_PASS;
}

SEC("sk_skb/stream_parser")
int on_stream_parser(struct __sk_buff *skb)
{
	if (to_matrix(skb->local_port, skb->remote_port))
		hit(MATRIX_PORT);
	return skb->len;
}

SEC("sk_skb/stream_verdict")
int on_stream_verdict(struct __sk_buff *skb)
{
	if (to_matrix(skb->local_port, skb->remote_port))
		hit(MATRIX_PORT);
	return SK_PASS;
}

SEC("sk_skb/verdict")
int on_verdict(struct __sk_buff *skb)
{
	if (to_matrix(skb->local_port, skb->remote_port))
		hit(MATRIX_PORT);
	return SK_PASS;
}

/* The old spelling, which does not say which of them it is. */
SEC("sk_skb")
int on_sk_skb(struct __sk_buff *skb)
{
	if (to_matrix(skb->local_port, skb->remote_port))
		hit(MATRIX_PORT);
	return SK_PASS;
}
