//! Kernel functions (kprobe, fentry) and LSM hooks.

use std::fs;
use std::path::Path;

use ringside_proto::messages as pb;

use super::found::Found;
use crate::failure::Answer;
use crate::knowledge::{Kernel, Refusal};
use crate::rpc::host;

pub fn kprobes(found: &mut Found<'_>) -> Answer<()> {
    let kernel = Kernel::default();
    let functions = kernel.functions();
    if !functions.known() {
        return Err(super::super::symbols::hidden());
    }
    // Of a kernel without kprobes the functions are shown all the same: fentry may reach them.
    let without = !Path::new("/sys/bus/event_source/devices/kprobe").exists();
    for function in functions.iter() {
        found.offer(function.name, || pb::TargetEntry {
            name: function.name.to_owned(),
            module: function.module.to_owned(),
            unusable: match function.obstacle() {
                _ if without => "this kernel has no kprobes".into(),
                Some(obstacle) => obstacle.short(),
                None => String::new(),
            },
            ..Default::default()
        })?;
    }
    answer_missing(found, "kernel function", |name| kernel.kprobe(name))
}

pub fn fentries(found: &mut Found<'_>) -> Answer<()> {
    let kernel = Kernel::default();
    let Some(typed) = kernel.typed() else { return Err(host::no_btf()) };
    let functions = kernel.functions();
    let mut last = "";
    for named in typed.functions.iter() {
        // Several types of one name: the kernel takes the first, and says nothing of the others.
        if named.name == last {
            continue;
        }
        last = named.name;
        found.offer(named.name, || {
            let known = functions.find(named.name);
            let unusable = match known.as_ref().map(|function| function.obstacle()) {
                Some(None) => String::new(),
                Some(Some(obstacle)) => obstacle.short(),
                None if functions.known() => "inlined".into(),
                None => String::new(),
            };
            pb::TargetEntry {
                name: named.name.to_owned(),
                module: typed.modules.get(usize::from(named.module)).cloned().unwrap_or_default(),
                unusable,
                ..Default::default()
            }
        })?;
    }
    answer_missing(found, "kernel function with types", |name| kernel.fentry(name))
}

pub fn lsm_hooks(found: &mut Found<'_>) -> Answer<()> {
    let kernel = Kernel::default();
    let Some(typed) = kernel.typed() else { return Err(host::no_btf()) };
    let active = fs::read_to_string("/sys/kernel/security/lsm").ok();
    let off = active.is_some_and(|list| !list.trim().split(',').any(|name| name == "bpf"));
    for hook in typed.lsm_hooks.iter() {
        found.offer(hook.name, || pb::TargetEntry {
            name: hook.name.to_owned(),
            unusable: if off {
                "bpf is not among the active LSMs (kernel parameter lsm=)".into()
            } else {
                String::new()
            },
            ..Default::default()
        })?;
    }
    answer_missing(found, "LSM hook", |name| kernel.lsm_hook(name))
}

/// A name without wildcards that nothing matches is answered with the nearest that exist.
pub fn answer_missing(found: &Found<'_>, what: &str, refuse: impl FnOnce(&str) -> Result<(), Refusal>) -> Answer<()> {
    let Some(name) = found.pattern.literal().filter(|_| found.total() == 0) else { return Ok(()) };
    match refuse(&name) {
        Err(refusal) => Err(refusal.failure(&format!("The {what} {name}"))),
        Ok(()) => Ok(()),
    }
}
