/* Kernel functions by trampolines. The sleepable forms need a function that errors may be injected into: a system call. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "hit.h"

#if defined(__TARGET_ARCH_arm64)
#define GETPGID "__arm64_sys_getpgid"
#else
#define GETPGID "__x64_sys_getpgid"
#endif

SEC("fentry/security_task_getpgid")
int BPF_PROG(on_fentry, struct task_struct *task)
{
	hit(task->tgid);
	return 0;
}

SEC("?fentry")
int BPF_PROG(on_fentry_chosen, struct task_struct *task)
{
	hit(task->tgid);
	return 0;
}

SEC("fexit/security_task_getpgid")
int BPF_PROG(on_fexit, struct task_struct *task, int result)
{
	if (result == 0)
		hit(task->tgid);
	return 0;
}

SEC("fmod_ret/security_task_getpgid")
int BPF_PROG(on_fmod_ret, struct task_struct *task, int result)
{
	hit(task->tgid);
	return result;
}

SEC("fentry.s/" GETPGID)
int BPF_PROG(on_fentry_s)
{
	hit_pid();
	return 0;
}

SEC("fexit.s/" GETPGID)
int BPF_PROG(on_fexit_s)
{
	hit_pid();
	return 0;
}

SEC("fmod_ret.s/" GETPGID)
int BPF_PROG(on_fmod_ret_s)
{
	hit_pid();
	return 0;
}

SEC("fsession/security_task_getpgid")
int BPF_PROG(on_fsession, struct task_struct *task)
{
	hit_pid();
	return 0;
}

SEC("fsession.s/" GETPGID)
int BPF_PROG(on_fsession_s)
{
	hit_pid();
	return 0;
}

SEC("fentry.multi/security_task_getpg*")
int BPF_PROG(on_fentry_multi)
{
	hit_pid();
	return 0;
}

SEC("fentry.multi.s/" GETPGID)
int BPF_PROG(on_fentry_multi_s)
{
	hit_pid();
	return 0;
}

SEC("fexit.multi/security_task_getpg*")
int BPF_PROG(on_fexit_multi)
{
	hit_pid();
	return 0;
}

SEC("fexit.multi.s/" GETPGID)
int BPF_PROG(on_fexit_multi_s)
{
	hit_pid();
	return 0;
}

SEC("fsession.multi/security_task_getpg*")
int BPF_PROG(on_fsession_multi)
{
	hit_pid();
	return 0;
}

SEC("fsession.multi.s/" GETPGID)
int BPF_PROG(on_fsession_multi_s)
{
	hit_pid();
	return 0;
}
