// SPDX-License-Identifier: GPL-2.0
// A program of each kind that does nothing, and some whose helpers ask for more than their kind.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define NOTHING(section, name, result)           \
	SEC("?" section)                         \
	int name(void *ctx)                      \
	{                                        \
		return result;                   \
	}

NOTHING("tracepoint/syscalls/sys_enter_getpgid", on_tracepoint, 0)
NOTHING("raw_tp/sys_enter", on_raw_tp, 0)
NOTHING("tp_btf/sys_enter", on_tp_btf, 0)
NOTHING("uprobe/libc.so.6:getuid", on_uprobe, 0)
NOTHING("uprobe.multi/libc.so.6:getuid", on_uprobe_multi, 0)
NOTHING("perf_event", on_sample, 0)
NOTHING("iter/task", on_task, 0)
NOTHING("syscall", on_syscall, 0)
NOTHING("socket", on_socket, 0)
NOTHING("tc", on_tc, 0)
NOTHING("xdp", on_xdp, XDP_PASS)
NOTHING("cgroup_skb/egress", on_egress, 1)
NOTHING("cgroup/sock_create", on_sock_create, 1)
NOTHING("cgroup/dev", on_dev, 1)
NOTHING("sockops", on_sockops, 1)
NOTHING("sk_lookup", on_lookup, SK_PASS)
NOTHING("flow_dissector", on_flow, BPF_FLOW_DISSECTOR_CONTINUE)
NOTHING("netfilter", on_netfilter, 1)
NOTHING("kprobe/security_task_getpgid", on_kprobe, 0)
NOTHING("fentry/security_task_getpgid", on_fentry, 0)
NOTHING("lsm/task_getpgid", on_lsm, 0)

SEC("?xdp")
int xdp_prints(void *ctx)
{
	bpf_printk("never attached to a busy interface");
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
