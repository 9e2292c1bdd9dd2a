//! Attaching: a table with one small function for each kind.

mod auto;
mod candidates;
mod kernel;
mod network;
mod sampling;
mod target;
mod user;

use std::collections::HashMap;

use ringside_bpf::link::Link;
use ringside_bpf::program::Program;

pub use target::Target;

use crate::failure::{Answer, Failure};

/// What one attach function made.
pub struct Made {
    pub links: Vec<Link>,
    /// In words: "syscalls:sys_enter_execve", "lo".
    pub target: String,
    /// For links that the kernel does not name.
    pub kind: &'static str,
}

/// One way to attach.
struct Kind {
    name: &'static str,
    matches: fn(&Program<'_>) -> bool,
    /// What may be chosen; any other key is refused, so that a slip of the pen is not ignored.
    keys: &'static [&'static str],
    attach: fn(&Target<'_>) -> Answer<Made>,
}

/// The first that matches counts, so the more special stand first.
const KINDS: &[Kind] = &[
    Kind {
        name: "tracepoint",
        matches: |p| p.kind() == types::TRACEPOINT,
        keys: &["event"],
        attach: kernel::tracepoint,
    },
    Kind {
        name: "raw_tracepoint",
        matches: |p| matches!(p.kind(), types::RAW_TRACEPOINT | types::RAW_TRACEPOINT_WRITABLE),
        keys: &["event"],
        attach: kernel::raw_tracepoint,
    },
    Kind {
        name: "lsm_cgroup",
        matches: |p| p.kind() == types::LSM && p.section().starts_with("lsm_cgroup"),
        keys: &["cgroup"],
        attach: network::cgroup,
    },
    Kind {
        name: "tracing",
        matches: |p| matches!(p.kind(), types::TRACING | types::LSM),
        keys: &[],
        attach: auto::by_section,
    },
    Kind { name: "ksyscall", matches: |p| p.is_probe(&["ksyscall", "kretsyscall"]), keys: &[], attach: auto::ksyscall },
    Kind {
        name: "kprobe.multi",
        matches: |p| p.is_probe(&["kprobe.multi", "kretprobe.multi", "kprobe.session"]),
        keys: &[],
        attach: auto::by_section,
    },
    Kind {
        name: "uprobe.multi",
        matches: |p| {
            p.is_probe(&[
                "uprobe.multi",
                "uretprobe.multi",
                "uprobe.multi.s",
                "uretprobe.multi.s",
                "uprobe.session",
                "uprobe.session.s",
            ])
        },
        keys: &[],
        attach: auto::by_section,
    },
    Kind {
        name: "kprobe",
        matches: |p| p.is_probe(&["kprobe", "kretprobe"]),
        keys: &["func", "offset"],
        attach: kernel::kprobe,
    },
    Kind {
        name: "uprobe",
        matches: |p| p.is_probe(&["uprobe", "uretprobe", "uprobe.s", "uretprobe.s"]),
        keys: &["binary", "symbol", "offset", "pid"],
        attach: user::uprobe,
    },
    Kind {
        name: "usdt",
        matches: |p| p.is_probe(&["usdt", "usdt.s"]),
        keys: &["binary", "provider", "probe", "pid"],
        attach: user::usdt,
    },
    Kind {
        name: "perf_event",
        matches: |p| p.kind() == types::PERF_EVENT,
        keys: &["freq", "cpu", "pid"],
        attach: sampling::perf_event,
    },
    Kind {
        name: "xdp",
        matches: |p| p.kind() == types::XDP && !p.section().contains("map"),
        keys: &["iface", "xdp-mode"],
        attach: network::xdp,
    },
    Kind {
        name: "tcx",
        matches: |p| p.kind() == types::SCHED_CLS,
        keys: &["iface", "direction"],
        attach: network::tcx,
    },
    Kind { name: "cgroup", matches: |p| types::CGROUP.contains(&p.kind()), keys: &["cgroup"], attach: network::cgroup },
    Kind {
        name: "sk_lookup",
        matches: |p| matches!(p.kind(), types::SK_LOOKUP | types::FLOW_DISSECTOR),
        keys: &["netns"],
        attach: network::netns,
    },
];

/// Numbers of the kernel's ABI (BPF_PROG_TYPE_*).
mod types {
    pub const SCHED_CLS: u32 = 3;
    pub const TRACEPOINT: u32 = 5;
    pub const XDP: u32 = 6;
    pub const PERF_EVENT: u32 = 7;
    pub const RAW_TRACEPOINT: u32 = 17;
    pub const FLOW_DISSECTOR: u32 = 22;
    pub const RAW_TRACEPOINT_WRITABLE: u32 = 24;
    pub const TRACING: u32 = 26;
    pub const LSM: u32 = 29;
    pub const SK_LOOKUP: u32 = 30;
    /// cgroup_skb, cgroup_sock, sock_ops, cgroup_device, cgroup_sock_addr, cgroup_sysctl, cgroup_sockopt
    pub const CGROUP: [u32; 7] = [8, 9, 13, 15, 18, 23, 25];
}

/// Attaches a loaded program; `choices` are the target keys of the CLI contract.
pub fn attach(program: Program<'_>, choices: &HashMap<String, String>) -> Answer<Made> {
    let kind = KINDS.iter().find(|kind| (kind.matches)(&program)).ok_or_else(|| unsupported(&program))?;
    for key in choices.keys() {
        if !kind.keys.contains(&key.as_str()) {
            let known = if kind.keys.is_empty() { "nothing".to_owned() } else { kind.keys.join(", ") };
            let message = format!("Program {} ({}) has no target key {key}.", program.name(), kind.name);
            return Err(Failure::new("target-unknown", message).hint(format!("It takes {known}.")));
        }
    }
    let mut made = (kind.attach)(&Target { program, choices })?;
    made.kind = kind.name;
    Ok(made)
}

fn unsupported(program: &Program<'_>) -> Failure {
    let message = format!(
        "Program {} in section {} is of type {}, which this version of Ringside loads but does not attach.",
        program.name(),
        program.section(),
        program.type_name()
    );
    Failure::new("attach-unsupported", message)
        .hint("It can be verified. Attaching it needs support in the agent for this type.")
}

/// Section names of kprobe-type programs tell what they are.
trait ProbeSection {
    fn is_probe(&self, names: &[&str]) -> bool;
}

impl ProbeSection for Program<'_> {
    fn is_probe(&self, names: &[&str]) -> bool {
        const KPROBE: u32 = 2;
        self.kind() == KPROBE && names.contains(&target::prefix(self.section()))
    }
}
