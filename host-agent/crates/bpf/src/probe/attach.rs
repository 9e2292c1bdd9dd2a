//! Which kinds of program attach here, found by attaching a program that does nothing and detaching it at once. Versions
//! and symbols do not tell: kernels are built without parts, locked down, or refuse only at the last step.

mod network;
mod operations;

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use libbpf_sys as sys;

use crate::insns::{Asm, Reg};
use crate::link;
use crate::perf::{Rate, Sampling};
use crate::{Error, Result, os, perf, program, run};

/// One kind and how to try it.
pub struct Kind {
    pub name: &'static str,
    attempt: fn() -> Result<()>,
}

/// A function that the kernel has for tests of its own only, so that nothing else ever runs through it.
const IDLE_FUNCTION: &CStr = c"bpf_fentry_test1";

pub const KINDS: &[Kind] = &[
    Kind { name: "tracepoint", attempt: tracepoint },
    Kind {
        name: "raw_tracepoint",
        attempt: || raw_tracepoint(sys::BPF_PROG_TYPE_RAW_TRACEPOINT, c"sched_process_exit"),
    },
    Kind {
        name: "raw_tracepoint.w",
        attempt: || raw_tracepoint(sys::BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE, c"bpf_test_finish"),
    },
    Kind { name: "tp_btf", attempt: || tracing(sys::BPF_TRACE_RAW_TP, c"sched_process_exit") },
    Kind { name: "kprobe", attempt: kprobe },
    Kind { name: "kprobe.multi", attempt: || kprobe_multi(sys::BPF_TRACE_KPROBE_MULTI) },
    Kind { name: "kprobe.session", attempt: || kprobe_multi(sys::BPF_TRACE_KPROBE_SESSION) },
    Kind { name: "fentry", attempt: || tracing(sys::BPF_TRACE_FENTRY, IDLE_FUNCTION) },
    Kind { name: "fexit", attempt: || tracing(sys::BPF_TRACE_FEXIT, IDLE_FUNCTION) },
    Kind { name: "fmod_ret", attempt: fmod_ret },
    Kind { name: "fsession", attempt: || tracing(sys::BPF_TRACE_FSESSION, IDLE_FUNCTION) },
    Kind { name: "freplace", attempt: freplace },
    Kind { name: "lsm", attempt: lsm },
    Kind { name: "lsm_cgroup", attempt: lsm_cgroup },
    Kind { name: "iter", attempt: || tracing(sys::BPF_TRACE_ITER, c"task") },
    Kind { name: "iter.task", attempt: iter_of_process },
    Kind { name: "uprobe", attempt: uprobe },
    Kind { name: "uprobe.multi", attempt: || uprobe_multi(sys::BPF_TRACE_UPROBE_MULTI) },
    Kind { name: "uprobe.session", attempt: || uprobe_multi(sys::BPF_TRACE_UPROBE_SESSION) },
    Kind { name: "perf_event", attempt: || perf_event(perf::CPU_CLOCK) },
    Kind { name: "perf_event.hardware", attempt: || perf_event(perf::CPU_CYCLES) },
    Kind { name: "xdp", attempt: network::xdp },
    Kind { name: "tcx", attempt: network::tcx },
    Kind { name: "clsact", attempt: network::clsact },
    Kind { name: "netkit", attempt: network::netkit },
    Kind { name: "cgroup_skb", attempt: cgroup_skb },
    Kind { name: "sockops", attempt: sockops },
    Kind { name: "sk_lookup", attempt: network::sk_lookup },
    Kind { name: "flow_dissector", attempt: network::flow_dissector },
    Kind { name: "netfilter", attempt: network::netfilter },
    Kind { name: "socket", attempt: network::socket_filter },
    Kind { name: "sk_reuseport", attempt: network::reuseport },
    Kind { name: "sk_msg", attempt: || network::socket_map(sys::BPF_PROG_TYPE_SK_MSG, sys::BPF_SK_MSG_VERDICT) },
    Kind { name: "sk_skb", attempt: || network::socket_map(sys::BPF_PROG_TYPE_SK_SKB, sys::BPF_SK_SKB_STREAM_VERDICT) },
    Kind { name: "syscall", attempt: syscall },
    Kind { name: "struct_ops", attempt: operations::congestion_control },
];

impl Kind {
    /// Attaches and detaches. An error with errno 0 says in words what is missing on the host.
    pub fn attempt(&self) -> Result<()> {
        (self.attempt)()
    }
}

