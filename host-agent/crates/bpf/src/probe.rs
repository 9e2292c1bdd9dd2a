//! What this kernel can do, found by doing it.

pub mod attach;

use libbpf_sys as sys;

use crate::insns::{Asm, Reg};
use crate::{log, map, program};

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

/// Does XDP take programs that say they can handle packets of several fragments?
pub fn xdp_fragments() -> bool {
    const PASS: i32 = 2;
    let mut asm = Asm::default();
    asm.set(Reg::R0, PASS).exit();
    let adjust = |options: &mut sys::bpf_prog_load_opts| options.prog_flags = sys::BPF_F_XDP_HAS_FRAGS;
    log::capture(|| program::load_insns(sys::BPF_PROG_TYPE_XDP, &asm.finish(), adjust)).0.is_ok()
}

/// Can a smallest map of this type be created?
pub fn map_type(kind: u32) -> bool {
    // SAFETY: no options; an unknown number answers with an error.
    unsafe { sys::libbpf_probe_bpf_map_type(kind, std::ptr::null()) == 1 }
}
