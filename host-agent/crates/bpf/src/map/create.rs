//! Maps of the agent's own.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use libbpf_sys as sys;

use crate::{Error, Result, os, token};

/// What a map is made of: sizes in bytes.
pub(crate) struct Shape {
    pub kind: u32,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub flags: u32,
}

/// Creates a map, by the BPF token where there is one.
pub(crate) fn create(name: &CStr, shape: &Shape) -> Result<OwnedFd> {
    // SAFETY: zeroes are valid in this plain C struct and mean "default".
    let mut options = unsafe { std::mem::zeroed::<sys::bpf_map_create_opts>() };
    options.sz = size_of_val(&options) as sys::size_t;
    options.map_flags = shape.flags;
    if let Some(token) = token::fd() {
        options.token_fd = token as u32;
        options.map_flags |= sys::BPF_F_TOKEN_FD;
    }
    let Shape { kind, key_size, value_size, max_entries, .. } = *shape;
    // SAFETY: a terminated name and valid options; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_map_create(kind, name.as_ptr(), key_size, value_size, max_entries, &options) };
    os::owned(fd).map_err(|_| Error::new(format!("cannot create the map {}", name.to_string_lossy()), fd))
}
