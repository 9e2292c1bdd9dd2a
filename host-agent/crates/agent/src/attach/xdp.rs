//! XDP: on interfaces, and behind CPU and device maps.

use std::os::fd::AsFd;

use ringside_bpf::error::describe;
use ringside_bpf::link::{self, Link, XdpMode};
use ringside_bpf::{cpus, map};

use super::sockets::{self, ChosenMap};
use super::{Made, Target, candidates, interface, owner};
use crate::failure::libc_errno::{E2BIG, EBUSY, EEXIST, EINVAL, EOPNOTSUPP};
use crate::failure::{Answer, Failure};

const MODES: [(&str, XdpMode); 7] = [
    ("auto", XdpMode::Any),
    ("skb", XdpMode::Generic),
    ("driver", XdpMode::Driver),
    ("hw", XdpMode::Offload),
    ("generic", XdpMode::Generic),
    ("native", XdpMode::Driver),
    ("offload", XdpMode::Offload),
];

pub fn xdp(target: &Target<'_>) -> Answer<Made> {
    let mode = target.word("xdp-mode", &MODES);
    let (name, index) = interface::chosen(target)?;
    let mode = mode?.unwrap_or(XdpMode::Any);
    link::xdp(target.program, index, mode).map(|link| target.made(link, name)).map_err(|error| {
        let own = target.program.name();
        interface::vanished(target, &error, name).unwrap_or_else(|| match (error.errno, mode) {
            (EBUSY | EEXIST, _) => {
                let owners = link::xdp_owners(index);
                let taken = target.taken(name, &owner::of_programs("XDP program", &owners), error.errno);
                match target.sibling(&owners) {
                    Some(sibling) => taken.hint(format!(
                        "{sibling} is of this object, too, and an interface takes one XDP program: choose {own} or {sibling} by name, or another interface for one of them."
                    )),
                    None => taken,
                }
            }
            (_, XdpMode::Offload) => Failure::new("unsupported-by-kernel", format!("Program {own} cannot be offloaded to {name}: {}.", describe(error.errno)))
                .errno(error.errno)
                .hint("The network card itself must run XDP (few do), and the program must be loaded for it. Use xdp-mode=driver or xdp-mode=skb."),
            (EOPNOTSUPP | EINVAL, XdpMode::Driver) => Failure::new("unsupported-by-kernel", format!("Program {own} cannot run in the driver of {name}: {}.", describe(error.errno)))
                .errno(error.errno)
                .hint("The driver has no native XDP, or not with this MTU or these features (a larger MTU needs SEC(\"xdp.frags\")). xdp-mode=skb works on every interface."),
            _ => target.failed(&error, name),
        })
    })
}

/// What a CPU map's entry holds when nobody has chosen a length.
const QUEUE_LENGTH: u32 = 2048;

/// `map=NAME:CPU`; without a CPU all online ones that the map has room for.
pub fn cpumap(target: &Target<'_>) -> Answer<Made> {
    const CPUMAP: u32 = 16;
    let chosen = sockets::map(target, |kind| kind == CPUMAP)?;
    let info = map::info(chosen.fd.as_fd())?;
    let cpu = target.number::<u32>("cpu")?.or(chosen.index);
    let online = cpus::online();
    if let Some(cpu) = cpu.filter(|cpu| !online.contains(cpu)) {
        return Err(target.not_found(&format!("online CPU {cpu}"), &[]));
    }
    let keys: Vec<u32> =
        cpu.map_or_else(|| online.into_iter().filter(|cpu| *cpu < info.max_entries).collect(), |cpu| vec![cpu]);
    let words = match keys[..] {
        [one] => format!("map {} for CPU {one}", chosen.name),
        _ => format!("map {} for {} CPUs", chosen.name, keys.len()),
    };
    let entry = |key: &u32| put(target, &chosen, *key, first_word(&chosen, *key).unwrap_or(QUEUE_LENGTH), &words);
    let links = keys.iter().map(entry).collect::<Answer<Vec<_>>>()?;
    Ok(target.made_all(links, words))
}

/// `map=NAME:INDEX` and the interface that the entry is for, unless the entry is there already.
pub fn devmap(target: &Target<'_>) -> Answer<Made> {
    const DEVMAP: u32 = 14;
    const DEVMAP_HASH: u32 = 25;
    let chosen = sockets::map(target, |kind| matches!(kind, DEVMAP | DEVMAP_HASH))?;
    let hashed = map::info(chosen.fd.as_fd())?.kind == DEVMAP_HASH;
    let (name, interface) = match target.choice("iface") {
        Some(name) => (name.to_owned(), interface::chosen(target)?.1),
        None => {
            let there = chosen.index.and_then(|index| first_word(&chosen, index)).filter(|interface| *interface != 0);
            let Some(interface) = there else { return Err(target.needed(&["iface"], &candidates::interfaces())) };
            (format!("interface {interface}"), interface as i32)
        }
    };
    let key = chosen.index.unwrap_or(if hashed { interface as u32 } else { 0 });
    let words = format!("map {} entry {key} to {name}", chosen.name);
    let link = put(target, &chosen, key, interface as u32, &words)?;
    Ok(target.made(link, words))
}

/// The queue length or interface of an entry that is there.
fn first_word(chosen: &ChosenMap, key: u32) -> Option<u32> {
    let info = map::info(chosen.fd.as_fd()).ok()?;
    let entry = map::lookup(chosen.fd.as_fd(), &info, &key.to_ne_bytes()).ok()??;
    Some(u32::from_ne_bytes(*entry.first_chunk()?)).filter(|word| *word != 0)
}

fn put(target: &Target<'_>, chosen: &ChosenMap, key: u32, value: u32, words: &str) -> Answer<Link> {
    link::map_entry(target.program, chosen.fd.as_fd(), key, value).map_err(|error| {
        let program = target.program.name();
        match error.errno {
            EBUSY => target.taken(words, "another program", EBUSY),
            E2BIG => target.not_found(&format!("entry {key} in map {}", chosen.name), &[]).errno(E2BIG),
            EINVAL => Failure::new("attach-failed", format!("Program {program} cannot be put into {words}: {}.", error.what))
                .errno(EINVAL)
                .hint("The map's value must be struct bpf_cpumap_val or struct bpf_devmap_val (Linux 5.9 and 5.8), and a program with fragments needs a map of programs with fragments."),
            _ => target.failed(&error, words),
        }
    })
}
