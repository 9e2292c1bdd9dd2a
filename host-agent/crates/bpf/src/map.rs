//! Maps of an object, and reading one whole.

use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use libbpf_sys as sys;

use crate::object::Object;
use crate::program::text;
use crate::{Error, Result, cpus, os};

/// A map; valid as long as its object is borrowed.
#[derive(Clone, Copy)]
pub struct Map<'object> {
    raw: NonNull<sys::bpf_map>,
    object: PhantomData<&'object Object>,
}

impl<'object> Map<'object> {
    pub(crate) fn new(raw: NonNull<sys::bpf_map>) -> Self {
        Self { raw, object: PhantomData }
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::bpf_map {
        self.raw.as_ptr()
    }

    pub fn name(&self) -> &'object str {
        // SAFETY: libbpf's string lives as long as the object.
        unsafe { text(sys::bpf_map__name(self.raw.as_ptr())) }
    }

    /// BPF_MAP_TYPE_*.
    pub fn kind(&self) -> u32 {
        // SAFETY: the map is valid.
        unsafe { sys::bpf_map__type(self.raw.as_ptr()) }
    }

    pub fn type_name(&self) -> &'static str {
        type_name(self.kind())
    }

    pub fn key_size(&self) -> u32 {
        // SAFETY: the map is valid.
        unsafe { sys::bpf_map__key_size(self.raw.as_ptr()) }
    }

    pub fn value_size(&self) -> u32 {
        // SAFETY: the map is valid.
        unsafe { sys::bpf_map__value_size(self.raw.as_ptr()) }
    }

    pub fn max_entries(&self) -> u32 {
        // SAFETY: the map is valid.
        unsafe { sys::bpf_map__max_entries(self.raw.as_ptr()) }
    }

    pub fn flags(&self) -> u32 {
        // SAFETY: the map is valid.
        unsafe { sys::bpf_map__map_flags(self.raw.as_ptr()) }
    }

    /// The created map's descriptor.
    pub fn fd(&self) -> Option<BorrowedFd<'object>> {
        // SAFETY: the map is valid; a non-negative descriptor stays open as long as the object. Before the load libbpf
        // hands out a placeholder, which nothing here uses.
        unsafe {
            let fd = sys::bpf_map__fd(self.raw.as_ptr());
            (fd >= 0).then(|| BorrowedFd::borrow_raw(fd))
        }
    }

    /// Overwrites part of a globals map's initial value.
    pub(crate) fn write_initial(&self, offset: usize, value: &[u8]) -> Result<()> {
        let mut size: sys::size_t = 0;
        // SAFETY: the map is valid; the result is null or `size` bytes that live as long as the map.
        let start = unsafe { sys::bpf_map__initial_value(self.raw.as_ptr(), &mut size) };
        let fits = offset.checked_add(value.len()).is_some_and(|end| end <= size as usize);
        if start.is_null() || !fits {
            return Err(Error::new(format!("map {} has no room for this value", self.name()), libc::EINVAL));
        }
        // SAFETY: checked above to lie inside the map's initial value, which does not overlap `value`.
        unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), start.cast::<u8>().add(offset), value.len()) };
        Ok(())
    }
}

/// bpftool's name of a map type: "ringbuf", "hash" …
pub fn type_name(kind: u32) -> &'static str {
    // SAFETY: null for an unknown number, else a static string.
    unsafe { text(sys::libbpf_bpf_map_type_str(kind)) }
}

/// A map of the host by its id. Needs CAP_SYS_ADMIN.
pub fn open_by_id(id: u32) -> Result<OwnedFd> {
    // SAFETY: a plain integer; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_map_get_fd_by_id(id) };
    os::owned(fd).map_err(|_| Error::new(format!("cannot open map {id}"), fd))
}

