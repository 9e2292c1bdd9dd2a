//! Probes in user-space binaries.

use libbpf_sys as sys;

use super::tracing::owned_by_descriptor;
use super::{Link, c_string, options};
use crate::Result;
use crate::program::Program;

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

/// Every function of the binary that the pattern (with * and ?) fits, in one link.
pub fn uprobe_multi(
    program: Program<'_>,
    binary: &str,
    pattern: &str,
    pid: Option<u32>,
    on_return: bool,
    session: bool,
) -> Result<Link> {
    let (binary, pattern) = (c_string(binary)?, c_string(pattern)?);
    let pid = pid.map_or(-1, |pid| pid as i32);
    let mut options = options!(sys::bpf_uprobe_multi_opts);
    options.retprobe = on_return;
    options.session = session;
    // SAFETY: loaded program, terminated strings, valid options.
    let raw = unsafe {
        sys::bpf_program__attach_uprobe_multi(program.as_ptr(), pid, binary.as_ptr(), pattern.as_ptr(), &options)
    };
    Link::from_libbpf(raw, "cannot attach to the functions of the binary")
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
