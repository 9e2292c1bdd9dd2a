//! A netlink socket that asks for dumps.

use std::os::fd::{AsRawFd, OwnedFd};

use super::messages::{HEADER_BYTES, Message, messages, u32_at};
use crate::{Error, Result, os};

const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// The kernel puts no more than this into one datagram of a dump.
const DATAGRAM_BYTES: usize = 64 << 10;
const PATIENCE_SECONDS: i64 = 2;

pub struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

impl Socket {
    pub fn open() -> Result<Self> {
        // SAFETY: plain integers; the result is a new descriptor or an error.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE) };
        let fd = os::owned(fd).map_err(|_| Error::last("cannot ask the kernel for its interfaces"))?;
        let patience = libc::timeval { tv_sec: PATIENCE_SECONDS, tv_usec: 0 };
        // SAFETY: the pointer and the length are those of a local timeval.
        unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const patience).cast(),
                size_of_val(&patience) as libc::socklen_t,
            );
        }
        Ok(Self { fd, sequence: 0 })
    }

    /// Asks for everything of one kind. What vanished meanwhile (ENODEV, ENOENT, EINVAL for a parent) is an empty dump.
    pub fn dump(&mut self, kind: u16, body: &[u8], mut take: impl FnMut(Message<'_>)) -> Result<()> {
        self.sequence += 1;
        self.send(kind, NLM_F_REQUEST | NLM_F_DUMP, body)?;
        let mut bytes = vec![0_u8; DATAGRAM_BYTES];
        loop {
            let length = self.receive(&mut bytes)?;
            for message in messages(&bytes[..length]) {
                if message.sequence != self.sequence {
                    continue;
                }
                match message.kind {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => return error(message.payload),
                    _ => take(message),
                }
            }
        }
    }

    /// Asks for one thing. An error of the kernel (no such thing) is no answer.
    pub fn ask<T>(&mut self, kind: u16, body: &[u8], take: impl Fn(Message<'_>) -> T) -> Result<Option<T>> {
        self.sequence += 1;
        self.send(kind, NLM_F_REQUEST, body)?;
        let mut bytes = vec![0_u8; DATAGRAM_BYTES];
        loop {
            let length = self.receive(&mut bytes)?;
            let mut own = messages(&bytes[..length]).filter(|message| message.sequence == self.sequence);
            if let Some(message) = own.next() {
                return Ok((!matches!(message.kind, NLMSG_ERROR | NLMSG_DONE)).then(|| take(message)));
            }
        }
    }

    fn send(&self, kind: u16, flags: u16, body: &[u8]) -> Result<()> {
        let mut request = Vec::with_capacity(HEADER_BYTES + body.len());
        request.extend_from_slice(&((HEADER_BYTES + body.len()) as u32).to_ne_bytes());
        request.extend_from_slice(&kind.to_ne_bytes());
        request.extend_from_slice(&flags.to_ne_bytes());
        request.extend_from_slice(&self.sequence.to_ne_bytes());
        request.extend_from_slice(&0_u32.to_ne_bytes());
        request.extend_from_slice(body);
        // SAFETY: the pointer and the length are those of a live vector.
        let sent = unsafe { libc::send(self.fd.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) };
        if sent == request.len() as isize {
            Ok(())
        } else {
            Err(Error::last("cannot ask the kernel for its interfaces"))
        }
    }

    fn receive(&self, bytes: &mut [u8]) -> Result<usize> {
        loop {
            // SAFETY: the pointer and the length are those of a live slice.
            let length = unsafe { libc::recv(self.fd.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), 0) };
            if length > 0 {
                return Ok(length as usize);
            }
            let error = match length {
                0 => Error::new("the kernel stopped telling its interfaces", libc::EPROTO),
                _ => Error::last("the kernel does not tell its interfaces"),
            };
            if error.errno != libc::EINTR {
                return Err(error);
            }
        }
    }
}

fn error(payload: &[u8]) -> Result<()> {
    let errno = u32_at(payload, 0).map_or(libc::EPROTO, |raw| (raw as i32).wrapping_neg());
    match errno {
        0 | libc::ENODEV | libc::ENOENT | libc::EINVAL | libc::EOPNOTSUPP => Ok(()),
        errno => Err(Error::new("the kernel does not tell its interfaces", errno)),
    }
}
