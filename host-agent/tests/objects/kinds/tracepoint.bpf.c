/* Tracepoints in their four forms, and writable ones. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "hit.h"

#if defined(__TARGET_ARCH_arm64)
#define NR_GETPGID 155
#else
#define NR_GETPGID 121
#endif

SEC("tracepoint/syscalls/sys_enter_getpgid")
int on_tracepoint(struct trace_event_raw_sys_enter *ctx)
{
	hit_pid();
	return 0;
}

SEC("tp/syscalls/sys_exit_getpgid")
int on_tp(struct trace_event_raw_sys_exit *ctx)
{
	hit_pid();
	return 0;
}

SEC("tracepoint.s/syscalls/sys_enter_getpgid")
int on_tracepoint_s(struct trace_event_raw_sys_enter *ctx)
{
	hit_pid();
	return 0;
}

SEC("tp.s/syscalls/sys_exit_getpgid")
int on_tp_s(struct trace_event_raw_sys_exit *ctx)
{
	hit_pid();
	return 0;
}

SEC("raw_tracepoint/sys_enter")
int on_raw_tracepoint(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] == NR_GETPGID)
		hit_pid();
	return 0;
}

SEC("raw_tp/sys_enter")
int on_raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] == NR_GETPGID)
		hit_pid();
	return 0;
}

SEC("raw_tracepoint.s/sys_enter")
int on_raw_tracepoint_s(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] == NR_GETPGID)
		hit_pid();
	return 0;
}

SEC("raw_tp.s/sys_enter")
int on_raw_tp_s(struct bpf_raw_tracepoint_args *ctx)
{
	if (ctx->args[1] == NR_GETPGID)
		hit_pid();
	return 0;
}

/* The kernel's own writable tracepoint: the end of a BPF_PROG_TEST_RUN. */
SEC("raw_tracepoint.w/bpf_test_finish")
int on_raw_tracepoint_w(struct bpf_raw_tracepoint_args *ctx)
{
	hit_pid();
	return 0;
}

SEC("raw_tp.w/bpf_test_finish")
int on_raw_tp_w(struct bpf_raw_tracepoint_args *ctx)
{
	hit_pid();
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_tp_btf, struct pt_regs *regs, long number)
{
	if (number == NR_GETPGID)
		hit_pid();
	return 0;
}

SEC("tp_btf.s/sys_enter")
int BPF_PROG(on_tp_btf_s, struct pt_regs *regs, long number)
{
	if (number == NR_GETPGID)
		hit_pid();
	return 0;
}
