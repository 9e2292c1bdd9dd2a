//! Open files handed to another process over a unix socket (SCM_RIGHTS, unix(7)).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::os::owned;

/// As many as are handed over at a time: a client's two pipes.
const COUNT: usize = 2;
/// Room for one control message with these descriptors, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Hands over both files with one byte that carries them.
pub fn send(socket: BorrowedFd<'_>, files: [BorrowedFd<'_>; COUNT]) -> io::Result<()> {
    let numbers = files.map(|file| file.as_raw_fd());
    let mut byte = [0_u8];
    let mut control = Control([0; 64]);
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // SAFETY: every pointer is to a local that outlives the call; `control` has room for a header and two integers, which
    // CMSG_FIRSTHDR and CMSG_DATA point into.
    let sent = unsafe {
        let mut message = std::mem::zeroed::<libc::msghdr>();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = libc::CMSG_SPACE(size_of_val(&numbers) as u32) as _;
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of_val(&numbers) as u32) as _;
        std::ptr::copy_nonoverlapping(numbers.as_ptr(), libc::CMSG_DATA(header).cast::<RawFd>(), COUNT);
        libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_NOSIGNAL)
    };
    if sent == 1 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What the other process hands over. An error when the message carries anything else.
pub fn receive(socket: BorrowedFd<'_>) -> io::Result<[OwnedFd; COUNT]> {
    let mut byte = [0_u8];
    let mut control = Control([0; 64]);
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let mut files = Vec::new();
    // SAFETY: as in `send`; the kernel writes at most `msg_controllen` bytes, and each number of an SCM_RIGHTS message is a
    // new descriptor of this process. All of them are owned here before anything is decided.
    unsafe {
        let mut message = std::mem::zeroed::<libc::msghdr>();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size_of_val(&control) as _;
        if libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
        let header = libc::CMSG_FIRSTHDR(&message);
        if !header.is_null() && (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
            let count = ((*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize) / size_of::<RawFd>();
            let numbers = libc::CMSG_DATA(header).cast::<RawFd>();
            for index in 0..count {
                files.push(owned(numbers.add(index).read_unaligned())?);
            }
        }
    }
    <[OwnedFd; COUNT]>::try_from(files)
        .map_err(|files| io::Error::new(io::ErrorKind::InvalidData, format!("{} files, not {COUNT}", files.len())))
}

/// The user at the other end.
pub fn peer_uid(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut peer = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = size_of_val(&peer) as libc::socklen_t;
    // SAFETY: the pointer and the length are those of a local ucred.
    let result = unsafe {
        let value = (&raw mut peer).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, value, &mut length)
    };
    if result == 0 { Ok(peer.uid) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn files_go_from_one_end_to_the_other() {
        let (one, two) = UnixStream::pair().expect("a pair");
        let (reader, writer) = io::pipe().expect("a pipe");
        send(one.as_fd(), [reader.as_fd(), writer.as_fd()]).expect("sent");
        drop((reader, writer));
        let [reader, writer] = receive(two.as_fd()).expect("two files");
        File::from(writer).write_all(b"through").expect("written");
        let mut text = String::new();
        File::from(reader).read_to_string(&mut text).expect("read");
        assert_eq!(text, "through");
        assert!(peer_uid(two.as_fd()).is_ok());
    }

    #[test]
    fn bytes_without_files_are_refused() {
        let (mut one, two) = UnixStream::pair().expect("a pair");
        one.write_all(b"x").expect("sent");
        assert_eq!(receive(two.as_fd()).expect_err("no files").kind(), io::ErrorKind::InvalidData);
        drop(one);
        assert!(receive(two.as_fd()).is_err());
    }
}
