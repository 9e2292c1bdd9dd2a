//! Control groups, by links: what is attached goes with the agent.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use ringside_bpf::link;

use super::{Made, Target, owner};
use crate::failure::libc_errno::{EBADF, EBUSY, EEXIST, EPERM};
use crate::failure::{Answer, Failure};
use crate::rpc::host;

const MOST_CANDIDATES: usize = 20;
const INGRESS: u32 = 0;
const EGRESS: u32 = 1;

/// Any kind that its section tells in full.
pub fn cgroup(target: &Target<'_>) -> Answer<Made> {
    attach_as(target, target.program.expected_attach_type(), "")
}

/// `cgroup/skb` does not say in which direction; ingress is what libbpf takes.
pub fn skb(target: &Target<'_>) -> Answer<Made> {
    let chosen = target.word("direction", &[("ingress", INGRESS), ("egress", EGRESS)])?;
    let direction = chosen.unwrap_or_else(|| target.program.expected_attach_type());
    attach_as(target, direction, if direction == EGRESS { " egress" } else { " ingress" })
}

fn attach_as(target: &Target<'_>, kind: u32, what: &str) -> Answer<Made> {
    let (group, path) = chosen(target)?;
    let words = format!("{path}{what}");
    link::cgroup(target.program, group.as_fd(), kind).map(|link| target.made(link, &words)).map_err(|error| {
        let owners = || link::queried(group.as_fd(), kind);
        match error.errno {
            EBADF => not_unified(target, &path),
            // A program that was attached without BPF_F_ALLOW_MULTI, here or above, admits no other.
            EPERM if !owners().is_empty() => {
                target.taken(&words, &owner::of_programs("program", &owners()), error.errno).hint(
                    "It was attached without BPF_F_ALLOW_MULTI and admits no other beside it. Detach it, or choose another control group.",
                )
            }
            EBUSY | EEXIST => target.taken(&words, &owner::of_programs("program", &owners()), error.errno),
            _ => target.failed(&error, &words),
        }
    })
}

fn not_unified(target: &Target<'_>, path: &str) -> Failure {
    let message = format!("Program {}: {path} is no control group of the unified hierarchy.", target.program.name());
    let known = candidates();
    let hint = match known.is_empty() {
        true => "This host has no unified hierarchy (cgroup v2) mounted.".to_owned(),
        false => format!("Choose one of: {}.", known.join(", ")),
    };
    Failure::new("target-not-found", message).errno(EBADF).hint(hint)
}

/// The group of `cgroup`: a path, absolute or below the mount point of the unified hierarchy.
pub fn chosen(target: &Target<'_>) -> Answer<(File, String)> {
    let Some(chosen) = target.choice("cgroup") else { return Err(target.needed(&["cgroup"], &candidates())) };
    let root = host::cgroup2();
    let path = match &root {
        Some(root) => place(root, chosen),
        None => PathBuf::from(chosen),
    };
    let missing = || target.not_found(&format!("cgroup {}", path.display()), &candidates());
    if !path.is_dir() {
        return Err(missing());
    }
    File::open(&path).map(|group| (group, path.display().to_string())).map_err(|_| missing())
}

/// The root of the unified hierarchy.
pub fn root(target: &Target<'_>) -> Answer<(File, String)> {
    let root = host::cgroup2().ok_or_else(|| target.not_found("unified cgroup hierarchy (cgroup v2) mounted", &[]))?;
    let opened = File::open(&root).map_err(|_| target.not_found(&format!("cgroup {root}"), &[]))?;
    Ok((opened, root))
}

/// As a path of the file system if that is there, else as a name below the root ("/system.slice").
pub fn place(root: &str, chosen: &str) -> PathBuf {
    let below = Path::new(root).join(chosen.trim_start_matches('/'));
    match chosen.starts_with('/') && Path::new(chosen).is_dir() && chosen != "/" {
        true => PathBuf::from(chosen),
        false => below,
    }
}

/// The root and the groups right below it.
fn candidates() -> Vec<String> {
    let Some(root) = host::cgroup2() else { return Vec::new() };
    let mut groups: Vec<String> = fs::read_dir(&root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.path().display().to_string())
        .collect();
    groups.sort();
    groups.insert(0, root);
    groups.truncate(MOST_CANDIDATES);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_below_the_root_unless_they_are_paths() {
        assert_eq!(
            place("/sys/fs/cgroup", "system.slice/a.service"),
            Path::new("/sys/fs/cgroup/system.slice/a.service")
        );
        assert_eq!(place("/sys/fs/cgroup", "/no-such-folder.slice"), Path::new("/sys/fs/cgroup/no-such-folder.slice"));
        assert_eq!(place("/sys/fs/cgroup", "/"), Path::new("/sys/fs/cgroup"));
        assert_eq!(place("/sys/fs/cgroup", "/proc"), Path::new("/proc"));
    }
}
