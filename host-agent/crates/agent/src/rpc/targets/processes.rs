//! Processes: pid, command, user, container.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use ringside_proto::messages as pb;

use super::containers;
use super::found::{Found, details};
use crate::failure::Answer;

pub fn list(found: &mut Found<'_>) -> Answer<()> {
    let users = users(&fs::read_to_string("/etc/passwd").unwrap_or_default());
    for pid in pids() {
        found.step()?;
        // A process that ends while it is looked at is no process.
        let Some(process) = Process::read(pid) else { continue };
        found.offer_as(&[&process.command, process.program(), &pid.to_string()], || entry(&process, &users))?;
    }
    Ok(())
}

/// Numbers of all processes, in order.
pub fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut pids: Vec<u32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

pub struct Process {
    pub pid: u32,
    /// What the kernel calls it: at most 15 letters.
    pub command: String,
    state: String,
    parent: String,
    uid: Option<u32>,
    threads: String,
    /// Arguments with spaces in between; empty for kernel threads.
    arguments: String,
}

impl Process {
    pub fn read(pid: u32) -> Option<Self> {
        let status = fs::read(format!("/proc/{pid}/status")).ok()?;
        let mut process = Self::of_status(pid, &String::from_utf8_lossy(&status));
        process.arguments = arguments(pid);
        Some(process)
    }

    fn of_status(pid: u32, status: &str) -> Self {
        let fields: HashMap<&str, &str> =
            status.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key, value.trim())).collect();
        let of = |key: &str| fields.get(key).copied().unwrap_or_default();
        Self {
            pid,
            command: of("Name").to_owned(),
            state: of("State").split_once('(').map_or("", |(_, words)| words.trim_end_matches(')')).to_owned(),
            parent: of("PPid").to_owned(),
            // Real, effective, saved, of the file system.
            uid: of("Uid").split_ascii_whitespace().nth(1).and_then(|uid| uid.parse().ok()),
            threads: of("Threads").to_owned(),
            arguments: String::new(),
        }
    }

    /// The program's name as it was called: `node` of `/usr/bin/node server.js`.
    fn program(&self) -> &str {
        let first = self.arguments.split(' ').next().unwrap_or_default();
        first.rsplit('/').next().unwrap_or(first)
    }
}

/// At most a screen's width or two of the command line.
fn arguments(pid: u32) -> String {
    const MOST: usize = 512;
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]);
    text.trim_end_matches('\0').split('\0').collect::<Vec<_>>().join(" ")
}

fn entry(process: &Process, users: &HashMap<u32, String>) -> pb::TargetEntry {
    let uid = process.uid.map_or_else(String::new, |uid| uid.to_string());
    let container = containers::of_process(process.pid).map(|container| container.id).unwrap_or_default();
    let executable = fs::read_link(format!("/proc/{}/exe", process.pid));
    pb::TargetEntry {
        name: process.command.clone(),
        details: details([
            ("pid", process.pid.to_string()),
            ("parent", process.parent.clone()),
            ("user", process.uid.and_then(|uid| users.get(&uid).cloned()).unwrap_or_else(|| uid.clone())),
            ("uid", uid),
            ("state", process.state.clone()),
            ("threads", process.threads.clone()),
            ("command", process.arguments.clone()),
            ("binary", executable.map_or_else(|_| String::new(), |path| path.to_string_lossy().into_owned())),
            ("container", container),
        ]),
        unusable: match process.arguments.is_empty() && !Path::new(&format!("/proc/{}/exe", process.pid)).exists() {
            true => "kernel thread: it has no binary to probe".into(),
            false => String::new(),
        },
        ..Default::default()
    }
}

/// Names by number, of lines `NAME:x:UID:…`. A name service is out of reach for a static binary.
fn users(passwd: &str) -> HashMap<u32, String> {
    let mut users = HashMap::new();
    for line in passwd.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(uid)) = (fields.next(), fields.nth(1).and_then(|uid| uid.parse().ok())) {
            users.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_passwd_are_read() {
        let process = Process::of_status(
            7,
            "Name:\tnode server\nState:\tS (sleeping)\nPPid:\t1\nUid:\t0\t33\t0\t0\nThreads:\t11\n",
        );
        assert_eq!(
            (process.command.as_str(), process.state.as_str(), process.uid),
            ("node server", "sleeping", Some(33))
        );
        let users = users("root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:\nbroken\ntoor:x:0:0::/:\n");
        assert_eq!((users[&0].as_str(), users[&33].as_str()), ("root", "www-data"));
    }

    #[test]
    fn this_process_is_one() {
        let own = Process::read(std::process::id()).expect("own status");
        assert!(own.arguments.contains(own.program()) && !own.command.is_empty());
        assert!(pids().contains(&std::process::id()));
    }
}
