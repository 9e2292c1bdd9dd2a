/* The port of a trigger's packet, at each place where a program may find the packet. */
#ifndef PACKET_H
#define PACKET_H

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP 17

/* `ip` is where the IP header begins. Returns the UDP destination port, 0 for any other packet. */
static __always_inline __u16 udp_port(struct __sk_buff *skb, __u32 ip)
{
	__u8 first = 0;
	__be16 port = 0;

	if (bpf_skb_load_bytes(skb, ip, &first, 1))
		return 0;
	if (bpf_skb_load_bytes(skb, ip + (first >> 4 == 6 ? IPV6_HEADER : IPV4_HEADER) + 2, &port, 2))
		return 0;
	return bpf_ntohs(port);
}

static __always_inline void hit_port(__u16 port)
{
	if (port == MATRIX_PORT)
		hit(port);
}

#endif
