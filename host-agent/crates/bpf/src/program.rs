//! One program of an object.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use libbpf_sys as sys;

use crate::insns::Insn;
use crate::object::Object;
use crate::{Error, Result, os, token};

/// A program; valid as long as its object is borrowed.
#[derive(Clone, Copy)]
pub struct Program<'object> {
    raw: NonNull<sys::bpf_program>,
    object: PhantomData<&'object Object>,
}

impl<'object> Program<'object> {
    pub(crate) fn new(raw: NonNull<sys::bpf_program>) -> Self {
        Self { raw, object: PhantomData }
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::bpf_program {
        self.raw.as_ptr()
    }

    pub fn name(&self) -> &'object str {
        // SAFETY: libbpf's string lives as long as the object.
        unsafe { text(sys::bpf_program__name(self.as_ptr())) }
    }

    pub fn section(&self) -> &'object str {
        // SAFETY: as for the name.
        unsafe { text(sys::bpf_program__section_name(self.as_ptr())) }
    }

    /// BPF_PROG_TYPE_*.
    pub fn kind(&self) -> u32 {
        // SAFETY: the program is valid.
        unsafe { sys::bpf_program__type(self.as_ptr()) }
    }

    pub fn type_name(&self) -> &'static str {
        type_name(self.kind())
    }

    /// BPF_* attach type that the section stands for.
    pub fn expected_attach_type(&self) -> u32 {
        // SAFETY: the program is valid.
        unsafe { sys::bpf_program__expected_attach_type(self.as_ptr()) }
    }

    pub fn autoload(&self) -> bool {
        // SAFETY: the program is valid.
        unsafe { sys::bpf_program__autoload(self.as_ptr()) }
    }

    pub fn set_autoload(&self, on: bool) -> Result<()> {
        // SAFETY: the program is valid; after loading libbpf answers EINVAL.
        match unsafe { sys::bpf_program__set_autoload(self.as_ptr(), on) } {
            0 => Ok(()),
            error => Err(Error::new(format!("cannot choose program {}", self.name()), error)),
        }
    }

    /// Overrules what the section says. libbpf then no longer resolves the target from the section's name.
    pub fn set_type(&self, kind: u32) -> Result<()> {
        // SAFETY: the program is valid; after loading libbpf answers EBUSY.
        self.checked(unsafe { sys::bpf_program__set_type(self.as_ptr(), kind) }, "cannot set the type of program")
    }

    pub fn set_expected_attach_type(&self, attach: u32) -> Result<()> {
        // SAFETY: the program is valid; after loading libbpf answers EBUSY.
        let result = unsafe { sys::bpf_program__set_expected_attach_type(self.as_ptr(), attach) };
        self.checked(result, "cannot set the attach type of program")
    }

    /// What a fentry, fexit, lsm, tp_btf or iter program is for: a name of the kernel's BTF.
    pub fn set_kernel_target(&self, name: &str) -> Result<()> {
        let name = CString::new(name).map_err(|_| Error::new("a target holds a zero byte", libc::EINVAL))?;
        // SAFETY: the program is valid and the name a terminated string that libbpf does not keep; after loading libbpf
        // answers EINVAL.
        let result = unsafe { sys::bpf_program__set_attach_target(self.as_ptr(), 0, name.as_ptr()) };
        self.checked(result, "cannot find the target of program")
    }

    /// The loaded program of which a function is traced or replaced; `function` "" is the one in the section's name.
    pub fn set_program_target(&self, object: &Object, target: OwnedFd, function: &str) -> Result<()> {
        let name = CString::new(function).map_err(|_| Error::new("a target holds a zero byte", libc::EINVAL))?;
        let name_or_null = if function.is_empty() { std::ptr::null() } else { name.as_ptr() };
        // SAFETY: the program is valid, the name null or terminated and not kept; the descriptor is kept open below for
        // as long as libbpf may use its number.
        let result = unsafe { sys::bpf_program__set_attach_target(self.as_ptr(), target.as_raw_fd(), name_or_null) };
        object.hold(target);
        self.checked(result, "cannot find the target of program")
    }

    fn checked(&self, result: std::ffi::c_int, what: &str) -> Result<()> {
        if result == 0 { Ok(()) } else { Err(Error::new(format!("{what} {}", self.name()), result)) }
    }

    /// Bit set of BPF_LOG_*. Zero means: no log unless the load fails.
    pub fn set_log_level(&self, level: u32) -> Result<()> {
        // SAFETY: the program is valid; after loading libbpf answers EBUSY.
        match unsafe { sys::bpf_program__set_log_level(self.as_ptr(), level) } {
            0 => Ok(()),
            error => Err(Error::new("cannot set the log level", error)),
        }
    }

    /// The loaded program's descriptor.
    pub fn fd(&self) -> Option<BorrowedFd<'object>> {
        // SAFETY: the program is valid; a non-negative descriptor stays open as long as the object.
        unsafe {
            let fd = sys::bpf_program__fd(self.as_ptr());
            (fd >= 0).then(|| BorrowedFd::borrow_raw(fd))
        }
    }

    /// The instructions as in the object, or as relocated once the object is loaded.
    pub fn insns(&self) -> Vec<Insn> {
        // SAFETY: the pointer and the count describe libbpf's own array of 8-byte instructions.
        unsafe {
            let start = sys::bpf_program__insns(self.as_ptr());
            let count = sys::bpf_program__insn_cnt(self.as_ptr()) as usize;
            if start.is_null() {
                return Vec::new();
            }
            std::slice::from_raw_parts(start.cast::<[u8; 8]>(), count).iter().map(|raw| Insn::from(*raw)).collect()
        }
    }

    pub fn insn_count(&self) -> u32 {
        // SAFETY: the program is valid.
        unsafe { sys::bpf_program__insn_cnt(self.as_ptr()) as u32 }
    }
}

