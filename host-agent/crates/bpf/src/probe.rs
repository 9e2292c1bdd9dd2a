//! What this kernel can do, found by doing it.

pub mod attach;

use libbpf_sys as sys;

use crate::{map, program};

/// Numbers of all program types that libbpf knows a name for.
pub fn program_types() -> impl Iterator<Item = u32> {
    (1..64).filter(|kind| !program::type_name(*kind).is_empty())
}

pub fn map_types() -> impl Iterator<Item = u32> {
    (1..64).filter(|kind| !map::type_name(*kind).is_empty())
}

/// Does a smallest program of this type load?
pub fn program_type(kind: u32) -> bool {
    // SAFETY: no options; an unknown number answers with an error.
    unsafe { sys::libbpf_probe_bpf_prog_type(kind, std::ptr::null()) == 1 }
}

/// Can a smallest map of this type be created?
pub fn map_type(kind: u32) -> bool {
    // SAFETY: no options; an unknown number answers with an error.
    unsafe { sys::libbpf_probe_bpf_map_type(kind, std::ptr::null()) == 1 }
}
