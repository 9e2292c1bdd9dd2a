//! Processes and containers: which one is meant, and where it has its binaries.

use std::fs;
use std::path::Path;

use super::Target;
use crate::failure::{Answer, Failure};

const MOST_CANDIDATES: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    pub command: String,
}

/// By `pid` or `comm`; none when neither was chosen.
pub fn chosen(target: &Target<'_>) -> Answer<Option<Process>> {
    if let Some(pid) = target.number::<u32>("pid")? {
        return match command(pid) {
            Some(command) => Ok(Some(Process { pid, command })),
            None => Err(gone(target, pid)),
        };
    }
    let Some(wanted) = target.choice("comm") else { return Ok(None) };
    let mut found = all().into_iter().filter(|process| process.command == kept(wanted)).collect::<Vec<_>>();
    match found.len() {
        0 => Err(target.not_found(&format!("process called {wanted}"), &[])),
        1 => Ok(found.pop()),
        count => {
            let pids: Vec<String> = found.iter().take(MOST_CANDIDATES).map(|one| format!("pid={}", one.pid)).collect();
            let message = format!("Program {}: {count} processes are called {wanted}.", target.program.name());
            Err(Failure::new("target-needed", message).hint(format!("Choose one of: {}.", pids.join(", "))))
        }
    }
}

pub fn gone(target: &Target<'_>, pid: u32) -> Failure {
    target.not_found(&format!("process {pid} (any more)"), &[])
}

/// Some of the host's processes, the newest first: for whoever has to choose.
pub fn candidates() -> Vec<String> {
    let mut processes = all();
    processes.sort_by_key(|process| std::cmp::Reverse(process.pid));
    // Kernel threads have no binary.
    let of_user = processes.into_iter().filter(|process| fs::read_link(format!("/proc/{}/exe", process.pid)).is_ok());
    of_user.take(MOST_CANDIDATES).map(|process| format!("{} ({})", process.pid, process.command)).collect()
}

fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut processes: Vec<Process> = pids.filter_map(|pid| Some(Process { pid, command: command(pid)? })).collect();
    processes.sort_by_key(|process| process.pid);
    processes
}

fn command(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|text| text.trim_end_matches('\n').to_owned())
}

/// What the kernel keeps of a command's name.
fn kept(name: &str) -> &str {
    let mut end = name.len().min(15);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// A binary as the agent can open it, and in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binary {
    pub path: String,
    pub words: String,
    /// Only in this process.
    pub pid: Option<u32>,
}

/// The binary of `binary`, of the section, or of the process; as the process or container sees it, where one is chosen.
pub fn binary(target: &Target<'_>, written: Option<&str>) -> Answer<Option<Binary>> {
    let process = chosen(target)?;
    let wanted = target.choice("binary").or(written);
    if let Some(process) = process {
        let pid = process.pid;
        let path = match wanted {
            None => format!("/proc/{pid}/exe"),
            Some(wanted) => seen_by(target, pid, wanted)?,
        };
        let words = wanted.map_or_else(|| process.command.clone(), str::to_owned);
        return Ok(Some(Binary { path, words: format!("{words} of process {pid}"), pid: Some(pid) }));
    }
    if let Some(container) = target.choice("container") {
        let Some(wanted) = wanted else { return Ok(None) };
        let pid = first_of_container(container)
            .ok_or_else(|| target.not_found(&format!("running container {container}"), &containers()))?;
        let path = seen_by(target, pid, wanted)?;
        return Ok(Some(Binary { path, words: format!("{wanted} of container {container}"), pid: None }));
    }
    match wanted {
        // The loader's own program is meant, which is another one each time.
        Some("/proc/self/exe") | None => Ok(None),
        Some(wanted) if wanted.starts_with('/') && !Path::new(wanted).exists() => {
            Err(target.not_found(&format!("file {wanted}"), &[]))
        }
        // libbpf looks a name without a slash up in PATH, and libraries where the linker does.
        Some(wanted) => Ok(Some(Binary { path: wanted.to_owned(), words: wanted.to_owned(), pid: None })),
    }
}

