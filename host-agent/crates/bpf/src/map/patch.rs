//! Writing a part of an array's value in place: the kernel's own update takes a whole value, and would put back what a
//! program has written beside that part meanwhile.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use libbpf_sys as sys;

use super::MapInfo;
use crate::{Error, Result, os};

/// Whether its values can be mapped into a process: the sections of an object's variables are such arrays.
pub fn is_mappable(info: &MapInfo) -> bool {
    info.kind == sys::BPF_MAP_TYPE_ARRAY && info.flags & sys::BPF_F_MMAPABLE != 0
}

/// Writes `bytes` at `offset` of the value of entry `index`. One, two, four or eight bytes at a multiple of their number are
/// written at once; a program never sees half of them. EINVAL outside of the value, and of maps that cannot be mapped.
pub fn patch(map: BorrowedFd<'_>, info: &MapInfo, index: u32, offset: usize, bytes: &[u8]) -> Result<()> {
    let size = info.value_size as usize;
    let fits = offset.checked_add(bytes.len()).is_some_and(|end| end <= size);
    if !is_mappable(info) || !fits || index >= info.max_entries {
        return Err(Error::new("no such part of the map's values", libc::EINVAL));
    }
    let begin = index as usize * size.next_multiple_of(8) + offset;
    let page = os::page_size();
    let first = begin / page * page;
    let length = (begin + bytes.len() - first).next_multiple_of(page);
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping; the kernel refuses one that reaches beyond the map.
    let start = unsafe {
        libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, map.as_raw_fd(), first as libc::off_t)
    };
    if start == libc::MAP_FAILED {
        return Err(Error::last("cannot map the values"));
    }
    // SAFETY: `length` bytes from `start` on are mapped, and what is written ends within them.
    unsafe {
        store(start.cast::<u8>().add(begin - first), bytes);
        libc::munmap(start, length);
    }
    Ok(())
}

/// # Safety
/// As many bytes as `bytes` has can be written at `at`.
unsafe fn store(at: *mut u8, bytes: &[u8]) {
    let order = Ordering::Relaxed;
    // SAFETY: in bounds by the caller; aligned by the tests of the address; the other writer is a BPF program.
    unsafe {
        match (bytes.len(), at.addr()) {
            (2, place) if place % 2 == 0 => {
                AtomicU16::from_ptr(at.cast()).store(word(bytes, u16::from_ne_bytes), order)
            }
            (4, place) if place % 4 == 0 => {
                AtomicU32::from_ptr(at.cast()).store(word(bytes, u32::from_ne_bytes), order)
            }
            (8, place) if place % 8 == 0 => {
                AtomicU64::from_ptr(at.cast()).store(word(bytes, u64::from_ne_bytes), order)
            }
            _ => {
                for (i, byte) in bytes.iter().enumerate() {
                    AtomicU8::from_ptr(at.add(i)).store(*byte, order);
                }
            }
        }
    }
}

fn word<const N: usize, T>(bytes: &[u8], make: fn([u8; N]) -> T) -> T {
    let mut whole = [0; N];
    whole.copy_from_slice(bytes);
    make(whole)
}
