//! The table: how a kind is recognised, what may be chosen for it, and the function that attaches it.

use std::collections::HashMap;

use ringside_bpf::program::Program;
use ringside_bpf::sections;

use super::target::prefix;
use super::{
    Made, Target, btf, cgroup, explained, interface, iter, kernel, netfilter, netns, sampling, sockets, tracing_multi,
    user, xdp,
};
use crate::failure::Answer;

/// One way to attach.
pub struct Kind {
    pub name: &'static str,
    matches: fn(&Facts<'_>) -> bool,
    /// What may be chosen; any other key is refused, so that a slip of the pen is not ignored.
    pub keys: &'static [&'static str],
    pub attach: fn(&Target<'_>) -> Answer<Made>,
}

/// What tells a program's kind.
struct Facts<'a> {
    kind: u32,
    attach: u32,
    prefix: &'a str,
    choices: &'a HashMap<String, String>,
}

impl Facts<'_> {
    /// Sections of kprobe-type programs tell what they are.
    fn probe(&self, names: &[&str]) -> bool {
        self.kind == types::KPROBE && names.contains(&self.prefix)
    }

    fn tracing(&self, attach: u32) -> bool {
        self.kind == types::TRACING && self.attach == attach
    }
}

pub fn of(program: &Program<'_>, choices: &HashMap<String, String>) -> Option<&'static Kind> {
    let facts = Facts {
        kind: program.kind(),
        attach: program.expected_attach_type(),
        prefix: prefix(program.section()),
        choices,
    };
    KINDS.iter().find(|kind| (kind.matches)(&facts))
}

const BINARY_PLACE: &[&str] = &["binary", "symbol", "offset", "pid", "comm", "container"];
const INTERFACE_DIRECTION: &[&str] = &["iface", "direction"];

/// The first that matches counts, so the more special stand first.
#[rustfmt::skip]
const KINDS: &[Kind] = &[
    Kind { name: "tracepoint", matches: |f| f.kind == types::TRACEPOINT, keys: &["event"], attach: kernel::tracepoint },
    Kind { name: "raw_tracepoint.w", matches: |f| f.kind == types::RAW_TRACEPOINT_WRITABLE, keys: &["event"], attach: kernel::raw_tracepoint },
    Kind { name: "raw_tracepoint", matches: |f| f.kind == types::RAW_TRACEPOINT, keys: &["event"], attach: kernel::raw_tracepoint },
    // Tracing by the kernel's types. What they are for was chosen when they were loaded; the same choice may be said again.
    Kind { name: "tp_btf", matches: |f| f.tracing(attaches::RAW_TP), keys: &["event"], attach: btf::traced },
    Kind { name: "fentry", matches: |f| f.tracing(attaches::FENTRY), keys: &["func"], attach: btf::traced },
    Kind { name: "fexit", matches: |f| f.tracing(attaches::FEXIT), keys: &["func"], attach: btf::traced },
    Kind { name: "fmod_ret", matches: |f| f.tracing(attaches::MODIFY_RETURN), keys: &["func"], attach: btf::traced },
    Kind { name: "fsession", matches: |f| f.tracing(attaches::FSESSION), keys: &["func"], attach: btf::traced },
    Kind { name: "fentry.multi", matches: |f| f.tracing(sections::FENTRY_MULTI), keys: &["func"], attach: tracing_multi::many },
    Kind { name: "fexit.multi", matches: |f| f.tracing(sections::FEXIT_MULTI), keys: &["func"], attach: tracing_multi::many },
    Kind { name: "fsession.multi", matches: |f| f.tracing(sections::FSESSION_MULTI), keys: &["func"], attach: tracing_multi::many },
    Kind { name: "iter", matches: |f| f.tracing(attaches::ITER), keys: &["func", "pid", "comm", "map", "cgroup", "order"], attach: iter::iter },
    Kind { name: "tracing", matches: |f| f.kind == types::TRACING, keys: &["func"], attach: btf::traced },
    Kind { name: "lsm_cgroup", matches: |f| f.kind == types::LSM && f.attach == attaches::LSM_CGROUP, keys: &["func", "cgroup"], attach: cgroup::cgroup },
    Kind { name: "lsm", matches: |f| f.kind == types::LSM, keys: &["func"], attach: btf::lsm },
    Kind { name: "freplace", matches: |f| f.kind == types::EXT, keys: &["program", "func"], attach: btf::freplace },
    // Probes.
    Kind { name: "ksyscall", matches: |f| f.probe(&["ksyscall", "kretsyscall"]), keys: &["func"], attach: kernel::ksyscall },
    Kind { name: "kprobe.session", matches: |f| f.kind == types::KPROBE && f.attach == attaches::KPROBE_SESSION, keys: &["func"], attach: kernel::kprobe_session },
    Kind { name: "kprobe.multi", matches: |f| f.kind == types::KPROBE && f.attach == attaches::KPROBE_MULTI, keys: &["func"], attach: kernel::kprobe_multi },
    Kind { name: "uprobe.session", matches: |f| f.kind == types::KPROBE && f.attach == attaches::UPROBE_SESSION, keys: BINARY_PLACE, attach: user::uprobe_session },
    Kind { name: "uprobe.multi", matches: |f| f.kind == types::KPROBE && f.attach == attaches::UPROBE_MULTI && !f.prefix.starts_with("usdt"), keys: BINARY_PLACE, attach: user::uprobe_multi },
    Kind { name: "usdt", matches: |f| f.probe(&["usdt", "usdt.s"]), keys: &["binary", "provider", "probe", "pid", "comm", "container"], attach: user::usdt },
    Kind {
        name: "uprobe",
        matches: |f| f.kind == types::KPROBE && (f.prefix.starts_with("uprobe") || f.prefix.starts_with("uretprobe") || f.choices.contains_key("binary")),
        keys: BINARY_PLACE,
        attach: user::uprobe,
    },
    Kind { name: "kprobe", matches: |f| f.kind == types::KPROBE, keys: &["func", "offset"], attach: kernel::kprobe },
    Kind { name: "perf_event", matches: |f| f.kind == types::PERF_EVENT, keys: &["event", "freq", "period", "cpu", "pid", "comm"], attach: sampling::perf_event },
    // Networking.
    Kind { name: "xdp.cpumap", matches: |f| f.kind == types::XDP && f.attach == attaches::XDP_CPUMAP, keys: &["map", "cpu"], attach: xdp::cpumap },
    Kind { name: "xdp.devmap", matches: |f| f.kind == types::XDP && f.attach == attaches::XDP_DEVMAP, keys: &["map", "iface"], attach: xdp::devmap },
    Kind { name: "xdp", matches: |f| f.kind == types::XDP, keys: &["iface", "xdp-mode"], attach: xdp::xdp },
    Kind { name: "netkit", matches: |f| f.kind == types::SCHED_CLS && f.attach == attaches::NETKIT_PRIMARY, keys: &["iface"], attach: interface::netkit_primary },
    Kind { name: "netkit", matches: |f| f.kind == types::SCHED_CLS && f.attach == attaches::NETKIT_PEER, keys: &["iface"], attach: interface::netkit_peer },
    Kind { name: "tc", matches: |f| f.kind == types::SCHED_CLS, keys: INTERFACE_DIRECTION, attach: interface::tc },
    Kind { name: "cgroup_skb", matches: |f| f.kind == types::CGROUP_SKB, keys: &["cgroup", "direction"], attach: cgroup::skb },
    Kind { name: "sockops", matches: |f| f.kind == types::SOCK_OPS, keys: &["cgroup"], attach: cgroup::cgroup },
    Kind { name: "cgroup", matches: |f| types::CGROUP.contains(&f.kind), keys: &["cgroup"], attach: cgroup::cgroup },
    Kind { name: "sk_lookup", matches: |f| f.kind == types::SK_LOOKUP, keys: &["netns"], attach: netns::netns },
    Kind { name: "flow_dissector", matches: |f| f.kind == types::FLOW_DISSECTOR, keys: &["netns"], attach: netns::netns },
    Kind { name: "netfilter", matches: |f| f.kind == types::NETFILTER, keys: &["pf", "hook", "priority", "defrag"], attach: netfilter::netfilter },
    Kind { name: "sk_msg", matches: |f| f.kind == types::SK_MSG, keys: &["map"], attach: sockets::sk_msg },
    Kind { name: "sk_skb", matches: |f| f.kind == types::SK_SKB, keys: &["map", "hook"], attach: sockets::sk_skb },
    Kind { name: "socket", matches: |f| f.kind == types::SOCKET_FILTER, keys: &["iface", "pid", "comm", "fd"], attach: sockets::filter },
    Kind { name: "sk_reuseport", matches: |f| f.kind == types::SK_REUSEPORT, keys: &["pid", "comm", "fd"], attach: sockets::reuseport },
    // Neither function nor packet.
    Kind { name: "syscall", matches: |f| f.kind == types::SYSCALL, keys: &[], attach: btf::run_once },
    Kind { name: "struct_ops", matches: |f| f.kind == types::STRUCT_OPS, keys: &[], attach: explained::struct_ops_member },
    Kind { name: "sched_act", matches: |f| f.kind == types::SCHED_ACT, keys: &[], attach: explained::action },
    Kind { name: "lwt", matches: |f| types::LWT.contains(&f.kind), keys: &[], attach: explained::lwt },
    Kind { name: "lirc_mode2", matches: |f| f.kind == types::LIRC_MODE2, keys: &[], attach: explained::lirc },
];

/// Numbers of the kernel's ABI (BPF_PROG_TYPE_*).
mod types {
    pub const SOCKET_FILTER: u32 = 1;
    pub const KPROBE: u32 = 2;
    pub const SCHED_CLS: u32 = 3;
    pub const SCHED_ACT: u32 = 4;
    pub const TRACEPOINT: u32 = 5;
    pub const XDP: u32 = 6;
    pub const PERF_EVENT: u32 = 7;
    pub const CGROUP_SKB: u32 = 8;
    pub const SOCK_OPS: u32 = 13;
    pub const SK_SKB: u32 = 14;
    pub const SK_MSG: u32 = 16;
    pub const RAW_TRACEPOINT: u32 = 17;
    pub const LIRC_MODE2: u32 = 20;
    pub const SK_REUSEPORT: u32 = 21;
    pub const FLOW_DISSECTOR: u32 = 22;
    pub const RAW_TRACEPOINT_WRITABLE: u32 = 24;
    pub const TRACING: u32 = 26;
    pub const STRUCT_OPS: u32 = 27;
    pub const EXT: u32 = 28;
    pub const LSM: u32 = 29;
    pub const SK_LOOKUP: u32 = 30;
    pub const SYSCALL: u32 = 31;
    pub const NETFILTER: u32 = 32;
    /// cgroup_sock, cgroup_device, cgroup_sock_addr, cgroup_sysctl, cgroup_sockopt
    pub const CGROUP: [u32; 5] = [9, 15, 18, 23, 25];
    /// lwt_in, lwt_out, lwt_xmit, lwt_seg6local
    pub const LWT: [u32; 4] = [10, 11, 12, 19];
}

/// Numbers of the kernel's ABI (enum bpf_attach_type).
mod attaches {
    pub const RAW_TP: u32 = 23;
    pub const FENTRY: u32 = 24;
    pub const FEXIT: u32 = 25;
    pub const MODIFY_RETURN: u32 = 26;
    pub const ITER: u32 = 28;
    pub const XDP_DEVMAP: u32 = 33;
    pub const XDP_CPUMAP: u32 = 35;
    pub const KPROBE_MULTI: u32 = 42;
    pub const LSM_CGROUP: u32 = 43;
    pub const UPROBE_MULTI: u32 = 48;
    pub const NETKIT_PRIMARY: u32 = 54;
    pub const NETKIT_PEER: u32 = 55;
    pub const KPROBE_SESSION: u32 = 56;
    pub const UPROBE_SESSION: u32 = 57;
    pub const FSESSION: u32 = 58;
}
