//! Interfaces, cgroups and network namespaces, always through links: what is attached goes with the agent.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use ringside_bpf::link::{self, XdpMode};
use ringside_bpf::os;

use super::{Made, Target, candidates};
use crate::failure::{Answer, Failure};
use crate::rpc::host;

pub fn xdp(target: &Target<'_>) -> Answer<Made> {
    let (name, index) = interface(target)?;
    let mode = match target.choice("xdp-mode").unwrap_or("auto") {
        "auto" => XdpMode::Any,
        "skb" | "generic" => XdpMode::Generic,
        "driver" | "native" => XdpMode::Driver,
        other => {
            let message = format!("xdp-mode={other} is unknown.");
            return Err(Failure::new("bad-value", message).hint("There are skb, driver and auto."));
        }
    };
    link::xdp(target.program, index, mode)
        .map(|link| target.made(link, name))
        .map_err(|error| target.failed(&error, name))
}

pub fn tcx(target: &Target<'_>) -> Answer<Made> {
    let (name, index) = interface(target)?;
    let direction = target.choice("direction").or_else(|| target.in_section()).unwrap_or("ingress");
    let egress = match direction {
        "ingress" => false,
        "egress" => true,
        other => {
            let message = format!("direction={other} is unknown.");
            return Err(Failure::new("bad-value", message).hint("There are ingress and egress."));
        }
    };
    let words = format!("{name} {direction}");
    link::tcx(target.program, index, egress).map(|link| target.made(link, &words)).map_err(|error| {
        let failure = target.failed(&error, &words);
        match error.errno {
            // Links for traffic control came with 6.6; the old way would outlive the agent.
            22 => Failure { code: "unsupported-by-kernel", ..failure }
                .hint("Traffic control programs attach by link from Linux 6.6 on."),
            _ => failure,
        }
    })
}

fn interface<'a>(target: &Target<'a>) -> Answer<(&'a str, i32)> {
    let Some(name) = target.choice("iface") else { return Err(target.needed(&["iface"], &candidates::interfaces())) };
    match os::interface_index(name) {
        Some(index) => Ok((name, index)),
        None => Err(target.not_found(&format!("interface {name}"), &candidates::interfaces())),
    }
}

/// `cgroup` is a path, absolute or below the mount point of the unified hierarchy.
pub fn cgroup(target: &Target<'_>) -> Answer<Made> {
    let root = host::cgroup2();
    let Some(chosen) = target.choice("cgroup") else {
        let known: Vec<String> = root.into_iter().collect();
        return Err(target.needed(&["cgroup"], &known));
    };
    let path = match &root {
        Some(root) if !chosen.starts_with('/') => Path::new(root).join(chosen),
        _ => PathBuf::from(chosen),
    };
    let folder = File::open(&path).map_err(|_| target.not_found(&format!("cgroup {}", path.display()), &[]))?;
    let words = path.display().to_string();
    let attached = link::cgroup(target.program, folder.as_fd());
    attached.map(|link| target.made(link, &words)).map_err(|error| target.failed(&error, &words))
}

/// `netns` is a path such as /run/netns/NAME; without it the agent's own.
pub fn netns(target: &Target<'_>) -> Answer<Made> {
    let path = target.choice("netns").unwrap_or("/proc/self/ns/net");
    let file = File::open(path).map_err(|_| target.not_found(&format!("network namespace {path}"), &[]))?;
    let attached = link::netns(target.program, file.as_fd());
    attached.map(|link| target.made(link, path)).map_err(|error| target.failed(&error, path))
}