/// A program that returns at once.
pub(crate) fn load(kind: u32, answer: i32, attach: u32, btf_id: u32) -> Result<OwnedFd> {
    let mut asm = Asm::default();
    asm.set(Reg::R0, answer).exit();
    program::load_insns(kind, &asm.finish(), |options| {
        options.expected_attach_type = attach;
        options.attach_btf_id = btf_id;
    })
}

fn missing(what: impl Into<String>) -> Error {
    Error::new(what, 0)
}

fn tracepoint() -> Result<()> {
    let tracefs = perf::tracefs().ok_or_else(|| missing("tracefs is not mounted"))?;
    let id = fs::read_to_string(format!("{tracefs}/events/sched/sched_process_exit/id"));
    let id = id.ok().and_then(|id| id.trim().parse().ok()).ok_or_else(|| missing("tracefs shows no events"))?;
    let program = load(sys::BPF_PROG_TYPE_TRACEPOINT, 0, 0, 0)?;
    const TYPE_TRACEPOINT: u32 = 2;
    run_on_event(&program, &mut perf::attribute(TYPE_TRACEPOINT, id), -1, 0)
}

fn raw_tracepoint(kind: u32, event: &CStr) -> Result<()> {
    let program = load(kind, 0, 0, 0)?;
    // SAFETY: a terminated string and a valid descriptor; the result is a new descriptor or an error.
    let link = unsafe { sys::bpf_raw_tracepoint_open(event.as_ptr(), program.as_raw_fd()) };
    os::owned(link).map(drop).map_err(|_| Error::new("cannot attach", link))
}

fn kprobe() -> Result<()> {
    let kind = pmu("kprobe")?;
    let program = load(sys::BPF_PROG_TYPE_KPROBE, 0, 0, 0)?;
    let mut event = perf::attribute(kind, 0);
    event.__bindgen_anon_3.kprobe_func = IDLE_FUNCTION.as_ptr() as u64;
    run_on_event(&program, &mut event, -1, 0)
}

fn kprobe_multi(attach: u32) -> Result<()> {
    let program = load(sys::BPF_PROG_TYPE_KPROBE, 0, attach, 0)?;
    let mut names = [IDLE_FUNCTION.as_ptr()];
    link_with(&program, attach, |options| {
        options.__bindgen_anon_1.kprobe_multi.cnt = 1;
        options.__bindgen_anon_1.kprobe_multi.syms = names.as_mut_ptr();
    })
}

fn uprobe() -> Result<()> {
    let kind = pmu("uprobe")?;
    let (path, offset) = own_entry()?;
    let program = load(sys::BPF_PROG_TYPE_KPROBE, 0, 0, 0)?;
    let mut event = perf::attribute(kind, 0);
    event.__bindgen_anon_3.uprobe_path = path.as_ptr() as u64;
    event.__bindgen_anon_4.probe_offset = offset;
    run_on_event(&program, &mut event, std::process::id() as i32, -1)
}

fn uprobe_multi(attach: u32) -> Result<()> {
    let (path, offset) = own_entry()?;
    let program = load(sys::BPF_PROG_TYPE_KPROBE, 0, attach, 0)?;
    let offsets = [offset];
    link_with(&program, attach, |options| {
        let multi = &raw mut options.__bindgen_anon_1.uprobe_multi;
        // SAFETY: the union's member is plain data inside a live, zeroed struct.
        let multi = unsafe { &mut *multi };
        multi.cnt = 1;
        multi.path = path.as_ptr();
        multi.offsets = offsets.as_ptr();
        multi.pid = std::process::id();
    })
}

fn perf_event((kind, config): (u32, u64)) -> Result<()> {
    let program = load(sys::BPF_PROG_TYPE_PERF_EVENT, 0, 0, 0)?;
    let event = Sampling { kind, config, rate: Rate::Frequency(1) }.on_cpu(first_cpu())?;
    set_program(&event, &program)
}

/// tp_btf, fentry, fexit, fmod_ret, iter: by a type of the kernel's BTF.
fn tracing(attach: u32, name: &CStr) -> Result<()> {
    let id = kernel_type(attach, name)?;
    let program = load(sys::BPF_PROG_TYPE_TRACING, 0, attach, id)?;
    link::create(program.as_fd(), 0, attach, 0, "cannot attach").map(drop)
}