/// A map by its place in bpffs. Anything else that is pinned there is refused with EINVAL.
pub fn open_pinned(path: &str) -> Result<OwnedFd> {
    let place = CString::new(path).map_err(|_| Error::new("a path holds a zero byte", libc::EINVAL))?;
    // SAFETY: a terminated string; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_obj_get(place.as_ptr()) };
    let fd = os::owned(fd).map_err(|_| Error::new(format!("cannot open {path}"), fd))?;
    info(fd.as_fd()).map(|_| fd)
}

/// What the kernel says about a created map.
#[derive(Debug, Clone, Default)]
pub struct MapInfo {
    pub id: u32,
    pub kind: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub flags: u32,
}

pub fn info(map: BorrowedFd<'_>) -> Result<MapInfo> {
    // SAFETY: zeroes are valid; the length is that of the struct, and the kernel writes no more than that.
    let raw = unsafe {
        let mut raw = std::mem::zeroed::<sys::bpf_map_info>();
        let mut length = size_of_val(&raw) as u32;
        if sys::bpf_map_get_info_by_fd(map.as_raw_fd(), &mut raw, &mut length) != 0 {
            return Err(Error::last("cannot read the map's info"));
        }
        raw
    };
    Ok(MapInfo {
        id: raw.id,
        kind: raw.type_,
        key_size: raw.key_size,
        value_size: raw.value_size,
        max_entries: raw.max_entries,
        flags: raw.map_flags,
    })
}

impl MapInfo {
    /// Bytes of one value as user space sees it: per-CPU values hold one slot for each *possible* CPU.
    pub fn value_bytes(&self) -> usize {
        let per_cpu = matches!(
            self.kind,
            sys::BPF_MAP_TYPE_PERCPU_HASH
                | sys::BPF_MAP_TYPE_PERCPU_ARRAY
                | sys::BPF_MAP_TYPE_LRU_PERCPU_HASH
                | sys::BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE
        );
        match per_cpu {
            true => cpus::possible_count() * (self.value_size as usize).next_multiple_of(8),
            false => self.value_size as usize,
        }
    }

    /// False for maps whose content is no list of entries (rings, queues, filters).
    pub fn has_entries(&self) -> bool {
        !matches!(
            self.kind,
            sys::BPF_MAP_TYPE_RINGBUF
                | sys::BPF_MAP_TYPE_USER_RINGBUF
                | sys::BPF_MAP_TYPE_QUEUE
                | sys::BPF_MAP_TYPE_STACK
                | sys::BPF_MAP_TYPE_BLOOM_FILTER
                | sys::BPF_MAP_TYPE_PERF_EVENT_ARRAY
                | sys::BPF_MAP_TYPE_SK_STORAGE
                | sys::BPF_MAP_TYPE_INODE_STORAGE
                | sys::BPF_MAP_TYPE_TASK_STORAGE
                | sys::BPF_MAP_TYPE_CGRP_STORAGE
                | sys::BPF_MAP_TYPE_ARENA
        )
    }
}

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
    match dump_batches(map, info, limit) {
        Err(error) if matches!(error.errno, libc::EINVAL | libc::EOPNOTSUPP | 524 | libc::EPERM) => {
            dump_one_by_one(map, info, limit)
        }
        other => other,
    }
}

/// Entries asked for at once. A hash bucket that does not fit makes ENOSPC, and the batch grows.
const BATCH: u32 = 1024;
const BATCH_BYTES: usize = 16 << 20;

