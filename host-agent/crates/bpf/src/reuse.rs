//! What a new version of an object needs to take over the maps of the old one.

use std::os::fd::{AsRawFd, BorrowedFd};

use libbpf_sys as sys;

use crate::map::{Map, MapInfo};
use crate::object::Object;
use crate::ring::map_shared;
use crate::{Error, Result};

const MMAPABLE: u32 = 1 << 10;

/// Types of key and value in the object's BTF; 0 where it says nothing of them.
pub fn type_ids(map: Map<'_>) -> (u32, u32) {
    // SAFETY: the map is valid.
    unsafe { (sys::bpf_map__btf_key_type_id(map.as_ptr()), sys::bpf_map__btf_value_type_id(map.as_ptr())) }
}

/// The object's own types as raw BTF; empty for an object without.
pub fn types(object: &Object) -> Vec<u8> {
    // SAFETY: the object is open and its BTF lives as long; the raw data is `size` bytes, copied before anything changes it.
    unsafe {
        let btf = sys::bpf_object__btf(object.as_ptr());
        let mut size = 0;
        let start = if btf.is_null() { std::ptr::null() } else { sys::btf__raw_data(btf, &mut size) };
        if start.is_null() {
            return Vec::new();
        }
        std::slice::from_raw_parts(start.cast::<u8>(), size as usize).to_vec()
    }
}

/// Overwrites part of the one value of a globals map that programs are using: only these bytes are touched.
pub fn write_global(map: BorrowedFd<'_>, info: &MapInfo, offset: usize, bytes: &[u8]) -> Result<()> {
    let length = info.value_size as usize;
    if offset.checked_add(bytes.len()).is_none_or(|end| end > length) {
        return Err(Error::new("a variable outside of its map", libc::EINVAL));
    }
    if info.flags & MMAPABLE == 0 {
        return Err(Error::new("the map of globals cannot be mapped", libc::EOPNOTSUPP));
    }
    let start = map_shared(map, length, libc::PROT_READ | libc::PROT_WRITE, 0)?;
    // SAFETY: the mapping holds the whole value, and the range lies in it (checked above); programs may read it at the
    // same time, as they may while user space writes to any global.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), start.add(offset), bytes.len());
        libc::munmap(start.cast(), length);
    }
    Ok(())
}

/// Whether an entry of a copied map may replace one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Replace,
    Keep,
}

/// Writes packed entries (key, value, key, value …) one by one; `value_bytes` as of [`MapInfo::value_bytes`]. Returns how
/// many were written: those that are there already with [`Existing::Keep`], or that find no room, are not.
pub fn copy_entries(to: BorrowedFd<'_>, info: &MapInfo, entries: &[u8], existing: Existing) -> u64 {
    let (key_size, value_size) = (info.key_size as usize, info.value_bytes());
    let flags = match existing {
        Existing::Replace => sys::BPF_ANY,
        Existing::Keep => sys::BPF_NOEXIST,
    };
    let mut written = 0;
    for entry in entries.chunks_exact((key_size + value_size).max(1)) {
        let (key, value) = entry.split_at(key_size);
        // SAFETY: key and value have the sizes that the map has, for all possible CPUs where it is per CPU.
        let result = unsafe {
            sys::bpf_map_update_elem(to.as_raw_fd(), key.as_ptr().cast(), value.as_ptr().cast(), flags.into())
        };
        written += u64::from(result == 0);
    }
    written
}
