//! Maps before they are created: sizes that were left open, places in bpffs, and how much memory all of them will take.

use std::os::fd::AsFd;

use ringside_bpf::map::{self, Map};
use ringside_bpf::map_setup::Definition;
use ringside_bpf::object::Object;
use ringside_proto::messages as pb;

use super::memory;
use super::sizes::{self, Host};
use crate::failure::libc_errno::ENOENT;
use crate::failure::{Answer, Failure};
use crate::guard;
use crate::rpc::host;
use crate::rpc::object::no_map;

/// What was decided about one map.
#[derive(Debug, Default, Clone)]
pub struct Decided {
    pub name: String,
    pub chosen: String,
    /// What it will take; 0 for a map that is there already.
    pub memory: u64,
}

/// Sets the sizes that were left open and the places in bpffs.
pub fn choose(object: &Object, options: &pb::ObjectOptions) -> Answer<Vec<Decided>> {
    for pin in &options.pins {
        let map = object.map(&pin.map).ok_or_else(|| no_map(object, &pin.map))?;
        if !pin.path.starts_with('/') {
            return Err(Failure::new(
                "bad-value",
                format!("{} is no absolute path to pin map {} at.", pin.path, pin.map),
            )
            .hint("Pins lie in bpffs, as in /sys/fs/bpf/my-map."));
        }
        map.set_pin_path(&pin.path)?;
        object.keep_pin(&pin.path);
    }
    let here = Host::this();
    object.maps().iter().map(|map| decide(object, map, here)).collect()
}

/// Estimates the memory of what will be created, and refuses what is more than the limit.
pub fn weigh(object: &Object, options: &pb::ObjectOptions, decided: &mut [Decided]) -> Answer<()> {
    let here = Host::this();
    for (map, decided) in object.maps().iter().zip(decided.iter_mut()) {
        // A map that has a descriptor before the load is one that is reused.
        if map.autocreate() && map.fd().is_none() && !is_pinned(map)? {
            let definition = map.definition();
            decided.memory = memory::estimate(&definition, map.extra(), here.possible_cpus.into(), here.page.into());
        }
    }
    let limit = match options.map_memory_limit_bytes {
        0 => host::mem_available() / 2,
        limit => limit,
    };
    check_memory(object, decided, limit)
}

/// Much memory is asked about, unless it was asked for with a limit.
pub fn ask(options: &pb::ObjectOptions, decided: &[Decided]) -> Answer<()> {
    let Some(largest) = decided.iter().max_by_key(|map| map.memory) else { return Ok(()) };
    let finding = guard::map_memory(total(decided), &largest.name, host::mem_available());
    match options.map_memory_limit_bytes {
        0 => guard::check(finding.into_iter().collect(), &options.confirmed).map(|_| ()),
        _ => Ok(()),
    }
}

fn total(decided: &[Decided]) -> u64 {
    decided.iter().fold(0_u64, |sum, map| sum.saturating_add(map.memory))
}

fn decide(object: &Object, map: &Map<'_>, here: Host) -> Answer<Decided> {
    let mut decided = Decided { name: map.name().to_owned(), ..Decided::default() };
    if !map.autocreate() {
        return Ok(decided);
    }
    let (before, mut parts) = (map.definition(), Vec::new());
    // libbpf sizes the maps of globals and struct_ops itself.
    if !map.holds_globals() {
        let after = sizes::complete(before, here);
        set(map, &before, &after)?;
        parts.push(sizes::words(&before, &after));
    }
    if let Some(inner) = map.inner_definition() {
        let full = sizes::complete(inner, here);
        if full != inner {
            map.replace_inner(object, &full)?;
            parts.push(format!("of its inner maps {}", sizes::words(&inner, &full)));
        }
    }
    parts.retain(|part| !part.is_empty());
    decided.chosen = parts.join("; ");
    Ok(decided)
}

fn set(map: &Map<'_>, before: &Definition, after: &Definition) -> Answer<()> {
    if after.key_size != before.key_size {
        map.set_key_size(after.key_size)?;
    }
    if after.value_size != before.value_size {
        map.set_value_size(after.value_size)?;
    }
    if after.max_entries != before.max_entries {
        map.set_max_entries(after.max_entries)?;
    }
    Ok(())
}

/// Whether a map that fits is at the map's place in bpffs already, so that it is used and none is made.
fn is_pinned(map: &Map<'_>) -> Answer<bool> {
    let path = map.pin_path();
    if path.is_empty() {
        return Ok(false);
    }
    let there = match map::open_pinned(path) {
        Ok(there) => map::info(there.as_fd())?,
        Err(error) if error.errno == ENOENT => return Ok(false),
        Err(error) => {
            return Err(Failure::new(
                "map-pin-mismatch",
                format!("{path} cannot be used for map {}: {error}.", map.name()),
            )
            .errno(error.errno)
            .hint("Something else than a map is pinned there. Choose another path, or remove it."));
        }
    };
    let here = map.definition();
    let sizes = [
        ("type", map::type_name(there.kind).to_owned(), map.type_name().to_owned()),
        ("key_size", there.key_size.to_string(), here.key_size.to_string()),
        ("value_size", there.value_size.to_string(), here.value_size.to_string()),
        ("max_entries", there.max_entries.to_string(), here.max_entries.to_string()),
        ("flags", format!("{:#x}", there.declared_flags()), format!("{:#x}", here.flags)),
    ];
    let different: Vec<String> = sizes
        .iter()
        .filter(|(_, there, here)| there != here)
        .map(|(name, there, here)| format!("{name} is {there} there and {here} in the object"))
        .collect();
    if different.is_empty() {
        return Ok(true);
    }
    let message = format!("The map pinned at {path} does not fit map {}: {}.", map.name(), different.join(", "));
    Err(Failure::new("map-pin-mismatch", message)
        .hint(format!("Set the object's sizes as they are there, choose another path, or remove the pin (rm {path}).")))
}

/// For a load that is to leave nothing behind: maps that are pinned at their place are used, and none is put there.
pub fn pin_nothing(object: &Object) -> Answer<()> {
    for map in object.maps() {
        if !is_pinned(&map)? {
            map.set_pin_path("")?;
        }
    }
    Ok(())
}

fn check_memory(object: &Object, decided: &[Decided], limit: u64) -> Answer<()> {
    let total = total(decided);
    // Without a figure of what is available there is nothing to compare with.
    if limit == 0 || total <= limit {
        return Ok(());
    }
    let Some(largest) = decided.iter().max_by_key(|map| map.memory) else { return Ok(()) };
    let kind = object.map(&largest.name).map_or_else(String::new, |map| {
        format!(" ({}, {} entries of {} bytes)", map.type_name(), map.max_entries(), map.value_size())
    });
    let message = format!(
        "The maps of this object would take {} of memory, {} of it map {}{kind}; the limit is {}.",
        memory::words(total),
        memory::words(largest.memory),
        largest.name,
        memory::words(limit)
    );
    Err(Failure::new("maps-too-large", message)
        .hint("Set a smaller max_entries for that map, or a higher limit; without one it is half of the memory that is available. Per-CPU maps count every possible CPU."))
}

/// What was decided about the map, for the answer.
pub fn of<'d>(decided: &'d [Decided], name: &str) -> Option<&'d Decided> {
    decided.iter().find(|map| map.name == name)
}
