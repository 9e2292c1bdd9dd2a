//! What a link is attached to, of every kind that the kernel tells about.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use libbpf_sys as sys;

use super::{Kind, c_text, open};
use crate::program::text;
use crate::{Error, Result, link};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkDetails {
    pub id: u32,
    /// libbpf's name, or the number of a kind that it does not know.
    pub kind: String,
    pub program_id: u32,
    pub target: LinkTarget,
    /// Runs that the kernel skipped, for the kinds that count them (kernel ≥ 6.7).
    pub missed: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkTarget {
    RawTracepoint {
        name: String,
        cookie: u64,
    },
    /// A function of the kernel, a module or a program, by the ids of its BTF and of its type there.
    Tracing {
        attach_type: u32,
        object: u32,
        type_id: u32,
        cookie: u64,
    },
    Cgroup {
        id: u64,
        attach_type: u32,
    },
    Iterator {
        name: String,
        map_id: u32,
        cgroup: (u64, u32),
        task: (u32, u32),
    },
    Netns {
        inode: u32,
        attach_type: u32,
    },
    Xdp {
        ifindex: u32,
    },
    StructOps {
        map_id: u32,
    },
    Netfilter {
        family: u32,
        hook: u32,
        priority: i32,
        flags: u32,
    },
    KprobeMulti {
        addresses: Vec<u64>,
        count: u32,
        on_return: bool,
    },
    UprobeMulti {
        path: String,
        offsets: Vec<u64>,
        count: u32,
        on_return: bool,
        pid: u32,
    },
    Perf(PerfEvent),
    Tcx {
        ifindex: u32,
        attach_type: u32,
    },
    Netkit {
        ifindex: u32,
        attach_type: u32,
    },
    Sockmap {
        map_id: u32,
        attach_type: u32,
    },
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PerfEvent {
    Kprobe { function: String, offset: u32, address: u64, on_return: bool, cookie: u64 },
    Uprobe { path: String, offset: u32, on_return: bool, cookie: u64 },
    Tracepoint { name: String, cookie: u64 },
    Event { kind: u32, config: u64, cookie: u64 },
    Unknown,
}

/// Longest name or path that is asked for.
const MOST_TEXT: usize = 4096;
/// Most addresses or offsets that are read of one link.
const MOST_PLACES: u32 = 1 << 16;
const BPF_F_MULTI_RETURN: u32 = 1;

/// None when it is gone by now.
pub fn link(id: u32) -> Result<Option<LinkDetails>> {
    let Some(fd) = open(Kind::Link, id)? else { return Ok(None) };
    let fd = fd.as_fd();
    let (raw, length) = info(fd, |_| {})?;
    // SAFETY: null for an unknown number, else a static string.
    let name = unsafe { text(sys::libbpf_bpf_link_type_str(raw.type_)) };
    Ok(Some(LinkDetails {
        id: raw.id,
        kind: if name.is_empty() { format!("type {}", raw.type_) } else { name.to_owned() },
        program_id: raw.prog_id,
        target: target(fd, &raw)?,
        missed: link::missed(&raw, length),
    }))
}

fn target(fd: BorrowedFd<'_>, raw: &sys::bpf_link_info) -> Result<LinkTarget> {
    let union = &raw.__bindgen_anon_1;
    // SAFETY: the type says which member of the union the kernel has filled in; all are plain integers.
    Ok(unsafe {
        match raw.type_ {
            sys::BPF_LINK_TYPE_RAW_TRACEPOINT => LinkTarget::RawTracepoint {
                name: text_of(fd, |raw, buffer| {
                    raw.raw_tracepoint.tp_name = buffer.as_mut_ptr() as u64;
                    raw.raw_tracepoint.tp_name_len = buffer.len() as u32;
                })?,
                cookie: union.raw_tracepoint.cookie,
            },
            sys::BPF_LINK_TYPE_TRACING => LinkTarget::Tracing {
                attach_type: union.tracing.attach_type,
                object: union.tracing.target_obj_id,
                type_id: union.tracing.target_btf_id,
                cookie: union.tracing.cookie,
            },
            sys::BPF_LINK_TYPE_CGROUP => {
                LinkTarget::Cgroup { id: union.cgroup.cgroup_id, attach_type: union.cgroup.attach_type }
            }
            sys::BPF_LINK_TYPE_ITER => LinkTarget::Iterator {
                name: text_of(fd, |raw, buffer| {
                    raw.iter.target_name = buffer.as_mut_ptr() as u64;
                    raw.iter.target_name_len = buffer.len() as u32;
                })?,
                map_id: union.iter.__bindgen_anon_1.map.map_id,
                cgroup: (union.iter.__bindgen_anon_2.cgroup.cgroup_id, union.iter.__bindgen_anon_2.cgroup.order),
                task: (union.iter.__bindgen_anon_2.task.tid, union.iter.__bindgen_anon_2.task.pid),
            },
            sys::BPF_LINK_TYPE_NETNS => {
                LinkTarget::Netns { inode: union.netns.netns_ino, attach_type: union.netns.attach_type }
            }
            sys::BPF_LINK_TYPE_XDP => LinkTarget::Xdp { ifindex: union.xdp.ifindex },
            sys::BPF_LINK_TYPE_STRUCT_OPS => LinkTarget::StructOps { map_id: union.struct_ops.map_id },
            sys::BPF_LINK_TYPE_NETFILTER => LinkTarget::Netfilter {
                family: union.netfilter.pf,
                hook: union.netfilter.hooknum,
                priority: union.netfilter.priority,
                flags: union.netfilter.flags,
            },
            sys::BPF_LINK_TYPE_KPROBE_MULTI => LinkTarget::KprobeMulti {
                addresses: places_of(fd, union.kprobe_multi.count, |raw, places| {
                    raw.kprobe_multi.addrs = places.as_mut_ptr() as u64;
                    raw.kprobe_multi.count = places.len() as u32;
                }),
                count: union.kprobe_multi.count,
                on_return: union.kprobe_multi.flags & BPF_F_MULTI_RETURN != 0,
            },
            sys::BPF_LINK_TYPE_UPROBE_MULTI => LinkTarget::UprobeMulti {
                path: text_of(fd, |raw, buffer| {
                    raw.uprobe_multi.path = buffer.as_mut_ptr() as u64;
                    raw.uprobe_multi.path_size = buffer.len() as u32;
                })?,
                offsets: places_of(fd, union.uprobe_multi.count, |raw, places| {
                    raw.uprobe_multi.offsets = places.as_mut_ptr() as u64;
                    raw.uprobe_multi.count = places.len() as u32;
                }),
                count: union.uprobe_multi.count,
                on_return: union.uprobe_multi.flags & BPF_F_MULTI_RETURN != 0,
                pid: union.uprobe_multi.pid,
            },
            sys::BPF_LINK_TYPE_PERF_EVENT => LinkTarget::Perf(perf_event(fd, raw)?),
            sys::BPF_LINK_TYPE_TCX => {
                LinkTarget::Tcx { ifindex: union.tcx.ifindex, attach_type: union.tcx.attach_type }
            }
            sys::BPF_LINK_TYPE_NETKIT => {
                LinkTarget::Netkit { ifindex: union.netkit.ifindex, attach_type: union.netkit.attach_type }
            }
            sys::BPF_LINK_TYPE_SOCKMAP => {
                LinkTarget::Sockmap { map_id: union.sockmap.map_id, attach_type: union.sockmap.attach_type }
            }
            _ => LinkTarget::Unknown,
        }
    })
}

fn perf_event(fd: BorrowedFd<'_>, raw: &sys::bpf_link_info) -> Result<PerfEvent> {
    // SAFETY: the event's type says which member of the inner union the kernel has filled in; all are plain integers.
    Ok(unsafe {
        let event = &raw.__bindgen_anon_1.perf_event;
        let union = &event.__bindgen_anon_1;
        match event.type_ {
            kind @ (sys::BPF_PERF_EVENT_KPROBE | sys::BPF_PERF_EVENT_KRETPROBE) => PerfEvent::Kprobe {
                function: text_of(fd, |raw, buffer| {
                    raw.perf_event.__bindgen_anon_1.kprobe.func_name = buffer.as_mut_ptr() as u64;
                    raw.perf_event.__bindgen_anon_1.kprobe.name_len = buffer.len() as u32;
                })?,
                offset: union.kprobe.offset,
                address: union.kprobe.addr,
                on_return: kind == sys::BPF_PERF_EVENT_KRETPROBE,
                cookie: union.kprobe.cookie,
            },
            kind @ (sys::BPF_PERF_EVENT_UPROBE | sys::BPF_PERF_EVENT_URETPROBE) => PerfEvent::Uprobe {
                path: text_of(fd, |raw, buffer| {
                    raw.perf_event.__bindgen_anon_1.uprobe.file_name = buffer.as_mut_ptr() as u64;
                    raw.perf_event.__bindgen_anon_1.uprobe.name_len = buffer.len() as u32;
                })?,
                offset: union.uprobe.offset,
                on_return: kind == sys::BPF_PERF_EVENT_URETPROBE,
                cookie: union.uprobe.cookie,
            },
            sys::BPF_PERF_EVENT_TRACEPOINT => PerfEvent::Tracepoint {
                name: text_of(fd, |raw, buffer| {
                    raw.perf_event.__bindgen_anon_1.tracepoint.tp_name = buffer.as_mut_ptr() as u64;
                    raw.perf_event.__bindgen_anon_1.tracepoint.name_len = buffer.len() as u32;
                })?,
                cookie: union.tracepoint.cookie,
            },
            sys::BPF_PERF_EVENT_EVENT => {
                PerfEvent::Event { kind: union.event.type_, config: union.event.config, cookie: union.event.cookie }
            }
            _ => PerfEvent::Unknown,
        }
    })
}

/// A name that the kernel writes into a buffer which `announce` puts into the info.
fn text_of(
    fd: BorrowedFd<'_>,
    announce: impl FnOnce(&mut sys::bpf_link_info__bindgen_ty_1, &mut [u8]),
) -> Result<String> {
    let mut buffer = vec![0_u8; MOST_TEXT];
    let asked = info(fd, |raw| announce(&mut raw.__bindgen_anon_1, &mut buffer));
    match asked {
        Ok(_) => Ok(c_text(&buffer)),
        // What is longer comes as far as it fits.
        Err(error) if error.errno == libc::ENOSPC => Ok(c_text(&buffer)),
        Err(error) => Err(error),
    }
}

/// Addresses or offsets; empty where the kernel hides them.
fn places_of(
    fd: BorrowedFd<'_>,
    count: u32,
    announce: impl FnOnce(&mut sys::bpf_link_info__bindgen_ty_1, &mut [u64]),
) -> Vec<u64> {
    let mut places = vec![0_u64; count.min(MOST_PLACES) as usize];
    if places.is_empty() {
        return places;
    }
    match info(fd, |raw| announce(&mut raw.__bindgen_anon_1, &mut places)) {
        Err(error) if error.errno != libc::ENOSPC => Vec::new(),
        _ if places.iter().all(|place| *place == 0) => Vec::new(),
        _ => places,
    }
}

/// Asks the kernel; `request` may put buffers into the struct, which must hold as much as it announces.
fn info(link: BorrowedFd<'_>, request: impl FnOnce(&mut sys::bpf_link_info)) -> Result<(sys::bpf_link_info, u32)> {
    // SAFETY: zeroes are valid; `request` only ever announces buffers with their true lengths (all callers above).
    unsafe {
        let mut raw = std::mem::zeroed::<sys::bpf_link_info>();
        request(&mut raw);
        let mut length = size_of_val(&raw) as u32;
        match sys::bpf_link_get_info_by_fd(link.as_raw_fd(), &mut raw, &mut length) {
            0 => Ok((raw, length)),
            _ => Err(Error::last("cannot read the link's info")),
        }
    }
}
