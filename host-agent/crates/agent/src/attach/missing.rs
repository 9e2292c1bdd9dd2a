//! What a kernel lacks when it refuses a whole kind: by the name of the feature and the version that brought it.

use ringside_bpf::{Error, log, probe};

use super::Target;
use crate::failure::Failure;
use crate::failure::libc_errno::{E2BIG, EINVAL, ENOENT, ENOSYS, ENOTSUPP, EOPNOTSUPP, EPERM};
use crate::knowledge::attach_types;

/// A kind's feature: the name of its probe, what it is, since when, and the kernel's build option.
struct Feature {
    kind: &'static str,
    what: &'static str,
    since: &'static str,
    option: &'static str,
}

#[rustfmt::skip]
const FEATURES: &[Feature] = &[
    Feature { kind: "tracepoint", what: "BPF programs on tracepoints", since: "4.7", option: "CONFIG_BPF_EVENTS" },
    Feature { kind: "raw_tracepoint", what: "raw tracepoints for BPF", since: "4.17", option: "CONFIG_BPF_EVENTS" },
    Feature { kind: "raw_tracepoint.w", what: "writable raw tracepoints", since: "5.2", option: "CONFIG_BPF_EVENTS" },
    Feature { kind: "tp_btf", what: "tracepoints with BTF (tp_btf)", since: "5.5", option: "CONFIG_DEBUG_INFO_BTF" },
    Feature { kind: "fentry", what: "BPF trampolines (fentry)", since: "5.5 (6.0 on arm64)", option: "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS" },
    Feature { kind: "fexit", what: "BPF trampolines (fexit)", since: "5.5 (6.0 on arm64)", option: "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS" },
    Feature { kind: "fmod_ret", what: "fmod_ret programs", since: "5.7 (6.0 on arm64)", option: "CONFIG_FUNCTION_ERROR_INJECTION" },
    Feature { kind: "fsession", what: "fsession programs (entry and return in one)", since: "7.0", option: "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS" },
    Feature { kind: "lsm", what: "BPF programs as a security module (lsm)", since: "5.7 (6.0 on arm64)", option: "CONFIG_BPF_LSM" },
    Feature { kind: "lsm_cgroup", what: "security module programs of a control group (lsm_cgroup)", since: "6.0", option: "CONFIG_BPF_LSM" },
    Feature { kind: "iter", what: "BPF iterators", since: "5.8", option: "CONFIG_BPF_SYSCALL" },
    Feature { kind: "iter.task", what: "iterators of one process", since: "6.1", option: "CONFIG_BPF_SYSCALL" },
    Feature { kind: "iter.cgroup", what: "iterators of control groups", since: "6.1", option: "CONFIG_CGROUPS" },
    Feature { kind: "freplace", what: "programs that replace a function of another (freplace)", since: "5.6", option: "CONFIG_BPF_SYSCALL" },
    Feature { kind: "kprobe", what: "kernel probes", since: "4.17 (as perf events)", option: "CONFIG_KPROBE_EVENTS" },
    Feature { kind: "kprobe.multi", what: "links to many kernel functions (kprobe.multi)", since: "5.18", option: "CONFIG_FPROBE" },
    Feature { kind: "kprobe.session", what: "kernel probe sessions (kprobe.session)", since: "6.10", option: "CONFIG_FPROBE" },
    Feature { kind: "uprobe", what: "user-space probes", since: "4.17 (as perf events)", option: "CONFIG_UPROBE_EVENTS" },
    Feature { kind: "uprobe.multi", what: "links to many user-space functions (uprobe.multi)", since: "6.6", option: "CONFIG_UPROBES" },
    Feature { kind: "uprobe.session", what: "user-space probe sessions (uprobe.session)", since: "6.13", option: "CONFIG_UPROBES" },
    Feature { kind: "perf_event", what: "BPF programs on perf events", since: "4.9", option: "CONFIG_PERF_EVENTS" },
    Feature { kind: "perf_event.hardware", what: "hardware counters on this machine", since: "4.9", option: "a performance monitoring unit, which virtual machines often lack" },
    Feature { kind: "xdp", what: "links to XDP", since: "5.9", option: "CONFIG_NET" },
    Feature { kind: "tcx", what: "traffic control links (tcx)", since: "6.6", option: "CONFIG_NET_XGRESS" },
    Feature { kind: "clsact", what: "the clsact qdisc and BPF classifiers", since: "4.5", option: "CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF" },
    Feature { kind: "netkit", what: "netkit devices", since: "6.7", option: "CONFIG_NETKIT" },
    Feature { kind: "cgroup_skb", what: "links to control groups", since: "5.7", option: "CONFIG_CGROUP_BPF" },
    Feature { kind: "cgroup", what: "links to control groups", since: "5.7", option: "CONFIG_CGROUP_BPF" },
    Feature { kind: "sockops", what: "socket operation programs of control groups (sockops)", since: "4.13", option: "CONFIG_CGROUP_BPF" },
    Feature { kind: "sk_lookup", what: "socket lookup programs (sk_lookup)", since: "5.9", option: "CONFIG_INET" },
    Feature { kind: "flow_dissector", what: "links of flow dissectors", since: "5.8", option: "CONFIG_NET" },
    Feature { kind: "netfilter", what: "BPF programs in netfilter", since: "6.4", option: "CONFIG_NETFILTER_BPF_LINK" },
    Feature { kind: "sk_msg", what: "message programs of socket maps (sk_msg)", since: "4.17", option: "CONFIG_NET_SOCK_MSG" },
    Feature { kind: "sk_skb", what: "packet programs of socket maps (sk_skb)", since: "4.14", option: "CONFIG_BPF_STREAM_PARSER" },
    Feature { kind: "socket", what: "socket filters on packet sockets", since: "3.19", option: "CONFIG_PACKET" },
    Feature { kind: "sk_reuseport", what: "programs that choose a socket of a group (sk_reuseport)", since: "4.19", option: "CONFIG_INET" },
    Feature { kind: "syscall", what: "syscall programs", since: "5.14", option: "CONFIG_BPF_SYSCALL" },
    Feature { kind: "struct_ops", what: "operations in BPF (struct_ops)", since: "5.6", option: "CONFIG_BPF_JIT" },
];

