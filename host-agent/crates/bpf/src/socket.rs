//! Sockets that carry BPF programs: packet sockets of our own, and sockets of other processes.

use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::{Error, Result, os};

/// Every protocol (ETH_P_ALL), in network byte order.
const ALL_PROTOCOLS: u16 = (libc::ETH_P_ALL as u16).to_be();

/// A raw packet socket that is bound to nothing yet and so receives nothing.
pub(crate) fn packet() -> Result<OwnedFd> {
    // SAFETY: plain integers; the result is a new descriptor or an error.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    os::owned(fd).map_err(|_| Error::last("cannot open a packet socket"))
}

/// To one interface, or to all of them with 0.
pub(crate) fn bind_packet(socket: BorrowedFd<'_>, interface: i32) -> Result<()> {
    // SAFETY: zeroes are valid in this plain C struct.
    let mut address = unsafe { std::mem::zeroed::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ALL_PROTOCOLS;
    address.sll_ifindex = interface;
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address and its length are those of a live sockaddr_ll.
    match unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) } {
        0 => Ok(()),
        _ => Err(Error::last("cannot bind the packet socket")),
    }
}

/// A SOL_SOCKET option that is an integer.
pub(crate) fn set_option(socket: BorrowedFd<'_>, option: i32, value: i32) -> Result<()> {
    let length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the pointer and the length are those of a live integer.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(Error::last("cannot attach to the socket")) }
}

pub(crate) fn option(socket: BorrowedFd<'_>, option: i32) -> Option<i32> {
    let mut value = MaybeUninit::<i32>::zeroed();
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the pointer and the length are those of a live, initialised integer.
    unsafe {
        let result =
            libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value.as_mut_ptr().cast(), &mut length);
        (result == 0).then(|| value.assume_init())
    }
}

/// A socket of another process, by process and descriptor number. It is opened only for as long as it takes to change an
/// option: a copy of a listening socket would stay in its group when the process is gone, and take connections.
pub struct ProcessSocket {
    process: OwnedFd,
    pid: u32,
    number: u32,
    inode: u64,
}

impl ProcessSocket {
    /// ESRCH without the process, EBADF without the descriptor, ENOTSOCK for a file.
    pub fn of(pid: u32, number: u32) -> Result<Self> {
        let inode = inode(pid, number)?;
        // SAFETY: plain integers; the result is a new descriptor or an error. The kernel sets close-on-exec.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
        let process = os::owned(fd as i32).map_err(|_| Error::last("cannot open the process"))?;
        Ok(Self { process, pid, number, inode })
    }

    /// A copy of the descriptor, as long as it is still the same socket.
    pub(crate) fn open(&self) -> Result<OwnedFd> {
        if inode(self.pid, self.number)? != self.inode {
            return Err(Error::new("the process has closed the socket", libc::EBADF));
        }
        // SAFETY: an open descriptor and plain integers; the result is a new descriptor or an error.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, self.process.as_raw_fd(), self.number, 0) };
        os::owned(fd as i32).map_err(|_| Error::last("cannot take the socket of the process"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Whether the socket shares its port with others (SO_REUSEPORT).
    pub fn shares_port(&self) -> bool {
        use std::os::fd::AsFd;
        self.open().ok().and_then(|fd| option(fd.as_fd(), libc::SO_REUSEPORT)) == Some(1)
    }
}

fn inode(pid: u32, number: u32) -> Result<u64> {
    if !fs::exists(format!("/proc/{pid}")).unwrap_or(false) {
        return Err(Error::new(format!("there is no process {pid}"), libc::ESRCH));
    }
    let target = fs::read_link(format!("/proc/{pid}/fd/{number}")).map_err(|error| {
        let errno = if error.kind() == std::io::ErrorKind::NotFound { libc::EBADF } else { libc::EPERM };
        Error::new(format!("process {pid} has no descriptor {number}"), errno)
    })?;
    let target = target.to_string_lossy();
    let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')?.parse().ok());
    inode.ok_or_else(|| Error::new(format!("descriptor {number} of process {pid} is no socket"), libc::ENOTSOCK))
}

/// Numbers of a process's descriptors that are sockets.
pub fn of_process(pid: u32) -> Vec<u32> {
    inodes_of(pid).into_iter().map(|(number, _)| number).collect()
}

/// Numbers and inodes of a process's descriptors that are sockets.
pub(crate) fn inodes_of(pid: u32) -> Vec<(u32, u64)> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let mut numbers: Vec<(u32, u64)> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|number| Some((number, inode(pid, number).ok()?)))
        .collect();
    numbers.sort_unstable();
    numbers
}

/// A netlink socket for routing messages.
pub(crate) fn netlink() -> Result<OwnedFd> {
    // SAFETY: plain integers; the result is a new descriptor or an error.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE) };
    if fd < 0 {
        return Err(Error::last("cannot open a netlink socket"));
    }
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn sockets_of_a_process_are_told_from_files() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("socket");
        let file = fs::File::open("/proc/self/status").expect("file");
        let own = std::process::id();
        let numbers = of_process(own);
        assert!(numbers.contains(&(socket.as_raw_fd() as u32)) && !numbers.contains(&(file.as_raw_fd() as u32)));
        let errno = |number| ProcessSocket::of(own, number).err().map(|error| error.errno);
        assert_eq!(errno(file.as_raw_fd() as u32), Some(libc::ENOTSOCK));
        assert_eq!(errno(1_000_000), Some(libc::EBADF));
        assert_eq!(ProcessSocket::of(u32::MAX >> 1, 0).err().map(|error| error.errno), Some(libc::ESRCH));
    }

    #[test]
    fn a_closed_socket_is_not_taken_for_the_next_one() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("socket");
        let taken = ProcessSocket::of(std::process::id(), socket.as_raw_fd() as u32).expect("a socket");
        assert!(taken.open().is_ok() && !taken.shares_port());
        set_option(socket.as_fd(), libc::SO_REUSEPORT, 1).expect("option");
        assert!(taken.shares_port());
        drop(socket);
        let _next = std::net::UdpSocket::bind("127.0.0.1:0").expect("socket");
        assert_eq!(taken.open().err().map(|error| error.errno), Some(libc::EBADF));
    }
}
