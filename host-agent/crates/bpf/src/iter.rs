//! Reading what an attached iterator program writes.

use std::fs::File;
use std::os::fd::AsRawFd;

use libbpf_sys as sys;

use crate::link::Link;
use crate::{Error, Result, os};

/// A new pass over everything, from its beginning. The file ends where the iteration does.
pub fn open(link: &Link) -> Result<File> {
    let link = link.fd().ok_or_else(|| Error::new("there is no link to read", libc::EBADF))?;
    // SAFETY: a valid descriptor; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_iter_create(link.as_raw_fd()) };
    os::owned(fd).map(File::from).map_err(|_| Error::new("cannot start the iterator", fd))
}
