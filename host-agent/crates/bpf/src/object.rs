//! An ELF object from bytes: open, adjust, load.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;

use libbpf_sys as sys;

use crate::log::LogBuffer;
use crate::map::Map;
use crate::pins::{self, Pin};
use crate::program::{Program, text};
use crate::{Error, Result, btf, os, sections, token};

/// An object that libbpf has opened, and perhaps loaded. Dropping it frees every program and map that no link holds.
pub struct Object {
    raw: NonNull<sys::bpf_object>,
    // libbpf reads from the bytes as long as the object is open, and the kernel writes into the log while it loads.
    _bytes: Box<[u8]>,
    log: Option<LogBuffer>,
    // Descriptors that libbpf only knows by number until the load: types of the user's, programs to be replaced.
    held: RefCell<Vec<OwnedFd>>,
    /// Places in bpffs that outlive the object, and pins that do not.
    kept_pins: RefCell<BTreeSet<String>>,
    pins: RefCell<Vec<Pin>>,
}

/// What is said about an object before it is read.
#[derive(Default)]
pub struct OpenOptions<'a> {
    pub name: &'a str,
    /// With it, the verifier's words about the first program that does not load end up there.
    pub log: Option<LogBuffer>,
    /// Lines `CONFIG_X=value` that count before the host's; "" for none.
    pub kconfig: &'a str,
    /// BTF to relocate against instead of the kernel's own.
    pub kernel_types: Option<&'a [u8]>,
}

/// False for a failure that libbpf gives as if it were an object: it takes the size of a damaged extern (4 GB and more, as
/// a negative int) for an error number, and only small ones become null.
fn is_object(raw: NonNull<sys::bpf_object>) -> bool {
    let address = raw.as_ptr() as isize;
    // The lowest page is never mapped, and the upper half belongs to the kernel.
    address >= 4096
}

impl Object {
    pub fn open(bytes: &[u8], given: OpenOptions<'_>) -> Result<Self> {
        sections::register();
        let bytes: Box<[u8]> = bytes.into();
        let terminated = |text: &str, what: &str| {
            CString::new(text).map_err(|_| Error::new(format!("{what} holds a zero byte"), libc::EINVAL))
        };
        let (name, kconfig) = (terminated(given.name, "the object's name")?, terminated(given.kconfig, "the kconfig")?);
        let types = given.kernel_types.map(|types| os::memory_file(c"ringside-btf", types)).transpose()?;
        // libbpf takes a path; the file has none but this, and is read when the object is loaded.
        let types_path = types.as_ref().map(|file| format!("/proc/self/fd/{}", file.as_raw_fd()));
        let types_path = types_path.map(|path| terminated(&path, "a path")).transpose()?;
        let mut log = given.log;
        // SAFETY: zeroes are a valid value of this plain C struct and mean "default" in each field.
        let mut options = unsafe { std::mem::zeroed::<sys::bpf_object_open_opts>() };
        options.sz = size_of_val(&options) as sys::size_t;
        if !name.is_empty() {
            options.object_name = name.as_ptr();
        }
        if !kconfig.is_empty() {
            options.kconfig = kconfig.as_ptr();
        }
        // libbpf itself looks for a token in /sys/fs/bpf only.
        let token_path = token::path().map(|path| terminated(path, "a path")).transpose()?;
        if let Some(path) = &token_path {
            options.bpf_token_path = path.as_ptr();
        }
        if let Some(path) = &types_path {
            options.btf_custom_path = path.as_ptr();
        }
        if let Some(log) = &mut log {
            options.kernel_log_buf = log.as_mut_ptr();
            options.kernel_log_size = log.size() as sys::size_t;
        }
        // SAFETY: bytes, texts (copied by libbpf) and options live through the call; bytes, log and the file with the types
        // live as long as the object (fields).
        let raw = unsafe { sys::bpf_object__open_mem(bytes.as_ptr().cast(), bytes.len() as sys::size_t, &options) };
        match NonNull::new(raw) {
            Some(raw) if !is_object(raw) => {
                Err(Error::new("cannot open the object: an extern is too large", libc::EINVAL))
            }
            Some(raw) => Ok(Self {
                raw,
                _bytes: bytes,
                log,
                held: RefCell::new(types.into_iter().collect()),
                kept_pins: RefCell::default(),
                pins: RefCell::default(),
            }),
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

    /// What a load pins because the object says so is removed with the object.
    pub fn load(&self) -> Result<()> {
        let mut pins = pins::announced(self)?;
        // SAFETY: the object is open; loading an object twice is refused by libbpf with EINVAL.
        let result = unsafe { sys::bpf_object__load(self.raw.as_ptr()) };
        if result != 0 {
            return Err(Error::new("cannot load the object", result));
        }
        // One that is gone already is nobody's any more.
        pins.retain_mut(|pin| pin.made().is_ok());
        self.pins.borrow_mut().extend(pins);
        Ok(())
    }

    /// What is pinned there stays when the object is dropped.
    pub fn keep_pin(&self, path: &str) {
        self.kept_pins.borrow_mut().insert(path.to_owned());
    }

    pub(crate) fn keeps_pin(&self, path: &str) -> bool {
        self.kept_pins.borrow().contains(path)
    }

    /// This object goes on with what another has pinned and it uses, too.
    pub fn take_over_pins(&self, from: &Self) {
        let used: BTreeSet<&str> = self.maps().iter().map(Map::pin_path).collect();
        let (taken, left) = from.pins.take().into_iter().partition(|pin| used.contains(pin.path()));
        from.pins.replace(left);
        let taken: Vec<Pin> = taken;
        self.pins.borrow_mut().extend(taken);
    }

    /// Keeps a descriptor open as long as the object.
    pub(crate) fn hold(&self, fd: OwnedFd) {
        self.held.borrow_mut().push(fd);
    }

    /// Name of a type of the object's BTF; "" where there is none.
    pub fn type_name(&self, id: u32) -> String {
        // SAFETY: the object is open; null for an unknown id or an object without BTF, else a type of its BTF, whose
        // strings live as long as the object.
        unsafe {
            let btf = sys::bpf_object__btf(self.raw.as_ptr());
            if btf.is_null() {
                return String::new();
            }
            let found = sys::btf__type_by_id(btf, id);
            if found.is_null() {
                return String::new();
            }
            text(sys::btf__name_by_offset(btf, (*found).name_off)).to_owned()
        }
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
