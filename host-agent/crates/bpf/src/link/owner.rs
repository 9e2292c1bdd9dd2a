//! Who sits where a program could not be attached.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libbpf_sys as sys;

use super::options;
use crate::program::text;
use crate::{Error, Result, os};

/// Ids of the programs of a cgroup, network namespace or socket map (BPF_PROG_QUERY). Empty when the kernel cannot say.
pub fn queried(target: BorrowedFd<'_>, kind: u32) -> Vec<u32> {
    let mut ids = [0_u32; 64];
    let mut options = options!(sys::bpf_prog_query_opts);
    options.prog_ids = ids.as_mut_ptr();
    options.__bindgen_anon_1.count = ids.len() as u32;
    // SAFETY: valid options whose array has as many places as its count says.
    let found = unsafe {
        match sys::bpf_prog_query_opts(target.as_raw_fd(), kind, &mut options) {
            0 => options.__bindgen_anon_1.count as usize,
            _ => 0,
        }
    };
    ids[..found.min(ids.len())].to_vec()
}

/// The XDP programs of an interface, in whichever mode.
pub fn xdp_owners(interface: i32) -> Vec<u32> {
    let mut options = options!(sys::bpf_xdp_query_opts);
    // SAFETY: valid options.
    if unsafe { sys::bpf_xdp_query(interface, 0, &mut options) } != 0 {
        return Vec::new();
    }
    let of_modes = [options.prog_id, options.drv_prog_id, options.skb_prog_id, options.hw_prog_id];
    let mut ids: Vec<u32> = of_modes.into_iter().filter(|id| *id != 0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// A program of the host by its id. Needs CAP_SYS_ADMIN.
pub fn open_program(id: u32) -> Result<OwnedFd> {
    // SAFETY: a plain integer; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_prog_get_fd_by_id(id) };
    os::owned(fd).map_err(|_| Error::new(format!("cannot open program {id}"), fd))
}

/// Ids of the host's programs of this name; the kernel keeps its first 15 letters.
pub fn programs_named(name: &str) -> Vec<u32> {
    let kept = name.get(..15).unwrap_or(name);
    let (mut id, mut found) = (0, Vec::new());
    // SAFETY: the pointer is to a local integer; the loop ends when the kernel has no higher id.
    while unsafe { sys::bpf_prog_get_next_id(id, &mut id) } == 0 {
        if program_name(id).is_some_and(|name| name == kept) {
            found.push(id);
        }
    }
    found
}

/// The name of a program of the host, as long as the kernel keeps it (15 letters).
pub fn program_name(id: u32) -> Option<String> {
    let fd = open_program(id).ok()?;
    // SAFETY: zeroes are valid and the length is the struct's; the name is terminated by the kernel.
    unsafe {
        let mut info = std::mem::zeroed::<sys::bpf_prog_info>();
        let mut length = size_of_val(&info) as u32;
        (sys::bpf_prog_get_info_by_fd(fd.as_raw_fd(), &mut info, &mut length) == 0)
            .then(|| text(info.name.as_ptr()).to_owned())
    }
}

/// Ids of the links that hold one of these programs.
pub fn links_of(program_ids: &[u32]) -> Vec<u32> {
    let (mut id, mut found) = (0, Vec::new());
    // SAFETY: the pointer is to a local integer; the loop ends when the kernel has no higher id.
    while unsafe { sys::bpf_link_get_next_id(id, &mut id) } == 0 {
        // SAFETY: a plain integer; the result is a new descriptor or an error.
        let Ok(fd) = os::owned(unsafe { sys::bpf_link_get_fd_by_id(id) }) else { continue };
        // SAFETY: zeroes are valid and the length is the struct's.
        unsafe {
            let mut info = std::mem::zeroed::<sys::bpf_link_info>();
            let mut length = size_of_val(&info) as u32;
            let read = sys::bpf_link_get_info_by_fd(fd.as_fd().as_raw_fd(), &mut info, &mut length);
            if read == 0 && program_ids.contains(&info.prog_id) {
                found.push(id);
            }
        }
    }
    found
}
