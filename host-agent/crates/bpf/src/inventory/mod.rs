//! Everything of BPF that the kernel holds, by id: programs, maps, links and types, whoever made them.

mod code;
mod links;
mod types;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use libbpf_sys as sys;

use crate::program::{fixed_text, text};
use crate::{Error, Result, os, stats};

pub use code::{ProgramCode, program_code};
pub use links::{LinkDetails, LinkTarget, PerfEvent, link};
pub use types::{BtfDetails, Types, btf, btf_bytes};

/// What has ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Program,
    Map,
    Link,
    Btf,
}

/// All ids that are in use now. Needs CAP_SYS_ADMIN.
pub fn ids(kind: Kind) -> Result<Vec<u32>> {
    let next_id = match kind {
        Kind::Program => sys::bpf_prog_get_next_id,
        Kind::Map => sys::bpf_map_get_next_id,
        Kind::Link => sys::bpf_link_get_next_id,
        Kind::Btf => sys::bpf_btf_get_next_id,
    };
    let mut ids = Vec::new();
    let mut last = 0;
    loop {
        let mut next = 0;
        // SAFETY: a plain integer and a pointer to a local one.
        if unsafe { next_id(last, &mut next) } != 0 {
            return match Error::last("cannot list what the kernel holds") {
                error if error.errno == libc::ENOENT => Ok(ids),
                error => Err(error),
            };
        }
        ids.push(next);
        last = next;
    }
}

/// None when it is gone by now.
pub(crate) fn open(kind: Kind, id: u32) -> Result<Option<OwnedFd>> {
    // SAFETY: plain integers; the result is a new descriptor or an error.
    let fd = unsafe {
        match kind {
            Kind::Program => sys::bpf_prog_get_fd_by_id(id),
            Kind::Map => sys::bpf_map_get_fd_by_id(id),
            Kind::Link => sys::bpf_link_get_fd_by_id(id),
            Kind::Btf => sys::bpf_btf_get_fd_by_id(id),
        }
    };
    match os::owned(fd) {
        Ok(fd) => Ok(Some(fd)),
        Err(_) if fd == -libc::ENOENT => Ok(None),
        Err(_) => Err(Error::new(format!("cannot open id {id}"), fd)),
    }
}

/// A program of the host by its id; none when there is none.
pub fn open_program(id: u32) -> Result<Option<OwnedFd>> {
    open(Kind::Program, id)
}

/// A map of the host by its id; none when there is none.
pub fn open_map(id: u32) -> Result<Option<OwnedFd>> {
    open(Kind::Map, id)
}

/// Whatever is pinned there.
pub fn open_pin(path: &str) -> Result<OwnedFd> {
    let place = CString::new(path).map_err(|_| Error::new("a path holds a zero byte", libc::EINVAL))?;
    // SAFETY: a terminated string; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_obj_get(place.as_ptr()) };
    os::owned(fd).map_err(|_| Error::new(format!("cannot open {path}"), fd))
}

/// What the kernel says about a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgramDetails {
    pub id: u32,
    pub kind: u32,
    /// As its author wrote it where its BTF has it, else cut to 15 characters.
    pub name: String,
    pub tag: [u8; 8],
    pub gpl: bool,
    /// CLOCK_BOOTTIME.
    pub loaded_at_ns: u64,
    pub uid: u32,
    /// 0 where the kernel does not show it to this process.
    pub xlated_bytes: u32,
    pub jited_bytes: u32,
    pub map_ids: Vec<u32>,
    pub btf_id: u32,
    pub run_count: u64,
    pub run_ns: u64,
    pub recursion_misses: u64,
    pub verified_insns: u32,
    /// Type in another BTF that the program is made for: the BTF's id and the type's; 0 and 0 without one.
    pub attach_btf: (u32, u32),
    /// For fdinfo.
    pub memlock_bytes: Option<u64>,
}

