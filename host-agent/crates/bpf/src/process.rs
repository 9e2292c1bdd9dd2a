//! Processes that belong together: a child with a socket to its parent, names, signals.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use crate::os::owned;

/// Where a child finds its end of the socket.
pub const SOCKET: RawFd = 3;

/// What the kernel says of a process in /proc/PID/stat (man 5 proc_pid_stat).
#[derive(Debug, PartialEq, Eq)]
pub struct Stat {
    /// One letter; `Z` and `X` are dead.
    pub state: char,
    /// Clock ticks since the boot: with the pid, a process is never taken for another.
    pub started: u64,
}

/// None: there is no such process.
pub fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let mut fields = text.rsplit_once(") ")?.1.split(' ');
    Some(Stat { state: fields.next()?.parse().ok()?, started: fields.nth(18)?.parse().ok()? })
}

/// Two ends of a socket that keeps messages apart, tells when the other end is gone, and never blocks.
pub fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the array has room for the two descriptors that the call writes.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((owned(ends[0])?, owned(ends[1])?))
}

/// Starts the command with `socket` as its descriptor [`SOCKET`]; every other descriptor of ours but the three standard
/// ones closes on the way.
pub fn spawn_with_socket(command: &mut Command, socket: OwnedFd) -> io::Result<Child> {
    let given = move || {
        // SAFETY: plain integers. Between fork and exec only these async-signal-safe calls are made. dup2 clears the
        // close-on-exec flag, except where both numbers are the same.
        let result = unsafe {
            match socket.as_raw_fd() {
                SOCKET => libc::fcntl(SOCKET, libc::F_SETFD, 0),
                other => libc::dup2(other, SOCKET),
            }
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe { command.pre_exec(given) };
    command.spawn()
}

/// The socket that a parent gave to this process. Only a process that was started for it may ask, once, before it opens
/// anything.
pub fn given_socket() -> io::Result<OwnedFd> {
    let (mut kind, mut length) = (0_i32, size_of::<i32>() as libc::socklen_t);
    // SAFETY: the pointer and the length are those of a live integer; a descriptor that is no socket answers with an error.
    let result =
        unsafe { libc::getsockopt(SOCKET, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast(), &mut length) };
    if result != 0 || kind != libc::SOCK_SEQPACKET {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no supervisor has given a socket"));
    }
    // SAFETY: plain integers on an open descriptor.
    unsafe { libc::fcntl(SOCKET, libc::F_SETFD, libc::FD_CLOEXEC) };
    // SAFETY: an open descriptor that nothing else in this process owns: it came by exec, and this is asked once.
    Ok(unsafe { OwnedFd::from_raw_fd(SOCKET) })
}

/// One message, whole or not at all. WouldBlock when the other end does not read.
pub fn send(socket: BorrowedFd<'_>, message: &[u8]) -> io::Result<()> {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the pointer and the length are those of a live slice.
    match unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), flags) } {
        sent if sent < 0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The next message, cut to the buffer; 0 bytes when the other end is gone. WouldBlock when there is none.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length are those of a live, writable slice.
    match unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) } {
        length if length < 0 => Err(io::Error::last_os_error()),
        length => Ok(length as usize),
    }
}

/// SIGTERM.
pub fn terminate(pid: u32) -> io::Result<()> {
    signal(pid, libc::SIGTERM)
}

/// SIGKILL, which a stopped process does not outlive either.
pub fn kill(pid: u32) -> io::Result<()> {
    signal(pid, libc::SIGKILL)
}

fn signal(pid: u32, signal: i32) -> io::Result<()> {
    // Neither a group nor everybody.
    let Some(pid) = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 1) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // SAFETY: plain integers.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The name in ps and /proc/PID/comm; the kernel keeps 15 letters.
pub fn set_name(name: &CStr) {
    // SAFETY: a terminated string that lives through the call.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Lets go of standard input and output, which another process has now: a pipe that one process still holds never ends.
/// /dev/null takes their numbers, so that no later file gets them.
pub fn release_stdio() -> io::Result<()> {
    let nothing = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    for number in [0, 1] {
        // SAFETY: plain integers; nothing in this process keeps a file on these two numbers.
        if unsafe { libc::dup2(nothing.as_raw_fd(), number) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The number of a signal that a descriptor of [`crate::os::supervisor_signals`] has, if one is waiting.
pub fn next_signal(signals: BorrowedFd<'_>) -> Option<i32> {
    // SAFETY: zeroes are valid in this plain struct, and the kernel writes at most its size.
    unsafe {
        let mut info = std::mem::zeroed::<libc::signalfd_siginfo>();
        let length = size_of_val(&info);
        let read = libc::read(signals.as_raw_fd(), (&raw mut info).cast(), length);
        (read == length as isize).then_some(info.ssi_signo as i32)
    }
}

pub const SIGCHLD: i32 = libc::SIGCHLD;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn messages_stay_apart_and_the_end_is_seen() {
        let (one, two) = socket_pair().expect("a pair");
        send(one.as_fd(), b"first").and_then(|()| send(one.as_fd(), b"second")).expect("sent");
        let mut buffer = [0; 16];
        assert_eq!(receive(two.as_fd(), &mut buffer).expect("a message"), 5);
        assert_eq!(receive(two.as_fd(), &mut buffer).expect("a message"), 6);
        assert_eq!(receive(two.as_fd(), &mut buffer).expect_err("none").kind(), io::ErrorKind::WouldBlock);
        drop(one);
        assert_eq!(receive(two.as_fd(), &mut buffer).expect("the end"), 0);
        assert!(send(two.as_fd(), b"third").is_err());
    }

    #[test]
    fn a_child_gets_its_end_of_the_socket() {
        let (ours, theirs) = socket_pair().expect("a pair");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "readlink /proc/$$/fd/3"]);
        command.stdout(std::process::Stdio::piped());
        let own = std::fs::read_link(format!("/proc/self/fd/{}", theirs.as_raw_fd())).expect("a socket");
        let child = spawn_with_socket(&mut command, theirs).expect("a shell");
        let said = String::from_utf8(child.wait_with_output().expect("its end").stdout).expect("text");
        assert_eq!(said, format!("{}\n", own.display()));
        drop(ours);
    }

    #[test]
    fn nobody_is_signalled_by_accident() {
        for pid in [0, 1, u32::MAX] {
            assert_eq!(terminate(pid).expect_err("refused").kind(), io::ErrorKind::InvalidInput);
        }
    }
}
