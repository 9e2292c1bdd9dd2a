//! struct_ops, tried with a congestion control that nobody asks for.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::NonNull;

use libbpf_sys as sys;

use super::missing;
use crate::insns::{Asm, Reg};
use crate::program::{self, text};
use crate::{Error, Result, os};

const NAME: &[u8] = b"ringside_probe";
/// What the kernel does not go without.
const MEMBERS: [&str; 3] = ["ssthresh", "undo_cwnd", "cong_avoid"];
const STRUCT: u32 = 4;

/// Registers it and takes it back.
pub(super) fn congestion_control() -> Result<()> {
    let types = KernelTypes::load()?;
    let operations = types.named(c"tcp_congestion_ops")?;
    let value = types.named(c"bpf_struct_ops_tcp_congestion_ops")?;
    let (_, data) = types.member(value, "data").ok_or_else(|| missing("the kernel's struct_ops differ"))?;
    let size = types.size(value);
    let map = create_map(value, size as u32)?;
    let mut bytes = vec![0_u8; size];
    let mut programs = Vec::new();
    for name in MEMBERS {
        let (index, offset) =
            types.member(operations, name).ok_or_else(|| missing("the kernel's congestion controls differ"))?;
        let program = member_program(operations, index)?;
        let place = bytes.get_mut(data + offset..data + offset + 4);
        place
            .ok_or_else(|| missing("the kernel's struct_ops differ"))?
            .copy_from_slice(&program.as_raw_fd().to_ne_bytes());
        programs.push(program);
    }
    let (_, name) = types.member(operations, "name").ok_or_else(|| missing("congestion controls have no name"))?;
    let place = bytes.get_mut(data + name..data + name + NAME.len());
    place.ok_or_else(|| missing("the kernel's struct_ops differ"))?.copy_from_slice(NAME);
    register(&map, &bytes)
}

fn create_map(value: u32, size: u32) -> Result<OwnedFd> {
    // The value is a type of the kernel's, and still the kernel wants the map to come with types of its own.
    let types = OwnTypes::load()?;
    // SAFETY: zeroes are valid in this plain C struct and mean "default".
    let mut options = unsafe { std::mem::zeroed::<sys::bpf_map_create_opts>() };
    options.sz = size_of_val(&options) as sys::size_t;
    options.btf_fd = types.fd() as u32;
    options.btf_vmlinux_value_type_id = value;
    // SAFETY: a terminated name and valid options; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_map_create(sys::BPF_MAP_TYPE_STRUCT_OPS, c"ringside".as_ptr(), 4, size, 1, &options) };
    os::owned(fd).map_err(|_| Error::new("cannot make a struct_ops map", fd))
}

/// A program for one member, which answers 2: the least window that there is.
fn member_program(operations: u32, index: u32) -> Result<OwnedFd> {
    let mut asm = Asm::default();
    asm.set(Reg::R0, 2).exit();
    program::load_insns(sys::BPF_PROG_TYPE_STRUCT_OPS, &asm.finish(), |options| {
        options.attach_btf_id = operations;
        options.expected_attach_type = index;
    })
}

fn register(map: &OwnedFd, value: &[u8]) -> Result<()> {
    let key = 0_u32;
    // SAFETY: key and value have the sizes that the map was made with.
    unsafe {
        match sys::bpf_map_update_elem(map.as_raw_fd(), (&raw const key).cast(), value.as_ptr().cast(), 0) {
            0 => {
                sys::bpf_map_delete_elem(map.as_raw_fd(), (&raw const key).cast());
                Ok(())
            }
            error => Err(Error::new("cannot attach", error)),
        }
    }
}

/// The kernel's BTF for as long as it takes.
struct KernelTypes(NonNull<sys::btf>);

impl KernelTypes {
    fn load() -> Result<Self> {
        // SAFETY: no arguments; the result is ours to free, or null.
        let raw = NonNull::new(unsafe { sys::btf__load_vmlinux_btf() });
        raw.map(Self).ok_or_else(|| missing("the kernel has no BTF"))
    }

    fn named(&self, name: &CStr) -> Result<u32> {
        // SAFETY: valid BTF and a terminated string.
        let id = unsafe { sys::btf__find_by_name_kind(self.0.as_ptr(), name.as_ptr(), STRUCT) };
        u32::try_from(id).map_err(|_| missing(format!("the kernel has no {} to replace", name.to_string_lossy())))
    }

    fn size(&self, id: u32) -> usize {
        // SAFETY: valid BTF; an id that it does not have answers with an error.
        usize::try_from(unsafe { sys::btf__resolve_size(self.0.as_ptr(), id) }).unwrap_or(0)
    }

    /// Index and offset in bytes of a struct's member.
    fn member(&self, id: u32, name: &str) -> Option<(u32, usize)> {
        // SAFETY: libbpf checked the type table when it parsed it: a struct is followed by as many members as its vlen
        // (low 16 bits of info) says, and name offsets are valid.
        unsafe {
            let kind = sys::btf__type_by_id(self.0.as_ptr(), id);
            if kind.is_null() || ((*kind).info >> 24) & 0x1f != STRUCT {
                return None;
            }
            let members = kind.add(1).cast::<sys::btf_member>();
            (0..(*kind).info & 0xffff).find_map(|index| {
                let member = *members.add(index as usize);
                let found = text(sys::btf__name_by_offset(self.0.as_ptr(), member.name_off)) == name;
                found.then_some((index, (member.offset & 0xff_ffff) as usize / 8))
            })
        }
    }
}

impl Drop for KernelTypes {
    fn drop(&mut self) {
        // SAFETY: loaded by us and freed once.
        unsafe { sys::btf__free(self.0.as_ptr()) };
    }
}

/// The smallest BTF that there is, in the kernel for as long as this lives.
struct OwnTypes(NonNull<sys::btf>);

impl OwnTypes {
    fn load() -> Result<Self> {
        // SAFETY: the result is ours to free, or null; then valid BTF and a terminated string.
        unsafe {
            let raw = NonNull::new(sys::btf__new_empty()).ok_or_else(|| Error::last("cannot write types"))?;
            let types = Self(raw);
            sys::btf__add_int(raw.as_ptr(), c"int".as_ptr(), 4, 1);
            match sys::btf__load_into_kernel(raw.as_ptr()) {
                0 => Ok(types),
                error => Err(Error::new("cannot load types", error)),
            }
        }
    }

    fn fd(&self) -> i32 {
        // SAFETY: valid BTF.
        unsafe { sys::btf__fd(self.0.as_ptr()) }
    }
}

impl Drop for OwnTypes {
    fn drop(&mut self) {
        // SAFETY: made by us and freed once; that closes its descriptor.
        unsafe { sys::btf__free(self.0.as_ptr()) };
    }
}
