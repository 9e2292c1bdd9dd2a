//! Network interfaces: traffic control and netkit.

use ringside_bpf::link;
use ringside_bpf::tc::Direction;
use ringside_bpf::{Error, os};

use super::{Made, Target, candidates, missing, owner};
use crate::failure::libc_errno::{EACCES, EBUSY, EEXIST, EINVAL, ENODEV, ENXIO};
use crate::failure::{Answer, Failure};

/// Name and index of `iface`.
pub fn chosen<'a>(target: &Target<'a>) -> Answer<(&'a str, i32)> {
    let Some(name) = target.choice("iface") else { return Err(target.needed(&["iface"], &candidates::interfaces())) };
    match os::interface_index(name) {
        Some(index) => Ok((name, index)),
        None => Err(target.not_found(&format!("interface {name}"), &candidates::interfaces())),
    }
}

/// The interface went away between the look and the call.
pub fn vanished(target: &Target<'_>, error: &Error, name: &str) -> Option<Failure> {
    (error.errno == ENODEV)
        .then(|| target.not_found(&format!("interface {name} (any more)"), &candidates::interfaces()).errno(ENODEV))
}

/// By a tcx link; where the kernel has none (before 6.6) by a filter of clsact, which is taken back on detach.
pub fn tc(target: &Target<'_>) -> Answer<Made> {
    let (name, index) = chosen(target)?;
    let chosen = target.word("direction", &[("ingress", Direction::Ingress), ("egress", Direction::Egress)])?;
    let written = if target.program.section().contains("egress") { Direction::Egress } else { Direction::Ingress };
    let direction = chosen.unwrap_or(written);
    let words = format!("{name} {}", if direction == Direction::Egress { "egress" } else { "ingress" });
    match link::tcx(target.program, index, direction) {
        Ok(link) => Ok(target.made(link, words)),
        Err(error) => match vanished(target, &error, name) {
            Some(failure) => Err(failure),
            None if error.errno == EINVAL => clsact(target, name, index, direction, words),
            None => Err(target.failed(&error, &words)),
        },
    }
}

fn clsact(target: &Target<'_>, name: &str, index: i32, direction: Direction, words: String) -> Answer<Made> {
    match link::tc_filter(target.program, index, direction) {
        Ok(link) => Ok(Made { kind: "clsact", ..target.made(link, words) }),
        Err(error) => Err(vanished(target, &error, name).unwrap_or_else(|| match error.errno {
            EINVAL | 2 => {
                let failure = missing::lacking(target, "tcx", error.errno, &words);
                failure.hint("Nor is the older clsact qdisc there: it needs the modules sch_ingress and cls_bpf (`modprobe sch_ingress cls_bpf`).")
            }
            _ => target.failed(&error, &words),
        })),
    }
}

pub fn netkit_primary(target: &Target<'_>) -> Answer<Made> {
    netkit(target, false)
}

/// The peer's side, which may be in a container: it is reached through the primary device.
pub fn netkit_peer(target: &Target<'_>) -> Answer<Made> {
    netkit(target, true)
}

fn netkit(target: &Target<'_>, peer: bool) -> Answer<Made> {
    let (name, index) = chosen(target)?;
    let words = format!("{name} {}", if peer { "peer" } else { "primary" });
    link::netkit(target.program, index, peer).map(|link| target.made(link, &words)).map_err(|error| {
        vanished(target, &error, name).unwrap_or_else(|| match error.errno {
            ENXIO => target.not_found(&format!("netkit device called {name}: it is an interface of another type"), &[]).errno(ENXIO).hint(
                "Make one: ip link add NAME type netkit (Linux 6.7). Other interfaces take SEC(\"tcx/ingress\") and SEC(\"tcx/egress\").",
            ),
            EACCES => {
                let message = format!("Program {}: {name} is the peer of a netkit pair.", target.program.name());
                Failure::new("attach-failed", message).errno(EACCES).hint("Programs of both sides attach through the primary device.")
            }
            EBUSY | EEXIST => target.taken(&words, &owner::of_programs("program", &[]), error.errno),
            _ => target.failed(&error, &words),
        })
    })
}
