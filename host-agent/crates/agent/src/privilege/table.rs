//! Which capabilities a program needs: by its type, by the helpers that it calls, by the maps of its object. The same table
//! as in `core/src/bpf/capabilities.ts`, which tells it before anything is loaded; a test there holds the two equal.

use super::Capability::{self, *};

/// All that an agent may ever need, and what for. Everything else is given up before the first request.
pub const AGENT: &[(Capability, &str)] = &[
    (Bpf, "loads programs, makes maps, reads what others have loaded"),
    (Perfmon, "loads and attaches tracing programs, opens perf events"),
    (NetAdmin, "loads and attaches networking programs, reads qdiscs and links of interfaces"),
    (NetRaw, "socket filters see an interface through a packet socket"),
    (SysAdmin, "objects of other processes by id, run statistics, network namespaces; everything before Linux 5.8"),
    (SysPtrace, "symbols and binaries of other users' processes, sockets of a process"),
    (DacReadSearch, "binaries and /proc of other users"),
    (CheckpointRestore, "files that a process has mapped and nobody else sees any more"),
    (Syslog, "addresses in /proc/kallsyms where kptr_restrict hides them"),
    (SysResource, "as many descriptors as the host allows, and locked memory before Linux 5.11"),
    (SetPcap, "to take more from the bounding set later"),
];

const TRACING: &[Capability] = &[Bpf, Perfmon];
const NETWORK: &[Capability] = &[Bpf, NetAdmin];

/// By bpftool's name of the program type.
pub const TYPES: &[(&str, &[Capability])] = &[
    ("socket_filter", &[Bpf, NetRaw]),
    ("kprobe", TRACING),
    ("sched_cls", NETWORK),
    ("sched_act", NETWORK),
    ("tracepoint", TRACING),
    ("xdp", NETWORK),
    ("perf_event", TRACING),
    ("cgroup_skb", NETWORK),
    ("cgroup_sock", NETWORK),
    ("lwt_in", NETWORK),
    ("lwt_out", NETWORK),
    ("lwt_xmit", NETWORK),
    ("sock_ops", NETWORK),
    ("sk_skb", NETWORK),
    ("cgroup_device", NETWORK),
    ("sk_msg", NETWORK),
    ("raw_tracepoint", TRACING),
    ("cgroup_sock_addr", NETWORK),
    ("lwt_seg6local", NETWORK),
    ("lirc_mode2", NETWORK),
    ("sk_reuseport", &[Bpf, SysPtrace]),
    ("flow_dissector", NETWORK),
    ("cgroup_sysctl", NETWORK),
    ("raw_tracepoint_writable", TRACING),
    ("cgroup_sockopt", NETWORK),
    ("tracing", TRACING),
    ("struct_ops", TRACING),
    ("ext", &[Bpf, Perfmon, NetAdmin, SysAdmin]),
    ("lsm", TRACING),
    ("sk_lookup", &[Bpf]),
    ("syscall", &[Bpf]),
    ("netfilter", NETWORK),
];

/// By the first part of the section, where attaching asks for more than the type.
pub const SECTIONS: &[(&str, Capability)] = &[
    // Since July 2025, in all kernels that are still maintained: a probe of a process's memory is no tracing of the kernel.
    ("uprobe", SysAdmin),
    ("uprobe.s", SysAdmin),
    ("uretprobe", SysAdmin),
    ("uretprobe.s", SysAdmin),
    // Falls back to such probes where the kernel has no uprobe.multi.
    ("usdt", SysAdmin),
    ("usdt.s", SysAdmin),
];

/// By the number of the helper (BPF_FUNC_*). Where programs lie, by which their prints are told apart, is shown with Syslog.
pub const HELPERS: &[(i32, &[Capability])] = &[
    (6, &[Perfmon, Syslog]),   // trace_printk
    (35, &[Perfmon]),          // get_current_task
    (36, &[SysAdmin]),         // probe_write_user
    (55, &[Perfmon]),          // perf_event_read_value
    (112, &[Perfmon]),         // probe_read_user
    (113, &[Perfmon]),         // probe_read_kernel
    (114, &[Perfmon]),         // probe_read_user_str
    (115, &[Perfmon]),         // probe_read_kernel_str
    (149, &[Perfmon]),         // snprintf_btf
    (158, &[Perfmon]),         // get_current_task_btf
    (165, &[Perfmon]),         // snprintf
    (175, &[Perfmon]),         // task_pt_regs
    (177, &[Perfmon, Syslog]), // trace_vprintk
];

/// By bpftool's name of the map type: what making or reading it asks for.
pub const MAPS: &[(&str, Capability)] = &[
    ("perf_event_array", Perfmon),
    ("devmap", NetAdmin),
    ("sockmap", NetAdmin),
    ("xskmap", NetAdmin),
    ("sockhash", NetAdmin),
    ("devmap_hash", NetAdmin),
];
