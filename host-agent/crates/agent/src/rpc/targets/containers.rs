//! Containers, by the names that container engines give their control groups.

use std::collections::BTreeMap;
use std::fs;

use ringside_proto::messages as pb;

use super::found::{Found, details};
use super::processes::{self, Process};
use crate::failure::Answer;

/// Pids of one container that an answer names.
const MOST_PIDS: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Container {
    pub id: String,
    pub runtime: &'static str,
    /// In the hierarchy that told.
    pub cgroup: String,
    /// Kubernetes' number of the pod, "" outside of one.
    pub pod: String,
}

pub fn list(found: &mut Found<'_>) -> Answer<()> {
    let mut containers: BTreeMap<Container, Vec<u32>> = BTreeMap::new();
    for pid in processes::pids() {
        found.step()?;
        if let Some(container) = of_process(pid) {
            containers.entry(container).or_default().push(pid);
        }
    }
    for (container, pids) in &containers {
        let short = short(&container.id);
        found.offer_as(&[short, &container.id], || entry(container, pids))?;
    }
    Ok(())
}

/// The container that a process runs in; none on the host itself.
pub fn of_process(pid: u32) -> Option<Container> {
    of_cgroups(&fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?)
}

/// Lines are `NUMBER:CONTROLLERS:PATH`; with both versions of cgroups any of them may know.
fn of_cgroups(text: &str) -> Option<Container> {
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).find_map(of_path)
}

/// systemd's names are `docker-ID.scope`; without systemd there is a folder of the engine's name before the id.
fn of_path(path: &str) -> Option<Container> {
    const SCOPES: [(&str, &str); 6] = [
        ("docker-", "docker"),
        ("cri-containerd-", "containerd"),
        ("nerdctl-", "containerd"),
        ("crio-", "cri-o"),
        ("libpod-", "podman"),
        ("lxc.payload.", "lxc"),
    ];
    const FOLDERS: [(&str, &str); 4] =
        [("docker", "docker"), ("libpod_parent", "podman"), ("lxc", "lxc"), ("actions_job", "docker")];
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let pod = parts.iter().find_map(|part| pod_of(part)).unwrap_or_default();
    // The innermost counts: containers may hold containers. What stands behind it are groups of its own.
    for (index, part) in parts.iter().enumerate().rev() {
        let plain = part.trim_end_matches(".scope").trim_end_matches(".service");
        let scope = SCOPES.iter().find_map(|(prefix, runtime)| Some((plain.strip_prefix(prefix)?, *runtime)));
        let folder = || {
            let before = index.checked_sub(1).map(|before| parts[before])?;
            let (_, runtime) = FOLDERS.iter().find(|(folder, _)| *folder == before)?;
            Some((plain, *runtime))
        };
        let in_pod = || (!pod.is_empty() && is_id(plain)).then_some((plain, "kubernetes"));
        let Some((id, runtime)) = scope.or_else(folder).or_else(in_pod) else { continue };
        // Podman's monitor (conmon) stands beside its container.
        let id = id.strip_prefix("libpod-").unwrap_or(id);
        if id.starts_with("conmon-") || runtime != "lxc" && !is_id(id) {
            continue;
        }
        let cgroup = format!("/{}", parts[..=index].join("/"));
        return Some(Container { id: id.to_owned(), runtime, cgroup, pod });
    }
    None
}

/// `pod1234_5678.slice`, `kubepods-burstable-pod1234_5678.slice` or `pod1234-5678`.
fn pod_of(part: &str) -> Option<String> {
    let plain = part.trim_end_matches(".slice");
    let (before, uid) = plain.rsplit_once("pod").filter(|(before, _)| before.is_empty() || before.ends_with('-'))?;
    let _ = before;
    let uid = uid.replace('_', "-");
    (uid.len() >= 32 && uid.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-')).then_some(uid)
}

/// 64 hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// As the engines' own lists show it.
fn short(id: &str) -> &str {
    if is_id(id) { &id[..12] } else { id }
}

fn entry(container: &Container, pids: &[u32]) -> pb::TargetEntry {
    let first = pids.first().copied().unwrap_or(0);
    let shown: Vec<String> = pids.iter().take(MOST_PIDS).map(u32::to_string).collect();
    pb::TargetEntry {
        name: short(&container.id).to_owned(),
        details: details([
            ("id", container.id.clone()),
            ("runtime", container.runtime.to_owned()),
            ("pids", shown.join(" ")),
            ("processes", pids.len().to_string()),
            ("command", Process::read(first).map(|process| process.command).unwrap_or_default()),
            ("cgroup", container.cgroup.clone()),
            ("pod", container.pod.clone()),
        ]),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn of(path: &str) -> Option<(String, &'static str)> {
        of_cgroups(&format!("12:cpu:/other\n0::{path}\n")).map(|found| (found.id, found.runtime))
    }

    #[test]
    fn engines_are_told_by_their_groups() {
        let docker = Some((ID.to_owned(), "docker"));
        assert_eq!(of(&format!("/system.slice/docker-{ID}.scope")), docker);
        assert_eq!(of(&format!("/docker/{ID}")), docker);
        assert_eq!(of(&format!("/docker/{ID}/init.scope")), docker);
        assert_eq!(of(&format!("/machine.slice/libpod-{ID}.scope/container")), Some((ID.to_owned(), "podman")));
        assert_eq!(of(&format!("/machine.slice/libpod-conmon-{ID}.scope")), None);
        assert_eq!(of("/lxc.payload.web/system.slice"), Some(("web".to_owned(), "lxc")));
        assert_eq!(of("/user.slice/user-1000.slice/session-2.scope"), None);
        assert_eq!(of("/"), None);
    }

    #[test]
    fn pods_have_their_number() {
        let uid = "12345678_1234_1234_1234_123456789abc";
        let path = format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice/cri-containerd-{ID}.scope"
        );
        let found = of_path(&path).expect("a container");
        assert_eq!((found.runtime, found.pod), ("containerd", uid.replace('_', "-")));
        let found = of_path(&format!("/kubepods/besteffort/pod{}/{ID}", uid.replace('_', "-"))).expect("a container");
        assert_eq!((found.runtime, found.id.as_str()), ("kubernetes", ID));
    }
}
