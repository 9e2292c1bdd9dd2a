//! Functions, tracepoints, events and iterators of the kernel.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::ptr::NonNull;

use libbpf_sys as sys;

use super::{Inner, Link, c_string, create_with, loaded};
use crate::map::{self, Map};
use crate::program::Program;
use crate::undo::{Kept, announce};
use crate::{Error, Result, os, perf};

/// By the program's section alone, for the kinds that libbpf knows how to attach.
pub fn by_section(program: Program<'_>) -> Result<Link> {
    // SAFETY: the program belongs to a loaded object; libbpf refuses one that is not loaded.
    let raw = unsafe { sys::bpf_program__attach(program.as_ptr()) };
    Link::from_libbpf(raw, "cannot attach")
}

/// tp_btf, fentry, fexit, fmod_ret, fsession, lsm: by what the program was loaded for, whatever its section is called.
pub fn traced(program: Program<'_>) -> Result<Link> {
    // SAFETY: loaded program; libbpf opens the link by the program's own attach type.
    let raw = unsafe { sys::bpf_program__attach_trace(program.as_ptr()) };
    Link::from_libbpf(raw, "cannot attach")
}

/// The trampolines of many functions in one link; `functions` are their numbers in the kernel's types. libbpf has no call
/// for it yet.
pub fn tracing_multi(program: Program<'_>, functions: &[u32]) -> Result<Link> {
    /// What BPF_LINK_CREATE reads for this kind.
    #[repr(C)]
    struct Attributes {
        program: u32,
        target: u32,
        kind: u32,
        flags: u32,
        functions: u64,
        cookies: u64,
        count: u32,
        padding: u32,
    }
    const BPF_LINK_CREATE: libc::c_int = 28;
    let attributes = Attributes {
        program: loaded(&program)?.as_raw_fd().cast_unsigned(),
        target: 0,
        kind: program.expected_attach_type(),
        flags: 0,
        functions: functions.as_ptr() as u64,
        cookies: 0,
        count: u32::try_from(functions.len()).map_err(|_| Error::new("too many functions", libc::E2BIG))?,
        padding: 0,
    };
    // SAFETY: the attributes are what the kernel reads for this command, as long as their size says, and the numbers live
    // through the call; the result is a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, BPF_LINK_CREATE, &attributes, size_of::<Attributes>()) };
    match os::owned(i32::try_from(fd).unwrap_or(-1)) {
        Ok(fd) => Ok(Link(Inner::Fd(fd))),
        Err(_) => Err(Error::last("cannot attach to the kernel functions")),
    }
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
pub(super) fn owned_by_descriptor(attach: impl Fn(sys::probe_attach_mode) -> Result<Link>) -> Result<Link> {
    match attach(sys::PROBE_ATTACH_MODE_LINK) {
        Err(error) if error.errno == libc::EOPNOTSUPP => attach(sys::PROBE_ATTACH_MODE_PERF),
        other => other,
    }
}

/// `offset` in bytes from the function's start; not for return probes.
pub fn kprobe(program: Program<'_>, function: &str, offset: u64, on_return: bool) -> Result<Link> {
    let function = c_string(function)?;
    owned_by_descriptor(|mode| {
        let mut options = super::options!(sys::bpf_kprobe_opts);
        options.offset = offset as sys::size_t;
        options.retprobe = on_return;
        options.attach_mode = mode;
        // SAFETY: loaded program, terminated string, valid options.
        let raw = unsafe { sys::bpf_program__attach_kprobe_opts(program.as_ptr(), function.as_ptr(), &options) };
        Link::from_libbpf(raw, "cannot attach to the kernel function")
    })
}

/// At an address of the kernel: for one of several functions of the same name, or one of a module.
pub fn kprobe_at(program: Program<'_>, address: u64, on_return: bool) -> Result<Link> {
    perf_event(program, perf::kprobe(address, on_return)?)
}

/// Many functions in one link. `pattern` may hold * and ?.
pub fn kprobe_multi(program: Program<'_>, pattern: &str, on_return: bool, session: bool) -> Result<Link> {
    let pattern = c_string(pattern)?;
    let mut options = super::options!(sys::bpf_kprobe_multi_opts);
    options.retprobe = on_return;
    options.session = session;
    // SAFETY: loaded program, terminated string, valid options.
    let raw = unsafe { sys::bpf_program__attach_kprobe_multi_opts(program.as_ptr(), pattern.as_ptr(), &options) };
    Link::from_libbpf(raw, "cannot attach to the kernel functions")
}

/// A system call by its name ("openat"): libbpf finds the architecture's function.
pub fn ksyscall(program: Program<'_>, name: &str, on_return: bool) -> Result<Link> {
    let name = c_string(name)?;
    let mut options = super::options!(sys::bpf_ksyscall_opts);
    options.retprobe = on_return;
    // SAFETY: loaded program, terminated string, valid options.
    let raw = unsafe { sys::bpf_program__attach_ksyscall(program.as_ptr(), name.as_ptr(), &options) };
    Link::from_libbpf(raw, "cannot attach to the system call")
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

/// What an iterator is confined to.
#[derive(Debug, Clone, Copy)]
pub enum IterTarget<'a> {
    /// Whatever its kind goes through: all of them.
    All,
    /// A process with all its threads (Linux 6.1; older kernels refuse it with E2BIG).
    Process(u32),
    /// Entries of a map.
    Map(BorrowedFd<'a>),
    /// Control groups from this one on, in an order of BPF_CGROUP_ITER_*.
    Cgroup { group: BorrowedFd<'a>, order: u32 },
}

pub fn iter(program: Program<'_>, target: IterTarget<'_>) -> Result<Link> {
    // SAFETY: zeroes are valid in this union of plain structs.
    let mut info = unsafe { std::mem::zeroed::<sys::bpf_iter_link_info>() };
    match target {
        IterTarget::All => {}
        IterTarget::Process(pid) => info.task.pid = pid,
        IterTarget::Map(map) => info.map.map_fd = map.as_raw_fd() as u32,
        IterTarget::Cgroup { group, order } => {
            info.cgroup.cgroup_fd = group.as_raw_fd() as u32;
            info.cgroup.order = order;
        }
    }
    create_with(loaded(&program)?, 0, sys::BPF_TRACE_ITER, "cannot attach the iterator", |options| {
        if !matches!(target, IterTarget::All) {
            options.iter_info = &raw mut info;
            options.iter_info_len = size_of_val(&info) as u32;
        }
    })
}

/// Puts an extension in the place of `function` of a loaded program.
pub fn freplace(program: Program<'_>, target: BorrowedFd<'_>, function: &str) -> Result<Link> {
    let function = c_string(function)?;
    // SAFETY: loaded program, open descriptor, terminated string.
    let raw = unsafe { sys::bpf_program__attach_freplace(program.as_ptr(), target.as_raw_fd(), function.as_ptr()) };
    Link::from_libbpf(raw, "cannot replace the function")
}

/// Registers the operations of a struct_ops map; by a link when the map has BPF_F_LINK.
pub fn struct_ops(map: Map<'_>) -> Result<Link> {
    let has_link = map.flags() & sys::BPF_F_LINK != 0;
    let register = || {
        // SAFETY: the map belongs to a loaded object; libbpf refuses one that is no struct_ops map.
        let raw = NonNull::new(unsafe { sys::bpf_map__attach_struct_ops(map.as_ptr()) });
        raw.ok_or_else(|| Error::last("cannot register the operations"))
    };
    if has_link {
        return Ok(Link(Inner::Libbpf(register()?)));
    }
    let fd = map.fd().ok_or_else(|| Error::new("the map is not loaded", libc::EINVAL))?;
    let receipt = announce(&Kept::Operations { map: map::info(fd)?.id })?;
    Ok(Link(Inner::Registered { raw: register()?, _receipt: receipt }))
}

/// Takes back the operations of a struct_ops map that was registered without a link. False when they are not registered.
pub(crate) fn unregister(map: BorrowedFd<'_>) -> bool {
    const STRUCT_OPS: u32 = 26;
    let key = 0_u32;
    map::info(map).is_ok_and(|info| info.kind == STRUCT_OPS && info.key_size == 4)
        // SAFETY: a key of the size that the map's keys have.
        && unsafe { sys::bpf_map_delete_elem(map.as_raw_fd(), (&raw const key).cast()) } == 0
}
