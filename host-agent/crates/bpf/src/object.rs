//! An ELF object from bytes: open, adjust, load.

use std::ffi::CString;
use std::ptr::NonNull;

use libbpf_sys as sys;

use crate::log::LogBuffer;
use crate::map::Map;
use crate::program::Program;
use crate::{Error, Result, btf};

/// An object that libbpf has opened, and perhaps loaded. Dropping it frees every program and map that no link holds.
pub struct Object {
    raw: NonNull<sys::bpf_object>,
    // libbpf reads from the bytes as long as the object is open, and the kernel writes into the log while it loads.
    _bytes: Box<[u8]>,
    log: Option<LogBuffer>,
}

impl Object {
    /// Opens `bytes`. With a log buffer, the verifier's words about the first program that does not load end up there.
    pub fn open(bytes: &[u8], name: &str, log: Option<LogBuffer>) -> Result<Self> {
        let bytes: Box<[u8]> = bytes.into();
        let name = CString::new(name).map_err(|_| Error::new("the object's name holds a zero byte", libc::EINVAL))?;
        let mut log = log;
        // SAFETY: zeroes are a valid value of this plain C struct and mean "default" in each field.
        let mut options = unsafe { std::mem::zeroed::<sys::bpf_object_open_opts>() };
        options.sz = size_of_val(&options) as sys::size_t;
        if !name.is_empty() {
            options.object_name = name.as_ptr();
        }
        if let Some(log) = &mut log {
            options.kernel_log_buf = log.as_mut_ptr();
            options.kernel_log_size = log.size() as sys::size_t;
        }
        // SAFETY: bytes, name and options live through the call; bytes and log live as long as the object (fields).
        let raw = unsafe { sys::bpf_object__open_mem(bytes.as_ptr().cast(), bytes.len() as sys::size_t, &options) };
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { raw, _bytes: bytes, log }),
            None => Err(Error::last("cannot open the object")),
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::bpf_object {
        self.raw.as_ptr()
    }

    pub fn programs(&self) -> Vec<Program<'_>> {
        let mut programs = Vec::new();
        let mut last = std::ptr::null_mut();
        loop {
            // SAFETY: the object is open; `last` is null or a program of it.
            last = unsafe { sys::bpf_object__next_program(self.raw.as_ptr(), last) };
            match NonNull::new(last) {
                Some(raw) => programs.push(Program::new(raw)),
                None => return programs,
            }
        }
    }

    pub fn program(&self, name: &str) -> Option<Program<'_>> {
        self.programs().into_iter().find(|program| program.name() == name)
    }

    pub fn maps(&self) -> Vec<Map<'_>> {
        let mut maps = Vec::new();
        let mut last = std::ptr::null_mut();
        loop {
            // SAFETY: the object is open; `last` is null or a map of it.
            last = unsafe { sys::bpf_object__next_map(self.raw.as_ptr(), last) };
            match NonNull::new(last) {
                Some(raw) => maps.push(Map::new(raw)),
                None => return maps,
            }
        }
    }

    /// A map by its name, or by its section (".rodata") for those that hold globals.
    pub fn map(&self, name: &str) -> Option<Map<'_>> {
        let wanted = CString::new(name).ok()?;
        // SAFETY: the object is open and the name is a terminated string.
        let raw = unsafe { sys::bpf_object__find_map_by_name(self.raw.as_ptr(), wanted.as_ptr()) };
        NonNull::new(raw).map(Map::new).or_else(|| self.maps().into_iter().find(|map| map.name() == name))
    }

    /// Global variables that may be set before loading. Empty for an object without BTF.
    pub fn globals(&self) -> Vec<btf::Global> {
        // SAFETY: the object is open; its BTF lives as long as it does, and `globals` copies what it returns.
        unsafe { btf::globals(sys::bpf_object__btf(self.raw.as_ptr())) }
    }

    /// Writes a global's initial value. The object must not be loaded yet.
    pub fn set_global(&self, global: &btf::Global, value: &[u8]) -> Result<()> {
        let no_map = || Error::new(format!("no map for section {}", global.section), libc::ENOENT);
        let map = self.map(&global.section).ok_or_else(no_map)?;
        map.write_initial(global.offset as usize, value)
    }

    pub fn load(&self) -> Result<()> {
        // SAFETY: the object is open; loading an object twice is refused by libbpf with EINVAL.
        let result = unsafe { sys::bpf_object__load(self.raw.as_ptr()) };
        if result == 0 { Ok(()) } else { Err(Error::new("cannot load the object", result)) }
    }

    pub fn log(&self) -> Option<&LogBuffer> {
        self.log.as_ref()
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: opened by us and closed once; programs and maps borrow self, so none is left.
        unsafe { sys::bpf_object__close(self.raw.as_ptr()) };
    }
}
