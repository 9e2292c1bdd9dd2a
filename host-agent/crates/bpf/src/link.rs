//! Attaching. Every link is owned by a descriptor, so the kernel detaches by itself when this process ends, however it
//! ends: nothing is pinned, no tracefs file is edited, no XDP program is set through netlink.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::ptr::NonNull;

use libbpf_sys as sys;

use crate::program::{Program, text};
use crate::{Error, Result, os};

/// A live attachment; dropping it detaches.
pub struct Link(Inner);

enum Inner {
    Libbpf(NonNull<sys::bpf_link>),
    Fd(OwnedFd),
}

/// What the kernel says about a link. Id 0 and an empty kind where it gives none (kernels before 5.15 for perf events).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkInfo {
    pub id: u32,
    pub kind: String,
    /// Runs that the kernel skipped, for the kinds that count them (kernel ≥ 6.7).
    pub missed: Option<u64>,
}

impl Link {
    fn from_libbpf(raw: *mut sys::bpf_link, what: &str) -> Result<Self> {
        NonNull::new(raw).map(|raw| Self(Inner::Libbpf(raw))).ok_or_else(|| Error::last(what))
    }

    pub(crate) fn fd(&self) -> i32 {
        match &self.0 {
            // SAFETY: the link is alive.
            Inner::Libbpf(raw) => unsafe { sys::bpf_link__fd(raw.as_ptr()) },
            Inner::Fd(fd) => fd.as_raw_fd(),
        }
    }

