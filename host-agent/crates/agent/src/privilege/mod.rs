//! Least privilege: the agent keeps what some feature of it needs, and, once attached, what its object needs.

mod file;
pub mod read_only;
mod table;

use std::collections::BTreeSet;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use ringside_bpf::object::Object;
use ringside_bpf::{insns, os, privilege, sandbox};

use crate::attach;
use crate::failure::{Answer, Failure};
use crate::journal;
use crate::supervisor;

pub use file::setcap_command;

/// Numbers of the kernel's ABI (CAP_*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Capability {
    DacReadSearch = 2,
    SetPcap = 8,
    NetAdmin = 12,
    NetRaw = 13,
    SysPtrace = 19,
    SysAdmin = 21,
    SysResource = 24,
    Syslog = 34,
    Perfmon = 38,
    Bpf = 39,
    CheckpointRestore = 40,
}

use Capability::*;

impl Capability {
    pub fn name(self) -> &'static str {
        match self {
            DacReadSearch => "CAP_DAC_READ_SEARCH",
            SetPcap => "CAP_SETPCAP",
            NetAdmin => "CAP_NET_ADMIN",
            NetRaw => "CAP_NET_RAW",
            SysPtrace => "CAP_SYS_PTRACE",
            SysAdmin => "CAP_SYS_ADMIN",
            SysResource => "CAP_SYS_RESOURCE",
            Syslog => "CAP_SYSLOG",
            Perfmon => "CAP_PERFMON",
            Bpf => "CAP_BPF",
            CheckpointRestore => "CAP_CHECKPOINT_RESTORE",
        }
    }

    fn bit(self) -> privilege::Set {
        1 << (self as u8)
    }
}

pub type Capabilities = BTreeSet<Capability>;

fn set_of<'a>(capabilities: impl IntoIterator<Item = &'a Capability>) -> privilege::Set {
    capabilities.into_iter().fold(0, |set, one| set | one.bit())
}

/// What a child that reads other users' processes is to have.
pub fn of_symbolizer() -> privilege::Set {
    let mapped_files = if kernel_is_at_least((5, 9)) { CheckpointRestore } else { SysAdmin };
    set_of(&[SysPtrace, DacReadSearch, Syslog, mapped_files])
}

/// At the start of the worker, before its threads: every right and every system call goes that no feature needs.
pub fn keep_what_an_agent_needs() {
    let agent = set_of(table::AGENT.iter().map(|(capability, _)| capability));
    if let Err(error) = privilege::keep_only(agent) {
        journal::error("privilege", &format!("cannot give up capabilities: {error}"));
    }
    if let Err(error) = sandbox::allow_agent_calls_only() {
        journal::error("privilege", &format!("no seccomp filter: {error}"));
    }
}

/// The supervisor, when its worker has given up more.
pub fn keep_no_more_than(kept: privilege::Set) {
    if let Err(error) = privilege::keep_only(kept) {
        journal::error("privilege", &format!("cannot give up capabilities: {error}"));
    }
}

/// Programs of before Linux 5.8 do not know the smaller capabilities.
fn kernel_has_cap_bpf() -> bool {
    kernel_is_at_least((5, 8))
}

fn kernel_is_at_least(version: (u32, u32)) -> bool {
    static KERNEL: OnceLock<(u32, u32)> = OnceLock::new();
    *KERNEL.get_or_init(|| version_of(&os::uname().1)) >= version
}

