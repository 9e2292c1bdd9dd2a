//! The few system calls that std does not offer: poll, writev, signals as a file, limits, clocks, membarrier.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use libc::{c_int, c_void};

/// What poll found on a descriptor.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ready {
    pub readable: bool,
    pub writable: bool,
    /// The other side is gone; there may still be bytes to read.
    pub hung_up: bool,
}

/// Waits until one of the descriptors can be read, or the time is over (`None`: no limit). An interrupted wait is empty.
pub fn poll_readable(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<Vec<Ready>> {
    poll(fds, libc::POLLIN, timeout)
}

fn poll(fds: &[BorrowedFd<'_>], events: i16, timeout: Option<Duration>) -> io::Result<Vec<Ready>> {
    let mut polled: Vec<libc::pollfd> =
        fds.iter().map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }).collect();
    // Rounded up, so that a wait for half a millisecond does not become a spin.
    let millis = timeout.map_or(-1, |time| time.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as c_int);
    // SAFETY: the pointer and the length are those of a live vector of pollfd.
    let found = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, millis) };
    if found < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted {
            Ok(vec![Ready::default(); fds.len()])
        } else {
            Err(error)
        };
    }
    Ok(polled
        .iter()
        .map(|one| Ready {
            readable: one.revents & libc::POLLIN != 0,
            writable: one.revents & libc::POLLOUT != 0,
            hung_up: one.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0,
        })
        .collect())
}

/// Gives memory that is free in this process back to the kernel: the C library keeps what large tables have used.
pub fn give_back_heap() {
    // SAFETY: malloc_trim takes the allocator's own locks and touches free memory only.
    unsafe { libc::malloc_trim(0) };
}

/// Writes all slices with as few system calls as the other side allows, also on a descriptor that someone made
/// non-blocking. No byte is copied in this process.
pub fn write_all(fd: BorrowedFd<'_>, parts: [&[u8]; 3]) -> io::Result<()> {
    write_all_while(fd, parts, &|| true)
}

/// How often a write to a full, non-blocking pipe asks whether it is still wanted.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// As [`write_all`], and gives up (BrokenPipe) when it is not wanted any more while a non-blocking pipe is full.
pub fn write_all_while(fd: BorrowedFd<'_>, parts: [&[u8]; 3], go_on: &dyn Fn() -> bool) -> io::Result<()> {
    let mut parts = parts;
    loop {
        let vectors = parts.map(|part| libc::iovec { iov_base: part.as_ptr() as *mut c_void, iov_len: part.len() });
        // SAFETY: each iovec describes a live slice that outlives the call; writev only reads from them.
        let written = unsafe { libc::writev(fd.as_raw_fd(), vectors.as_ptr(), vectors.len() as c_int) };
        if written < 0 {
            let error = io::Error::last_os_error();
            match error.kind() {
                io::ErrorKind::Interrupted => continue,
                io::ErrorKind::WouldBlock if go_on() => {
                    poll(&[fd], libc::POLLOUT, Some(ASK_AGAIN))?;
                    continue;
                }
                io::ErrorKind::WouldBlock => return Err(io::ErrorKind::BrokenPipe.into()),
                _ => return Err(error),
            }
        }
        let mut left = written as usize;
        for part in &mut parts {
            let taken = left.min(part.len());
            *part = &part[taken..];
            left -= taken;
        }
        if parts.iter().all(|part| part.is_empty()) {
            return Ok(());
        }
    }
}

/// Best effort: without it a write may wait longer.
pub fn set_nonblocking(fd: BorrowedFd<'_>) {
    // SAFETY: plain integers on an open descriptor.
    unsafe {
        let flags = libc::fcntl(fd.as_raw_fd(), libc::F_GETFL);
        if flags >= 0 {
            libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK);
        }
    }
}

/// A pipe to ssh holds 64 KiB by default: one megabyte lets a whole span leave in one call. Best effort.
pub fn widen_pipe(fd: BorrowedFd<'_>, bytes: usize) {
    // SAFETY: plain integers; a descriptor that is no pipe answers EBADF and nothing happens.
    unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETPIPE_SZ, bytes as c_int) };
}

