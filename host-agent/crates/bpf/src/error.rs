//! A failed call of the kernel or of libbpf, before anyone has put it into words.

use std::fmt;

/// What was tried and the errno that came back (positive; 0 where there is none).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub what: String,
    pub errno: i32,
}

/// For what was not tried because it could not be written down before (see undo/). Above all numbers of the kernel's.
pub const NO_JOURNAL: i32 = 4097;

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(what: impl Into<String>, errno: i32) -> Self {
        Self { what: what.into(), errno: errno.abs() }
    }

    /// The calling thread's errno, which libbpf sets too.
    pub fn last(what: impl Into<String>) -> Self {
        Self::new(what, std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.errno == 0 {
            return f.write_str(&self.what);
        }
        write!(f, "{}: {}", self.what, describe(self.errno))
    }
}

impl std::error::Error for Error {}

/// The errno in words with its number; ENOTSUPP (524) is the kernel's own and unknown to libc.
pub fn describe(errno: i32) -> String {
    match errno {
        NO_JOURNAL => "the undo journal cannot be written".to_owned(),
        524 => "Operation not supported by the kernel (ENOTSUPP)".to_owned(),
        _ => std::io::Error::from_raw_os_error(errno).to_string(),
    }
}
