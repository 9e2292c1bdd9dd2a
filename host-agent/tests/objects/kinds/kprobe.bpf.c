/* Kernel functions by kprobes. security_task_getpgid() is called by getpgid(2) and inlined by no kernel. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "hit.h"

SEC("kprobe/security_task_getpgid")
int on_kprobe(struct pt_regs *ctx)
{
	hit_pid();
	return 0;
}

SEC("kretprobe/security_task_getpgid")
int on_kretprobe(struct pt_regs *ctx)
{
	hit_pid();
	return 0;
}

SEC("kprobe")
int on_chosen(struct pt_regs *ctx)
{
	hit_pid();
	return 0;
}

SEC("kprobe.multi/security_task_getpg*")
int on_kprobe_multi(struct pt_regs *ctx)
{
	hit_pid();
	return 0;
}

SEC("kretprobe.multi/security_task_getpg*")
int on_kretprobe_multi(struct pt_regs *ctx)
{
	hit_pid();
	return 0;
}

SEC("kprobe.session/security_task_getpg*")
int on_kprobe_session(struct pt_regs *ctx)
{
	hit_pid();
	return 0; /* the return is wanted as well */
}

SEC("ksyscall/getpgid")
int BPF_KSYSCALL(on_ksyscall, pid_t pid)
{
	hit(pid);
	return 0;
}

SEC("kretsyscall/getpgid")
int BPF_KRETPROBE(on_kretsyscall, long result)
{
	if (result > 0)
		hit_pid();
	return 0;
}
