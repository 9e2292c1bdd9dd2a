//! Groups of sockets that share a port (SO_REUSEPORT): the kernel keeps the group's program as long as one socket of the
//! group is open, in whatever process, so detaching needs any socket of the group and not the one that it was attached by.

use std::collections::BTreeSet;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use crate::socket::{self, ProcessSocket};

/// What the sockets of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Link text of the network namespace: "net:[4026531840]".
    pub(crate) namespace: PathBuf,
    pub(crate) family: i32,
    pub(crate) protocol: i32,
    pub(crate) address: Vec<u8>,
}

impl Group {
    /// None where the socket is bound to no port yet: then nothing but the socket itself is known.
    pub(crate) fn of(socket: BorrowedFd<'_>, pid: u32) -> Option<Self> {
        let namespace = namespace(pid)?;
        let family = socket::option(socket, libc::SO_DOMAIN)?;
        let protocol = socket::option(socket, libc::SO_PROTOCOL)?;
        let group = Self { namespace, family, protocol, address: address(socket)? };
        (group.port()? != 0).then_some(group)
    }

    /// A group that was known before.
    pub(crate) fn from_parts(namespace: PathBuf, family: i32, protocol: i32, address: Vec<u8>) -> Self {
        Self { namespace, family, protocol, address }
    }

    /// Calls `act` with one socket of the group after the other until it is content. Sockets are looked at only if they have
    /// the group's port, and are let go at once.
    pub(crate) fn any(&self, mut act: impl FnMut(BorrowedFd<'_>) -> bool) -> bool {
        let mut inodes: Option<BTreeSet<u64>> = None;
        for pid in processes() {
            if namespace(pid).as_ref() != Some(&self.namespace) {
                continue;
            }
            let inodes = inodes.get_or_insert_with(|| self.inodes_seen_by(pid));
            if inodes.is_empty() {
                return false; // nobody has the port any more
            }
            for (number, _) in socket::inodes_of(pid).into_iter().filter(|(_, inode)| inodes.contains(inode)) {
                let opened = ProcessSocket::of(pid, number).and_then(|socket| socket.open());
                if opened.is_ok_and(|fd| self.has(&fd, pid) && act(fd.as_fd())) {
                    return true;
                }
            }
        }
        false
    }

    fn has(&self, socket: &OwnedFd, pid: u32) -> bool {
        socket::option(socket.as_fd(), libc::SO_REUSEPORT) == Some(1)
            && Self::of(socket.as_fd(), pid).as_ref() == Some(self)
    }

    /// Port of the address, which stands at the same place in those of IPv4 and IPv6.
    fn port(&self) -> Option<u16> {
        let known = matches!(self.family, libc::AF_INET | libc::AF_INET6);
        let bytes = self.address.get(2..4).filter(|_| known)?;
        Some(u16::from_be_bytes(bytes.try_into().ok()?))
    }

    /// Sockets with this port in the network namespace of a process.
    fn inodes_seen_by(&self, pid: u32) -> BTreeSet<u64> {
        let table = match (self.protocol, self.family) {
            (libc::IPPROTO_TCP, libc::AF_INET) => "tcp",
            (libc::IPPROTO_TCP, _) => "tcp6",
            (libc::IPPROTO_UDP, libc::AF_INET) => "udp",
            (libc::IPPROTO_UDP, _) => "udp6",
            _ => return BTreeSet::new(),
        };
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        self.port().map_or_else(BTreeSet::new, |port| text.lines().filter_map(|line| inode_at(line, port)).collect())
    }
}

/// `0: 0100007F:10F7 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 …`: the inode, if it has the port.
fn inode_at(line: &str, port: u16) -> Option<u64> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (_, local_port) = words.next()?.rsplit_once(':')?;
    if u16::from_str_radix(local_port, 16).ok()? != port {
        return None;
    }
    words.nth(7)?.parse().ok().filter(|inode| *inode != 0)
}

fn namespace(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}

fn processes() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The local address as the kernel writes it.
fn address(socket: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: the pointer and the length are those of a live storage, which the kernel fills with at most as much.
    let result = unsafe { libc::getsockname(socket.as_raw_fd(), storage.as_mut_ptr().cast(), &mut length) };
    let length = (length as usize).min(size_of::<libc::sockaddr_storage>());
    // SAFETY: the storage was zeroed, so all its bytes are initialised, and the length is within it.
    (result == 0).then(|| unsafe { std::slice::from_raw_parts(storage.as_ptr().cast::<u8>(), length) }.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn lines_of_the_kernels_tables_give_the_inode_of_a_port() {
        let line = "  12: 0100007F:10F7 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 34567 1 0000000000000000 100 0 0 10 0";
        assert_eq!(inode_at(line, 0x10f7), Some(34567));
        assert_eq!(inode_at(line, 0x10f8), None);
        let v6 = "   1: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 99 1";
        assert_eq!(inode_at(v6, 0x16), Some(99));
        assert_eq!(inode_at("  sl  local_address rem_address   st", 0), None);
        // A connection that no process holds (TIME_WAIT, or not accepted yet).
        assert_eq!(inode_at(&line.replace("34567", "0"), 0x10f7), None);
    }

    #[test]
    fn sockets_of_one_port_are_a_group_only_if_they_share_it() {
        let own = std::process::id();
        let one = UdpSocket::bind("127.0.0.1:0").expect("socket");
        let group = Group::of(one.as_fd(), own).expect("bound");
        assert!(!group.any(|_| true), "it does not share its port");
        socket::set_option(one.as_fd(), libc::SO_REUSEPORT, 1).expect("option");
        let mut seen = 0;
        assert!(!group.any(|_| {
            seen += 1;
            false
        }));
        assert_eq!(seen, 1);
        // The same number of another protocol is another group.
        let stream = TcpListener::bind(one.local_addr().expect("an address")).expect("listen");
        assert_ne!(Group::of(stream.as_fd(), own), Some(group.clone()));
        drop(one);
        assert!(!group.any(|_| true), "nobody is left");
    }
}
