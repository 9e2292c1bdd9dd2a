//! A process that can do little more than compute: for reading what others made. libelf and libbpf parse in C and are not
//! hardened against hostile files, so a child that gave everything away tries them first.

mod worker_calls;

use std::fs::File;
use std::io::{self, Write};

use libc::{c_long, c_ulong, sock_filter};

use crate::os;

/// What the process may still use after [`enter`].
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Heap and private mappings. Shared ones cost only what is written into them, which the bytes read so far bound.
    pub memory: u64,
    pub cpu_seconds: u64,
}

/// Gives up everything but computing, memory and the open descriptors, for good. False where the kernel has no seccomp
/// filters: then the limits alone hold. Call it before any other thread starts.
pub fn enter(limits: Limits) -> io::Result<bool> {
    limit(limits.memory, limits.cpu_seconds)?;
    // No file, no process.
    set_limit(libc::RLIMIT_FSIZE, 0, 0)?;
    set_limit(libc::RLIMIT_NPROC, 0, 0)?;
    // SAFETY: prctl with plain integers.
    unsafe {
        // Unlike the agent's own, this end cannot be put off.
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong);
        libc::prctl(libc::PR_SET_DUMPABLE, 0 as c_ulong);
    }
    no_new_privileges()?;
    Ok(install(&filter(ALLOWED, libc::PROT_EXEC as u32)).is_ok())
}

/// Leaves the process, and the threads and children that it starts, only the calls of an agent, for good: no executable
/// memory, and the calls of no other architecture. An error where the kernel has no seccomp filters.
pub fn allow_agent_calls_only() -> io::Result<()> {
    no_new_privileges()?;
    // Its children are executed, for which a loader may map code from their file, but never what can be written as well.
    install(&filter(worker_calls::CALLS, (libc::PROT_WRITE | libc::PROT_EXEC) as u32))
}

/// Limits that end a process which reads files of any size: the kernel then says no, or ends it.
pub fn limit(memory: u64, cpu_seconds: u64) -> io::Result<()> {
    set_limit(libc::RLIMIT_DATA, memory, memory)?;
    // The soft limit ends it by SIGXCPU, which says why; the hard one would look like the OOM killer.
    set_limit(libc::RLIMIT_CPU, cpu_seconds, cpu_seconds + 1)?;
    set_limit(libc::RLIMIT_CORE, 0, 0)
}