    pub fn info(&self) -> LinkInfo {
        // SAFETY: zeroes are valid and the length is the struct's; which member of the union counts is told by the type.
        unsafe {
            let mut raw = std::mem::zeroed::<sys::bpf_link_info>();
            let mut length = size_of_val(&raw) as u32;
            if sys::bpf_link_get_info_by_fd(self.fd(), &mut raw, &mut length) != 0 {
                return LinkInfo::default();
            }
            let missed = match raw.type_ {
                sys::BPF_LINK_TYPE_KPROBE_MULTI => Some(raw.__bindgen_anon_1.kprobe_multi.missed),
                // BPF_PERF_EVENT_KPROBE and BPF_PERF_EVENT_KRETPROBE
                sys::BPF_LINK_TYPE_PERF_EVENT if matches!(raw.__bindgen_anon_1.perf_event.type_, 3 | 4) => {
                    Some(raw.__bindgen_anon_1.perf_event.__bindgen_anon_1.kprobe.missed)
                }
                _ => None,
            };
            // Kernels before 6.7 leave the field at the zero that we put there; they are told apart by the length that
            // they filled in.
            let knows_missed = length as usize >= std::mem::offset_of!(sys::bpf_link_info, __bindgen_anon_1) + 40;
            LinkInfo {
                id: raw.id,
                kind: text(sys::libbpf_bpf_link_type_str(raw.type_)).to_owned(),
                missed: missed.filter(|_| knows_missed),
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Inner::Libbpf(raw) = &self.0 {
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

/// By the program's section alone, for the kinds that libbpf knows how to attach.
pub fn by_section(program: Program<'_>) -> Result<Link> {
    // SAFETY: the program belongs to a loaded object; libbpf refuses one that is not loaded.
    let raw = unsafe { sys::bpf_program__attach(program.as_ptr()) };
    Link::from_libbpf(raw, "cannot attach")
}

pub fn tracepoint(program: Program<'_>, category: &str, event: &str) -> Result<Link> {
    let (category, event) = (c_string(category)?, c_string(event)?);
    // SAFETY: loaded program, terminated strings.
    let raw = unsafe { sys::bpf_program__attach_tracepoint(program.as_ptr(), category.as_ptr(), event.as_ptr()) };
    Link::from_libbpf(raw, "cannot attach to the tracepoint")
}

pub fn raw_tracepoint(program: Program<'_>, event: &str) -> Result<Link> {
    let event = c_string(event)?;
    // SAFETY: loaded program, terminated string.
    let raw = unsafe { sys::bpf_program__attach_raw_tracepoint(program.as_ptr(), event.as_ptr()) };
    Link::from_libbpf(raw, "cannot attach to the raw tracepoint")
}

/// Attaches a probe by a BPF link, or by a perf event where the kernel has no such links (before 5.15). Both end with
/// their file descriptor; libbpf's third way edits tracefs and would outlive a killed agent, so it is never taken.
fn owned_by_descriptor(attach: impl Fn(sys::probe_attach_mode) -> Result<Link>) -> Result<Link> {
    match attach(sys::PROBE_ATTACH_MODE_LINK) {
        Err(error) if error.errno == libc::EOPNOTSUPP => attach(sys::PROBE_ATTACH_MODE_PERF),
        other => other,
    }
}

/// `offset` in bytes from the function's start; not for return probes.
pub fn kprobe(program: Program<'_>, function: &str, offset: u64, on_return: bool) -> Result<Link> {
    let function = c_string(function)?;
    owned_by_descriptor(|mode| {
        let mut options = options!(sys::bpf_kprobe_opts);
        options.offset = offset as sys::size_t;
        options.retprobe = on_return;
        options.attach_mode = mode;
        // SAFETY: loaded program, terminated string, valid options.
        let raw = unsafe { sys::bpf_program__attach_kprobe_opts(program.as_ptr(), function.as_ptr(), &options) };
        Link::from_libbpf(raw, "cannot attach to the kernel function")
    })
}

/// Where in a binary a user-space probe sits.
pub struct UserTarget<'a> {
    pub binary: &'a str,
    /// With a symbol, `offset` counts from it, else from the start of the file.
    pub symbol: Option<&'a str>,
    pub offset: u64,
    pub on_return: bool,
    /// None for all processes.
    pub pid: Option<u32>,
}

pub fn uprobe(program: Program<'_>, target: &UserTarget<'_>) -> Result<Link> {
    let symbol = target.symbol.map(c_string).transpose()?;
    let binary = c_string(target.binary)?;
    let pid = target.pid.map_or(-1, |pid| pid as i32);
    let offset = target.offset as sys::size_t;
    owned_by_descriptor(|mode| {
        let mut options = options!(sys::bpf_uprobe_opts);
        options.func_name = symbol.as_ref().map_or(std::ptr::null(), |symbol| symbol.as_ptr());
        options.retprobe = target.on_return;
        options.attach_mode = mode;
        // SAFETY: loaded program, terminated strings that live through the call, valid options.
        let raw =
            unsafe { sys::bpf_program__attach_uprobe_opts(program.as_ptr(), pid, binary.as_ptr(), offset, &options) };
        Link::from_libbpf(raw, "cannot attach to the function of the binary")
    })
}

pub fn usdt(program: Program<'_>, binary: &str, provider: &str, probe: &str, pid: Option<u32>) -> Result<Link> {
    let (binary, provider, probe) = (c_string(binary)?, c_string(provider)?, c_string(probe)?);
    let pid = pid.map_or(-1, |pid| pid as i32);
    // SAFETY: loaded program, terminated strings, default options.
    let raw = unsafe {
        sys::bpf_program__attach_usdt(
            program.as_ptr(),
            pid,
            binary.as_ptr(),
            provider.as_ptr(),
            probe.as_ptr(),
            std::ptr::null(),
        )
    };
    Link::from_libbpf(raw, "cannot attach to the static probe")
}

/// The link owns the event from here on.
pub fn perf_event(program: Program<'_>, event: OwnedFd) -> Result<Link> {
    // SAFETY: loaded program and a valid descriptor; on success libbpf's link closes it, on failure we still own it.
    unsafe {
        let raw = sys::bpf_program__attach_perf_event_opts(program.as_ptr(), event.as_raw_fd(), std::ptr::null());
        let link = Link::from_libbpf(raw, "cannot attach to the perf event")?;
        let _now_of_the_link = event.into_raw_fd();
        Ok(link)
    }
}

/// How XDP hooks into an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XdpMode {
    /// The driver's if it has one, else the generic one.
    Any,
    Generic,
    Driver,
}

pub fn xdp(program: Program<'_>, interface: i32, mode: XdpMode) -> Result<Link> {
    let fd = program.fd().ok_or_else(|| Error::new("the program is not loaded", libc::EINVAL))?;
    xdp_fd(fd, interface, mode)
}

pub(crate) fn xdp_fd(program: BorrowedFd<'_>, interface: i32, mode: XdpMode) -> Result<Link> {
    let flags = match mode {
        XdpMode::Any => 0,
        XdpMode::Generic => sys::XDP_FLAGS_SKB_MODE,
        XdpMode::Driver => sys::XDP_FLAGS_DRV_MODE,
    };
    create(program, interface, sys::BPF_XDP, flags, "cannot attach XDP to the interface")
}

/// Ingress or egress by the program's own attach type (BPF_TCX_INGRESS, BPF_TCX_EGRESS), at the end of the chain.
pub fn tcx(program: Program<'_>, interface: i32, egress: bool) -> Result<Link> {
    let fd = program.fd().ok_or_else(|| Error::new("the program is not loaded", libc::EINVAL))?;
    let kind = if egress { sys::BPF_TCX_EGRESS } else { sys::BPF_TCX_INGRESS };
    create(fd, interface, kind, 0, "cannot attach to the interface's traffic control")
}

pub fn cgroup(program: Program<'_>, cgroup: BorrowedFd<'_>) -> Result<Link> {
    // SAFETY: loaded program, open descriptor.
    let raw = unsafe { sys::bpf_program__attach_cgroup(program.as_ptr(), cgroup.as_raw_fd()) };
    Link::from_libbpf(raw, "cannot attach to the cgroup")
}

pub fn netns(program: Program<'_>, netns: BorrowedFd<'_>) -> Result<Link> {
    // SAFETY: loaded program, open descriptor.
    let raw = unsafe { sys::bpf_program__attach_netns(program.as_ptr(), netns.as_raw_fd()) };
    Link::from_libbpf(raw, "cannot attach to the network namespace")
}

/// BPF_LINK_CREATE with flags and nothing else.
pub(crate) fn create(program: BorrowedFd<'_>, target: i32, kind: u32, flags: u32, what: &str) -> Result<Link> {
    let mut options = options!(sys::bpf_link_create_opts);
    options.flags = flags;
    // SAFETY: valid options; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_link_create(program.as_raw_fd(), target, kind, &options) };
    match os::owned(fd) {
        Ok(fd) => Ok(Link(Inner::Fd(fd))),
        Err(_) => Err(Error::new(what, fd)),
    }
}

fn c_string(text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::new("a name holds a zero byte", libc::EINVAL))
}
