//! A failure in the words of the product: a code of `core/src/errors.ts`, what and why, what to do.

use ringside_bpf::error::{NO_JOURNAL, describe};
use ringside_bpf::undo;
use ringside_proto::messages as pb;

pub type Answer<T> = Result<T, Failure>;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Failure {
    pub code: &'static str,
    pub errno: i32,
    pub message: String,
    pub hint: String,
    /// A verifier or libbpf log that goes along as a blob.
    pub log: Vec<u8>,
    /// What a guard wants to have confirmed.
    pub findings: Vec<pb::Finding>,
}

impl Failure {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), ..Self::default() }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    pub fn errno(self, errno: i32) -> Self {
        Self { errno, ..self }
    }

    pub fn log(self, log: impl Into<Vec<u8>>) -> Self {
        Self { log: log.into(), ..self }
    }

    pub fn cancelled() -> Self {
        Self::new("cancelled", "Cancelled.")
    }

    /// As a message of the protocol; `log_blob` is where the log went, 0 without one.
    pub fn into_message(self, log_blob: u32) -> pb::Error {
        pb::Error {
            code: self.code.into(),
            errno: self.errno,
            message: self.message,
            hint: self.hint,
            log_blob,
            findings: self.findings,
        }
    }
}

/// For calls that only fail when something is wrong with the agent or the host in a way nobody foresaw.
impl From<ringside_bpf::Error> for Failure {
    fn from(error: ringside_bpf::Error) -> Self {
        match error.errno {
            libc_errno::EPERM | libc_errno::EACCES => no_permission(&error.what, error.errno),
            NO_JOURNAL => no_journal(&error.what),
            libc_errno::ENOMEM => no_memory(&error.what, error.errno),
            libc_errno::EMFILE | libc_errno::ENFILE => no_descriptors(&error.what, error.errno),
            errno => Self::new("agent-internal", format!("{error}.")).errno(errno),
        }
    }
}

/// The few numbers that the mapping needs; the same on x86_64 and aarch64.
pub mod libc_errno {
    pub const EPERM: i32 = 1;
    pub const ENOENT: i32 = 2;
    pub const ESRCH: i32 = 3;
    pub const ENXIO: i32 = 6;
    pub const E2BIG: i32 = 7;
    pub const EBADF: i32 = 9;
    pub const ENOMEM: i32 = 12;
    pub const EACCES: i32 = 13;
    pub const EFAULT: i32 = 14;
    pub const EBUSY: i32 = 16;
    pub const EEXIST: i32 = 17;
    pub const ENODEV: i32 = 19;
    pub const EINVAL: i32 = 22;
    pub const EMFILE: i32 = 24;
    pub const ENFILE: i32 = 23;
    pub const ENOSPC: i32 = 28;
    pub const ENOSYS: i32 = 38;
    pub const EILSEQ: i32 = 84;
    pub const ENOTSOCK: i32 = 88;
    pub const EOPNOTSUPP: i32 = 95;
    pub const EADDRNOTAVAIL: i32 = 99;
    pub const ECANCELED: i32 = 125;
    /// The kernel's own "not supported", which libc does not know.
    pub const ENOTSUPP: i32 = 524;
}

/// EPERM, with the one of its causes that applies here.
pub fn no_permission(what: &str, errno: i32) -> Failure {
    let cause = crate::rpc::explain::permission::State::of_this_host().cause();
    let message = format!("{}: {}. {}", capitalised(what), describe(errno), cause.message);
    Failure { message, errno, ..cause }
}

/// Nothing was done: what cannot be written down could not be taken back if the agent were killed.
pub fn no_journal(what: &str) -> Failure {
    let places: Vec<String> = undo::places().iter().map(|place| place.display().to_string()).collect();
    Failure::new(
        "journal-full",
        format!("{}. So it was not done: it would stay behind if the agent were killed.", capitalised(what)),
    )
    .hint(format!(
        "Make room for a few KiB in one of {}; what attaches by links needs no journal and goes on.",
        places.join(", ")
    ))
}

pub fn no_memory(what: &str, errno: i32) -> Failure {
    Failure::new("no-memory", format!("{}: {}.", capitalised(what), describe(errno)))
        .errno(errno)
        .hint("Make maps or rings smaller. On kernels before 5.11 the limit of locked memory (ulimit -l) counts too.")
}

pub fn no_descriptors(what: &str, errno: i32) -> Failure {
    Failure::new("too-many-files", format!("{}: {}.", capitalised(what), describe(errno)))
        .errno(errno)
        .hint("Each program, map and place that is attached takes a file descriptor. The agent allows itself as many as it may (root: fs.nr_open): run it as root, raise fs.nr_open or fs.file-max, or attach fewer.")
}

pub fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
