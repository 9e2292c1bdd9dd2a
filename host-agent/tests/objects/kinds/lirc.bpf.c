/* Infrared receivers; their programs may not use ring buffers. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("lirc_mode2")
int on_lirc(unsigned int *sample)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
