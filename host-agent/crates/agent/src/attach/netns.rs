//! Network namespaces: sk_lookup and flow_dissector.

use std::fs;
use std::os::fd::AsFd;

use ringside_bpf::link;

use super::{Made, Target, owner};
use crate::failure::Answer;
use crate::failure::libc_errno::{E2BIG, EBUSY, EEXIST, EINVAL};

/// `netns` is a path, a name of `ip netns`, or the number of a process; without it the agent's own.
pub fn netns(target: &Target<'_>) -> Answer<Made> {
    let chosen = target.choice("netns");
    let path = match chosen {
        None => "/proc/self/ns/net".to_owned(),
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(pid) if pid.bytes().all(|byte| byte.is_ascii_digit()) => format!("/proc/{pid}/ns/net"),
        Some(name) => format!("/run/netns/{name}"),
    };
    let words = chosen.map_or_else(|| "the host's network namespace".to_owned(), |_| path.clone());
    let file = fs::File::open(&path)
        .map_err(|_| target.not_found(&format!("network namespace {path}"), &named_namespaces()))?;
    let kind = target.program.expected_attach_type();
    link::netns(target.program, file.as_fd()).map(|link| target.made(link, &words)).map_err(|error| match error.errno {
        EBUSY | EEXIST | E2BIG => {
            let owners = link::queried(file.as_fd(), kind);
            target.taken(&words, &owner::of_programs("program", &owners), error.errno)
        }
        EINVAL if chosen.is_some() => target.not_found(&format!("network namespace at {path}"), &named_namespaces()),
        _ => target.failed(&error, &words),
    })
}

fn named_namespaces() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/run/netns") else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
