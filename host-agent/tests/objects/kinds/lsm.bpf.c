/* Security hooks. bprm_committed_creds is the one hook that every kernel since 5.10 lets sleep. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "hit.h"

SEC("lsm/task_getpgid")
int BPF_PROG(on_lsm, struct task_struct *task, int result)
{
	hit(task->tgid);
	return result;
}

SEC("lsm.s/bprm_committed_creds")
int BPF_PROG(on_lsm_s, struct linux_binprm *bprm)
{
	hit_pid();
	return 0;
}

SEC("lsm_cgroup/socket_bind")
int BPF_PROG(on_lsm_cgroup, struct socket *sock, struct sockaddr *address, int length)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;

	hit(bpf_ntohs(BPF_CORE_READ(in, sin_port)));
	return 1;
}
