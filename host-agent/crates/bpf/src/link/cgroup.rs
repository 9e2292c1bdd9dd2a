//! Control groups.

use std::os::fd::{AsRawFd, BorrowedFd};

use libbpf_sys as sys;

use super::{Link, attach_without_link, create, loaded};
use crate::error::NO_JOURNAL;
use crate::program::Program;
use crate::undo::{Identity, Kept};
use crate::{Error, Result};

/// `kind` is the BPF_CGROUP_* (or BPF_LSM_CGROUP) attach type.
pub fn cgroup(program: Program<'_>, cgroup: BorrowedFd<'_>, kind: u32) -> Result<Link> {
    const WHAT: &str = "cannot attach to the cgroup";
    let fd = loaded(&program)?;
    match create(fd, cgroup.as_raw_fd(), kind, 0, WHAT) {
        // Links to cgroups came with 5.7. Before, a program without BPF_F_ALLOW_MULTI would push others out.
        Err(error) if error.errno == libc::EINVAL => {
            let kept = Kept::Cgroup { program: Identity::of(fd)?, kind, inode: inode(cgroup), path: path(cgroup)? };
            let attached = attach_without_link(fd, cgroup, kind, sys::BPF_F_ALLOW_MULTI, WHAT, &kept);
            attached.map_err(|second| if second.errno == NO_JOURNAL { second } else { error })
        }
        other => other,
    }
}

fn inode(group: BorrowedFd<'_>) -> u64 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(format!("/proc/self/fd/{}", group.as_raw_fd())).map_or(0, |about| about.ino())
}

fn path(group: BorrowedFd<'_>) -> Result<String> {
    let path = std::fs::read_link(format!("/proc/self/fd/{}", group.as_raw_fd()));
    path.map(|path| path.to_string_lossy().into_owned())
        .map_err(|error| Error::new("the cgroup has no path", error.raw_os_error().unwrap_or(0)))
}