/// Loads a program of the agent's own, without an object. `adjust` sets further options.
pub(crate) fn load_insns(
    kind: u32,
    insns: &[Insn],
    adjust: impl FnOnce(&mut sys::bpf_prog_load_opts),
) -> Result<OwnedFd> {
    let words: Vec<u64> = insns.iter().map(|insn| u64::from_ne_bytes(insn.to_bytes())).collect();
    // SAFETY: zeroes are valid in this plain C struct and mean "default".
    let mut options = unsafe { std::mem::zeroed::<sys::bpf_prog_load_opts>() };
    options.sz = size_of_val(&options) as sys::size_t;
    if let Some(fd) = token::fd() {
        options.token_fd = fd as u32;
        options.prog_flags |= sys::BPF_F_TOKEN_FD;
    }
    adjust(&mut options);
    let (name, license) = (c"ringside".as_ptr(), c"Dual MIT/GPL".as_ptr());
    // SAFETY: the words are the instructions, 8 bytes each and aligned; names are terminated, options valid.
    let fd = unsafe {
        sys::bpf_prog_load(kind, name, license, words.as_ptr().cast(), words.len() as sys::size_t, &mut options)
    };
    os::owned(fd).map_err(|_| Error::new("cannot load a program of the agent's own", fd))
}

/// A program of the host by its id. Needs CAP_SYS_ADMIN.
pub fn open_by_id(id: u32) -> Result<OwnedFd> {
    // SAFETY: a plain integer; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_prog_get_fd_by_id(id) };
    os::owned(fd).map_err(|_| Error::new(format!("cannot open program {id}"), fd))
}

/// The program of the host that was loaded last under this name, of which the kernel keeps 15 letters.
pub fn open_by_name(name: &str) -> Result<OwnedFd> {
    let wanted = &name.as_bytes()[..name.len().min(15)];
    let (mut id, mut found) = (0, None);
    // SAFETY: the pointer is to a local integer.
    while unsafe { sys::bpf_prog_get_next_id(id, &mut id) } == 0 {
        // One that goes away meanwhile is simply not there.
        let Ok(program) = open_by_id(id) else { continue };
        // SAFETY: zeroes are valid; the length is that of the struct, and the kernel writes no more than that.
        let info = unsafe {
            let mut info = std::mem::zeroed::<sys::bpf_prog_info>();
            let mut length = size_of_val(&info) as u32;
            (sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &mut info, &mut length) == 0).then_some(info)
        };
        let named = info.is_some_and(|info| {
            let length = info.name.iter().position(|byte| *byte == 0).unwrap_or(info.name.len());
            info.name[..length].iter().map(|byte| *byte as u8).eq(wanted.iter().copied())
        });
        if named {
            found = Some(program);
        }
    }
    found.ok_or_else(|| Error::new(format!("no program {name} is loaded"), libc::ENOENT))
}

/// Number of a program type by bpftool's name.
pub fn type_by_name(name: &str) -> Option<u32> {
    (1..64).find(|kind| type_name(*kind) == name && !name.is_empty())
}

/// libbpf's name of an attach type: "xdp", "cgroup_inet_ingress" …
pub fn attach_type_name(attach: u32) -> &'static str {
    // SAFETY: null for an unknown number, else a static string.
    unsafe { text(sys::libbpf_bpf_attach_type_str(attach)) }
}

/// Number of an attach type by libbpf's name.
pub fn attach_type_by_name(name: &str) -> Option<u32> {
    (0..256).find(|attach| attach_type_name(*attach) == name && !name.is_empty())
}

/// bpftool's name of a program type: "kprobe", "sched_cls" …
pub fn type_name(kind: u32) -> &'static str {
    // SAFETY: null for an unknown number, else a static string.
    unsafe { text(sys::libbpf_bpf_prog_type_str(kind)) }
}

/// libbpf's text as UTF-8; names come from an ELF, so anything else is shown as empty.
///
/// # Safety
/// `raw` is null or a terminated string that lives for `'a`.
pub(crate) unsafe fn text<'a>(raw: *const std::ffi::c_char) -> &'a str {
    if raw.is_null() {
        return "";
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(raw) }.to_str().unwrap_or("")
}

/// The kernel's name of an object: a fixed array that ends with a zero, or is full.
pub(crate) fn fixed_text(raw: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> = raw.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
