//! Which maps of the old version the new one takes over, and why not the others.

use ringside_bpf::map::{self, Dump, Map, MapInfo};
use ringside_bpf::object::Object;
use ringside_bpf::reuse::{self, Existing};
use ringside_proto::messages as pb;

use super::layout::{Types, difference};
use crate::failure::Answer;
use crate::plan::map_kinds as kinds;

/// Contents that are copied into a map of another size; more would take the memory of the host.
const MOST_COPIED: usize = 256 << 20;
/// Types whose entries can be copied into a map of another size.
const COPIED: [u32; 7] = [
    kinds::HASH,
    kinds::ARRAY,
    kinds::PERCPU_HASH,
    kinds::PERCPU_ARRAY,
    kinds::LRU_HASH,
    kinds::LRU_PERCPU_HASH,
    kinds::LPM_TRIE,
];

/// What is planned for one map of the new version.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Plan {
    Keep,
    Copy,
    Reset(String),
    New,
}

/// Plans for all maps of the new version, and what became of them.
#[derive(Default)]
pub struct Takeover {
    plans: Vec<(String, Plan)>,
    /// Entries that were copied, by map.
    copied: Vec<(String, u64)>,
}

/// Maps of globals are called after their object; what stays the same is the name of their section.
pub fn identity(name: &str) -> &str {
    name.find('.').map_or(name, |dot| &name[dot..])
}

impl Takeover {
    /// Decides for each map of `new`, which is not loaded yet, and lets it stand for the old one where that fits and the
    /// client does not want it `reset`.
    pub fn prepare(old: &Object, new: &Object, reset: &[String]) -> Answer<Self> {
        let (old_bytes, new_bytes) = (reuse::types(old), reuse::types(new));
        let types = (Types::parse(&old_bytes), Types::parse(&new_bytes));
        let mut plans = Vec::new();
        for map in new.maps() {
            let plan = match old.map(identity(map.name())).and_then(|old| Some((old, map::info(old.fd()?).ok()?))) {
                None => Plan::New,
                Some(_) if reset.iter().any(|name| name == map.name()) => {
                    Plan::Reset("its records have another layout".to_owned())
                }
                Some((old, info)) => plan(old, &info, map, (types.0.as_ref(), types.1.as_ref())),
            };
            plans.push((map.name().to_owned(), plan));
        }
        reset_outer_maps(new, &mut plans);
        for (name, plan) in &mut plans {
            let found = (new.map(identity(name)), old.map(identity(name)).and_then(|old| old.fd()));
            let (Plan::Keep, (Some(map), Some(existing))) = (&*plan, found) else { continue };
            // A pinned one is found at its place by libbpf itself.
            if !map.pin_path().is_empty() {
                continue;
            }
            if let Err(error) = map.reuse(existing) {
                *plan = Plan::Reset(error.to_string());
            }
        }
        Ok(Self { plans, copied: Vec::new() })
    }

    /// Gives resized maps the entries of the old ones. Once before the new programs run and, with [`Existing::Keep`], once
    /// after the old ones have left: keys that came in between are then there too.
    pub fn copy(&mut self, old: &Object, new: &Object, existing: Existing) -> Answer<()> {
        for (name, plan) in &mut self.plans {
            let fd = |object: &Object| {
                object.map(identity(name)).and_then(|map| map.fd()).and_then(|fd| fd.try_clone_to_owned().ok())
            };
            let (Plan::Copy, Some(from), Some(to)) = (&*plan, fd(old), fd(new)) else { continue };
            use std::os::fd::AsFd;
            let (info, target) = (map::info(from.as_fd())?, map::info(to.as_fd())?);
            let entry = info.key_size as usize + info.value_bytes();
            let most = u32::try_from(MOST_COPIED / entry.max(1)).unwrap_or(u32::MAX);
            let Dump { bytes, truncated, .. } = map::dump(from.as_fd(), &info, most)?;
            if truncated {
                *plan = Plan::Reset(format!("its contents are larger than {} MiB", MOST_COPIED >> 20));
                continue;
            }
            let written = reuse::copy_entries(to.as_fd(), &target, &bytes, existing);
            match self.copied.iter_mut().find(|(copied, _)| copied == name) {
                Some((_, count)) => *count += written,
                None => self.copied.push((name.clone(), written)),
            }
        }
        Ok(())
    }

    /// Whether the new version uses the very map that the old one did.
    pub fn kept(old: &Object, new: &Object, name: &str) -> bool {
        let id = |object: &Object| {
            object.map(identity(name)).and_then(|map| map.fd()).and_then(|fd| map::info(fd).ok()).map(|info| info.id)
        };
        id(old).is_some() && id(old) == id(new)
    }

    /// In the order of the new version's maps, then those that are gone.
    pub fn fates(&self, old: &Object, new: &Object) -> Vec<pb::MapFate> {
        let mut fates = Vec::new();
        for (name, plan) in &self.plans {
            if new.map(identity(name)).is_none_or(|map| map.fd().is_none()) {
                continue;
            }
            let copied = self.copied.iter().find(|(copied, _)| copied == name).map_or(0, |(_, entries)| *entries);
            let fate = match plan {
                _ if Self::kept(old, new, name) => fate(name, "kept", "", 0),
                Plan::Copy => fate(name, "resized", &resized(old, new, name), copied),
                Plan::Reset(reason) => fate(name, "reset", reason, 0),
                Plan::New => fate(name, "new", "", 0),
                Plan::Keep => fate(name, "reset", "the new version found another map at its place in bpffs", 0),
            };
            fates.push(fate);
        }
        let gone = old.maps().into_iter().filter(|map| map.fd().is_some() && new.map(identity(map.name())).is_none());
        fates.extend(gone.map(|map| fate(map.name(), "gone", "the new version has no map of this name", 0)));
        fates
    }
}