/// The kernel's function for tests is among those only where errors may be injected, until 6.2; security hooks always are.
fn fmod_ret() -> Result<()> {
    let on = |function| tracing(sys::BPF_MODIFY_RETURN, function);
    // Called only when someone sets the clock.
    on(c"bpf_modify_return_test").or_else(|error| on(c"security_settime64").map_err(|_| error))
}

fn lsm() -> Result<()> {
    // A hook that is asked only when someone sets the clock.
    let id = kernel_type(sys::BPF_LSM_MAC, c"settime")?;
    let program = load(sys::BPF_PROG_TYPE_LSM, 0, sys::BPF_LSM_MAC, id)?;
    let lsms = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    link::create(program.as_fd(), 0, sys::BPF_LSM_MAC, 0, "cannot attach")?;
    match lsms.is_empty() || lsms.trim().split(',').any(|lsm| lsm == "bpf") {
        true => Ok(()),
        // It attaches, and then never runs.
        false => Err(missing("bpf is not among the active security modules (boot parameter lsm=)")),
    }
}

/// The kernel can only be asked whether it knows the type: an extension needs a program with types to extend.
fn freplace() -> Result<()> {
    match super::program_type(sys::BPF_PROG_TYPE_EXT) {
        true => Ok(()),
        false => Err(Error::new("cannot load an extension", libc::EINVAL)),
    }
}

fn iter_of_process() -> Result<()> {
    let id = kernel_type(sys::BPF_TRACE_ITER, c"task")?;
    let program = load(sys::BPF_PROG_TYPE_TRACING, 0, sys::BPF_TRACE_ITER, id)?;
    // SAFETY: zeroes are valid in this union of plain structs.
    let mut info = unsafe { std::mem::zeroed::<sys::bpf_iter_link_info>() };
    info.task.pid = std::process::id();
    link_with(&program, sys::BPF_TRACE_ITER, |options| {
        options.iter_info = &raw mut info;
        options.iter_info_len = size_of_val(&info) as u32;
    })
}

fn lsm_cgroup() -> Result<()> {
    const ALLOW: i32 = 1;
    let cgroup = own_cgroup()?;
    let id = kernel_type(sys::BPF_LSM_CGROUP, c"settime")?;
    let program = load(sys::BPF_PROG_TYPE_LSM, ALLOW, sys::BPF_LSM_CGROUP, id)?;
    link::create(program.as_fd(), cgroup.as_raw_fd(), sys::BPF_LSM_CGROUP, 0, "cannot attach").map(drop)
}

fn sockops() -> Result<()> {
    const ALLOW: i32 = 1;
    let cgroup = own_cgroup()?;
    let program = load(sys::BPF_PROG_TYPE_SOCK_OPS, ALLOW, sys::BPF_CGROUP_SOCK_OPS, 0)?;
    link::create(program.as_fd(), cgroup.as_raw_fd(), sys::BPF_CGROUP_SOCK_OPS, 0, "cannot attach").map(drop)
}

fn syscall() -> Result<()> {
    let mut asm = Asm::default();
    asm.set(Reg::R0, 0).exit();
    let program = program::load_insns(sys::BPF_PROG_TYPE_SYSCALL, &asm.finish(), |options| {
        options.prog_flags |= sys::BPF_F_SLEEPABLE;
    })?;
    run::program(program.as_fd(), run::Input::default()).map(drop)
}

fn cgroup_skb() -> Result<()> {
    const ALLOW: i32 = 1;
    let cgroup = own_cgroup()?;
    let program = load(sys::BPF_PROG_TYPE_CGROUP_SKB, ALLOW, sys::BPF_CGROUP_INET_EGRESS, 0)?;
    link::create(program.as_fd(), cgroup.as_raw_fd(), sys::BPF_CGROUP_INET_EGRESS, 0, "cannot attach").map(drop)
}

// ---- what they need ------------------------------------------------------------------------------------------------

/// The perf type of kernel or user probes.
fn pmu(kind: &str) -> Result<u32> {
    let text = fs::read_to_string(format!("/sys/bus/event_source/devices/{kind}/type"));
    text.ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| missing(format!("the kernel is built without {kind}s")))
}