/// Termination signals as a descriptor to poll, so that no handler runs in the middle of libbpf. Call it before any
/// other thread starts: they inherit the mask.
pub fn termination_signals() -> io::Result<OwnedFd> {
    signals(&[libc::SIGTERM, libc::SIGINT, libc::SIGHUP])
}

/// The same with the end of children.
pub fn supervisor_signals() -> io::Result<OwnedFd> {
    signals(&[libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD])
}

fn signals(wanted: &[c_int]) -> io::Result<OwnedFd> {
    // SAFETY: `set` is initialised by sigemptyset before use, all pointers are to locals, and the descriptor that
    // signalfd returns is new and owned by nobody else.
    unsafe {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        let mut set = set.assume_init();
        for signal in wanted {
            libc::sigaddset(&mut set, *signal);
        }
        if libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        owned(libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))
    }
}

/// SIGTERM when the parent goes, even if it leaves stdin open in another process (sudo, sh). False when the parent has
/// already gone.
pub fn die_with_parent() -> bool {
    // SAFETY: prctl and getppid with plain integers.
    unsafe {
        let parent = libc::getppid();
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as libc::c_ulong);
        libc::getppid() == parent
    }
}

/// Whether SIGTERM comes with the end of the parent process.
pub fn set_die_with_parent(on: bool) {
    let signal = if on { libc::SIGTERM } else { 0 };
    // SAFETY: prctl with plain integers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong) };
}

/// Uprobes and perf buffers take many descriptors, kernels before 5.11 charge maps to MEMLOCK. Best effort: without the
/// privilege, the kernel's own error says what is missing.
pub fn raise_limits() {
    let set = |resource, soft, hard| {
        let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
        // SAFETY: the pointer is to a local rlimit.
        unsafe { libc::setrlimit(resource, &limit) == 0 }
    };
    set(libc::RLIMIT_MEMLOCK, libc::RLIM_INFINITY, libc::RLIM_INFINITY);
    // As many as the kernel allows: one object may have thousands of programs, one probe a link for each of its places.
    let most = std::fs::read_to_string("/proc/sys/fs/nr_open").ok().and_then(|text| text.trim().parse().ok());
    let most = most.unwrap_or(1 << 20);
    if !set(libc::RLIMIT_NOFILE, most, most) {
        let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the pointer is to a local rlimit.
        if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut now) } == 0 {
            set(libc::RLIMIT_NOFILE, now.rlim_max, now.rlim_max);
        }
    }
    // A core file of an agent would hold what it traced.
    set(libc::RLIMIT_CORE, 0, 0);
}

/// Waits until every non-sleepable BPF program that runs now has ended: the global membarrier is an RCU grace period.
/// False where the kernel has no such barrier (nohz_full).
pub fn wait_for_running_programs() -> bool {
    const MEMBARRIER_CMD_GLOBAL: c_int = 1;
    // SAFETY: a system call with plain integers.
    unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0 }
}

/// The lock that belongs to an open file and goes with the process (flock). WouldBlock when another has it.
pub(crate) fn lock(file: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: plain integers.
    match unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

pub fn realtime_ns() -> u64 {
    clock_ns(libc::CLOCK_REALTIME)
}

/// CLOCK_REALTIME minus the other clock. Read around each other, the tightest of a few tries wins: a scheduling pause
/// between two reads would shift every time stamp.
fn realtime_minus(clock: libc::clockid_t) -> i64 {
    (0..5)
        .map(|_| {
            let (before, real, after) = (clock_ns(clock), realtime_ns(), clock_ns(clock));
            (after - before, real as i64 - (before + (after - before) / 2) as i64)
        })
        .min()
        .map_or(0, |(_, offset)| offset)
}

pub fn realtime_minus_monotonic_ns() -> i64 {
    realtime_minus(libc::CLOCK_MONOTONIC)
}

pub fn realtime_minus_boottime_ns() -> i64 {
    realtime_minus(libc::CLOCK_BOOTTIME)
}

/// User and system time of the whole process.
pub fn process_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a local timespec; the clocks used here always exist.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

pub fn effective_uid() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}

