/* Every hook of a cgroup. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"
#include "packet.h"

#define ALLOW 1
#define MEMORY_DEVICES 1 /* major number of /dev/null */

#define PACKETS(section, name)              \
	SEC(section)                        \
	int name(struct __sk_buff *skb)     \
	{                                   \
		hit_port(udp_port(skb, 0)); \
		return ALLOW;               \
	}

PACKETS("cgroup_skb/ingress", on_skb_ingress)
PACKETS("cgroup_skb/egress", on_skb_egress)
PACKETS("cgroup/skb", on_skb)

/* Only the trigger is in the cgroup, so that any socket is its own. */
#define SOCKETS(section, name)           \
	SEC(section)                     \
	int name(struct bpf_sock *sock)  \
	{                                \
		if (sock->protocol == UDP) \
			hit(MATRIX_PORT); \
		return ALLOW;            \
	}

SOCKETS("cgroup/sock_create", on_sock_create)
SOCKETS("cgroup/sock_release", on_sock_release)
SOCKETS("cgroup/sock", on_sock)

#define BOUND(section, name)            \
	SEC(section)                    \
	int name(struct bpf_sock *sock) \
	{                               \
		hit_port(sock->src_port); \
		return ALLOW;           \
	}

BOUND("cgroup/post_bind4", on_post_bind4)
BOUND("cgroup/post_bind6", on_post_bind6)

#define ADDRESS(hook)                                  \
	SEC("cgroup/" #hook)                           \
	int on_##hook(struct bpf_sock_addr *ctx)       \
	{                                              \
		hit_port(bpf_ntohs((__be16)ctx->user_port)); \
		return ALLOW;                          \
	}

ADDRESS(bind4)
ADDRESS(bind6)
ADDRESS(connect4)
ADDRESS(connect6)
ADDRESS(sendmsg4)
ADDRESS(sendmsg6)
ADDRESS(recvmsg4)
ADDRESS(recvmsg6)
ADDRESS(getpeername4)
ADDRESS(getpeername6)
ADDRESS(getsockname4)
ADDRESS(getsockname6)

/* Unix addresses have no port. */
#define PATH(hook)                               \
	SEC("cgroup/" #hook)                     \
	int on_##hook(struct bpf_sock_addr *ctx) \
	{                                        \
		hit(MATRIX_PORT);                \
		return ALLOW;                    \
	}

PATH(connect_unix)
PATH(sendmsg_unix)
PATH(recvmsg_unix)
PATH(getpeername_unix)
PATH(getsockname_unix)

SEC("cgroup/sysctl")
int on_sysctl(struct bpf_sysctl *ctx)
{
	if (!ctx->write)
		hit(MATRIX_PORT);
	return ALLOW;
}

SEC("cgroup/getsockopt")
int on_getsockopt(struct bpf_sockopt *ctx)
{
	if (ctx->optname == MATRIX_PORT)
		hit(ctx->optname);
	return ALLOW;
}

SEC("cgroup/setsockopt")
int on_setsockopt(struct bpf_sockopt *ctx)
{
	if (ctx->optname == MATRIX_PORT)
		hit(ctx->optname);
	return ALLOW;
}

SEC("cgroup/dev")
int on_dev(struct bpf_cgroup_dev_ctx *ctx)
{
	if (ctx->major == MEMORY_DEVICES)
		hit(MATRIX_PORT);
	return ALLOW;
}

SEC("sockops")
int on_sockops(struct bpf_sock_ops *ctx)
{
	if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && bpf_ntohl(ctx->remote_port) == MATRIX_PORT)
		hit(MATRIX_PORT);
	return ALLOW;
}