/// None when it is gone by now.
pub fn program(id: u32) -> Result<Option<ProgramDetails>> {
    let Some(fd) = open(Kind::Program, id)? else { return Ok(None) };
    let sizes = stats::info(fd.as_fd(), |_| {})?;
    let mut map_ids = vec![0_u32; sizes.nr_map_ids as usize];
    let record = (sizes.func_info_rec_size as usize).max(8);
    let mut functions = vec![0_u8; record * sizes.nr_func_info.min(1) as usize];
    let raw = stats::info(fd.as_fd(), |raw| {
        raw.nr_map_ids = map_ids.len() as u32;
        raw.map_ids = map_ids.as_mut_ptr() as u64;
        raw.nr_func_info = sizes.nr_func_info.min(1);
        raw.func_info_rec_size = record as u32;
        raw.func_info = functions.as_mut_ptr() as u64;
    })?;
    map_ids.truncate(raw.nr_map_ids as usize);
    Ok(Some(ProgramDetails {
        id: raw.id,
        kind: raw.type_,
        name: full_name(&raw, &functions),
        tag: raw.tag,
        gpl: raw.gpl_compatible() != 0,
        loaded_at_ns: raw.load_time,
        uid: raw.created_by_uid,
        xlated_bytes: raw.xlated_prog_len,
        jited_bytes: raw.jited_prog_len,
        map_ids,
        btf_id: raw.btf_id,
        run_count: raw.run_cnt,
        run_ns: raw.run_time_ns,
        recursion_misses: raw.recursion_misses,
        verified_insns: raw.verified_insns,
        attach_btf: (raw.attach_btf_obj_id, raw.attach_btf_id),
        memlock_bytes: os::fdinfo(fd.as_fd(), "memlock:"),
    }))
}

/// The kernel keeps 15 characters; the program's BTF has its first function's whole name.
fn full_name(raw: &sys::bpf_prog_info, functions: &[u8]) -> String {
    let name = fixed_text(&raw.name);
    let type_id = functions.get(4..8).and_then(|id| id.try_into().ok()).map_or(0, u32::from_ne_bytes);
    if name.len() < raw.name.len() - 1 || raw.btf_id == 0 || type_id == 0 {
        return name;
    }
    let whole = Types::by_id(raw.btf_id, None).ok().and_then(|types| types.name(type_id));
    whole.filter(|whole| whole.starts_with(&name)).unwrap_or(name)
}

/// Programs on a hook of an interface that several share (tcx, netkit), in their order, with their links.
pub fn on_interface(ifindex: u32, attach_type: u32) -> Result<Vec<(u32, u32)>> {
    let (mut programs, mut links) = ([0_u32; 64], [0_u32; 64]);
    // SAFETY: zeroes are valid in libbpf's plain option structs; the buffers have as many elements as announced.
    let (result, count) = unsafe {
        let mut options = std::mem::zeroed::<sys::bpf_prog_query_opts>();
        options.sz = size_of_val(&options) as sys::size_t;
        options.prog_ids = programs.as_mut_ptr();
        options.link_ids = links.as_mut_ptr();
        options.__bindgen_anon_1.count = programs.len() as u32;
        let result = sys::bpf_prog_query_opts(ifindex as i32, attach_type, &mut options);
        (result, options.__bindgen_anon_1.count as usize)
    };
    if result != 0 {
        return Err(Error::new("cannot ask the interface for its programs", result));
    }
    Ok(programs.into_iter().zip(links).take(count).collect())
}

/// libbpf's name of an attach type: "xdp", "cgroup_inet_ingress" …
pub fn attach_type_name(kind: u32) -> &'static str {
    // SAFETY: null for an unknown number, else a static string.
    unsafe { text(sys::libbpf_bpf_attach_type_str(kind)) }
}

/// Hooks of interfaces that several programs share: kind, direction, attach type.
pub const SHARED_HOOKS: [(&str, &str, u32); 4] = [
    ("tcx", "ingress", sys::BPF_TCX_INGRESS),
    ("tcx", "egress", sys::BPF_TCX_EGRESS),
    ("netkit", "primary", sys::BPF_NETKIT_PRIMARY),
    ("netkit", "peer", sys::BPF_NETKIT_PEER),
];

pub(super) fn c_text(bytes: &[u8]) -> String {
    CStr::from_bytes_until_nul(bytes)
        .map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), |text| text.to_string_lossy().into_owned())
}