fn version_of(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|text| text.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Before Linux 5.8 CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON.
fn on_this_kernel(needed: Capabilities) -> Capabilities {
    if kernel_has_cap_bpf() { needed } else { before_cap_bpf(needed) }
}

fn before_cap_bpf(needed: Capabilities) -> Capabilities {
    needed.into_iter().map(|one| if matches!(one, Bpf | Perfmon) { SysAdmin } else { one }).collect()
}

/// What a program of this type that calls these helpers needs.
fn of_program(kind: &str, section: &str, helpers: impl IntoIterator<Item = i32>) -> Capabilities {
    let found = table::TYPES.iter().find(|(name, _)| *name == kind);
    let mut needed: Capabilities = found.map_or(&[Bpf][..], |(_, needed)| needed).iter().copied().collect();
    needed.extend(of_section(section));
    needed.extend(helpers.into_iter().flat_map(of_helper));
    needed
}

fn of_section(section: &str) -> Option<Capability> {
    let prefix = attach::section_prefix(section);
    table::SECTIONS.iter().find(|(name, _)| *name == prefix).map(|(_, needed)| *needed)
}

fn of_helper(helper: i32) -> &'static [Capability] {
    table::HELPERS.iter().find(|(number, _)| *number == helper).map_or(&[], |(_, needed)| needed)
}

fn of_map(kind: &str) -> Option<Capability> {
    table::MAPS.iter().find(|(name, _)| *name == kind).map(|(_, needed)| *needed)
}

/// What it takes to load and attach this object's programs (those that are, or are to be, loaded) on this kernel.
pub fn needed(object: &Object) -> Capabilities {
    let programs = object.programs();
    let chosen = programs.iter().filter(|program| program.fd().is_some() || program.autoload());
    let mut needed: Capabilities = chosen
        .flat_map(|program| of_program(program.type_name(), program.section(), insns::helpers(&program.insns())))
        .chain(object.maps().iter().filter_map(|map| of_map(map.type_name())))
        .collect();
    needed.insert(Bpf);
    if opens_perf_events_later(object) && perf_events_are_roots() {
        needed.insert(SysAdmin);
    }
    on_this_kernel(needed)
}

/// Debian's kernels, among others, open perf events for CAP_SYS_ADMIN only where kernel.perf_event_paranoid is above 2.
fn perf_events_are_roots() -> bool {
    let text = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    text.trim().parse().is_ok_and(|level: i32| level > 2)
}

/// Sampling programs and perf buffers follow processors that come while they are attached.
fn opens_perf_events_later(object: &Object) -> bool {
    let samples = object.programs().iter().any(|program| program.fd().is_some() && program.type_name() == "perf_event");
    samples || object.maps().iter().any(|map| map.type_name() == "perf_event_array")
}

/// Probes of one place are perf events, also where a BPF link is made of them.
fn attaches_by_perf_events(object: &Object) -> bool {
    let programs = object.programs();
    let mut chosen = programs.iter().filter(|program| program.fd().is_some() || program.autoload());
    chosen.any(|program| is_perf_event(program.type_name(), attach::section_prefix(program.section())))
}

fn is_perf_event(kind: &str, prefix: &str) -> bool {
    match kind {
        "kprobe" => !prefix.contains(".multi") && !prefix.contains(".session"),
        "tracepoint" | "perf_event" => true,
        _ => false,
    }
}

pub fn names(capabilities: &Capabilities) -> Vec<String> {
    capabilities.iter().map(|one| one.name().to_owned()).collect()
}

/// Which of these the agent does not have.
pub fn lacking(needed: &Capabilities) -> Capabilities {
    // Where it cannot be told, the kernel's own answer is.
    let Ok(has) = privilege::permitted() else { return Capabilities::new() };
    needed.iter().copied().filter(|one| has & one.bit() == 0).collect()
}

/// Gives up everything but these, in every thread and for good, and calls `meanwhile` while it waits for that. Gives what
/// the agent has from now on.
pub fn narrow(needed: &Capabilities, meanwhile: &mut dyn FnMut()) -> Answer<Capabilities> {
    NARROWED.store(true, Ordering::Relaxed);
    let failed = |why: &str| {
        Failure::new("agent-internal", format!("The agent cannot give up its capabilities: {why}."))
            .hint("What was attached is detached. This is a fault in Ringside: please report it with the log.")
    };
    privilege::narrow(set_of(needed), meanwhile).map_err(|error| failed(&error.to_string()))?;
    supervisor::tell_rights(set_of(needed), meanwhile).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::new("agent-denied", DENIED).hint(LET_PASS),
        _ => failed("its supervisor keeps them"),
    })?;
    let missing = lacking(needed);
    Ok(needed.difference(&missing).copied().collect())
}

