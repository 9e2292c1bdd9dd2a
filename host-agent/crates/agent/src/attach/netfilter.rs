//! netfilter hooks.

use ringside_bpf::link::{self, Netfilter};

use super::{Made, Target};
use crate::failure::libc_errno::{EBUSY, EEXIST};
use crate::failure::{Answer, Failure};

const IPV4: u32 = 2;
const IPV6: u32 = 10;

/// NF_INET_*, by the names of the kernel and of nftables.
const HOOKS: [(&str, u32); 7] = [
    ("prerouting", 0),
    ("input", 1),
    ("forward", 2),
    ("output", 3),
    ("postrouting", 4),
    ("local_in", 1),
    ("local_out", 3),
];

/// Between conntrack's defragmentation and mangling: early enough to see what others drop.
const DEFAULT_PRIORITY: i32 = -128;

/// `hook`, `pf` (ipv4, ipv6 or both), `priority`, `defrag`.
pub fn netfilter(target: &Target<'_>) -> Answer<Made> {
    let Some(hook) = target.word("hook", &HOOKS)? else {
        let names: Vec<String> = HOOKS[..5].iter().map(|(name, _)| format!("hook={name}")).collect();
        return Err(target.needed(&["hook"], &names));
    };
    let families: &[u32] = target
        .word("pf", &[("ipv4", &[IPV4] as &[u32]), ("ipv6", &[IPV6]), ("both", &[IPV4, IPV6])])?
        .unwrap_or(&[IPV4]);
    let priority = target.number::<i32>("priority")?.unwrap_or(DEFAULT_PRIORITY);
    if matches!(priority, i32::MIN | i32::MAX) {
        return Err(Failure::new("bad-value", format!("priority={priority} is kept by the kernel for itself.")));
    }
    let defragment = target.word("defrag", &[("yes", true), ("no", false)])?.unwrap_or(false);
    let name = HOOKS[..5].iter().find(|(_, number)| *number == hook).map_or("", |(name, _)| name);
    let family = match families {
        [IPV4] => "IPv4",
        [IPV6] => "IPv6",
        _ => "IPv4 and IPv6",
    };
    let words = format!("{family} {name} at priority {priority}");
    let attach =
        |family: &u32| link::netfilter(target.program, Netfilter { family: *family, hook, priority, defragment });
    let links = families.iter().map(attach).collect::<Result<Vec<_>, _>>().map_err(|error| match error.errno {
        EBUSY | EEXIST => target.taken(&words, "another BPF program of the same priority", error.errno),
        _ => target.failed(&error, &words),
    })?;
    Ok(target.made_all(links, words))
}
