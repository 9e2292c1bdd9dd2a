//! What may be decided about a map between opening its object and loading it.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use libbpf_sys as sys;

use crate::map::Map;
use crate::object::Object;
use crate::program::text;
use crate::{Error, Result, map};

/// Type and sizes of a map that need not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Definition {
    /// BPF_MAP_TYPE_*.
    pub kind: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub flags: u32,
}

impl<'object> Map<'object> {
    /// A map that holds globals has one entry. libbpf takes another number without a word and then, when the value is
    /// resized, copies and unmaps as much memory as the number promises.
    pub fn set_max_entries(&self, entries: u32) -> Result<()> {
        if self.holds_globals() && entries != self.max_entries() {
            let why = format!("map {} holds the object's variables and has one entry", self.name());
            return Err(Error::new(why, libc::EINVAL));
        }
        // SAFETY: the map is valid; after creation libbpf answers EBUSY.
        self.checked(unsafe { sys::bpf_map__set_max_entries(self.as_ptr(), entries) }, "cannot resize map")
    }

    pub fn set_flags(&self, flags: u32) -> Result<()> {
        // SAFETY: the map is valid; after creation libbpf answers EBUSY.
        self.checked(unsafe { sys::bpf_map__set_map_flags(self.as_ptr(), flags) }, "cannot change the flags of map")
    }

    pub fn set_key_size(&self, bytes: u32) -> Result<()> {
        // SAFETY: the map is valid; after creation libbpf answers EBUSY.
        self.checked(unsafe { sys::bpf_map__set_key_size(self.as_ptr(), bytes) }, "cannot change the key size of map")
    }

    /// A map that holds globals can only grow: libbpf writes variables to their places without looking at the size.
    pub fn set_value_size(&self, bytes: u32) -> Result<()> {
        if self.holds_globals() && bytes < self.value_size() {
            let why = format!("map {} holds variables of {} bytes", self.name(), self.value_size());
            return Err(Error::new(why, libc::EINVAL));
        }
        // SAFETY: the map is valid; after creation libbpf answers EBUSY.
        let result = unsafe { sys::bpf_map__set_value_size(self.as_ptr(), bytes) };
        self.checked(result, "cannot change the value size of map")
    }

    /// Whether loading makes the map; off for a map that the kernel need not have.
    pub fn autocreate(&self) -> bool {
        // SAFETY: the map is valid.
        unsafe { sys::bpf_map__autocreate(self.as_ptr()) }
    }

    pub fn set_autocreate(&self, on: bool) -> Result<()> {
        // SAFETY: the map is valid; after loading libbpf answers EBUSY.
        self.checked(unsafe { sys::bpf_map__set_autocreate(self.as_ptr(), on) }, "cannot choose map")
    }

    /// Maps that hold the object's globals: their size is that of the section.
    pub fn holds_globals(&self) -> bool {
        // SAFETY: the map is valid.
        unsafe { sys::bpf_map__is_internal(self.as_ptr()) }
    }

    /// As the object, or who loads it, has defined the map so far.
    pub fn definition(&self) -> Definition {
        Definition {
            kind: self.kind(),
            key_size: self.key_size(),
            value_size: self.value_size(),
            max_entries: self.max_entries(),
            flags: self.flags(),
        }
    }

    /// What a map of maps expects in its slots. None for other maps, and once the object is loaded.
    pub fn inner_definition(&self) -> Option<Definition> {
        self.inner().map(|inner| inner.definition())
    }

    /// Takes a map of this definition as what the map of maps expects in its slots.
    pub fn replace_inner(&self, object: &Object, definition: &Definition) -> Result<()> {
        let inner = map::create(c"inner", definition)
            .map_err(|error| Error::new(format!("cannot create the inner map of {}", self.name()), error.errno))?;
        // SAFETY: the map is valid; libbpf frees its own inner map and remembers the number, which stays open (below).
        let result = unsafe { sys::bpf_map__set_inner_map_fd(self.as_ptr(), inner.as_raw_fd()) };
        object.hold(inner);
        self.checked(result, "cannot set the inner map of")
    }

    /// Not for others: libbpf frees it during the load, and its own setters do not work on it (it belongs to no object).
    fn inner(&self) -> Option<Map<'object>> {
        // SAFETY: the map is valid; the result is null or a map of libbpf's that it forgets when it frees it.
        NonNull::new(unsafe { sys::bpf_map__inner_map(self.as_ptr()) }).map(Map::new)
    }

    /// BTF id, in the object's types, of the value.
    pub fn value_type_id(&self) -> u32 {
        // SAFETY: the map is valid.
        unsafe { sys::bpf_map__btf_value_type_id(self.as_ptr()) }
    }

    pub fn extra(&self) -> u64 {
        // SAFETY: the map is valid.
        unsafe { sys::bpf_map__map_extra(self.as_ptr()) }
    }

    /// Where the map is, or will be, pinned; "" for nowhere.
    pub fn pin_path(&self) -> &'object str {
        // SAFETY: null or a string that lives as long as the object.
        unsafe { text(sys::bpf_map__pin_path(self.as_ptr())) }
    }

    /// Pins the map there when the object is loaded, or uses the one that is there. "" for nowhere.
    pub fn set_pin_path(&self, path: &str) -> Result<()> {
        let text = CString::new(path).map_err(|_| Error::new("a path holds a zero byte", libc::EINVAL))?;
        let text_or_null = if path.is_empty() { std::ptr::null() } else { text.as_ptr() };
        // SAFETY: the map is valid and the string null or terminated; libbpf copies it.
        self.checked(unsafe { sys::bpf_map__set_pin_path(self.as_ptr(), text_or_null) }, "cannot set the pin of map")
    }

    /// Uses an existing map instead of a new one; its sizes and flags become those of the object's map.
    pub fn reuse(&self, map: BorrowedFd<'_>) -> Result<()> {
        // SAFETY: the map is valid; libbpf duplicates the descriptor.
        self.checked(unsafe { sys::bpf_map__reuse_fd(self.as_ptr(), map.as_raw_fd()) }, "cannot reuse a map as")
    }

    fn checked(&self, result: std::ffi::c_int, what: &str) -> Result<()> {
        if result == 0 { Ok(()) } else { Err(Error::new(format!("{what} {}", self.name()), result)) }
    }
}
