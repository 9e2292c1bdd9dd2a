//! What this host is: facts, its types, and the greeting.

use std::fs;

use ringside_bpf::{btf, cpus, os, perf, token};
use ringside_proto::{PROTOCOL_MAJOR, PROTOCOL_MINOR, messages as pb};
use sha2::{Digest, Sha256};

use crate::VERSION;
use crate::allowed;
use crate::audit;
use crate::failure::{Answer, Failure};
use crate::privilege;
use crate::requests::Context;

/// `supervisor` is the process that watches this one, 0 for none.
pub fn hello(supervisor: u32) -> pb::Hello {
    let (arch, kernel) = os::uname();
    pb::Hello {
        protocol_major: PROTOCOL_MAJOR,
        protocol_minor: PROTOCOL_MINOR,
        version: VERSION.into(),
        arch,
        kernel,
        page_size: os::page_size() as u32,
        online_cpus: cpus::online().len() as u32,
        possible_cpus: cpus::possible_count() as u32,
        euid: os::effective_uid(),
        pid: std::process::id(),
        supervisor_pid: supervisor,
        realtime_minus_monotonic_ns: os::realtime_minus_monotonic_ns(),
        realtime_minus_boottime_ns: os::realtime_minus_boottime_ns(),
    }
}

pub fn facts() -> pb::HostFacts {
    let (arch, kernel) = os::uname();
    let types = btf::kernel();
    pb::HostFacts {
        hostname: word("/proc/sys/kernel/hostname"),
        kernel,
        arch,
        distro: distro(),
        online_cpus: cpus::online().len() as u32,
        possible_cpus: cpus::possible_count() as u32,
        btf: types.is_some(),
        btf_bytes: types.as_ref().map_or(0, |types| types.len() as u64),
        btf_sha256: types.map_or_else(String::new, |types| hex(&Sha256::digest(types))),
        lockdown: lockdown(),
        jit: word("/proc/sys/net/core/bpf_jit_enable"),
        tracefs: perf::tracefs().unwrap_or_default(),
        bpffs: mount_of("bpf").unwrap_or_default(),
        unprivileged_bpf_disabled: word("/proc/sys/kernel/unprivileged_bpf_disabled"),
        kptr_restrict: word("/proc/sys/kernel/kptr_restrict"),
        perf_event_paranoid: word("/proc/sys/kernel/perf_event_paranoid"),
        euid: os::effective_uid(),
        capabilities: capabilities(),
        mem_available_bytes: mem_available(),
        lsm: word("/sys/kernel/security/lsm"),
        cgroup2: cgroup2().unwrap_or_default(),
        setcap_command: privilege::setcap_command(),
        user_namespace: token::in_user_namespace(),
        bpf_token: token::path().unwrap_or_default().to_owned(),
        audit_log: audit::place().into(),
        object_policy: Some(allowed::describe()),
    }
}

pub fn btf(context: &Context<'_>, request: &pb::GetBtf) -> Answer<pb::BtfBlob> {
    let types = match request.module.as_str() {
        "" => btf::kernel().ok_or_else(no_btf)?,
        module => btf::module(module).ok_or_else(|| no_module_btf(module))?,
    };
    let blob = context.send_blob(&types)?;
    let name = if request.module.is_empty() { "vmlinux".to_owned() } else { request.module.clone() };
    Ok(pb::BtfBlob { blob, bytes: types.len() as u64, split: !request.module.is_empty(), name })
}

fn no_module_btf(module: &str) -> Failure {
    Failure::new("no-btf", format!("The kernel shows no types of a module {module}."))
        .hint("The module is not loaded, or it or the kernel was built without BTF.")
}

pub fn no_btf() -> Failure {
    Failure::new("no-btf", format!("This kernel has no type information ({}).", btf::KERNEL_BTF))
        .hint("Programs that use CO-RE or vmlinux.h need a kernel built with CONFIG_DEBUG_INFO_BTF, as those of the distributions since 2021 are.")
}

/// "none", "integrity", "confidentiality", or "" where the kernel has no lockdown.
pub fn lockdown() -> String {
    let text = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    text.split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or_else(String::new, |(mode, _)| mode.to_owned())
}

/// Mount point of the unified cgroup hierarchy: not always /sys/fs/cgroup.
pub fn cgroup2() -> Option<String> {
    mount_of("cgroup2")
}

fn mount_of(kind: &str) -> Option<String> {
    mounts_of(kind).into_iter().next()
}

/// Mount points of all file systems of that type.
pub fn mounts_of(kind: &str) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let found = mounts.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields.get(2) == Some(&kind)).then(|| fields[1].replace("\\040", " "))
    });
    found.collect()
}

fn distro() -> String {
    let text = fs::read_to_string("/etc/os-release").or_else(|_| fs::read_to_string("/usr/lib/os-release"));
    let text = text.unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(String::new, |name| name.trim_matches(['"', '\'']).to_owned())
}

pub fn mem_available() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Effective capabilities by name; those newer than this table by number.
pub fn capabilities() -> Vec<String> {
    const NAMES: [&str; 41] = [
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "SYS_PACCT",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_NICE",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "MKNOD",
        "LEASE",
        "AUDIT_WRITE",
        "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE",
        "MAC_ADMIN",
        "SYSLOG",
        "WAKE_ALARM",
        "BLOCK_SUSPEND",
        "AUDIT_READ",
        "PERFMON",
        "BPF",
        "CHECKPOINT_RESTORE",
    ];
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    (0..64)
        .filter(|bit| mask & (1 << bit) != 0)
        .map(|bit| NAMES.get(bit).map_or_else(|| format!("CAP_{bit}"), |name| format!("CAP_{name}")))
        .collect()
}

fn word(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| String::new(), |text| text.trim().to_owned())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