/// What a security hook does to the agent itself.
pub const DENIED: &str = "What was attached denies the agent itself what it needs: its two processes cannot reach each other any more (Operation not permitted). Everything is detached.";
const LET_PASS: &str = "Let the program pass what ringside-agent and ringside-superv do, or attach it to a control group that they are not in (lsm_cgroup).";

static NARROWED: AtomicBool = AtomicBool::new(false);

/// Whether this agent has given up what its run does not need.
pub fn has_narrowed() -> bool {
    NARROWED.load(Ordering::Relaxed)
}

/// An error when an agent that has given up its capabilities would need more for this object.
pub fn check_still_had(what: &str, object: &Object) -> Answer<()> {
    if !has_narrowed() {
        return Ok(());
    }
    let mut needed = needed(object);
    if attaches_by_perf_events(object) && perf_events_are_roots() {
        needed.insert(SysAdmin);
    }
    let missing = lacking(&needed);
    if missing.is_empty() { Ok(()) } else { Err(dropped(what, &names(&missing).join(", "))) }
}

/// Answer to what an agent that has given up its capabilities cannot do any more.
pub fn dropped(what: &str, missing: &str) -> Failure {
    Failure::new(
        "capability-dropped",
        format!("{what} needs {missing}, which this run's agent gave up once it was attached."),
    )
    .hint("Detach the program and attach it anew: a new agent starts with what it needs.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_before_5_8_know_only_cap_sys_admin() {
        for (release, has) in
            [("5.7.19-generic", false), ("5.8.0", true), ("4.18.0-553.el8", false), ("6.12.1+deb", true)]
        {
            assert_eq!(version_of(release) >= (5, 8), has, "{release}");
        }
        let network = of_program("xdp", "xdp", []);
        assert_eq!(names(&before_cap_bpf(network)), ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]);
        assert_eq!(names(&before_cap_bpf(of_program("kprobe", "kprobe/f", []))), ["CAP_SYS_ADMIN"]);
    }

    #[test]
    fn a_probe_of_one_place_is_a_perf_event() {
        for (kind, prefix, is) in [
            ("kprobe", "kprobe", true),
            ("kprobe", "uretprobe.s", true),
            ("kprobe", "kprobe.multi", false),
            ("kprobe", "uprobe.session.s", false),
            ("tracepoint", "tp", true),
            ("tracing", "fentry", false),
            ("raw_tracepoint", "raw_tp", false),
        ] {
            assert_eq!(is_perf_event(kind, prefix), is, "{prefix}");
        }
    }

    #[test]
    fn helpers_ask_for_more_than_the_type() {
        assert_eq!(names(&of_program("xdp", "xdp", [6])), ["CAP_NET_ADMIN", "CAP_SYSLOG", "CAP_PERFMON", "CAP_BPF"]);
        assert_eq!(names(&of_program("kprobe", "kprobe/f", [36])), ["CAP_SYS_ADMIN", "CAP_PERFMON", "CAP_BPF"]);
        assert_eq!(
            names(&of_program("kprobe", "?uprobe.s/libc.so.6:f", [])),
            ["CAP_SYS_ADMIN", "CAP_PERFMON", "CAP_BPF"]
        );
        assert_eq!(names(&of_program("tracepoint", "tp/a/b", [1, 14, 131])), ["CAP_PERFMON", "CAP_BPF"]);
    }

    #[test]
    fn what_an_agent_keeps_is_enough_for_every_type() {
        let agent: Capabilities = table::AGENT.iter().map(|(one, _)| *one).collect();
        for (kind, needed) in table::TYPES {
            assert!(needed.iter().all(|one| agent.contains(one)), "{kind}");
        }
        let rest = table::HELPERS.iter().flat_map(|(_, all)| all.iter()).chain(table::MAPS.iter().map(|(_, one)| one));
        assert!(rest.into_iter().all(|one| agent.contains(one)));
        assert!(agent.contains(&SysAdmin));
    }
}
