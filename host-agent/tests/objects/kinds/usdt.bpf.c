/* Markers of the trigger: one plain, one behind a semaphore that somebody has to raise. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>
#include "hit.h"

#define TRIGGER "/tmp/ringside-matrix/trigger"

SEC("usdt/" TRIGGER ":ringside:marker")
int BPF_USDT(on_usdt, long number)
{
	hit(number);
	return 0;
}

SEC("usdt.s/" TRIGGER ":ringside:marker")
int BPF_USDT(on_usdt_s, long number)
{
	hit(number);
	return 0;
}

SEC("usdt")
int BPF_USDT(on_chosen, long number)
{
	hit(number);
	return 0;
}
