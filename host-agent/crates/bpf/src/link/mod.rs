//! Attaching. Almost every attachment is owned by a descriptor, so the kernel detaches by itself when this process ends,
//! however it ends: nothing is pinned, no tracefs file is edited, no XDP program is set through netlink. The few kinds
//! that the kernel keeps by themselves are taken back when their [`Link`] is dropped.

mod cgroup;
mod network;
mod owner;
mod tracing;
mod undo;
mod user;

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use libbpf_sys as sys;

pub use cgroup::cgroup;
pub use network::{
    Netfilter, XdpMode, bound_packet_socket, map_entry, netfilter, netkit, netns, socket_option, sockmap, tc_filter,
    tcx, xdp,
};
pub(crate) use network::{netfilter_fd, packet_socket, sockmap_fd, xdp_fd};
pub use owner::{links_of, open_program, program_name, programs_named, queried, xdp_owners};
pub(crate) use tracing::unregister;
pub use tracing::{
    IterTarget, by_section, freplace, iter, kprobe, kprobe_at, kprobe_multi, ksyscall, perf_event, raw_tracepoint,
    struct_ops, traced, tracepoint, tracing_multi,
};
pub use undo::SocketOption;
pub(crate) use undo::{detach as detach_option, put_back};
pub use user::{UserTarget, uprobe, uprobe_multi, usdt};

use crate::map::Map;
use crate::program::{Program, text};
use crate::undo::{Kept, Receipt, announce};
use crate::{Error, Result, os};

/// A live attachment; dropping it detaches.
pub struct Link(Inner);

enum Inner {
    Libbpf(NonNull<sys::bpf_link>),
    /// libbpf's handle of a struct_ops map that was registered without a link: its descriptor is the map's.
    Registered {
        raw: NonNull<sys::bpf_link>,
        _receipt: Receipt,
    },
    Fd(OwnedFd),
    /// Something that has no link in the kernel.
    Undo {
        _when_dropped: undo::Undo,
    },
}

/// What the kernel says about a link. Id 0 and an empty kind where it gives none (kernels before 5.15 for perf events).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkInfo {
    pub id: u32,
    pub kind: String,
    /// Functions that it sits on: many for the multi kinds where the kernel tells (6.6), else one.
    pub places: u32,
    /// Runs that the kernel skipped, for the kinds that count them (kernel ≥ 6.7).
    pub missed: Option<u64>,
}

impl Default for LinkInfo {
    fn default() -> Self {
        Self { id: 0, kind: String::new(), places: 1, missed: None }
    }
}

/// Runs that the kernel skipped, for the kinds that count them; `length` is what the kernel filled in of the info.
pub(crate) fn missed(raw: &sys::bpf_link_info, length: u32) -> Option<u64> {
    // SAFETY: the type says which member of the union the kernel has filled in.
    let missed = unsafe {
        match raw.type_ {
            sys::BPF_LINK_TYPE_KPROBE_MULTI => Some(raw.__bindgen_anon_1.kprobe_multi.missed),
            sys::BPF_LINK_TYPE_PERF_EVENT
                if matches!(
                    raw.__bindgen_anon_1.perf_event.type_,
                    sys::BPF_PERF_EVENT_KPROBE | sys::BPF_PERF_EVENT_KRETPROBE
                ) =>
            {
                Some(raw.__bindgen_anon_1.perf_event.__bindgen_anon_1.kprobe.missed)
            }
            _ => None,
        }
    };
    // Kernels before 6.7 leave the field at our zero; the length that they fill in tells them apart.
    let known = length as usize >= std::mem::offset_of!(sys::bpf_link_info, __bindgen_anon_1) + 40;
    missed.filter(|_| known)
}

impl Link {
    fn from_libbpf(raw: *mut sys::bpf_link, what: &str) -> Result<Self> {
        NonNull::new(raw).map(|raw| Self(Inner::Libbpf(raw))).ok_or_else(|| Error::last(what))
    }

    fn undone_by(undo: undo::Undo) -> Self {
        Self(Inner::Undo { _when_dropped: undo })
    }

