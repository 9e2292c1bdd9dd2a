//! EPERM has six fathers. The state of the host and of the agent tells which one it is.

use std::fs;

use ringside_bpf::{log, os, perf, probe, token};

use crate::failure::Failure;
use crate::failure::libc_errno::EPERM;
use crate::privilege;
use crate::rpc::host;

/// What decides. Kept apart from where it comes from, so that each case can be tested.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub root: bool,
    /// Of CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN those that the agent has.
    pub capabilities: Vec<String>,
    /// Capabilities only count inside a user namespace.
    pub user_namespace: bool,
    /// Where BPF is delegated to that namespace.
    pub token: Option<&'static str>,
    pub seccomp: bool,
    pub lockdown: String,
    pub unprivileged_disabled: bool,
    /// Other security modules that are enforcing something on the agent, in words.
    pub security_modules: Vec<String>,
    /// A program that does nothing loads: then it is the kind, not BPF as such, that is refused.
    pub smallest_loads: bool,
    /// Not even root may read ftrace's list of functions: a lockdown that covers tracing, also where its level is not shown.
    pub functions_locked: bool,
    /// It has given up what its run does not need.
    pub narrowed: bool,
    /// The command that gives its file capabilities.
    pub setcap: String,
}

impl State {
    pub fn of_this_host() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("").trim().to_owned();
        let unprivileged = fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled").unwrap_or_default();
        const SOCKET_FILTER: u32 = 1;
        Self {
            root: os::effective_uid() == 0,
            capabilities: host::capabilities(),
            user_namespace: token::in_user_namespace(),
            token: token::path(),
            seccomp: field("Seccomp:") == "2",
            lockdown: host::lockdown(),
            unprivileged_disabled: !matches!(unprivileged.trim(), "" | "0"),
            security_modules: security_modules(),
            smallest_loads: log::capture(|| probe::program_type(SOCKET_FILTER)).0,
            functions_locked: functions_locked(),
            narrowed: privilege::has_narrowed(),
            setcap: privilege::setcap_command(),
        }
    }

    fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|one| one == capability)
    }

    fn missing(&self) -> Vec<&'static str> {
        const NEEDED: [&str; 3] = ["CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN"];
        if self.has("CAP_SYS_ADMIN") {
            return Vec::new();
        }
        NEEDED.into_iter().filter(|capability| !self.has(capability)).collect()
    }

    /// The cause, as a failure that lacks only what was tried.
    pub fn cause(&self) -> Failure {
        let missing = self.missing();
        if self.narrowed && !missing.is_empty() {
            return privilege::dropped("It", &missing.join(", "));
        }
        if !self.root && !missing.is_empty() {
            let sysctl = match self.unprivileged_disabled {
                true => " and the kernel lets nobody else use BPF (kernel.unprivileged_bpf_disabled)",
                false => "",
            };
            let message = format!("The agent does not run as root, lacks {}{sysctl}.", missing.join(", "));
            let way = match self.setcap.as_str() {
                "" => {
                    "Without root it needs CAP_BPF with CAP_PERFMON (tracing) or CAP_NET_ADMIN (networking).".to_owned()
                }
                command => format!(
                    "Without root it needs capabilities on its file, which an administrator gives by `{command}`."
                ),
            };
            return Failure::new("no-permission", message)
                .hint(format!("Connect as root, or let the agent use sudo. {way}"));
        }
        if let (true, Some(path)) = (self.user_namespace, self.token) {
            let message = format!(
                "The BPF token of {path} does not delegate it to this container, or it is no matter of BPF alone."
            );
            return Failure::new("no-permission", message).hint(
                "Whoever runs the container chooses what is delegated (delegate_cmds, delegate_maps, delegate_progs, delegate_attachs). What needs perf events (tracepoint, kprobe, uprobe, perf_event) no token gives: use raw_tp, tp_btf or fentry, or connect to the host itself.",
            );
        }
        if self.user_namespace || !missing.is_empty() {
            let lacks = match self.user_namespace {
                true => "in a user namespace, where its capabilities do not count for BPF".to_owned(),
                false => format!("without {}", missing.join(", ")),
            };
            return Failure::new("no-permission", format!("The agent runs {lacks}, as in a container."))
                .hint("Run the container with these capabilities (or privileged) in the host's user namespace, delegate BPF to it (Linux 6.9: a bpffs mounted there with delegate_cmds=any,delegate_maps=any,delegate_progs=any,delegate_attachs=any), or connect to the host itself.");
        }
        if self.lockdown == "confidentiality" {
            let message = "The kernel is locked down (confidentiality), so BPF may not read kernel memory.";
            return Failure::new("lockdown", message)
                .hint("Boot without lockdown=confidentiality, or use another host.");
        }
        if !self.smallest_loads && self.seccomp {
            return Failure::new(
                "no-permission",
                "A seccomp filter keeps the agent from using BPF, as in a container.",
            )
            .hint(
                "Allow the system calls bpf and perf_event_open in the seccomp profile, or connect to the host itself.",
            );
        }
        if !self.smallest_loads && !self.security_modules.is_empty() {
            let message =
                format!("A security module keeps the agent from using BPF: {}.", self.security_modules.join(", "));
            return Failure::new("no-permission", message).hint(
                "The audit log (ausearch -m avc, journalctl -k) names the rule; it needs an exception for the agent.",
            );
        }
        if self.smallest_loads && self.root && self.functions_locked {
            let level = match self.lockdown.as_str() {
                "" => String::new(),
                level => format!(" (lockdown={level})"),
            };
            let message = format!(
                "The kernel is locked down{level} so that nobody may trace its functions: no kprobes, no BPF trampolines (fentry, fexit, lsm, freplace), and on some kernels no iterators that may write to maps."
            );
            return Failure::new("lockdown", message).hint(
                "Boot the host without lockdown=, or use another kind: a tracepoint, a raw tracepoint, tp_btf, an iterator over tasks or sockets.",
            );
        }
        if self.smallest_loads {
            let locked = if self.lockdown == "integrity" { ", or lockdown=integrity forbids it" } else { "" };
            let message = format!(
                "Other BPF programs load, so the kernel refuses just this kind: it was built without it{locked}, or a security module of its own guards it."
            );
            return Failure::new("no-permission", message)
                .hint("`ringside doctor` shows what works here. Use another kind: a tracepoint, a raw tracepoint, or a kprobe.");
        }
        Failure::new("no-permission", "The agent is root with all capabilities, and still the kernel loads no BPF program at all.")
            .hint("A security module without a name here, or the hypervisor's kernel, forbids BPF: look into the kernel's log (dmesg).")
    }
}

