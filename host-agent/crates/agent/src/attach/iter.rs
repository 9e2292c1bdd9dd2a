//! Iterators: attached, they wait to be read.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use ringside_bpf::link::{self, IterTarget};

use super::{Made, Target, cgroup, missing, process, sockets};
use crate::failure::libc_errno::{E2BIG, EBADF, EINVAL};
use crate::failure::{Answer, Failure};

/// BPF_CGROUP_ITER_*: the order in which control groups are visited.
const ORDERS: [(&str, u32); 5] = [("self", 1), ("pre", 2), ("post", 3), ("ancestors", 4), ("children", 5)];
const FROM_THE_TOP: u32 = 2;

/// Everything of its kind, or what `pid`, `map` or `cgroup` confines it to.
pub fn iter(target: &Target<'_>) -> Answer<Made> {
    let Some(kind) = target.in_section() else {
        return Err(target.needed(&["a kind behind the slash of SEC(\"iter/…\")"], &[]));
    };
    if let Some(process) = process::chosen(target)? {
        return of_process(target, kind, process.pid);
    }
    if target.choice("map").is_some() || matches!(kind, "bpf_map_elem" | "bpf_sk_storage_map" | "sockmap") {
        let map = sockets::map(target, |_| true)?;
        let words = format!("{kind} of map {}", map.name);
        return made(target, IterTarget::Map(map.fd.as_fd()), words);
    }
    if kind == "cgroup" || target.choice("cgroup").is_some() {
        return of_cgroup(target, kind);
    }
    made(target, IterTarget::All, kind.to_owned())
}

fn of_process(target: &Target<'_>, kind: &str, pid: u32) -> Answer<Made> {
    if !Path::new(&format!("/proc/{pid}")).exists() {
        return Err(process::gone(target, pid));
    }
    let words = format!("{kind} of process {pid}");
    match link::iter(target.program, IterTarget::Process(pid)) {
        Ok(link) => Ok(target.made(link, words)),
        // Before 6.1 the kernel sees bytes that it does not know.
        Err(error) if matches!(error.errno, E2BIG | EINVAL) => {
            Err(missing::lacking(target, "iter.task", error.errno, &words))
        }
        Err(error) => Err(target.failed(&error, &words)),
    }
}

fn of_cgroup(target: &Target<'_>, kind: &str) -> Answer<Made> {
    let order = target.word("order", &ORDERS)?;
    let (group, words): (File, String) = match target.choice("cgroup") {
        Some(_) => cgroup::chosen(target)?,
        None => cgroup::root(target)?,
    };
    let words = format!("{kind} from {words}");
    let at = IterTarget::Cgroup { group: group.as_fd(), order: order.unwrap_or(FROM_THE_TOP) };
    match link::iter(target.program, at) {
        Ok(link) => Ok(target.made(link, words)),
        Err(error) if matches!(error.errno, EINVAL | E2BIG) => {
            Err(missing::lacking(target, "iter.cgroup", error.errno, &words))
        }
        Err(error) => Err(target.failed(&error, &words)),
    }
}

fn made(target: &Target<'_>, at: IterTarget<'_>, words: String) -> Answer<Made> {
    match link::iter(target.program, at) {
        Ok(link) => Ok(target.made(link, words)),
        Err(error) if error.errno == EBADF => Err(target.needed(&["map"], &sockets::maps(target, |_| true))),
        Err(error) if error.errno == EINVAL && matches!(at, IterTarget::Map(_)) => {
            let message = format!(
                "Program {} cannot go through {words}: the map is of another type, or its keys or values are smaller than what the program reads.",
                target.program.name()
            );
            Err(Failure::new("attach-failed", message).errno(error.errno).hint("Choose another map: map=NAME, map=ID."))
        }
        Err(error) => Err(target.failed(&error, &words)),
    }
}
