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
    let entry_bytes = info.key_size as usize + info.value_bytes();
    let mut dump = Dump::default();
    let mut cursor = Vec::new();
    loop {
        // A page ends before a bucket that does not fit, or is a little longer than asked for: a bucket is never cut. One
        // entry more than the limit tells whether there are more.
        let wanted = limit.saturating_sub(dump.entries).saturating_add(1);
        let page = read_page(map, info, &cursor, wanted, usize::MAX, &|| true)?;
        dump.bytes.extend_from_slice(&page.bytes);
        dump.entries += page.entries;
        dump.truncated |= page.restarted;
        if dump.entries > limit {
            dump.bytes.truncate(entry_bytes * limit as usize);
            return Ok(Dump { entries: limit, truncated: true, ..dump });
        }
        match page.next {
            Some(next) => cursor = next,
            None => return Ok(dump),
        }
    }
}
