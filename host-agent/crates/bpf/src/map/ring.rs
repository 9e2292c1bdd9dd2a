//! How far the two sides of a ring buffer are, without touching it.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use super::MapInfo;
use crate::{Error, Result, os};

/// Bytes since the ring was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Positions {
    pub consumer: u64,
    pub producer: u64,
    pub size: u64,
}

pub fn positions(map: BorrowedFd<'_>, info: &MapInfo) -> Result<Positions> {
    let page = os::page_size();
    Ok(Positions {
        consumer: first_word(map, 0)?,
        producer: first_word(map, page as libc::off_t)?,
        size: u64::from(info.max_entries),
    })
}

fn first_word(map: BorrowedFd<'_>, offset: libc::off_t) -> Result<u64> {
    let page = os::page_size();
    // SAFETY: a new read-only mapping of one page of the ring, at an address of the kernel's choice.
    let start =
        unsafe { libc::mmap(std::ptr::null_mut(), page, libc::PROT_READ, libc::MAP_SHARED, map.as_raw_fd(), offset) };
    if start == libc::MAP_FAILED {
        return Err(Error::last("cannot map the ring"));
    }
    // SAFETY: the page is mapped, aligned, and begins with the position, which others change atomically.
    let word = unsafe { (*start.cast::<AtomicU64>()).load(Ordering::Acquire) };
    // SAFETY: mapped above, and nothing refers to it any more.
    unsafe { libc::munmap(start, page) };
    Ok(word)
}
