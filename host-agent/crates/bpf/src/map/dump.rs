//! Reading a map whole, up to a limit.

use std::os::fd::BorrowedFd;

use super::MapInfo;
use super::walk::read_page;
use crate::Result;

/// Packed key, value, key, value …
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dump {
    pub bytes: Vec<u8>,
    pub entries: u32,
    /// There were more than the limit.
    pub truncated: bool,
}

/// Reads at most `limit` entries. Batches where the kernel has them: one system call instead of two per entry.
pub fn dump(map: BorrowedFd<'_>, info: &MapInfo, limit: u32) -> Result<Dump> {
    let page = read_page(map, info, &[], limit, usize::MAX, &|| true)?;
    // A full page may still have ended at the last entry.
    let more = match &page.next {
        Some(next) => read_page(map, info, next, 1, usize::MAX, &|| true)?.entries > 0,
        None => page.restarted,
    };
    let mut dump = Dump { truncated: more || page.entries > limit, bytes: page.bytes, entries: page.entries };
    // A bucket is never cut, so a page may be a little longer than asked for.
    if dump.entries > limit {
        dump.bytes.truncate((info.key_size as usize + info.value_bytes()) * limit as usize);
        dump.entries = limit;
    }
    Ok(dump)
}
