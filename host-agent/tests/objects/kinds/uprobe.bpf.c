/* Functions and markers of the trigger itself, which is put to /tmp/ringside-matrix on every host. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "hit.h"

#define TRIGGER "/tmp/ringside-matrix/trigger"

SEC("uprobe/" TRIGGER ":probed_add")
int BPF_KPROBE(on_uprobe, long number)
{
	hit(number);
	return 0;
}

SEC("uretprobe/" TRIGGER ":probed_add")
int BPF_KRETPROBE(on_uretprobe, long result)
{
	hit(result - 1); /* the trigger adds 1 */
	return 0;
}

SEC("uprobe.s/" TRIGGER ":probed_add")
int BPF_KPROBE(on_uprobe_s, long number)
{
	hit(number);
	return 0;
}

SEC("uretprobe.s/" TRIGGER ":probed_add")
int BPF_KRETPROBE(on_uretprobe_s, long result)
{
	hit(result - 1);
	return 0;
}

/* Where it goes is chosen: a versioned symbol of a library, an offset, one process, a container. */
SEC("uprobe")
int BPF_KPROBE(on_chosen, long number)
{
	hit(number);
	return 0;
}

SEC("uprobe.multi/" TRIGGER ":probed_a*")
int BPF_KPROBE(on_uprobe_multi, long number)
{
	hit(number);
	return 0;
}

SEC("uretprobe.multi/" TRIGGER ":probed_a*")
int BPF_KRETPROBE(on_uretprobe_multi, long result)
{
	hit(result - 1);
	return 0;
}

SEC("uprobe.multi.s/" TRIGGER ":probed_a*")
int BPF_KPROBE(on_uprobe_multi_s, long number)
{
	hit(number);
	return 0;
}

SEC("uretprobe.multi.s/" TRIGGER ":probed_a*")
int BPF_KRETPROBE(on_uretprobe_multi_s, long result)
{
	hit(result - 1);
	return 0;
}

SEC("uprobe.session/" TRIGGER ":probed_a*")
int BPF_KPROBE(on_uprobe_session, long number)
{
	hit(number);
	return 0;
}

SEC("uprobe.session.s/" TRIGGER ":probed_a*")
int BPF_KPROBE(on_uprobe_session_s, long number)
{
	hit(number);
	return 0;
}
