/* Light-weight tunnels: these belong to routes. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "hit.h"

SEC("lwt_in")
int on_lwt_in(struct __sk_buff *skb)
{
	hit(MATRIX_PORT);
	return BPF_OK;
}

SEC("lwt_out")
int on_lwt_out(struct __sk_buff *skb)
{
	hit(MATRIX_PORT);
	return BPF_OK;
}

SEC("lwt_xmit")
int on_lwt_xmit(struct __sk_buff *skb)
{
	hit(MATRIX_PORT);
	return BPF_OK;
}

SEC("lwt_seg6local")
int on_lwt_seg6local(struct __sk_buff *skb)
{
	hit(MATRIX_PORT);
	return BPF_OK;
}
