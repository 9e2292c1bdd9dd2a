//! What the kernel counts for a loaded program.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use libbpf_sys as sys;

use crate::{Error, Result, os};

/// While this descriptor is open the kernel counts runs and their time (kernel ≥ 5.8). Unlike the sysctl it counts its
/// users and ends with the process.
pub fn enable() -> Result<OwnedFd> {
    // SAFETY: a plain integer argument; the result is a new descriptor or an error.
    let fd = unsafe { sys::bpf_enable_stats(sys::BPF_STATS_RUN_TIME) };
    os::owned(fd).map_err(|_| Error::new("cannot switch run statistics on", fd))
}

#[derive(Debug, Clone, Default)]
pub struct ProgramInfo {
    pub id: u32,
    pub tag: [u8; 8],
    pub kind: u32,
    /// Instructions after the verifier has rewritten them.
    pub translated: u32,
    pub run_count: u64,
    pub run_ns: u64,
    pub recursion_misses: u64,
}

pub fn program(program: BorrowedFd<'_>) -> Result<ProgramInfo> {
    let raw = info(program, |_| {})?;
    Ok(ProgramInfo {
        id: raw.id,
        tag: raw.tag,
        kind: raw.type_,
        translated: raw.xlated_prog_len / 8,
        run_count: raw.run_cnt,
        run_ns: raw.run_time_ns,
        recursion_misses: raw.recursion_misses,
    })
}

/// Address ranges of the program's machine code, one for each of its functions. Empty without JIT, or where the kernel
/// hides addresses (needs CAP_SYSLOG and CAP_PERFMON).
pub fn code_ranges(program: BorrowedFd<'_>) -> Result<Vec<(u64, u64)>> {
    let sizes = info(program, |_| {})?;
    let mut starts = vec![0_u64; sizes.nr_jited_ksyms as usize];
    let mut lengths = vec![0_u32; sizes.nr_jited_func_lens as usize];
    info(program, |raw| {
        raw.nr_jited_ksyms = starts.len() as u32;
        raw.jited_ksyms = starts.as_mut_ptr() as u64;
        raw.nr_jited_func_lens = lengths.len() as u32;
        raw.jited_func_lens = lengths.as_mut_ptr() as u64;
    })?;
    let ranges = starts.into_iter().zip(lengths);
    Ok(ranges.filter(|(start, _)| *start != 0).map(|(start, length)| (start, start + u64::from(length))).collect())
}

/// Asks the kernel; `request` may put buffers into the struct, which must hold as many elements as it announces.
pub(crate) fn info(
    program: BorrowedFd<'_>,
    request: impl FnOnce(&mut sys::bpf_prog_info),
) -> Result<sys::bpf_prog_info> {
    // SAFETY: zeroes are valid; `request` only ever announces buffers with their true lengths (all callers here and in
    // the inventory).
    unsafe {
        let mut raw = std::mem::zeroed::<sys::bpf_prog_info>();
        request(&mut raw);
        let mut length = size_of_val(&raw) as u32;
        match sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &mut raw, &mut length) {
            0 => Ok(raw),
            _ => Err(Error::last("cannot read the program's info")),
        }
    }
}
