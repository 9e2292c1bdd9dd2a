/* Traffic control in all spellings, and netkit. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"
#include "packet.h"

#define ETHERNET 14
#define NEXT (-1) /* TCX_NEXT, NETKIT_NEXT and TC_ACT_UNSPEC are one number */

static __always_inline int frame(struct __sk_buff *skb)
{
	hit_port(udp_port(skb, ETHERNET));
	return NEXT;
}

SEC("tc")
int on_tc(struct __sk_buff *skb)
{
	return frame(skb);
}

SEC("classifier")
int on_classifier(struct __sk_buff *skb)
{
	return frame(skb);
}

SEC("action")
int on_action(struct __sk_buff *skb)
{
	return frame(skb);
}

SEC("tc/ingress")
int on_tc_ingress(struct __sk_buff *skb)
{
	return frame(skb);
}

SEC("tc/egress")
int on_tc_egress(struct __sk_buff *skb)
{
	return frame(skb);
}

SEC("tcx/ingress")
int on_tcx_ingress(struct __sk_buff *skb)
{
	return frame(skb);
}

SEC("tcx/egress")
int on_tcx_egress(struct __sk_buff *skb)
{
	return frame(skb);
}

SEC("netkit/primary")
int on_netkit_primary(struct __sk_buff *skb)
{
	return frame(skb);
}

SEC("netkit/peer")
int on_netkit_peer(struct __sk_buff *skb)
{
	return frame(skb);
}
