//! Control groups.

use std::os::fd::{AsRawFd, BorrowedFd};

use libbpf_sys as sys;

use super::{Link, attach_without_link, create, loaded};
use crate::Result;
use crate::program::Program;

/// `kind` is the BPF_CGROUP_* (or BPF_LSM_CGROUP) attach type.
pub fn cgroup(program: Program<'_>, cgroup: BorrowedFd<'_>, kind: u32) -> Result<Link> {
    const WHAT: &str = "cannot attach to the cgroup";
    let fd = loaded(&program)?;
    match create(fd, cgroup.as_raw_fd(), kind, 0, WHAT) {
        // Links to cgroups came with 5.7. Before, a program without BPF_F_ALLOW_MULTI would push others out.
        Err(error) if error.errno == libc::EINVAL => {
            attach_without_link(fd, cgroup, kind, sys::BPF_F_ALLOW_MULTI, WHAT).map_err(|_| error)
        }
        other => other,
    }
}