fn dump_batches(map: BorrowedFd<'_>, info: &MapInfo, limit: u32) -> Result<Dump> {
    let (key_size, value_size) = (info.key_size as usize, info.value_bytes());
    // Large values (a globals map of megabytes) make small batches.
    let fitting = (BATCH_BYTES / (key_size + value_size).max(1)).clamp(1, BATCH as usize) as u32;
    let mut capacity = fitting.min(info.max_entries.max(1));
    // A batch position is a u32 for hash maps and a key for others.
    let mut positions = [vec![0_u8; key_size.max(8)], vec![0_u8; key_size.max(8)]];
    let mut first = true;
    let mut dump = Dump::default();
    loop {
        let mut keys = vec![0_u8; key_size * capacity as usize];
        let mut values = vec![0_u8; value_size * capacity as usize];
        let mut count = capacity;
        let [from, to] = &mut positions;
        let from = if first { std::ptr::null_mut() } else { from.as_mut_ptr().cast::<c_void>() };
        // SAFETY: all buffers are as large as the kernel may fill for `count` entries of this map's sizes.
        let result = unsafe {
            sys::bpf_map_lookup_batch(
                map.as_raw_fd(),
                from,
                to.as_mut_ptr().cast(),
                keys.as_mut_ptr().cast(),
                values.as_mut_ptr().cast(),
                &mut count,
                std::ptr::null(),
            )
        };
        let errno = if result == 0 { 0 } else { Error::last("").errno };
        if errno == libc::ENOSPC && capacity < 1 << 20 {
            capacity *= 4;
            continue;
        }
        if errno != 0 && errno != libc::ENOENT {
            return Err(Error::new("cannot read the map", errno));
        }
        for entry in 0..count as usize {
            if dump.entries == limit {
                dump.truncated = true;
                return Ok(dump);
            }
            dump.bytes.extend_from_slice(&keys[entry * key_size..][..key_size]);
            dump.bytes.extend_from_slice(&values[entry * value_size..][..value_size]);
            dump.entries += 1;
        }
        if errno == libc::ENOENT {
            return Ok(dump);
        }
        first = false;
        positions.swap(0, 1);
    }
}

fn dump_one_by_one(map: BorrowedFd<'_>, info: &MapInfo, limit: u32) -> Result<Dump> {
    let mut dump = Dump::default();
    let mut key: Option<Vec<u8>> = None;
    // A map that changes meanwhile can lead back to its first key: never more steps than twice its entries.
    for _ in 0..info.max_entries.saturating_mul(2).max(16) {
        let Some(next) = next_key(map, key.as_deref(), info.key_size as usize)? else { return Ok(dump) };
        if dump.entries == limit {
            dump.truncated = true;
            return Ok(dump);
        }
        // An entry that went away between the two calls is simply not there.
        if let Some(value) = lookup(map, &next, info.value_bytes())? {
            dump.bytes.extend_from_slice(&next);
            dump.bytes.extend_from_slice(&value);
            dump.entries += 1;
        }
        key = Some(next);
    }
    dump.truncated = true;
    Ok(dump)
}

fn next_key(map: BorrowedFd<'_>, key: Option<&[u8]>, size: usize) -> Result<Option<Vec<u8>>> {
    let mut next = vec![0_u8; size];
    let from = key.map_or(std::ptr::null(), <[u8]>::as_ptr);
    // SAFETY: both keys have the map's key size, or the first is null for "from the start".
    let result = unsafe { sys::bpf_map_get_next_key(map.as_raw_fd(), from.cast(), next.as_mut_ptr().cast()) };
    match result {
        0 => Ok(Some(next)),
        _ => match Error::last("cannot walk the map") {
            error if error.errno == libc::ENOENT => Ok(None),
            error => Err(error),
        },
    }
}

/// One value, or none when the key is not there. `value_bytes` as of [`MapInfo::value_bytes`].
pub fn lookup(map: BorrowedFd<'_>, key: &[u8], value_bytes: usize) -> Result<Option<Vec<u8>>> {
    let mut value = vec![0_u8; value_bytes];
    // SAFETY: the key has the map's key size and the value has room for every CPU's slot.
    let result = unsafe { sys::bpf_map_lookup_elem(map.as_raw_fd(), key.as_ptr().cast(), value.as_mut_ptr().cast()) };
    match result {
        0 => Ok(Some(value)),
        _ => match Error::last("cannot read the map") {
            error if error.errno == libc::ENOENT => Ok(None),
            error => Err(error),
        },
    }
}
