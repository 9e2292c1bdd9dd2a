//! Programs that can drop or redirect on the way of the client's own ssh connection.

use ringside_proto::messages as pb;

use super::Surroundings;
use super::ssh::SshPath;
use super::subject::Subject;
use super::verdicts::harm;

pub const SSH_INTERFACE: &str = "ssh-interface";
pub const SSH_CGROUP: &str = "ssh-cgroup";
pub const SSH_SOCKET: &str = "ssh-socket";
pub const SSH_NETNS: &str = "ssh-netns";

/// Kinds that [`place`] knows.
#[rustfmt::skip]
const PLACED: [&str; 13] = [
    "xdp", "tc", "netkit", "xdp.cpumap", "xdp.devmap", "cgroup_skb", "cgroup", "sockops", "lsm_cgroup", "sk_msg", "sk_skb",
    "socket", "sk_reuseport",
];

/// Whether it matters for a program of this kind where the connection's way lies.
pub fn has_place(kind: &str) -> bool {
    PLACED.contains(&kind)
}

/// Where on the connection's way the program would be: the target in words, and why it is on the way. Also of programs
/// that let everything pass: while they are attached, the host's patience with a silent client is shorter.
pub fn place(subject: &Subject, path: &SshPath) -> Option<(String, String)> {
    match subject.kind {
        "xdp" | "tc" | "netkit" => {
            let name = subject.choice("iface")?;
            path.interface(name).map(|why| (name.to_owned(), why))
        }
        // Of the object's own maps nobody else knows yet: no packet comes to them before the run is there.
        "xdp.cpumap" | "xdp.devmap" => foreign_map(subject).map(|map| {
            (format!("map {map}"), "an XDP program of this host may send the connection's packets there".to_owned())
        }),
        "cgroup_skb" | "cgroup" | "sockops" | "lsm_cgroup" => {
            let chosen = subject.choice("cgroup")?;
            path.cgroup(chosen)
                .map(|group| (chosen.to_owned(), format!("sshd's sockets belong to the control group {group}")))
        }
        "sk_msg" | "sk_skb" => {
            foreign_map(subject).map(|map| (format!("socket map {map}"), "sshd's socket may be in that map".to_owned()))
        }
        "socket" | "sk_reuseport" => {
            let pid: u32 = subject.choice("pid")?.parse().ok()?;
            path.daemon(pid).then(|| (format!("a socket of process {pid}"), format!("process {pid} is sshd")))
        }
        "netfilter" => {
            let family = match subject.choice("pf").map(str::to_ascii_lowercase).as_deref() {
                Some("both") => None,
                Some("ipv6") => Some(true),
                _ => Some(false),
            };
            let other = path.client.is_some_and(|client| family.is_some_and(|v6| v6 != client.is_ipv6()));
            let hook = subject.choice("hook")?;
            let forwarded = hook.eq_ignore_ascii_case("forward");
            (!other && !forwarded)
                .then(|| (format!("netfilter {hook}"), "every packet of this host passes it".to_owned()))
        }
        "sk_lookup" => {
            Some(("the network namespace".to_owned(), "every new ssh connection is looked up there".to_owned()))
        }
        _ => None,
    }
}

/// A map by its id or its place in bpffs, which others may use.
fn foreign_map(subject: &Subject) -> Option<&str> {
    let map = subject.choice("map")?;
    let name = map.rsplit_once(':').map_or(map, |(name, _)| name);
    (name.starts_with('/') || name.bytes().all(|byte| byte.is_ascii_digit())).then_some(name)
}

fn on_the_way(subject: &Subject, here: &Surroundings, rule: &str, kinds: &[&str]) -> Option<pb::Finding> {
    let path = here.ssh.as_ref().filter(|_| kinds.contains(&subject.kind))?;
    let (target, why) = place(subject, path)?;
    let harm = harm(subject)?;
    let (program, words) = (&subject.program, path.words());
    let reason = format!("{program} on {target} can cut {words}: {harm}, and {why}.");
    // A lookup decides about connections that are yet to come.
    Some(subject.finding(rule, target, reason, subject.kind != "sk_lookup"))
}

pub fn interface(subject: &Subject, here: &Surroundings) -> Option<pb::Finding> {
    on_the_way(subject, here, SSH_INTERFACE, &["xdp", "xdp.cpumap", "xdp.devmap", "tc", "netkit"])
}

