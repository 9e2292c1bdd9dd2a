//! Attachments that the kernel keeps without a link: they are taken back one by one.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libbpf_sys as sys;

use crate::sharing::Group;
use crate::socket::{self, ProcessSocket};
use crate::tc::Filter;
use crate::undo::Receipt;
use crate::{Error, Result};

/// Something to take back; dropping it does so, and crosses its entry of the journal out.
pub(super) struct Undo {
    how: How,
    /// None for what crosses itself out, or goes by itself.
    receipt: Option<Receipt>,
}

/// How to take something back.
pub(super) enum How {
    /// BPF_PROG_ATTACH to a cgroup or a sockmap.
    ProgAttach { program: OwnedFd, target: OwnedFd, kind: u32 },
    /// Takes itself back.
    Filter { _filter: Filter },
    /// A program in an entry of a CPU or device map, and what the entry was before (none: it was not there).
    MapEntry { map: OwnedFd, key: [u8; 4], before: Option<Vec<u8>> },
    /// A socket of our own: closing it is all.
    OwnSocket { _socket: OwnedFd },
    /// A filter in the socket of another process: it goes with the socket.
    SocketFilter { socket: ProcessSocket },
    /// A program of a group of sockets that share a port: it stays as long as one of them does.
    SocketGroup { socket: ProcessSocket, group: Option<Group> },
}

/// Which of a socket's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketOption {
    /// SO_ATTACH_BPF: every packet that the socket receives.
    Filter,
    /// SO_ATTACH_REUSEPORT_EBPF: which socket of the group takes a packet or connection.
    Reuseport,
}

impl SocketOption {
    pub(super) fn attach(self) -> i32 {
        match self {
            Self::Filter => libc::SO_ATTACH_BPF,
            Self::Reuseport => libc::SO_ATTACH_REUSEPORT_EBPF,
        }
    }

    fn detach(self) -> i32 {
        const SO_DETACH_REUSEPORT_BPF: i32 = 68;
        match self {
            Self::Filter => libc::SO_DETACH_FILTER,
            Self::Reuseport => SO_DETACH_REUSEPORT_BPF,
        }
    }
}

impl Undo {
    pub(super) fn new(how: How, receipt: Option<Receipt>) -> Self {
        Self { how, receipt }
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if let (false, Some(receipt)) = (self.how.take_back(), self.receipt.take()) {
            receipt.leave_open();
        }
    }
}

impl How {
    /// False where it may still be there: somebody with more rights has to do it.
    fn take_back(&mut self) -> bool {
        match self {
            Self::ProgAttach { program, target, kind } => {
                // SAFETY: open descriptors and a plain integer. A target that is gone has nothing attached any more.
                let result = unsafe { sys::bpf_prog_detach2(program.as_raw_fd(), target.as_raw_fd(), *kind) };
                !forbidden(-result)
            }
            Self::MapEntry { map, key, before } => {
                !put_back(map.as_fd(), key, before.as_deref()).is_err_and(|error| forbidden(error.errno))
            }
            Self::SocketFilter { socket } => match socket.open() {
                Ok(fd) => detach(fd.as_fd(), SocketOption::Filter),
                // The process may have closed it, and then there is nothing left to undo.
                Err(error) => !forbidden(error.errno),
            },
            Self::SocketGroup { socket, group } => {
                let opened = socket.open();
                let refused = opened.as_ref().is_err_and(|error| forbidden(error.errno));
                let detached = opened.is_ok_and(|fd| detach(fd.as_fd(), SocketOption::Reuseport));
                let others = |group: &Group| group.any(|fd| detach(fd, SocketOption::Reuseport));
                detached || group.as_ref().is_some_and(others) || !refused
            }
            Self::Filter { .. } | Self::OwnSocket { .. } => true,
        }
    }
}

fn forbidden(errno: i32) -> bool {
    matches!(errno, libc::EPERM | libc::EACCES)
}

pub(crate) fn detach(socket: BorrowedFd<'_>, option: SocketOption) -> bool {
    socket::set_option(socket, option.detach(), 0).is_ok()
}

/// What an entry of a CPU or device map was before it got a program.
pub(crate) fn put_back(map: BorrowedFd<'_>, key: &[u8; 4], before: Option<&[u8]>) -> Result<()> {
    match before {
        Some(value) => write_entry(map, key, value),
        None => delete_entry(map, key),
    }
}

/// An entry of a CPU or device map, whose keys have 4 and whose values with programs 8 bytes.
pub(super) fn write_entry(map: BorrowedFd<'_>, key: &[u8; 4], value: &[u8]) -> Result<()> {
    if value.len() != 8 {
        return Err(Error::new("cannot put the program into the map", libc::EINVAL));
    }
    // SAFETY: the callers checked that the map has keys of 4 and values of 8 bytes (map::lookup and map_entry).
    match unsafe { sys::bpf_map_update_elem(map.as_raw_fd(), key.as_ptr().cast(), value.as_ptr().cast(), 0) } {
        0 => Ok(()),
        error => Err(Error::new("cannot put the program into the map", error)),
    }
}

fn delete_entry(map: BorrowedFd<'_>, key: &[u8; 4]) -> Result<()> {
    // SAFETY: the key has the size of such a map's keys.
    match unsafe { sys::bpf_map_delete_elem(map.as_raw_fd(), key.as_ptr().cast()) } {
        0 => Ok(()),
        error => Err(Error::new("cannot take the entry out of the map", error)),
    }
}
