//! Taking away what others have attached, when a person asks for it: exactly that, and nothing that took its place.

use std::os::fd::AsRawFd;

use libbpf_sys as sys;

use crate::inventory::{self, Kind};
use crate::link::options;
use crate::netlink::{self, Interface, Xdp};
use crate::{Error, Result};

/// Detaches a link by force (Linux 5.9): those of interfaces, control groups, network namespaces and struct_ops can be.
/// False when there is none, or one of another program. Errno 95 (EOPNOTSUPP): its holder has to let go of it.
pub fn detach_link(id: u32, program_id: u32) -> Result<bool> {
    let Some(link) = inventory::open(Kind::Link, id)? else { return Ok(false) };
    // An id is not given anew while the descriptor is open.
    if inventory::link(id)?.is_none_or(|found| found.program_id != program_id) {
        return Ok(false);
    }
    // SAFETY: an open descriptor.
    match unsafe { sys::bpf_link_detach(link.as_raw_fd()) } {
        0 => Ok(true),
        error => Err(Error::new("cannot detach the link", error)),
    }
}

/// Takes an XDP program without a link off an interface; `mode` is "driver", "generic" or "offload". False when another
/// program is there, or none.
pub fn detach_xdp(interface: i32, mode: &str, program_id: u32) -> Result<bool> {
    let flags = match mode {
        "driver" => sys::XDP_FLAGS_DRV_MODE,
        "generic" => sys::XDP_FLAGS_SKB_MODE,
        "offload" => sys::XDP_FLAGS_HW_MODE,
        _ => return Ok(false),
    };
    let here = |one: &Interface| one.index == interface as u32;
    let it = |xdp: &Xdp| xdp.mode == mode && xdp.program_id == program_id;
    if !netlink::interfaces()?.iter().any(|one| here(one) && one.xdp.iter().any(it)) {
        return Ok(false);
    }
    let Some(program) = inventory::open_program(program_id)? else { return Ok(false) };
    let mut options = options!(sys::bpf_xdp_attach_opts);
    options.old_prog_fd = program.as_raw_fd();
    // SAFETY: plain integers and options with an open descriptor.
    match unsafe { sys::bpf_xdp_detach(interface, flags, &options) } {
        0 => Ok(true),
        error if matches!(-error, libc::EEXIST | libc::ENOENT | libc::ENODEV) => Ok(false),
        error => Err(Error::new("cannot take the program off the interface", error)),
    }
}