/// The path of a file as a process sees it: through its root when that is not ours.
fn seen_by(target: &Target<'_>, pid: u32, wanted: &str) -> Answer<String> {
    let missing = || target.not_found(&format!("{wanted} in process {pid}"), &[]);
    if !Path::new(&format!("/proc/{pid}")).exists() {
        return Err(gone(target, pid));
    }
    if wanted == "/proc/self/exe" {
        return Ok(format!("/proc/{pid}/exe"));
    }
    let inside = match wanted.starts_with('/') {
        true => wanted.to_owned(),
        false => mapped(pid, wanted).or_else(|| in_path(pid, wanted)).ok_or_else(missing)?,
    };
    let namespace = |of: &str| fs::read_link(format!("/proc/{of}/ns/mnt")).ok();
    let root = fs::read_link(format!("/proc/{pid}/root")).ok();
    let same = namespace("self") == namespace(&pid.to_string()) && root.is_some_and(|root| root == Path::new("/"));
    let path = if same { inside } else { format!("/proc/{pid}/root{inside}") };
    if Path::new(&path).exists() { Ok(path) } else { Err(missing()) }
}

/// A file that the process has mapped, by its last name: "libssl.so.3" or "libssl.so" or "ssl".
fn mapped(pid: u32, name: &str) -> Option<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut paths: Vec<&str> = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]))
        .filter(|path| !path.ends_with(" (deleted)"))
        .collect();
    paths.dedup();
    let last = |path: &&&str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let fits = |test: &dyn Fn(&str) -> bool| paths.iter().find(|path| test(&last(path))).map(|path| (*path).to_owned());
    fits(&|last| last == name)
        .or_else(|| fits(&|last| last.starts_with(&format!("{name}."))))
        .or_else(|| fits(&|last| last.starts_with(&format!("lib{name}.so"))))
}

fn in_path(pid: u32, name: &str) -> Option<String> {
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .iter()
        .map(|folder| format!("{folder}/{name}"))
        .find(|path| Path::new(&format!("/proc/{pid}/root{path}")).exists())
}

/// The oldest process of a container: by the start of its id, or the name of its machine.
fn first_of_container(wanted: &str) -> Option<u32> {
    if wanted.is_empty() {
        return None;
    }
    let in_it = |pid: u32| {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        container_names(&groups).iter().any(|name| name == wanted || (is_id(name) && name.starts_with(wanted)))
    };
    all().into_iter().map(|process| process.pid).find(|pid| in_it(*pid))
}

/// The containers that run here, by the first twelve digits of their ids or by name.
fn containers() -> Vec<String> {
    let mut names: Vec<String> = all()
        .into_iter()
        .flat_map(|process| {
            container_names(&fs::read_to_string(format!("/proc/{}/cgroup", process.pid)).unwrap_or_default())
        })
        .map(|name| if is_id(&name) { name[..12].to_owned() } else { name })
        .collect();
    names.sort();
    names.dedup();
    names.truncate(MOST_CANDIDATES);
    names
}

fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Names of containers in /proc/PID/cgroup: ids of Docker, containerd, CRI-O and Podman, names of LXC and nspawn.
fn container_names(groups: &str) -> Vec<String> {
    let mut names = Vec::new();
    for path in groups.lines().filter_map(|line| line.splitn(3, ':').nth(2)) {
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let bare = part.strip_suffix(".scope").unwrap_or(part);
            let tail = bare.rsplit('-').next().unwrap_or(bare);
            if is_id(tail) {
                names.push(tail.to_owned());
            } else if let Some(machine) = bare.strip_prefix("machine-").or_else(|| bare.strip_prefix("lxc.payload.")) {
                names.push(machine.to_owned());
            } else if part == "lxc" {
                names.extend(parts.peek().map(|name| (*name).to_owned()));
            }
        }
    }
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_found_in_their_control_groups() {
        let id = "ab".repeat(32);
        for path in [
            format!("/docker/{id}"),
            format!("/system.slice/docker-{id}.scope"),
            format!("/kubepods/pod1/cri-containerd-{id}.scope"),
        ] {
            assert_eq!(container_names(&format!("0::{path}\n")), std::slice::from_ref(&id), "{path}");
        }
        assert_eq!(container_names("0::/lxc/web/init.scope\n"), ["web"]);
        assert_eq!(container_names("0::/machine.slice/machine-db.scope\n"), ["db"]);
        assert!(container_names("0::/user.slice/user-0.slice/session-1.scope\n4:memory:/\n").is_empty());
    }

    #[test]
    fn a_library_is_found_by_short_names() {
        let own = std::process::id();
        let exe = std::env::current_exe().expect("path");
        let name = exe.file_name().and_then(|name| name.to_str()).expect("a name");
        assert_eq!(mapped(own, name), exe.to_str().map(str::to_owned));
        assert_eq!(mapped(own, "no such library"), None);
    }

    #[test]
    fn names_are_cut_as_the_kernel_does() {
        assert_eq!(kept("a-very-long-command-name"), "a-very-long-com");
        assert_eq!(kept("ümläut-ümläut-ü"), "ümläut-ümlä");
    }
}
