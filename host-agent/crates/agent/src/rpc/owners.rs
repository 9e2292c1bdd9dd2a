//! Who holds what: one look through the descriptors of all processes, and through the pins in bpffs.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;

use ringside_bpf::inventory::{self, Kind};
use ringside_proto::messages as pb;

use super::storage_owners::{command, descriptors, processes};
use crate::failure::Answer;
use crate::requests::Context;

/// The file name that every Ringside agent has on a host.
const AGENT: &str = "ringside-agent";
/// Pins that are looked at, and how deep: bpffs is as large as people make it.
const MOST_PINS: usize = 20_000;
const DEEPEST: usize = 32;

/// Owners by what they hold.
#[derive(Default)]
pub struct Owners {
    found: BTreeMap<(u8, u32), Vec<pb::Owner>>,
    /// False when some process did not let us look.
    pub known: bool,
}

impl Owners {
    pub fn of(&self, kind: Kind, id: u32) -> Vec<pb::Owner> {
        self.found.get(&(rank(kind), id)).cloned().unwrap_or_default()
    }

    pub fn pids_of_map(&self, id: u32) -> Vec<u32> {
        self.of(Kind::Map, id).iter().map(|owner| owner.pid).collect()
    }
}

/// Whether this process is among them.
pub fn ours(owners: &[pb::Owner]) -> bool {
    owners.iter().any(|owner| owner.pid == std::process::id())
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Program => 0,
        Kind::Map => 1,
        Kind::Link => 2,
        Kind::Btf => 3,
    }
}

/// `visiting`: this process's own descriptors of other people's maps, which it only looks at.
pub fn scan(context: &Context<'_>, visiting: &[i32]) -> Answer<Owners> {
    let mut owners = Owners { known: true, ..Owners::default() };
    let own_pid = std::process::id();
    for pid in processes() {
        context.check_cancelled()?;
        // A process that ended meanwhile has no folder; one that may not be looked at has one that cannot be read.
        if fs::read_dir(format!("/proc/{pid}/fd")).is_err_and(|error| error.raw_os_error() == Some(13)) {
            owners.known = false;
            continue;
        }
        let mut owner = None;
        for (fd, target) in descriptors(pid) {
            if !is_bpf(&target) || pid == own_pid && visiting.contains(&(fd as i32)) {
                continue;
            }
            let Some(held) = held(&format!("/proc/{pid}/fdinfo/{fd}")) else { continue };
            let owner = owner.get_or_insert_with(|| describe(pid));
            let list = owners.found.entry((rank(held.0), held.1)).or_default();
            if list.last().is_none_or(|last| last.pid != pid) {
                list.push(owner.clone());
            }
        }
    }
    Ok(owners)
}

fn is_bpf(target: &str) -> bool {
    target.strip_prefix("anon_inode:").is_some_and(|name| {
        let name = name.trim_start_matches('[');
        name.starts_with("bpf") || name.starts_with("btf")
    })
}

fn describe(pid: u32) -> pb::Owner {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let name = exe.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    pb::Owner { pid, command: command(pid), ringside: name.trim_end_matches(" (deleted)") == AGENT }
}

/// What a descriptor is, by the lines of its fdinfo.
pub fn held(fdinfo: &str) -> Option<(Kind, u32)> {
    parse(&fs::read_to_string(fdinfo).ok()?)
}

/// A link's lines name its program too, so the link comes first.
fn parse(text: &str) -> Option<(Kind, u32)> {
    let labels =
        [(Kind::Link, "link_id:"), (Kind::Map, "map_id:"), (Kind::Program, "prog_id:"), (Kind::Btf, "btf_id:")];
    labels.into_iter().find_map(|(kind, label)| {
        let line = text.lines().find_map(|line| line.strip_prefix(label))?;
        Some((kind, line.trim().parse().ok()?))
    })
}

/// Paths in bpffs by what is pinned there.
#[derive(Default)]
pub struct Pins(BTreeMap<(u8, u32), Vec<String>>);

impl Pins {
    pub fn of(&self, kind: Kind, id: u32) -> Vec<String> {
        self.0.get(&(rank(kind), id)).cloned().unwrap_or_default()
    }
}

pub fn pins(context: &Context<'_>) -> Answer<Pins> {
    let mut pins = Pins::default();
    let mounts: HashSet<String> = super::host::mounts_of("bpf").into_iter().collect();
    let mut left = MOST_PINS;
    for mount in mounts {
        let mut waiting = vec![(PathBuf::from(mount), 0)];
        while let Some((folder, depth)) = waiting.pop() {
            context.check_cancelled()?;
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Some(fewer) = left.checked_sub(1) else { return Ok(pins) };
                left = fewer;
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() && depth < DEEPEST => waiting.push((entry.path(), depth + 1)),
                    Ok(kind) if kind.is_file() => pins.add(&entry.path().to_string_lossy()),
                    _ => {}
                }
            }
        }
    }
    pins.0.values_mut().for_each(|paths| paths.sort());
    Ok(pins)
}

impl Pins {
    fn add(&mut self, path: &str) {
        // What may not be opened, or is none of the four kinds, has no id that could be told.
        let Ok(fd) = inventory::open_pin(path) else { return };
        if let Some((kind, id)) = held(&format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd())) {
            self.0.entry((rank(kind), id)).or_default().push(path.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fdinfo_tells_what_is_held() {
        let link = "pos:\t0\nlink_type:\txdp\nlink_id:\t4\nprog_tag:\t9c\nprog_id:\t7\n";
        assert_eq!(parse(link), Some((Kind::Link, 4)));
        assert_eq!(parse("map_type:\t1\nmap_id:\t12\nfrozen:\t0\n"), Some((Kind::Map, 12)));
        assert_eq!(parse("prog_type:\t5\nprog_id:\t9\n"), Some((Kind::Program, 9)));
        assert_eq!(parse("pos:\t0\n"), None);
        assert_eq!(parse("map_id:\tmany\n"), None);
    }

    #[test]
    fn only_bpf_descriptors_are_read() {
        assert!(is_bpf("anon_inode:bpf-map") && is_bpf("anon_inode:bpf_link") && is_bpf("anon_inode:btf"));
        assert!(!is_bpf("anon_inode:[eventpoll]") && !is_bpf("/tmp/bpf") && !is_bpf("socket:[1]"));
    }
}
