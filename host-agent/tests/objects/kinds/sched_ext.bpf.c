/* A scheduler that leaves every decision to the kernel's defaults; its init may sleep. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "hit.h"

/* The members that are used; kernels without the class have no such type. */
struct sched_ext_ops___local {
	int (*init)(void);
	__u64 flags;
	__u32 timeout_ms;
	char name[128];
} __attribute__((preserve_access_index));

SEC("struct_ops.s/init")
int BPF_PROG(on_init)
{
	hit(MATRIX_PORT);
	return 0;
}

SEC(".struct_ops.link")
struct sched_ext_ops___local ringside_sched = {
	.init = (void *)on_init,
	.timeout_ms = 5000,
	.name = "ringside",
};
