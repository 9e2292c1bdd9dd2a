//! TakeAway: what somebody else has attached or pinned, taken away because a person said so.

use std::fs;
use std::os::fd::AsRawFd;

use ringside_bpf::foreign;
use ringside_bpf::inventory::{self, Kind};
use ringside_bpf::tc::{self, Direction};
use ringside_proto::messages as pb;
use ringside_proto::messages::take_away::What;

use super::owners::{self, Owners};
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::watch::Watches;

/// "Operation not supported", of links that only their holder detaches.
const NOT_BY_FORCE: i32 = 95;

pub fn take(watches: &Watches, context: &Context<'_>, request: &pb::TakeAway) -> Answer<pb::Empty> {
    let owners = || owners::scan(context, &watches.descriptors());
    let (gone, what) = match &request.what {
        Some(What::LinkId(id)) => (link(*id, request.id, &owners()?)?, format!("link {id}")),
        Some(What::Hook(hook)) => {
            not_ours(&owners()?.of(Kind::Program, hook.program_id), "it")?;
            (take_hook(hook)?, format!("{} {} of {}", hook.kind, hook.mode, hook.iface))
        }
        Some(What::Pin(path)) => (unpin(path, &request.kind, request.id)?, path.clone()),
        None => return Err(Failure::new("protocol", "The request does not say what is to go.")),
    };
    if gone {
        return Ok(pb::Empty {});
    }
    Err(Failure::new(
        "not-there",
        format!("There is no {what} any more, or it is another one by now: nothing was taken away."),
    )
    .hint("List again what is there."))
}

/// Ours are ended with their run, which takes back everything that belongs to them.
fn not_ours(owners: &[pb::Owner], what: &str) -> Answer<()> {
    match owners.iter().find(|owner| owner.ringside) {
        Some(owner) => {
            Err(Failure::new("bad-value", format!("A Ringside agent (process {}) holds {what}.", owner.pid))
                .hint("End its run: that takes back everything that belongs to it."))
        }
        None => Ok(()),
    }
}

fn link(id: u32, program_id: u32, owners: &Owners) -> Answer<bool> {
    let holders = owners.of(Kind::Link, id);
    not_ours(&holders, &format!("link {id}"))?;
    match foreign::detach_link(id, program_id) {
        Err(error) if error.errno == NOT_BY_FORCE => Err(held(id, &holders).errno(error.errno)),
        other => Ok(other?),
    }
}

fn held(id: u32, holders: &[pb::Owner]) -> Failure {
    let by: Vec<String> = holders.iter().map(|owner| format!("{} (process {})", owner.command, owner.pid)).collect();
    let kill: Vec<String> = holders.iter().map(|owner| format!("`kill {}`", owner.pid)).collect();
    let message = "The kernel takes a link of this kind away only when nobody holds it any more";
    if by.is_empty() {
        return Failure::new(
            "held-by-process",
            format!("{message}; no process that may be looked at holds link {id}."),
        )
        .hint("It is pinned, or held by a process of another user: remove its pin, or end that process.");
    }
    Failure::new("held-by-process", format!("{message}; link {id} is held by {}.", by.join(", ")))
        .hint(format!("End that process: {}. What it attached in this way goes with it.", kill.join(", ")))
}

fn take_hook(hook: &pb::NetAttachment) -> Answer<bool> {
    let interface = hook.ifindex as i32;
    let direction = match hook.mode.as_str() {
        "egress" => Direction::Egress,
        _ => Direction::Ingress,
    };
    Ok(match hook.kind.as_str() {
        "xdp" => foreign::detach_xdp(interface, &hook.mode, hook.program_id)?,
        "tc" => tc::remove_filter(interface, direction, (hook.handle, hook.priority), hook.program_id)?,
        kind => return Err(Failure::new("bad-value", format!("What is attached as {kind} has a link: name that."))),
    })
}

/// Removes the path if that is what lies there.
fn unpin(path: &str, kind: &str, id: u32) -> Answer<bool> {
    let Ok(pinned) = inventory::open_pin(path) else { return Ok(false) };
    let wanted = match kind {
        "program" => Kind::Program,
        "map" => Kind::Map,
        "link" => Kind::Link,
        _ => return Err(Failure::new("bad-value", format!("Nothing of the kind {kind:?} is pinned."))),
    };
    if owners::held(&format!("/proc/self/fdinfo/{}", pinned.as_raw_fd())) != Some((wanted, id)) {
        return Ok(false);
    }
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) => Err(Failure::new("no-permission", format!("{path} cannot be removed: {error}."))
            .errno(error.raw_os_error().unwrap_or(0))),
    }
}