/// Nothing but a lockdown keeps root from this file.
fn functions_locked() -> bool {
    let list = perf::tracefs().map(|tracefs| format!("{tracefs}/available_filter_functions"));
    list.is_some_and(|list| fs::File::open(list).is_err_and(|error| error.raw_os_error() == Some(EPERM)))
}

/// Modules besides the kernel's own that enforce something on this process.
fn security_modules() -> Vec<String> {
    let mut found = Vec::new();
    if fs::read_to_string("/sys/fs/selinux/enforce").is_ok_and(|mode| mode.trim() == "1") {
        let context = fs::read_to_string("/proc/self/attr/current").unwrap_or_default();
        found.push(format!("SELinux (enforcing, as {})", context.trim_end_matches(['\0', '\n'])));
    }
    let apparmor = fs::read_to_string("/proc/self/attr/apparmor/current").unwrap_or_default();
    if apparmor.contains("(enforce)") {
        found.push(format!("AppArmor (profile {})", apparmor.trim()));
    }
    let active = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let others = ["smack", "tomoyo"].into_iter().filter(|name| active.trim().split(',').any(|one| one == *name));
    found.extend(others.map(str::to_owned));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> State {
        State { root: true, capabilities: vec!["CAP_SYS_ADMIN".into()], ..State::default() }
    }

    fn cause(state: State) -> (&'static str, String) {
        let failure = state.cause();
        assert!(!failure.hint.is_empty());
        (failure.code, failure.message)
    }

    #[test]
    fn each_of_the_six_causes_is_told() {
        let (code, words) = cause(State { unprivileged_disabled: true, ..State::default() });
        assert!(code == "no-permission" && words.contains("not run as root") && words.contains("unprivileged_bpf"));
        let some = vec!["CAP_BPF".into(), "CAP_NET_ADMIN".into()];
        let (_, words) = cause(State { capabilities: some, ..State::default() });
        assert!(words.contains("lacks CAP_PERFMON."), "{words}");
        assert_eq!(cause(State { lockdown: "confidentiality".into(), ..all() }).0, "lockdown");
        let (_, words) = cause(State { root: true, ..State::default() });
        assert!(words.contains("container") && words.contains("CAP_BPF"), "{words}");
        let (code, words) = cause(State { root: true, narrowed: true, ..State::default() });
        assert!(code == "capability-dropped" && words.contains("CAP_NET_ADMIN"), "{words}");
        assert!(cause(State { user_namespace: true, ..all() }).1.contains("user namespace"));
        assert!(cause(State { seccomp: true, ..all() }).1.contains("seccomp"));
        let modules = vec!["SELinux (enforcing, as x)".into()];
        assert!(cause(State { security_modules: modules, ..all() }).1.contains("SELinux"));
        assert!(cause(State { smallest_loads: true, ..all() }).1.contains("refuses just this kind"));
        assert!(cause(all()).1.contains("no BPF program at all"));
        let locked = State { smallest_loads: true, functions_locked: true, lockdown: "integrity".into(), ..all() };
        let (code, words) = cause(locked);
        assert!(
            code == "lockdown" && words.contains("(lockdown=integrity)") && words.contains("trampolines"),
            "{words}"
        );
    }

    #[test]
    fn a_seccomp_filter_that_lets_bpf_through_is_not_blamed() {
        let (_, words) = cause(State { seccomp: true, smallest_loads: true, ..all() });
        assert!(!words.contains("seccomp"), "{words}");
    }
}
