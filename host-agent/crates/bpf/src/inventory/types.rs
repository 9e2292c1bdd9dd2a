//! BTF that the kernel holds: of itself, of modules, of programs.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::rc::Rc;

use libbpf_sys as sys;

use super::{Kind, c_text, open};
use crate::program::text;
use crate::{Error, Result};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BtfDetails {
    pub id: u32,
    /// "vmlinux", a module's, or "" for that of programs.
    pub name: String,
    pub bytes: u64,
    /// Of the kernel or a module.
    pub kernel: bool,
}

impl BtfDetails {
    /// A module's types continue those of the kernel.
    pub fn is_split(&self) -> bool {
        self.kernel && self.name != "vmlinux"
    }
}

/// None when it is gone by now.
pub fn btf(id: u32) -> Result<Option<BtfDetails>> {
    let Some(fd) = open(Kind::Btf, id)? else { return Ok(None) };
    details(fd.as_fd()).map(Some)
}

fn details(fd: BorrowedFd<'_>) -> Result<BtfDetails> {
    let mut name = [0_u8; 64];
    let raw = btf_info(fd, |raw| {
        raw.name = name.as_mut_ptr() as u64;
        raw.name_len = name.len() as u32;
    })?;
    let kernel = raw.kernel_btf != 0;
    Ok(BtfDetails { id: raw.id, name: c_text(&name), bytes: u64::from(raw.btf_size), kernel })
}

/// Asks the kernel; `request` may put buffers into the struct, which must hold as many bytes as it announces.
fn btf_info(fd: BorrowedFd<'_>, request: impl FnOnce(&mut sys::bpf_btf_info)) -> Result<sys::bpf_btf_info> {
    // SAFETY: zeroes are valid; `request` only ever announces buffers with their true lengths (both callers).
    unsafe {
        let mut raw = std::mem::zeroed::<sys::bpf_btf_info>();
        request(&mut raw);
        let mut length = size_of_val(&raw) as u32;
        match sys::bpf_btf_get_info_by_fd(fd.as_raw_fd(), &mut raw, &mut length) {
            0 => Ok(raw),
            _ => Err(Error::last("cannot read the info of the types")),
        }
    }
}

/// The raw BTF of an id with what the kernel says about it; none when it is gone.
pub fn btf_bytes(id: u32) -> Result<Option<(BtfDetails, Vec<u8>)>> {
    let Some(fd) = open(Kind::Btf, id)? else { return Ok(None) };
    let details = details(fd.as_fd())?;
    let mut bytes = vec![0_u8; details.bytes as usize];
    let raw = btf_info(fd.as_fd(), |raw| {
        raw.btf = bytes.as_mut_ptr() as u64;
        raw.btf_size = bytes.len() as u32;
    })?;
    bytes.truncate(raw.btf_size as usize);
    Ok(Some((details, bytes)))
}

/// The types of a BTF, parsed by libbpf: to name one by its id. Those of the kernel take some 10 MB while they are open.
pub struct Types {
    raw: NonNull<sys::btf>,
    /// libbpf refers to the base as long as the split one is open.
    _base: Option<Rc<Types>>,
}

impl Types {
    /// `base`: the kernel's, for those of a module.
    pub fn by_id(id: u32, base: Option<Rc<Types>>) -> Result<Self> {
        // SAFETY: a plain integer and null or an open handle of libbpf's, which the result keeps open.
        let raw = unsafe {
            match &base {
                None => sys::btf__load_from_kernel_by_id(id),
                Some(base) => sys::btf__load_from_kernel_by_id_split(id, base.raw.as_ptr()),
            }
        };
        let raw = NonNull::new(raw).ok_or_else(|| Error::last(format!("cannot read the types {id}")))?;
        Ok(Self { raw, _base: base })
    }

    pub fn name(&self, type_id: u32) -> Option<String> {
        // SAFETY: the handle is open; libbpf checks the id and the name's place.
        let name = unsafe {
            let found = sys::btf__type_by_id(self.raw.as_ptr(), type_id);
            if found.is_null() {
                return None;
            }
            text(sys::btf__name_by_offset(self.raw.as_ptr(), (*found).name_off)).to_owned()
        };
        Some(name).filter(|name| !name.is_empty())
    }
}

impl Drop for Types {
    fn drop(&mut self) {
        // SAFETY: opened by us and freed once, before its base.
        unsafe { sys::btf__free(self.raw.as_ptr()) };
    }
}