pub fn page_size() -> usize {
    // SAFETY: a plain integer argument.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// `machine` and `release` of uname, without a shell or a library lookup.
pub fn uname() -> (String, String) {
    // SAFETY: utsname is plain bytes, so zeroes are valid; uname fills it with terminated strings.
    let name = unsafe {
        let mut name = std::mem::zeroed::<libc::utsname>();
        libc::uname(&mut name);
        name
    };
    let text = |field: &[libc::c_char]| {
        String::from_utf8_lossy(&field.iter().take_while(|c| **c != 0).map(|c| *c as u8).collect::<Vec<_>>())
            .into_owned()
    };
    (text(&name.machine), text(&name.release))
}

/// Interface index by name, through an ioctl-free path that needs no name service.
pub fn interface_index(name: &str) -> Option<i32> {
    if name.contains('/') || name.starts_with('.') {
        return None;
    }
    std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).ok()?.trim().parse().ok()
}

/// A number of a descriptor's fdinfo ("memlock:", "prog_id:"), which tells what info calls do not.
pub fn fdinfo(fd: BorrowedFd<'_>, label: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    text.lines().find_map(|line| line.strip_prefix(label))?.trim().parse().ok()
}

/// A new network namespace for the calling thread alone; needs CAP_SYS_ADMIN.
pub(crate) fn unshare_network() -> io::Result<()> {
    // SAFETY: a plain integer; only this thread's namespace changes.
    match unsafe { libc::unshare(libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Gives freed memory back to the kernel: resolving types against the kernel's BTF takes some 15 MB for a moment, which
/// glibc would keep.
pub fn trim_memory() {
    // SAFETY: glibc's own housekeeping, callable at any time.
    unsafe { libc::malloc_trim(0) };
}

/// Leaves at once: no destructors, no atexit handlers that could wait for a thread that is stuck in a write. The kernel
/// closes every descriptor, and with them every link.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit does not return and touches no memory of ours.
    unsafe { libc::_exit(code) }
}

/// The process's own stdin, stdout or stderr, taken over once at start.
pub fn take_stdio(fd: RawFd) -> File {
    // SAFETY: descriptors 0 to 2 are open for the whole life of the process (std sees to that at start), and nothing
    // else in the agent closes them.
    unsafe { File::from_raw_fd(fd) }
}

/// For reading: no symbolic link at its end is followed (ELOOP), and no pipe holds the caller up.
pub fn open_without_following(path: &std::path::Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// A file without a name that holds `bytes`, for libraries that read files only.
pub(crate) fn memory_file(name: &std::ffi::CStr, bytes: &[u8]) -> crate::Result<OwnedFd> {
    let failed =
        |error: io::Error| crate::Error::new("cannot make a file in memory", error.raw_os_error().unwrap_or(0));
    // SAFETY: a terminated string; the result is a new descriptor or an error.
    let fd = owned(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) }).map_err(failed)?;
    let mut file = File::from(fd);
    io::Write::write_all(&mut file, bytes).map_err(failed)?;
    Ok(file.into())
}

/// A descriptor that a system call just returned, or its errno.
pub(crate) fn owned(fd: c_int) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a non-negative result is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;

    #[test]
    fn write_all_survives_a_full_non_blocking_pipe() {
        let (mut reader, writer) = io::pipe().expect("pipe");
        // SAFETY: plain integers on a descriptor that this test owns.
        unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        let big = vec![7_u8; 1 << 20];
        let reading = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).expect("read");
            all
        });
        write_all(writer.as_fd(), [b"head", &big, b""]).expect("write");
        drop(writer);
        let all = reading.join().expect("join");
        assert_eq!(all.len(), 4 + big.len());
        assert_eq!(&all[..5], b"head\x07");
    }

    #[test]
    fn clocks_agree() {
        let now = realtime_ns() as i64;
        assert!((monotonic_ns() as i64 + realtime_minus_monotonic_ns() - now).abs() < 50_000_000);
    }

    #[test]
    fn interface_names_are_no_paths() {
        assert!(interface_index("lo").is_some());
        assert_eq!(interface_index("../net/lo"), None);
    }
}