fn kernel_type(attach: u32, name: &CStr) -> Result<u32> {
    if !fs::exists(crate::btf::KERNEL_BTF).unwrap_or(false) {
        return Err(missing("the kernel has no BTF"));
    }
    // SAFETY: a terminated string and an integer.
    let id = unsafe { sys::libbpf_find_vmlinux_btf_id(name.as_ptr(), attach) };
    u32::try_from(id).map_err(|_| missing(format!("the kernel's BTF has no {} for it", name.to_string_lossy())))
}

pub(crate) fn loopback() -> Result<i32> {
    os::interface_index("lo").ok_or_else(|| missing("there is no interface lo to try it on"))
}

/// The agent's own group: whatever a program does there touches nobody else.
fn own_cgroup() -> Result<File> {
    let none = || missing("the unified cgroup hierarchy is not mounted");
    let mounts = fs::read_to_string("/proc/mounts").map_err(|_| none())?;
    let root = mounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (fields.get(2) == Some(&"cgroup2")).then(|| fields[1].to_owned())
    });
    let root = root.ok_or_else(none)?;
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    File::open(format!("{root}{own}")).or_else(|_| File::open(root)).map_err(|_| none())
}

fn first_cpu() -> u32 {
    crate::cpus::online().first().copied().unwrap_or(0)
}

/// The agent's own file and where in it its first instruction is, which has run already.
fn own_entry() -> Result<(CString, u64)> {
    let none = || missing("the agent cannot read its own file");
    let path = std::env::current_exe().map_err(|_| none())?;
    let bytes = fs::read(&path).map_err(|_| none())?;
    let offset = entry_offset(&bytes).ok_or_else(none)?;
    Ok((CString::new(path.as_os_str().as_bytes()).map_err(|_| none())?, offset))
}

/// Offset in the file of an ELF's entry point: of the loaded segment that holds its address.
fn entry_offset(elf: &[u8]) -> Option<u64> {
    let u16_at = |at: usize| Some(u16::from_ne_bytes(*elf.get(at..)?.first_chunk()?));
    let u64_at = |at: usize| Some(u64::from_ne_bytes(*elf.get(at..)?.first_chunk()?));
    let (entry, headers) = (u64_at(24)?, usize::try_from(u64_at(32)?).ok()?);
    let (size, count) = (usize::from(u16_at(54)?), usize::from(u16_at(56)?));
    (0..count).find_map(|index| {
        let header = headers + index * size;
        let loaded = u16_at(header)? == 1;
        let (offset, address, length) = (u64_at(header + 8)?, u64_at(header + 16)?, u64_at(header + 32)?);
        (loaded && (address..address + length).contains(&entry)).then(|| entry - address + offset)
    })
}

/// Opens the event, attaches the program to it, and closes both.
fn run_on_event(program: &OwnedFd, event: &mut sys::perf_event_attr, pid: i32, cpu: i32) -> Result<()> {
    let event = perf::open(event, pid, cpu)?;
    set_program(&event, program)
}

fn set_program(event: &OwnedFd, program: &OwnedFd) -> Result<()> {
    // _IOW('$', 8, __u32)
    const PERF_EVENT_IOC_SET_BPF: libc::c_ulong = 0x4004_2408;
    // SAFETY: two valid descriptors and no pointers.
    match unsafe { libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_SET_BPF as _, program.as_raw_fd()) } {
        0 => Ok(()),
        _ => Err(Error::last("cannot attach")),
    }
}

/// BPF_LINK_CREATE without a target descriptor; `adjust` names the target.
fn link_with(program: &OwnedFd, attach: u32, adjust: impl FnOnce(&mut sys::bpf_link_create_opts)) -> Result<()> {
    let program: BorrowedFd<'_> = program.as_fd();
    // SAFETY: zeroes are valid in this plain C struct and mean "default".
    let mut options = unsafe { std::mem::zeroed::<sys::bpf_link_create_opts>() };
    options.sz = size_of_val(&options) as sys::size_t;
    adjust(&mut options);
    // SAFETY: valid options, whose pointers live in the caller through this call.
    let fd = unsafe { sys::bpf_link_create(program.as_raw_fd(), 0, attach, &options) };
    os::owned(fd).map(drop).map_err(|_| Error::new("cannot attach", fd))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_entry_of_this_program_is_inside_it() {
        let own = std::fs::read(std::env::current_exe().expect("path")).expect("file");
        let offset = super::entry_offset(&own).expect("an entry");
        assert!(offset > 0 && offset < own.len() as u64);
        assert_eq!(super::entry_offset(b"short"), None);
    }
}
