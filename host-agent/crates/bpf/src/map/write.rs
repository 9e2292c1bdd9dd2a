//! Writing a map: entry by entry, or in batches where the kernel has them.

use std::os::fd::{AsRawFd, BorrowedFd};

use libbpf_sys as sys;

use super::MapInfo;
use crate::{Error, Result};

/// What must be true of the key before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Any,
    New,
    Existing,
}

impl Mode {
    fn flags(self) -> u64 {
        match self {
            Self::Any => u64::from(sys::BPF_ANY),
            Self::New => u64::from(sys::BPF_NOEXIST),
            Self::Existing => u64::from(sys::BPF_EXIST),
        }
    }
}

fn done(result: i32, what: &str) -> Result<()> {
    if result == 0 { Ok(()) } else { Err(Error::last(what)) }
}

/// Both must have the map's sizes ([`MapInfo::value_bytes`]), else EINVAL.
fn check(info: &MapInfo, key: &[u8], value: Option<&[u8]>) -> Result<()> {
    let fits = key.len() == info.key_size as usize && value.is_none_or(|value| value.len() == info.value_bytes());
    if fits { Ok(()) } else { Err(Error::new("a key or value has the wrong size", libc::EINVAL)) }
}

pub fn set(map: BorrowedFd<'_>, info: &MapInfo, key: &[u8], value: &[u8], mode: Mode) -> Result<()> {
    check(info, key, Some(value))?;
    // SAFETY: key and value have the map's sizes.
    let result =
        unsafe { sys::bpf_map_update_elem(map.as_raw_fd(), key.as_ptr().cast(), value.as_ptr().cast(), mode.flags()) };
    done(result, "cannot write the map")
}

pub fn delete(map: BorrowedFd<'_>, info: &MapInfo, key: &[u8]) -> Result<()> {
    check(info, key, None)?;
    // SAFETY: the key has the map's size.
    done(unsafe { sys::bpf_map_delete_elem(map.as_raw_fd(), key.as_ptr().cast()) }, "cannot delete from the map")
}

/// Queues, stacks and bloom filters: a value without a key. With `Mode::Existing` a full queue drops its oldest value.
pub fn push(map: BorrowedFd<'_>, info: &MapInfo, value: &[u8], mode: Mode) -> Result<()> {
    check(info, &[], Some(value))?;
    // SAFETY: the value has the map's size; these maps have no key.
    let result =
        unsafe { sys::bpf_map_update_elem(map.as_raw_fd(), std::ptr::null(), value.as_ptr().cast(), mode.flags()) };
    done(result, "cannot push to the map")
}

/// Takes the next value of a queue or stack; none when it is empty.
pub fn pop(map: BorrowedFd<'_>, info: &MapInfo) -> Result<Option<Vec<u8>>> {
    check(info, &[], None)?;
    let mut value = vec![0_u8; info.value_bytes()];
    // SAFETY: the value has room for the map's value; these maps have no key.
    let result =
        unsafe { sys::bpf_map_lookup_and_delete_elem(map.as_raw_fd(), std::ptr::null(), value.as_mut_ptr().cast()) };
    found(result, value)
}

/// The next value of a queue or stack; for bloom filters, whether `value` was put in (then it comes back).
pub fn peek(map: BorrowedFd<'_>, info: &MapInfo, value: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
    check(info, &[], value)?;
    let mut value = value.map_or_else(|| vec![0_u8; info.value_bytes()], <[u8]>::to_vec);
    // SAFETY: the value has the map's size; these maps have no key.
    let result = unsafe { sys::bpf_map_lookup_elem(map.as_raw_fd(), std::ptr::null(), value.as_mut_ptr().cast()) };
    found(result, value)
}

fn found(result: i32, value: Vec<u8>) -> Result<Option<Vec<u8>>> {
    match done(result, "cannot read the map") {
        Ok(()) => Ok(Some(value)),
        Err(error) if error.errno == libc::ENOENT => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets packed entries, as many as `values` hold. On failure, how many were written before comes along.
pub fn set_batch(map: BorrowedFd<'_>, info: &MapInfo, keys: &[u8], values: &[u8]) -> (usize, Result<()>) {
    let count = values.len() / info.value_bytes().max(1);
    if keys.len() != count * info.key_size as usize || values.len() != count * info.value_bytes() {
        return (0, Err(Error::new("a key or value has the wrong size", libc::EINVAL)));
    }
    let mut written = count as u32;
    // SAFETY: keys and values hold `count` entries of the map's sizes.
    let result = unsafe {
        sys::bpf_map_update_batch(
            map.as_raw_fd(),
            keys.as_ptr().cast(),
            values.as_ptr().cast(),
            &mut written,
            std::ptr::null(),
        )
    };
    after_batch(count, written, result, "cannot write the map")
}

pub fn delete_batch(map: BorrowedFd<'_>, info: &MapInfo, keys: &[u8]) -> (usize, Result<()>) {
    let count = keys.len() / (info.key_size as usize).max(1);
    if keys.len() != count * info.key_size as usize {
        return (0, Err(Error::new("a key has the wrong size", libc::EINVAL)));
    }
    let mut deleted = count as u32;
    // SAFETY: keys holds `count` keys of the map's size.
    let result =
        unsafe { sys::bpf_map_delete_batch(map.as_raw_fd(), keys.as_ptr().cast(), &mut deleted, std::ptr::null()) };
    after_batch(count, deleted, result, "cannot delete from the map")
}

/// A kernel without batches leaves the count as it was: only a count below what was asked for says what was done.
fn after_batch(count: usize, done: u32, result: i32, what: &str) -> (usize, Result<()>) {
    match result {
        0 => (count, Ok(())),
        _ => (if (done as usize) < count { done as usize } else { 0 }, Err(Error::last(what))),
    }
}