    /// The link's descriptor; none for what is no link.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.0 {
            // SAFETY: the link is alive, and its descriptor stays open as long as it is.
            Inner::Libbpf(raw) => unsafe {
                let fd = sys::bpf_link__fd(raw.as_ptr());
                (fd >= 0).then(|| BorrowedFd::borrow_raw(fd))
            },
            Inner::Fd(fd) => Some(fd.as_fd()),
            Inner::Registered { .. } | Inner::Undo { .. } => None,
        }
    }

    pub fn info(&self) -> LinkInfo {
        let Some(fd) = self.fd() else { return LinkInfo::default() };
        // SAFETY: zeroes are valid and the length is the struct's; which member of the union counts is told by the type.
        unsafe {
            let mut raw = std::mem::zeroed::<sys::bpf_link_info>();
            let mut length = size_of_val(&raw) as u32;
            if sys::bpf_link_get_info_by_fd(fd.as_raw_fd(), &mut raw, &mut length) != 0 {
                return LinkInfo::default();
            }
            let places = match raw.type_ {
                sys::BPF_LINK_TYPE_KPROBE_MULTI => raw.__bindgen_anon_1.kprobe_multi.count,
                sys::BPF_LINK_TYPE_UPROBE_MULTI => raw.__bindgen_anon_1.uprobe_multi.count,
                _ => 1,
            };
            LinkInfo {
                id: raw.id,
                kind: text(sys::libbpf_bpf_link_type_str(raw.type_)).to_owned(),
                places: places.max(1),
                missed: missed(&raw, length),
            }
        }
    }

    /// Puts another program into this link in one step (BPF_LINK_UPDATE). EINVAL and its like where the kernel cannot do
    /// that for this kind, EOPNOTSUPP for what is no link.
    pub fn update(&self, program: BorrowedFd<'_>) -> Result<()> {
        let fd = self.fd().ok_or_else(|| Error::new("there is no link to update", libc::EOPNOTSUPP))?;
        // SAFETY: two open descriptors and default options.
        match unsafe { sys::bpf_link_update(fd.as_raw_fd(), program.as_raw_fd(), std::ptr::null()) } {
            0 => Ok(()),
            error => Err(Error::new("cannot replace the program of the link", error)),
        }
    }

    /// Puts another struct_ops map into this link in one step; both maps must have BPF_F_LINK.
    pub fn update_map(&self, map: Map<'_>) -> Result<()> {
        let Inner::Libbpf(raw) = &self.0 else {
            return Err(Error::new("there is no link to update", libc::EOPNOTSUPP));
        };
        // SAFETY: the link is alive and the map belongs to a loaded object; libbpf refuses a link of another kind.
        match unsafe { sys::bpf_link__update_map(raw.as_ptr(), map.as_ptr()) } {
            0 => Ok(()),
            error => Err(Error::new("cannot replace the struct_ops map of the link", error)),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Inner::Libbpf(raw) | Inner::Registered { raw, .. } = &self.0 {
            // SAFETY: alive until here, and destroyed once.
            unsafe { sys::bpf_link__destroy(raw.as_ptr()) };
        }
    }
}

/// Zeroed options with their size set, the way libbpf wants every options struct.
macro_rules! options {
    ($kind:ty) => {{
        // SAFETY: zeroes are valid in libbpf's plain option structs and mean "default".
        let mut options = unsafe { std::mem::zeroed::<$kind>() };
        options.sz = size_of::<$kind>() as sys::size_t;
        options
    }};
}
pub(crate) use options;

/// BPF_LINK_CREATE with flags and nothing else.
pub(crate) fn create(program: BorrowedFd<'_>, target: i32, kind: u32, flags: u32, what: &str) -> Result<Link> {
    create_with(program, target, kind, what, |options| options.flags = flags)
}

/// BPF_LINK_CREATE; `adjust` names the target. Pointers that it stores must live through the call.
pub(crate) fn create_with(
    program: BorrowedFd<'_>,
    target: i32,
    kind: u32,
    what: &str,
    adjust: impl FnOnce(&mut sys::bpf_link_create_opts),
) -> Result<Link> {
    let mut options = options!(sys::bpf_link_create_opts);
    adjust(&mut options);
    // SAFETY: valid options; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_link_create(program.as_raw_fd(), target, kind, &options) };
    match os::owned(fd) {
        Ok(fd) => Ok(Link(Inner::Fd(fd))),
        Err(_) => Err(Error::new(what, fd)),
    }
}

/// BPF_PROG_ATTACH, for what this kernel has no link for. The kernel keeps it until it is detached again: `kept` says so in
/// the journal.
fn attach_without_link(
    program: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    kind: u32,
    flags: u32,
    what: &str,
    kept: &Kept,
) -> Result<Link> {
    // Without copies of them it could not be undone later.
    let owned = |fd: BorrowedFd<'_>| {
        fd.try_clone_to_owned()
            .map_err(|error| Error::new("cannot keep what is attached", error.raw_os_error().unwrap_or(libc::EMFILE)))
    };
    let how = undo::How::ProgAttach { program: owned(program)?, target: owned(target)?, kind };
    let receipt = announce(kept)?;
    // SAFETY: open descriptors and plain integers.
    match unsafe { sys::bpf_prog_attach(program.as_raw_fd(), target.as_raw_fd(), kind, flags) } {
        0 => Ok(Link::undone_by(undo::Undo::new(how, Some(receipt)))),
        error => Err(Error::new(what, error)),
    }
}

fn loaded<'a>(program: &Program<'a>) -> Result<BorrowedFd<'a>> {
    program.fd().ok_or_else(|| Error::new("the program is not loaded", libc::EINVAL))
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::new("a name holds a zero byte", libc::EINVAL))
}
