//! Owners of storage maps. The key of such a map is a descriptor: a pidfd, a socket, a cgroup's folder, any file.

use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::{Error, Result, os};

/// A descriptor that stands for a process (Linux 5.3).
pub fn process(pid: u32) -> Result<OwnedFd> {
    // SAFETY: a system call with plain integers; the result is a new descriptor or an error.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    let what = || Error::last(format!("cannot open process {pid}"));
    os::owned(fd as i32).map_err(|_| what())
}

/// A copy of a descriptor of another process (Linux 5.6; needs CAP_SYS_PTRACE over it).
pub fn descriptor_of(process: BorrowedFd<'_>, fd: u32) -> Result<OwnedFd> {
    // SAFETY: a system call with plain integers; the result is a new descriptor or an error.
    let copy = unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd as i32, 0) };
    os::owned(copy as i32).map_err(|_| Error::last(format!("cannot take descriptor {fd} of the process")))
}

/// A cgroup's folder or any file.
pub fn path(path: &str) -> Result<OwnedFd> {
    let failed = |error: std::io::Error| Error::new(format!("cannot open {path}"), error.raw_os_error().unwrap_or(0));
    File::open(path).map(OwnedFd::from).map_err(failed)
}

/// The key that a storage map wants for the owner.
pub fn key(owner: BorrowedFd<'_>) -> [u8; 4] {
    owner.as_raw_fd().to_ne_bytes()
}