fn fate(map: &str, fate: &str, reason: &str, entries: u64) -> pb::MapFate {
    pb::MapFate { map: map.to_owned(), fate: fate.to_owned(), reason: reason.to_owned(), entries }
}

fn resized(old: &Object, new: &Object, name: &str) -> String {
    let entries = |object: &Object| {
        let info = object.map(identity(name)).and_then(|map| map.fd()).and_then(|fd| map::info(fd).ok());
        info.map_or(0, |info| info.max_entries)
    };
    format!(
        "room for {} entries instead of {}; values are as they were when they were copied",
        entries(new),
        entries(old)
    )
}

fn plan(old: Map<'_>, info: &MapInfo, new: Map<'_>, types: (Option<&Types<'_>>, Option<&Types<'_>>)) -> Plan {
    if let Some(reason) = never_kept(new) {
        return Plan::Reset(reason.to_owned());
    }
    if let Some(reason) = misfit(old, info, new).or_else(|| other_layout(old, new, types)) {
        return Plan::Reset(reason);
    }
    // libbpf chooses the number of CPUs for a perf event array without a size.
    let own_size = new.kind() == kinds::PERF_EVENT_ARRAY && new.max_entries() == 0;
    match info.max_entries == new.max_entries() || own_size {
        true => Plan::Keep,
        false if COPIED.contains(&info.kind) => Plan::Copy,
        false => {
            let (was, is) = (info.max_entries, new.max_entries());
            Plan::Reset(format!("its size was {was}, it is {is}, and a {} cannot be copied", new.type_name()))
        }
    }
}

fn never_kept(new: Map<'_>) -> Option<&'static str> {
    match (identity(new.name()), new.kind()) {
        (section, _) if section.starts_with(".rodata") => Some("constants are those of the new version"),
        (section, _) if section.starts_with(".kconfig") => Some("the kernel's configuration is read anew"),
        (_, kinds::PROG_ARRAY) => Some("its slots hold programs of the old version"),
        (_, kinds::STRUCT_OPS) => Some("it is made of the programs of the new version"),
        (_, kinds::ARENA) => Some("an arena is bound to the version that made it"),
        _ => None,
    }
}

fn misfit(old: Map<'_>, info: &MapInfo, new: Map<'_>) -> Option<String> {
    let changed = |what: &str, was: &dyn std::fmt::Display, is: &dyn std::fmt::Display| {
        Some(format!("its {what} was {was}, it is {is}"))
    };
    if info.kind != new.kind() {
        return changed("type", &map::type_name(info.kind), &new.type_name());
    }
    // 0 means that libbpf or the agent chooses, as it did for the old version.
    if info.key_size != new.key_size() && new.key_size() != 0 {
        return changed("key size", &info.key_size, &new.key_size());
    }
    if info.value_size != new.value_size() && new.value_size() != 0 {
        return changed("value size", &info.value_size, &new.value_size());
    }
    if old.flags() != new.flags() {
        return changed("flags", &format!("{:#x}", old.flags()), &format!("{:#x}", new.flags()));
    }
    if old.extra() != new.extra() {
        return changed("map_extra", &old.extra(), &new.extra());
    }
    None
}

fn other_layout(old: Map<'_>, new: Map<'_>, types: (Option<&Types<'_>>, Option<&Types<'_>>)) -> Option<String> {
    let (old_ids, new_ids) = (reuse::type_ids(old), reuse::type_ids(new));
    for (what, old, new) in [("key", old_ids.0, new_ids.0), ("value", old_ids.1, new_ids.1)] {
        // Where one of them says nothing of its types, sizes must do.
        let (Some(old), Some(new)) =
            (types.0.and_then(|types| types.layout(old)), types.1.and_then(|types| types.layout(new)))
        else {
            continue;
        };
        if let Some(difference) = difference(&old, &new) {
            return Some(format!("the layout of its {what} changed: {difference}"));
        }
    }
    None
}

/// A map of maps is only kept with what lies in it: loading puts the new version's inner maps into its slots.
fn reset_outer_maps(new: &Object, plans: &mut [(String, Plan)]) {
    let is_outer = |name: &str| {
        let kind = new.map(identity(name)).map(|map| map.kind());
        matches!(kind, Some(kinds::ARRAY_OF_MAPS | kinds::HASH_OF_MAPS))
    };
    let changed =
        plans.iter().find(|(name, plan)| !name.contains('.') && !is_outer(name) && !matches!(plan, Plan::Keep));
    let Some((changed, _)) = changed else { return };
    let reason = format!("map {changed} is not the old one any more and may lie in it");
    for (name, plan) in plans.iter_mut().filter(|(_, plan)| *plan == Plan::Keep) {
        if is_outer(name) {
            *plan = Plan::Reset(reason.clone());
        }
    }
}
