//! Control groups of the unified hierarchy.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ringside_proto::messages as pb;

use super::found::{Found, details};
use crate::failure::{Answer, Failure};
use crate::rpc::host;

/// Deeper nesting is somebody's mistake.
const DEEPEST: usize = 64;

pub fn list(found: &mut Found<'_>) -> Answer<()> {
    let Some(mount) = host::cgroup2() else {
        return Err(Failure::new("unsupported-by-kernel", "The unified cgroup hierarchy (cgroup2) is not mounted on this host.")
            .hint("Mount it: mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified. Distributions since 2021 have it at /sys/fs/cgroup."));
    };
    let mount = PathBuf::from(mount);
    // From the innermost of what is left to do: a stack, since a tree may have any number of groups.
    let mut waiting = vec![(String::from("/"), 0)];
    while let Some((path, depth)) = waiting.pop() {
        let folder = mount.join(path.trim_start_matches('/'));
        found.offer(&path, || entry(&path, &folder))?;
        if depth >= DEEPEST {
            continue;
        }
        let base = if path == "/" { "" } else { path.as_str() };
        let mut children: Vec<String> = subfolders(&folder).map(|name| format!("{base}/{name}")).collect();
        children.sort_unstable_by(|a, b| b.cmp(a));
        waiting.extend(children.into_iter().map(|child| (child, depth + 1)));
    }
    Ok(())
}

/// A group that goes away meanwhile has no children any more.
fn subfolders(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
}

fn entry(path: &str, folder: &Path) -> pb::TargetEntry {
    let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
    let populated = read("cgroup.events")
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("populated ")).map(|value| value == "1"));
    pb::TargetEntry {
        name: path.to_owned(),
        details: details([
            ("path", folder.display().to_string()),
            // Unknown (not 0) for a threaded group, whose processes the kernel does not list.
            ("procs", read("cgroup.procs").map_or_else(String::new, |text| text.lines().count().to_string())),
            ("populated", populated.map_or_else(String::new, |populated| populated.to_string())),
            ("id", fs::metadata(folder).map_or_else(|_| String::new(), |metadata| metadata.ino().to_string())),
        ]),
        ..Default::default()
    }
}
