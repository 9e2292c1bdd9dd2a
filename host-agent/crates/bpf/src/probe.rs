//! What this kernel can do, found by doing it.

pub mod attach;

use std::os::fd::OwnedFd;

use libbpf_sys as sys;

use crate::insns::{Asm, Reg};
use crate::map_setup::Definition;
use crate::{Result, log, map, os, program, token};

/// Numbers of all program types that libbpf knows a name for.
pub fn program_types() -> impl Iterator<Item = u32> {
    (1..64).filter(|kind| !program::type_name(*kind).is_empty())
}

pub fn map_types() -> impl Iterator<Item = u32> {
    (1..64).filter(|kind| !map::type_name(*kind).is_empty())
}

/// Does a smallest program of this type load?
pub fn program_type(kind: u32) -> bool {
    if token::path().is_some() {
        return allowed(program_with_token(kind));
    }
    // SAFETY: no options; an unknown number answers with an error.
    unsafe { sys::libbpf_probe_bpf_prog_type(kind, std::ptr::null()) == 1 }
}

/// Does XDP take programs that say they can handle packets of several fragments?
pub fn xdp_fragments() -> bool {
    const PASS: i32 = 2;
    let mut asm = Asm::default();
    asm.set(Reg::R0, PASS).exit();
    let adjust = |options: &mut sys::bpf_prog_load_opts| options.prog_flags |= sys::BPF_F_XDP_HAS_FRAGS;
    log::capture(|| program::load_insns(sys::BPF_PROG_TYPE_XDP, &asm.finish(), adjust)).0.is_ok()
}

/// Can a smallest map of this type be created?
pub fn map_type(kind: u32) -> bool {
    if token::path().is_some() {
        return allowed(map_with_token(kind));
    }
    // SAFETY: no options; an unknown number answers with an error.
    unsafe { sys::libbpf_probe_bpf_map_type(kind, std::ptr::null()) == 1 }
}

/// With a token libbpf does not try. Kernels that have tokens have all types but those that they are built without; what the
/// token does not delegate is refused with EPERM, and a form that is not right for the type in another way.
fn allowed(tried: Result<OwnedFd>) -> bool {
    tried.map_or_else(|error| error.errno != libc::EPERM, |_| true)
}

fn program_with_token(kind: u32) -> Result<OwnedFd> {
    let mut asm = Asm::default();
    asm.set(Reg::R0, 0).exit();
    log::capture(|| program::load_insns(kind, &asm.finish(), |_| {})).0
}

fn map_with_token(kind: u32) -> Result<OwnedFd> {
    let (key_size, value_size, max_entries) =
        if kind == sys::BPF_MAP_TYPE_RINGBUF { (0, 0, os::page_size() as u32) } else { (4, 4, 1) };
    map::create(c"ringside", &Definition { kind, key_size, value_size, max_entries, flags: 0 })
}
