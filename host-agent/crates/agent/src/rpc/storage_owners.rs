//! Owners of what storage maps hold: sockets, processes, cgroups, files.

use std::collections::HashSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use ringside_bpf::map::{self, MapInfo, storage};
use ringside_proto::messages as pb;

use super::host;
use super::maps::shown_name;
use crate::failure::libc_errno::{EBADF, ENOENT, ESRCH};
use crate::failure::{Answer, Failure};
use crate::requests::Context;

/// Cgroups and sockets that are looked at for one request.
const MOST_OWNERS: usize = 200_000;

/// Takes an owner with the key that stands for it; false when it has enough.
pub type Take<'a> = &'a mut dyn FnMut(pb::StorageOwner, [u8; 4]) -> Answer<bool>;

/// Goes through everything on the host that could own something in this map.
pub fn each(context: &Context<'_>, info: &MapInfo, take: Take<'_>) -> Answer<()> {
    match map::type_name(info.kind) {
        "task_storage" => each_process(context, take),
        "sk_storage" => each_socket(context, take),
        "cgrp_storage" => each_cgroup(context, take),
        kind => {
            let message = format!("Map {} is a {kind}, whose owners cannot be listed.", shown_name(info));
            Err(Failure::new("map-access", message)
                .hint("Ask for one: `ringside map get HOST MAP '{\"path\":\"/a/file\"}'`."))
        }
    }
}

fn each_process(context: &Context<'_>, take: Take<'_>) -> Answer<()> {
    for pid in processes() {
        context.check_cancelled()?;
        // What ended meanwhile owns nothing.
        let Ok(process) = storage::process(pid) else { continue };
        let owner = pb::StorageOwner { pid, command: command(pid), ..Default::default() };
        if !take(owner, storage::key(process.as_fd()))? {
            break;
        }
    }
    Ok(())
}

fn each_socket(context: &Context<'_>, take: Take<'_>) -> Answer<()> {
    let mut seen = HashSet::new();
    for pid in processes() {
        context.check_cancelled()?;
        let mut process = None;
        for (fd, target) in descriptors(pid) {
            let Some(inode) = target.strip_prefix("socket:[") else { continue };
            // A socket that several processes share is one owner.
            if seen.len() >= MOST_OWNERS || !seen.insert(inode.to_owned()) {
                continue;
            }
            if process.is_none() {
                process = storage::process(pid).ok();
            }
            let Some(socket) = process.as_ref().and_then(|own| storage::descriptor_of(own.as_fd(), fd).ok()) else {
                continue;
            };
            let owner = pb::StorageOwner { pid, command: command(pid), fd, ..Default::default() };
            if !take(owner, storage::key(socket.as_fd()))? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn each_cgroup(context: &Context<'_>, take: Take<'_>) -> Answer<()> {
    let Some(root) = host::cgroup2() else { return Ok(()) };
    let mut waiting = vec![PathBuf::from(root)];
    let mut looked_at = 0;
    while let Some(folder) = waiting.pop() {
        context.check_cancelled()?;
        let path = folder.to_string_lossy().into_owned();
        if let Ok(cgroup) = storage::path(&path)
            && !take(pb::StorageOwner { path, ..Default::default() }, storage::key(cgroup.as_fd()))?
        {
            return Ok(());
        }
        looked_at += 1;
        if looked_at < MOST_OWNERS {
            waiting.extend(folders(&folder));
        }
    }
    Ok(())
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// The owner that an operation names, opened: what the kernel takes as its key.
pub fn open(info: &MapInfo, operation: &pb::MapOperation) -> Answer<OwnedFd> {
    match map::type_name(info.kind) {
        "task_storage" => open_process(operation.owner_pid),
        "sk_storage" => open_socket(operation),
        "cgrp_storage" => open_path(&operation.owner_path, "the path of a cgroup, {\"path\":\"/sys/fs/cgroup/…\"}"),
        _ => open_path(&operation.owner_path, "the path of a file, {\"path\":\"/…\"}"),
    }
}

fn open_process(pid: u32) -> Answer<OwnedFd> {
    if pid == 0 {
        return Err(needed("a process, {\"pid\":1234}"));
    }
    storage::process(pid).map_err(|error| match error.errno {
        ESRCH => Failure::new("target-not-found", format!("There is no process {pid} on this host.")).errno(ESRCH),
        _ => error.into(),
    })
}

/// A socket as a descriptor of the process that has it.
pub fn open_socket(operation: &pb::MapOperation) -> Answer<OwnedFd> {
    let (pid, fd) = (operation.owner_pid, operation.owner_fd);
    if pid == 0 {
        return Err(needed("a socket, {\"pid\":1234,\"fd\":5}"));
    }
    let process = open_process(pid)?;
    storage::descriptor_of(process.as_fd(), fd).map_err(|error| match error.errno {
        EBADF => Failure::new("target-not-found", format!("Process {pid} has no descriptor {fd}.")).errno(EBADF),
        _ => error.into(),
    })
}

pub fn open_path(path: &str, what: &str) -> Answer<OwnedFd> {
    if path.is_empty() {
        return Err(needed(what));
    }
    storage::path(path).map_err(|error| match error.errno {
        ENOENT => Failure::new("target-not-found", format!("{path} does not exist on this host.")).errno(ENOENT),
        _ => error.into(),
    })
}

fn needed(what: &str) -> Failure {
    Failure::new("bad-value", format!("This map wants {what}."))
}

/// Pids of all processes, in no order.
pub fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Descriptors of a process with what they refer to.
pub fn descriptors(pid: u32) -> Vec<(u32, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let target = fs::read_link(entry.path()).ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, target.to_string_lossy().into_owned()))
        })
        .collect()
}

pub fn command(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).map_or_else(|_| String::new(), |text| text.trim_end().to_owned())
}
