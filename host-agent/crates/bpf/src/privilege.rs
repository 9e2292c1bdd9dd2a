//! Capabilities of this process: given up at its start, and once more for every thread when it knows what it needs.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libc::{c_int, c_ulong};

/// A set of capabilities: bit N for capability N.
pub type Set = u64;

/// How long threads may take to give up what is not needed; each does it at its next return from the kernel.
const PATIENCE: Duration = Duration::from_secs(5);
/// Kernels know fewer; asking for a bit that they do not know is answered with EINVAL.
const MOST: u32 = 64;

const VERSION_3: u32 = 0x2008_0522;
const PR_CAP_AMBIENT: c_int = 47;
const PR_CAP_AMBIENT_RAISE: c_ulong = 2;
const PR_CAP_AMBIENT_CLEAR_ALL: c_ulong = 4;
/// SECBIT_NOROOT and SECBIT_NO_SETUID_FIXUP with their locks, and that of SECBIT_KEEP_CAPS: root is a user like any other,
/// for good.
const SECUREBITS: c_ulong = 0b10_1111;

#[repr(C)]
struct Header {
    version: u32,
    pid: c_int,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// For the calling thread alone. Async-signal-safe.
fn set(permitted: Set, inheritable: Set) -> bool {
    let header = Header { version: VERSION_3, pid: 0 };
    let half = |shift: u32| Half {
        effective: (permitted >> shift) as u32,
        permitted: (permitted >> shift) as u32,
        inheritable: (inheritable >> shift) as u32,
    };
    let halves = [half(0), half(32)];
    // SAFETY: the kernel reads a header and, for this version, two halves: both are live locals of its layout.
    unsafe { libc::syscall(libc::SYS_capset, &raw const header, halves.as_ptr()) == 0 }
}

/// Takes from the calling thread's bounding set what is not to be kept. False where it may not do that. Async-signal-safe.
fn bound(keep: Set) -> bool {
    (0..MOST).filter(|bit| keep & (1 << bit) == 0).all(|bit| {
        // SAFETY: prctl with plain integers.
        unsafe {
            let has = libc::prctl(libc::PR_CAPBSET_READ, c_ulong::from(bit), 0 as c_ulong, 0 as c_ulong, 0 as c_ulong);
            let drop = |bit: c_ulong| libc::prctl(libc::PR_CAPBSET_DROP, bit, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong);
            has != 1 || drop(c_ulong::from(bit)) == 0
        }
    })
}

/// Gives up everything but `keep` for good, before any other thread starts: what the process has, what it could get by
/// executing a file (bounding set, no_new_privs), and root's right to all of it (securebits). Gives what it has then.
pub fn keep_only(keep: Set) -> io::Result<Set> {
    let kept = permitted()? & keep;
    // Without CAP_SETPCAP neither is possible; no_new_privs then stands alone.
    bound(keep);
    // SAFETY: prctl with plain integers.
    unsafe {
        let zero: c_ulong = 0;
        libc::prctl(libc::PR_SET_SECUREBITS, SECUREBITS, zero, zero, zero);
        libc::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, zero, zero, zero);
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as c_ulong, zero, zero, zero) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    if set(kept, 0) { Ok(kept) } else { Err(io::Error::last_os_error()) }
}

/// What every thread of this process is to keep, for the handler.
static KEEP: AtomicU64 = AtomicU64::new(u64::MAX);

extern "C" fn narrow_this_thread(_signal: c_int) {
    // SAFETY: the place of this thread's errno, which code that was interrupted may be about to read.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    let keep = KEEP.load(Ordering::SeqCst);
    // CAP_SETPCAP, which the bounding set asks for, may be among what goes: that one last.
    bound(keep);
    set(keep, 0);
    // SAFETY: as above.
    unsafe { *errno = before };
}

/// Gives up everything but `keep`, in every thread. The kernel keeps capabilities by thread, so each is sent a signal in
/// which it does that itself; this returns when all of them have, or with an error when one has not. `meanwhile` is called
/// while they are waited for: what is attached may be what keeps them.
pub fn narrow(keep: Set, meanwhile: &mut dyn FnMut()) -> io::Result<()> {
    KEEP.store(permitted()? & keep, Ordering::SeqCst);
    let keep = KEEP.load(Ordering::SeqCst);
    let signal = libc::SIGRTMIN() + 5;
    // SAFETY: zeroes are a valid sigaction (an empty mask); the handler makes async-signal-safe calls only.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        action.sa_sigaction = narrow_this_thread as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        if libc::sigaction(signal, &action, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    let until = Instant::now() + PATIENCE;
    loop {
        let behind = threads_with_more_than(keep)?;
        if behind.is_empty() {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(io::Error::other(format!("thread {} keeps its capabilities", behind[0])));
        }
        for thread in behind {
            // SAFETY: plain integers; a thread that has ended meanwhile answers ESRCH.
            unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal) };
        }
        thread::sleep(Duration::from_millis(1));
        meanwhile();
    }
}

fn threads_with_more_than(keep: Set) -> io::Result<Vec<i32>> {
    let mut behind = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let name = entry?.file_name();
        let Some(thread) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that has ended meanwhile has nothing left to give up.
        let Ok(status) = fs::read_to_string(format!("/proc/self/task/{thread}/status")) else { continue };
        if status_set(&status, "CapPrm:") & !keep != 0 {
            behind.push(thread);
        }
    }
    Ok(behind)
}

/// A line of /proc/PID/status, such as "CapEff:".
pub fn status_set(status: &str, label: &str) -> Set {
    let line = status.lines().find_map(|line| line.strip_prefix(label));
    line.and_then(|mask| Set::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// What the calling thread may use.
pub fn permitted() -> io::Result<Set> {
    Ok(status_set(&fs::read_to_string("/proc/thread-self/status")?, "CapPrm:"))
}

/// What the main thread of another process may use.
pub fn permitted_of(pid: u32) -> io::Result<Set> {
    Ok(status_set(&fs::read_to_string(format!("/proc/{pid}/status"))?, "CapPrm:"))
}

/// The command's process gets those of these capabilities that this process has (as root it would get none, see
/// [`keep_only`]). A file with capabilities of its own would gain nothing more: no_new_privs.
pub fn hand_down(command: &mut Command, wanted: Set) -> io::Result<()> {
    let own = permitted()?;
    let given = own & wanted;
    let hand = move || {
        set(own, given);
        for bit in (0..MOST).filter(|bit| given & (1 << bit) != 0) {
            // SAFETY: prctl with plain integers, between fork and exec.
            unsafe {
                libc::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c_ulong::from(bit), 0 as c_ulong, 0 as c_ulong)
            };
        }
        Ok(())
    };
    // SAFETY: the closure makes async-signal-safe calls only, allocates nothing and takes no lock.
    unsafe { command.pre_exec(hand) };
    Ok(())
}