fn set_limit(resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft as libc::rlim_t, rlim_max: hard as libc::rlim_t };
    // SAFETY: the pointer is to a local rlimit.
    if unsafe { libc::setrlimit(resource, &limit) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes from the calling thread, and from those that it starts, what changes the host: BPF, perf events, sockets, other
/// programs, files opened for writing or removed. For fuzzers, which ask an agent for anything.
pub fn look_but_do_not_touch() -> io::Result<()> {
    no_new_privileges()?;
    install(&refusing(TOUCHING))
}

fn no_new_privileges() -> io::Result<()> {
    // SAFETY: prctl with plain integers.
    let result =
        unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as c_ulong, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn install(filter: &[sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the program points to a live slice of instructions, which the kernel copies.
    let result = unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, c_ulong::from(libc::SECCOMP_MODE_FILTER), std::ptr::from_ref(&program))
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// All that reading bytes takes, the same on x86_64 and aarch64. Everything else answers EPERM, which a reader can handle
/// and an intruder cannot use.
const ALLOWED: &[c_long] = &[
    // The file on stdin, the reader's last words.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_close,
    // malloc, and libbpf's memory for global variables.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_mprotect,
    libc::SYS_getrandom,
    // libbpf holds the place of each map's descriptor with an empty file in memory, and asks which kernel this is.
    libc::SYS_memfd_create,
    libc::SYS_fcntl,
    libc::SYS_uname,
    // Locks of stdio and malloc, the clock where the vDSO has none.
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    // Rust takes its signal stack back at the end of main.
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigreturn,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What a fuzzed agent must not do. Opening files for writing is refused too, by the flags.
const TOUCHING: &[c_long] = &[
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_socket,
    libc::SYS_execve,
    libc::SYS_kill,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_mount,
    libc::SYS_umount2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
];

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: u32 = 0xc000_00b7;
/// Offsets in struct seccomp_data.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
/// The low half of the third argument: mmap's and mprotect's protection, openat's flags.
const THIRD: u32 = 16 + 2 * 8;

const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;

/// Instructions of classic BPF over struct seccomp_data.
mod step {
    use libc::sock_filter;

    pub const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    pub const EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    pub const ANY_BIT: u16 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
    pub const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
    pub const ANSWER: u16 = 0x06; // BPF_RET | BPF_K

    pub fn load(offset: u32) -> sock_filter {
        sock_filter { code: LOAD, jt: 0, jf: 0, k: offset }
    }

    /// Skips `otherwise` instructions unless the accumulator is `k`.
    pub fn equal(k: u32, otherwise: u8) -> sock_filter {
        sock_filter { code: EQUAL, jt: 0, jf: otherwise, k }
    }

    /// Skips `otherwise` instructions unless the accumulator has one of the bits.
    pub fn any_bit(bits: u32, otherwise: u8) -> sock_filter {
        sock_filter { code: ANY_BIT, jt: 0, jf: otherwise, k: bits }
    }

    pub fn and(k: u32) -> sock_filter {
        sock_filter { code: AND, jt: 0, jf: 0, k }
    }

    pub fn answer(action: u32) -> sock_filter {
        sock_filter { code: ANSWER, jt: 0, jf: 0, k: action }
    }
}

/// Another architecture has other numbers for the same calls.
fn only_this_architecture() -> Vec<sock_filter> {
    let wrong = step::answer(libc::SECCOMP_RET_KILL_PROCESS);
    let right = sock_filter { code: step::EQUAL, jt: 1, jf: 0, k: AUDIT_ARCH };
    vec![step::load(ARCH), right, wrong, step::load(NUMBER)]
}

/// Only these calls, and no mapping with all of the bits `never` of its protection; nothing becomes executable later.
fn filter(allowed: &[c_long], never: u32) -> Vec<sock_filter> {
    let allow = step::answer(libc::SECCOMP_RET_ALLOW);
    let mut program = only_this_architecture();
    for call in allowed {
        let without =
            |bits| vec![step::load(THIRD), step::and(bits), step::equal(bits, 1), step::answer(REFUSE), allow];
        let body = match *call {
            libc::SYS_mmap => without(never),
            libc::SYS_mprotect => without(libc::PROT_EXEC as u32),
            _ => vec![allow],
        };
        program.push(step::equal(*call as u32, body.len() as u8));
        program.extend(body);
    }
    program.push(step::answer(REFUSE));
    program
}

/// Everything but these calls and openat for writing.
fn refusing(refused: &[c_long]) -> Vec<sock_filter> {
    let writing = (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) as u32;
    let mut program = only_this_architecture();
    for call in refused {
        program.extend([step::equal(*call as u32, 1), step::answer(REFUSE)]);
    }
    program.extend([step::equal(libc::SYS_openat as u32, 3), step::load(THIRD)]);
    program.extend([step::any_bit(writing, 1), step::answer(REFUSE), step::answer(libc::SECCOMP_RET_ALLOW)]);
    program
}

/// A file without a name that holds `bytes`, at its beginning, to hand to a child.
pub fn memory_file(name: &std::ffi::CStr, bytes: &[u8]) -> io::Result<File> {
    // SAFETY: a terminated string and a plain integer; the result is a new descriptor or an error.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    let mut file = File::from(os::owned(fd)?);
    file.write_all(bytes)?;
    io::Seek::rewind(&mut file)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// Runs the filter as the kernel does.
    fn verdict(program: &[sock_filter], arch: u32, number: c_long, third: u32) -> u32 {
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            let jump = |taken| at + 1 + usize::from(if taken { jt } else { jf });
            at = match code {
                0x20 => {
                    accumulator = match k {
                        NUMBER => number as u32,
                        ARCH => arch,
                        THIRD => third,
                        other => panic!("offset {other}"),
                    };
                    at + 1
                }
                0x54 => {
                    accumulator &= k;
                    at + 1
                }
                0x15 => jump(accumulator == k),
                0x45 => jump(accumulator & k != 0),
                0x06 => return k,
                other => panic!("code {other}"),
            };
        }
    }

    #[test]
    fn only_calls_that_compute_pass() {
        let program = filter(ALLOWED, libc::PROT_EXEC as u32);
        let call = |number| verdict(&program, AUDIT_ARCH, number, 3);
        for allowed in ALLOWED {
            assert_eq!(call(*allowed), libc::SECCOMP_RET_ALLOW, "{allowed}");
        }
        for number in
            [libc::SYS_openat, libc::SYS_bpf, libc::SYS_socket, libc::SYS_clone, libc::SYS_execve, 0x4000_0001]
        {
            assert_eq!(call(number), REFUSE, "{number}");
        }
        assert_eq!(verdict(&program, AUDIT_ARCH, libc::SYS_mmap, 7), REFUSE, "executable memory");
        assert_eq!(verdict(&program, AUDIT_ARCH, libc::SYS_mprotect, 5), REFUSE, "executable memory");
        assert_eq!(verdict(&program, AUDIT_ARCH, libc::SYS_mmap, 4), REFUSE, "executable memory");
        assert_eq!(verdict(&program, AUDIT_ARCH ^ 1, libc::SYS_read, 3), libc::SECCOMP_RET_KILL_PROCESS);
    }

    #[test]
    fn an_agent_loads_and_attaches_and_does_not_administer() {
        let program = filter(worker_calls::CALLS, (libc::PROT_WRITE | libc::PROT_EXEC) as u32);
        let call = |number| verdict(&program, AUDIT_ARCH, number, 3);
        // Its children give up more than it does.
        for allowed in ALLOWED.iter().chain(worker_calls::CALLS) {
            assert_eq!(call(*allowed), libc::SECCOMP_RET_ALLOW, "{allowed}");
        }
        let never = [
            libc::SYS_ptrace,
            libc::SYS_mount,
            libc::SYS_init_module,
            libc::SYS_finit_module,
            libc::SYS_setuid,
            libc::SYS_setns,
            libc::SYS_keyctl,
            libc::SYS_io_uring_setup,
            libc::SYS_process_vm_writev,
            libc::SYS_reboot,
            libc::SYS_clock_settime,
        ];
        for number in never {
            assert_eq!(call(number), REFUSE, "{number}");
        }
        assert_eq!(verdict(&program, AUDIT_ARCH, libc::SYS_mmap, 7), REFUSE, "code that can be written");
        assert_eq!(verdict(&program, AUDIT_ARCH, libc::SYS_mmap, 5), libc::SECCOMP_RET_ALLOW, "code of a file");
        assert_eq!(verdict(&program, AUDIT_ARCH, libc::SYS_mprotect, 5), REFUSE, "data that becomes code");
        assert_eq!(verdict(&program, AUDIT_ARCH ^ 1, libc::SYS_read, 3), libc::SECCOMP_RET_KILL_PROCESS);
        assert!(program.len() < 4096, "the kernel's limit");
    }

    #[test]
    fn a_look_changes_nothing() {
        let program = refusing(TOUCHING);
        let call = |number, third| verdict(&program, AUDIT_ARCH, number, third);
        assert_eq!(call(libc::SYS_bpf, 0), REFUSE);
        assert_eq!(call(libc::SYS_read, 0), libc::SECCOMP_RET_ALLOW);
        assert_eq!(call(libc::SYS_openat, libc::O_CLOEXEC as u32), libc::SECCOMP_RET_ALLOW);
        assert_eq!(call(libc::SYS_openat, (libc::O_CREAT | libc::O_WRONLY) as u32), REFUSE);
    }

    #[test]
    fn a_memory_file_is_read_from_its_beginning() {
        let mut text = String::new();
        memory_file(c"test", b"some bytes").expect("memfd").read_to_string(&mut text).expect("read");
        assert_eq!(text, "some bytes");
    }
}
