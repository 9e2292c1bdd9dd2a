//! Attachments that the kernel keeps without a link: they are taken back one by one.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libbpf_sys as sys;

use crate::sharing::Group;
use crate::socket::{self, ProcessSocket};
use crate::tc::Filter;
use crate::{Error, Result};

/// How to take something back; dropping it does so.
pub(super) enum Undo {
    /// BPF_PROG_ATTACH to a cgroup, a sockmap or a network namespace.
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
    pub(super) fn prog_attach(program: BorrowedFd<'_>, target: BorrowedFd<'_>, kind: u32) -> Result<Self> {
        let owned = |fd: BorrowedFd<'_>| {
            fd.try_clone_to_owned().map_err(|error| {
                Error::new("cannot keep what is attached", error.raw_os_error().unwrap_or(libc::EMFILE))
            })
        };
        match (owned(program), owned(target)) {
            (Ok(program), Ok(target)) => Ok(Self::ProgAttach { program, target, kind }),
            (Err(error), _) | (_, Err(error)) => {
                // SAFETY: open descriptors and a plain integer; without copies of them it could not be undone later.
                unsafe { sys::bpf_prog_detach2(program.as_raw_fd(), target.as_raw_fd(), kind) };
                Err(error)
            }
        }
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        match self {
            Self::ProgAttach { program, target, kind } => {
                // SAFETY: open descriptors and a plain integer. A target that is gone has nothing attached any more.
                unsafe { sys::bpf_prog_detach2(program.as_raw_fd(), target.as_raw_fd(), *kind) };
            }
            Self::MapEntry { map, key, before } => {
                let _ = match before {
                    Some(value) => write_entry(map.as_fd(), key, value),
                    None => delete_entry(map.as_fd(), key),
                };
            }
            Self::SocketFilter { socket } => {
                // The process may have closed it, and then there is nothing left to undo.
                if let Ok(fd) = socket.open() {
                    detach(fd.as_fd(), SocketOption::Filter);
                }
            }
            Self::SocketGroup { socket, group } => {
                let detached = socket.open().is_ok_and(|fd| detach(fd.as_fd(), SocketOption::Reuseport));
                if let (false, Some(group)) = (detached, group) {
                    group.any(|fd| detach(fd, SocketOption::Reuseport));
                }
            }
            Self::Filter { .. } | Self::OwnSocket { .. } => {}
        }
    }
}

fn detach(socket: BorrowedFd<'_>, option: SocketOption) -> bool {
    socket::set_option(socket, option.detach(), 0).is_ok()
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
