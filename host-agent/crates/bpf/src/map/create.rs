//! Maps of the agent's own.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use libbpf_sys as sys;

use crate::map_setup::Definition;
use crate::{Error, Result, os, token};

/// Creates a map, by the BPF token where there is one.
pub(crate) fn create(name: &CStr, definition: &Definition) -> Result<OwnedFd> {
    // SAFETY: zeroes are valid in this plain C struct and mean "default".
    let mut options = unsafe { std::mem::zeroed::<sys::bpf_map_create_opts>() };
    options.sz = size_of_val(&options) as sys::size_t;
    options.map_flags = definition.flags;
    if let Some(token) = token::fd() {
        options.token_fd = token as u32;
        options.map_flags |= sys::BPF_F_TOKEN_FD;
    }
    let Definition { kind, key_size, value_size, max_entries, .. } = *definition;
    // SAFETY: a terminated name and valid options; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_map_create(kind, name.as_ptr(), key_size, value_size, max_entries, &options) };
    os::owned(fd).map_err(|_| Error::new(format!("cannot create the map {}", name.to_string_lossy()), fd))
}
