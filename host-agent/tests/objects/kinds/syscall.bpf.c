/* A program that runs when it is told to. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "hit.h"

SEC("syscall")
int on_syscall(void *ctx)
{
	hit(MATRIX_PORT);
	return 0;
}
