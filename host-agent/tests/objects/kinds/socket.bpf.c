/* Programs that belong to sockets or to the network as a whole. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"
#include "packet.h"

#define ETHERNET 14

SEC("socket")
int on_socket(struct __sk_buff *skb)
{
	hit_port(udp_port(skb, ETHERNET));
	return 0; /* the packet goes on, only the copy for the filter's socket is cut */
}

SEC("sk_reuseport")
int on_reuseport(struct sk_reuseport_md *ctx)
{
	__be16 port = 0;

	if (!bpf_skb_load_bytes(ctx, 2, &port, 2)) /* the data begins at the UDP header */
		hit(bpf_ntohs(port));
	return SK_PASS;
}

/* Asked as well when a listener leaves and a connection that waits in it has to move. */
SEC("sk_reuseport/migrate")
int on_reuseport_migrate(struct sk_reuseport_md *ctx)
{
	struct bpf_sock *moving = ctx->migrating_sk;

	if (moving)
		hit(moving->src_port);
	return SK_PASS;
}

SEC("sk_lookup")
int on_lookup(struct bpf_sk_lookup *ctx)
{
	if (ctx->local_port == MATRIX_PORT)
		hit(ctx->local_port);
	return SK_PASS;
}

SEC("flow_dissector")
int on_flow_dissector(struct __sk_buff *skb)
{
	hit(MATRIX_PORT);
	return BPF_OK; /* no keys: what follows takes the flow for an unknown one */
}
