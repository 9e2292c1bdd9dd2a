//! Maps: those of an object, and reading and writing any map of the host.

pub mod arena;
mod create;
mod dump;
mod info;
mod patch;
pub mod ring;
pub mod storage;
mod walk;
mod write;

use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use libbpf_sys as sys;

use crate::object::Object;
use crate::program::text;
use crate::{Error, Result, os};

pub(crate) use create::create;
pub use dump::{Dump, dump};
pub use info::{Access, MapInfo, frozen, info};
pub use patch::{is_mappable, patch};
pub use walk::{Page, lookup, read_page};
pub use write::{Mode, delete, delete_batch, peek, pop, push, set, set_batch};

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
    let fd = crate::inventory::open_pin(path)?;
    info(fd.as_fd()).map(|_| fd)
}