/// When the kernel's answer can mean that it does not know the kind, and the probe of the kind fails as well.
pub fn feature(target: &Target<'_>, error: &Error, place: &str) -> Option<Failure> {
    const UNKNOWN: [i32; 6] = [EINVAL, EOPNOTSUPP, ENOTSUPP, ENOSYS, E2BIG, ENOENT];
    // libbpf looks patterns up in ftrace's list, which a locked down kernel shows to nobody: that says nothing of the kind.
    let unasked = error.errno == EPERM && matches!(target.kind, "kprobe.multi" | "kprobe.session");
    if !UNKNOWN.contains(&error.errno) && !unasked {
        return None;
    }
    if let Some(form) = attach_types::missing(target.program.expected_attach_type()) {
        let name = target.program.name();
        let message = format!(
            "Program {name} cannot be attached to {place}: this kernel has no {}. They came with Linux {}.",
            form.what, form.since
        );
        return Some(Failure::new("unsupported-by-kernel", message).errno(error.errno).hint(DOCTOR));
    }
    // What the kernel cannot do at all is told from a wrong request by trying the same with a program of our own.
    let name = if target.kind == "cgroup" { "cgroup_skb" } else { target.kind };
    let probe = probe::attach::KINDS.iter().find(|kind| kind.name == name)?;
    let (attempt, _) = log::capture(|| probe.attempt());
    let refused = attempt.is_err_and(|tried| !unasked || UNKNOWN.contains(&tried.errno));
    refused.then(|| lacking(target, target.kind, error.errno, place))
}

const DOCTOR: &str = "`ringside doctor` shows which kinds attach on this host.";

/// "This kernel has no traffic control links (tcx): they came with Linux 6.6."
pub fn lacking(target: &Target<'_>, kind: &str, errno: i32, place: &str) -> Failure {
    let name = target.program.name();
    let known = FEATURES.iter().find(|feature| feature.kind == kind);
    let message = known.map_or_else(
        || format!("Program {name} cannot be attached to {place}: this kernel does not know the kind {kind}."),
        |feature| {
            let Feature { what, since, option, .. } = feature;
            format!("Program {name} cannot be attached to {place}: this kernel has no {what}. They came with Linux {since} and need {option}.")
        },
    );
    Failure::new("unsupported-by-kernel", message).errno(errno).hint(DOCTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probed_kind_has_a_name_for_what_is_missing() {
        for kind in probe::attach::KINDS {
            assert!(FEATURES.iter().any(|feature| feature.kind == kind.name), "{}", kind.name);
        }
    }
}
