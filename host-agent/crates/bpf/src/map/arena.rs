//! Pages of an arena. Reading one that nobody has used yet makes the kernel allocate it, as any access from user space
//! does, so only pages that were asked for are read.

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::c_void;

use super::MapInfo;
use crate::{Error, Result, os};

/// One page of the arena; none where the program said that unused pages are no memory (BPF_F_SEGV_ON_FAULT). `owners` are
/// processes that hold the map: an arena that is mapped anywhere has that one address in every process.
pub fn read_page(map: BorrowedFd<'_>, info: &MapInfo, page: u64, owners: &[u32]) -> Result<Option<Vec<u8>>> {
    if page >= u64::from(info.max_entries) {
        return Err(Error::new(format!("the arena has only {} pages", info.max_entries), libc::EINVAL));
    }
    let length = info.max_entries as usize * os::page_size();
    let offset = page * os::page_size() as u64;
    match map_here(map, info.extra, length) {
        Ok(start) => {
            let bytes = read(std::process::id(), start as u64 + offset);
            // SAFETY: mapped by map_here with this length; nothing refers to it.
            unsafe { libc::munmap(start.cast(), length) };
            bytes
        }
        // Someone has mapped it at an address of its own: look through that one's eyes.
        Err(error) => {
            let places: Vec<(u32, u64)> = owners
                .iter()
                .flat_map(|pid| mappings_of(*pid, length).into_iter().map(|start| (*pid, start)))
                .collect();
            let fitting = |(_, start): &&(u32, u64)| info.extra == 0 || *start == info.extra;
            let mut fitting = places.iter().filter(fitting);
            match (fitting.next(), fitting.next()) {
                (Some((pid, start)), None) => read(*pid, start + offset),
                (Some((_, first)), Some((_, second))) if first != second => {
                    Err(Error::new("its owners have mapped several arenas of this size", libc::ENOTUNIQ))
                }
                (Some((pid, start)), Some(_)) => read(*pid, start + offset),
                (None, _) => Err(error),
            }
        }
    }
}

/// A mapping of the whole arena in this process, at the address that its author chose if any.
fn map_here(map: BorrowedFd<'_>, address: u64, length: usize) -> Result<*mut u8> {
    let fixed = if address == 0 { 0 } else { libc::MAP_FIXED_NOREPLACE };
    // SAFETY: a new mapping that replaces none (NOREPLACE); its memory is only read through process_vm_readv.
    let start = unsafe {
        libc::mmap(
            address as *mut c_void,
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | fixed,
            map.as_raw_fd(),
            0,
        )
    };
    if start == libc::MAP_FAILED { Err(Error::last("cannot map the arena")) } else { Ok(start.cast()) }
}

/// Copies through the kernel: a page that cannot be had is an error, never a signal.
fn read(pid: u32, address: u64) -> Result<Option<Vec<u8>>> {
    let mut bytes = vec![0_u8; os::page_size()];
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: bytes.len() };
    // SAFETY: the local vector describes `bytes`; the kernel checks the remote one.
    let read = unsafe { libc::process_vm_readv(pid as libc::pid_t, &local, 1, &remote, 1, 0) };
    match read {
        length if length == bytes.len() as isize => Ok(Some(bytes)),
        -1 if Error::last("").errno != libc::EFAULT => Err(Error::last("cannot read the arena")),
        _ => Ok(None),
    }
}

/// Where a process has mapped maps of this length.
fn mappings_of(pid: u32, length: usize) -> Vec<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let of_maps = maps.lines().filter(|line| line.ends_with("anon_inode:bpf-map"));
    of_maps
        .filter_map(|line| {
            let (start, end) = line.split(' ').next()?.split_once('-')?;
            let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
            (end.checked_sub(start)? == length as u64).then_some(start)
        })
        .collect()
}
