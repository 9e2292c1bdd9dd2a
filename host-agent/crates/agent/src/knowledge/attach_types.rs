//! Which attach types this kernel knows, from its own types: what it does not count it answers with a bare EINVAL.

use std::sync::OnceLock;

use ringside_bpf::btf;

use super::types::Types;

/// An attach type that came later than the oldest kernel that an agent runs on.
pub struct Form {
    /// BPF_* of enum bpf_attach_type.
    attach: u32,
    /// In the plural.
    pub what: &'static str,
    /// The version of Linux that brought it.
    pub since: &'static str,
}

/// BPF_STRUCT_OPS: operations that a link keeps registered.
pub const STRUCT_OPS_LINK: u32 = 44;

#[rustfmt::skip]
const FORMS: &[Form] = &[
    Form { attach: 33, what: "programs on the entries of a device map (xdp/devmap)", since: "5.8" },
    Form { attach: 35, what: "programs on the entries of a CPU map (xdp/cpumap)", since: "5.9" },
    Form { attach: 36, what: "socket lookup programs (sk_lookup)", since: "5.9" },
    Form { attach: 38, what: "verdict programs of socket maps without a parser (sk_skb/verdict)", since: "5.13" },
    Form { attach: 39, what: "attach types of reuseport groups (sk_reuseport)", since: "5.14" },
    Form { attach: 40, what: "programs that move connections within a reuseport group (sk_reuseport/migrate)", since: "5.14" },
    Form { attach: 42, what: "links to many kernel functions (kprobe.multi)", since: "5.18" },
    Form { attach: 43, what: "security module programs of a control group (lsm_cgroup)", since: "6.0" },
    Form { attach: STRUCT_OPS_LINK, what: "links of struct_ops (.struct_ops.link)", since: "6.4" },
    Form { attach: 45, what: "BPF programs in netfilter", since: "6.4" },
    Form { attach: 46, what: "traffic control links (tcx)", since: "6.6" },
    Form { attach: 47, what: "traffic control links (tcx)", since: "6.6" },
    Form { attach: 48, what: "links to many user-space functions (uprobe.multi)", since: "6.6" },
    Form { attach: 49, what: "Unix socket hooks of control groups (cgroup/connect_unix)", since: "6.7" },
    Form { attach: 50, what: "Unix socket hooks of control groups (cgroup/sendmsg_unix)", since: "6.7" },
    Form { attach: 51, what: "Unix socket hooks of control groups (cgroup/recvmsg_unix)", since: "6.7" },
    Form { attach: 52, what: "Unix socket hooks of control groups (cgroup/getpeername_unix)", since: "6.7" },
    Form { attach: 53, what: "Unix socket hooks of control groups (cgroup/getsockname_unix)", since: "6.7" },
    Form { attach: 54, what: "netkit devices", since: "6.7" },
    Form { attach: 55, what: "netkit devices", since: "6.7" },
    Form { attach: 56, what: "kernel probe sessions (kprobe.session)", since: "6.10" },
    Form { attach: 57, what: "user-space probe sessions (uprobe.session)", since: "6.13" },
    Form { attach: 58, what: "programs for entry and return in one (fsession)", since: "7.0" },
    Form { attach: 59, what: "trampolines on many functions (fentry.multi)", since: "7.2" },
    Form { attach: 60, what: "trampolines on many functions (fexit.multi)", since: "7.2" },
    Form { attach: 61, what: "trampolines on many functions (fsession.multi)", since: "7.2" },
];

/// What is missing when this kernel does not know the attach type; none when it does, or when it does not say.
pub fn missing(attach: u32) -> Option<&'static Form> {
    static COUNT: OnceLock<Option<u32>> = OnceLock::new();
    let count = COUNT.get_or_init(|| {
        let bytes = btf::kernel()?;
        Types::parse(&bytes, None)?.enumerator("bpf_attach_type", "__MAX_BPF_ATTACH_TYPE")
    });
    beyond(attach, (*count)?)
}

fn beyond(attach: u32, count: u32) -> Option<&'static Form> {
    (attach >= count).then(|| FORMS.iter().find(|form| form.attach == attach)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_kernel_does_not_count_is_missing() {
        assert_eq!(beyond(58, 58).map(|form| form.since), Some("7.0"));
        assert!(beyond(57, 58).is_none());
        assert!(beyond(9_999, 58).is_none(), "nobody knows what that is");
        // Every kernel that tests run on has traffic control.
        assert!(missing(0).is_none());
    }
}