pub fn cgroup(subject: &Subject, here: &Surroundings) -> Option<pb::Finding> {
    on_the_way(subject, here, SSH_CGROUP, &["cgroup_skb", "cgroup", "sockops"])
}

pub fn socket(subject: &Subject, here: &Surroundings) -> Option<pb::Finding> {
    on_the_way(subject, here, SSH_SOCKET, &["sk_msg", "sk_skb", "socket", "sk_reuseport"])
}

pub fn netns(subject: &Subject, here: &Surroundings) -> Option<pb::Finding> {
    on_the_way(subject, here, SSH_NETNS, &["netfilter", "sk_lookup"])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ringside_bpf::os;

    use super::*;
    use crate::rpc::host;

    fn over_loopback() -> Surroundings {
        let lo = os::interface_index("lo").expect("lo");
        let ssh = SshPath {
            client: Some("127.0.0.1".parse().expect("address")),
            interfaces: BTreeMap::from([(lo, "the route to 127.0.0.1".into())]),
            any_interface: None,
            cgroups: vec!["/ssh.service".into()],
            daemons: vec![77],
        };
        Surroundings { ssh: Some(ssh) }
    }

    #[test]
    fn a_dropping_program_on_the_interface_of_the_connection() {
        let dropping = Subject::ending_with("xdp", 1).with("iface", "lo");
        let found = interface(&dropping, &over_loopback()).expect("a finding");
        assert_eq!((found.rule.as_str(), found.target.as_str(), found.cutting), (SSH_INTERFACE, "lo", true));
        assert_eq!(
            found.reason,
            "sample on lo can cut your ssh connection from 127.0.0.1: it can return XDP_DROP (packets can be dropped or redirected), and the route to 127.0.0.1."
        );
        assert!(interface(&Subject::ending_with("tc", 2).with("iface", "lo"), &over_loopback()).is_some());
    }

    #[test]
    fn what_passes_or_sits_elsewhere_is_free() {
        assert!(interface(&Subject::ending_with("xdp", 2).with("iface", "lo"), &over_loopback()).is_none());
        assert!(interface(&Subject::ending_with("xdp", 1).with("iface", "ringside-no"), &over_loopback()).is_none());
        assert!(
            interface(&Subject::ending_with("xdp", 1), &over_loopback()).is_none(),
            "no interface: attaching fails"
        );
        let alone = Surroundings::default();
        assert!(interface(&Subject::ending_with("xdp", 1).with("iface", "lo"), &alone).is_none());
    }

    #[test]
    fn control_groups_of_sshd_and_those_above() {
        let dropping = Subject::ending_with("cgroup_skb", 0).with("cgroup", "/");
        let found = cgroup(&dropping, &over_loopback());
        assert_eq!(found.is_some(), host::cgroup2().is_some());
        assert!(found.is_none_or(|found| found.cutting && found.reason.contains("/ssh.service")));
        assert!(cgroup(&Subject::ending_with("cgroup_skb", 1).with("cgroup", "/"), &over_loopback()).is_none());
    }

    #[test]
    fn sockets_of_sshd_and_maps_of_others() {
        let own = Subject::ending_with("sk_msg", 0).with("map", "socks");
        assert!(socket(&own, &over_loopback()).is_none(), "the object's own map is empty");
        let pinned = Subject::ending_with("sk_msg", 0).with("map", "/sys/fs/bpf/socks");
        assert!(socket(&pinned, &over_loopback()).is_some_and(|found| found.cutting));
        assert!(socket(&Subject::ending_with("socket", 0).with("pid", "77"), &over_loopback()).is_some());
        assert!(socket(&Subject::ending_with("socket", 0).with("pid", "78"), &over_loopback()).is_none());
    }

    #[test]
    fn netfilter_counts_for_the_family_of_the_connection() {
        let of = |pf: &str, hook: &str| Subject::ending_with("netfilter", 0).with("pf", pf).with("hook", hook);
        assert!(netns(&of("ipv4", "input"), &over_loopback()).is_some_and(|found| found.cutting));
        assert!(netns(&of("both", "input"), &over_loopback()).is_some());
        assert!(netns(&of("ipv6", "input"), &over_loopback()).is_none());
        assert!(netns(&of("ipv4", "forward"), &over_loopback()).is_none());
    }

    #[test]
    fn a_lookup_concerns_new_connections_only() {
        let found = netns(&Subject::ending_with("sk_lookup", 0), &over_loopback()).expect("a finding");
        assert!(!found.cutting, "{}", found.reason);
    }
}
