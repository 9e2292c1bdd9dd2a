//! The ssh daemons of this host and the control groups that their sockets belong to.

use std::fs;
use std::path::Path;

use crate::rpc::host;
use crate::rpc::targets::pids;

/// What daemons call themselves: OpenSSH (its parts since 9.8 too), dropbear, TinySSH.
const DAEMONS: [&str; 6] = ["sshd", "sshd-session", "sshd-auth", "dropbear", "tinysshd", "tinyssh"];
/// Units whose listening socket is made by systemd; a connection's socket inherits its group.
const SOCKET_UNITS: [&str; 3] = ["ssh.socket", "sshd.socket", "dropbear.socket"];
const MOST_ANCESTORS: usize = 64;

/// Daemons among the ancestors of this process.
pub fn daemons_above() -> Vec<u32> {
    let mut found = Vec::new();
    let mut pid = parent(std::process::id());
    for _ in 0..MOST_ANCESTORS {
        let Some(here) = pid.filter(|pid| *pid > 1) else { break };
        if is_daemon(here) {
            found.push(here);
        }
        pid = parent(here);
    }
    found
}

/// All daemons of the host: the one that listens, too, whose group the sockets of its connections inherit.
pub fn daemons() -> Vec<u32> {
    pids().into_iter().filter(|pid| is_daemon(*pid)).collect()
}

fn is_daemon(pid: u32) -> bool {
    let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    DAEMONS.contains(&command.trim_end())
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

pub fn cgroups(daemons: &[u32]) -> Vec<String> {
    let of = |pid: &u32| unified(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?);
    let mut found: Vec<String> = daemons.iter().filter_map(of).collect();
    if let Some(root) = host::cgroup2() {
        let units = SOCKET_UNITS.iter().map(|unit| format!("/system.slice/{unit}"));
        found.extend(units.filter(|unit| Path::new(&format!("{root}{unit}")).is_dir()));
    }
    if found.is_empty() {
        // Whatever group it is in, the root is above it.
        found.push("/".to_owned());
    }
    found.sort();
    found.dedup();
    found
}

/// The group in the unified hierarchy: the line "0::/path".
fn unified(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unified_hierarchy_is_the_one_that_counts() {
        let mixed = "12:cpu:/x\n0::/system.slice/ssh.service\n";
        assert_eq!(unified(mixed).as_deref(), Some("/system.slice/ssh.service"));
        assert_eq!(unified("4:memory:/x\n"), None);
    }

    #[test]
    fn without_a_daemon_the_root_stays() {
        assert!(!cgroups(&[]).is_empty());
    }
}
