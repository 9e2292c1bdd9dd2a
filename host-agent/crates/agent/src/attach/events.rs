//! Names of perf events, as the perf tool writes them.

use std::fs;
use std::path::Path;

/// An event's type and configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    pub kind: u32,
    pub config: u64,
}

const HARDWARE: u32 = 0;
const SOFTWARE: u32 = 1;
const CACHE: u32 = 3;
const RAW: u32 = 4;

#[rustfmt::skip]
const NAMES: &[(&str, u32, u64)] = &[
    ("cpu-clock", SOFTWARE, 0), ("task-clock", SOFTWARE, 1), ("page-faults", SOFTWARE, 2), ("faults", SOFTWARE, 2),
    ("context-switches", SOFTWARE, 3), ("cs", SOFTWARE, 3), ("cpu-migrations", SOFTWARE, 4), ("migrations", SOFTWARE, 4),
    ("minor-faults", SOFTWARE, 5), ("major-faults", SOFTWARE, 6), ("alignment-faults", SOFTWARE, 7),
    ("emulation-faults", SOFTWARE, 8), ("cgroup-switches", SOFTWARE, 11),
    ("cycles", HARDWARE, 0), ("cpu-cycles", HARDWARE, 0), ("instructions", HARDWARE, 1), ("cache-references", HARDWARE, 2),
    ("cache-misses", HARDWARE, 3), ("branches", HARDWARE, 4), ("branch-instructions", HARDWARE, 4),
    ("branch-misses", HARDWARE, 5), ("bus-cycles", HARDWARE, 6), ("stalled-cycles-frontend", HARDWARE, 7),
    ("stalled-cycles-backend", HARDWARE, 8), ("ref-cycles", HARDWARE, 9),
];

const CACHES: [(&str, u64); 7] =
    [("l1-dcache", 0), ("l1-icache", 1), ("llc", 2), ("dtlb", 3), ("itlb", 4), ("branch", 5), ("node", 6)];
const OPERATIONS: [(&str, u64); 6] =
    [("loads", 0), ("load", 0), ("stores", 1), ("store", 1), ("prefetches", 2), ("prefetch", 2)];

/// "cycles", "page-faults", "LLC-load-misses", "r1a8" (raw, hexadecimal), "UNIT/EVENT/" of /sys/bus/event_source/devices.
pub fn parse(name: &str) -> Option<Event> {
    let plain = name.to_ascii_lowercase().replace('_', "-");
    let listed = NAMES.iter().find(|(known, ..)| *known == plain);
    listed
        .map(|(_, kind, config)| Event { kind: *kind, config: *config })
        .or_else(|| cache(&plain))
        .or_else(|| raw(&plain))
        .or_else(|| of_unit(name))
}

pub fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, ..)| *name)
}

/// Whether it counts in hardware, which virtual machines often do not have.
pub fn is_hardware(event: Event) -> bool {
    matches!(event.kind, HARDWARE | CACHE | RAW)
}

/// L1-dcache-load-misses: cache, operation, and hits unless misses are named.
fn cache(name: &str) -> Option<Event> {
    let (number, rest) =
        CACHES.iter().find_map(|(cache, number)| Some((number, name.strip_prefix(cache)?.strip_prefix('-')?)))?;
    let (operation, misses) = match rest.strip_suffix("-misses") {
        Some(operation) => (operation, 1),
        None => (rest, 0),
    };
    let (_, operation) = OPERATIONS.iter().find(|(known, _)| *known == operation)?;
    Some(Event { kind: CACHE, config: number | operation << 8 | misses << 16 })
}

fn raw(name: &str) -> Option<Event> {
    let digits = name.strip_prefix('r').filter(|digits| !digits.is_empty() && digits.len() <= 16)?;
    u64::from_str_radix(digits, 16).ok().map(|config| Event { kind: RAW, config })
}

/// An event that a unit of the machine names itself: "msr/tsc/", "power/energy-pkg/".
fn of_unit(name: &str) -> Option<Event> {
    let (unit, event) = name.strip_suffix('/').unwrap_or(name).split_once('/')?;
    if [unit, event].iter().any(|part| part.is_empty() || part.contains('/') || part.starts_with('.')) {
        return None;
    }
    let unit = Path::new("/sys/bus/event_source/devices").join(unit);
    let read = |path: &str| fs::read_to_string(unit.join(path)).ok();
    let kind = read("type")?.trim().parse().ok()?;
    let terms = read(&format!("events/{event}")).unwrap_or_else(|| event.to_owned());
    let config = terms.trim().split(',').try_fold(0, |config, term| {
        let (field, value) = term.split_once('=').unwrap_or((term, "1"));
        let value =
            value.strip_prefix("0x").map_or_else(|| value.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok());
        place(&read(&format!("format/{field}"))?, value?).map(|bits| config | bits)
    })?;
    Some(Event { kind, config })
}

/// A value in the bits that a format names ("config:0-7,32-35"). None for other words than the first.
fn place(format: &str, value: u64) -> Option<u64> {
    let (mut rest, mut placed) = (value, 0);
    for part in format.trim().strip_prefix("config:")?.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
        for bit in from..=to.min(63) {
            placed |= (rest & 1) << bit;
            rest >>= 1;
        }
    }
    (rest == 0).then_some(placed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_perf() {
        assert_eq!(parse("cpu-clock"), Some(Event { kind: SOFTWARE, config: 0 }));
        assert_eq!(parse("page_faults"), Some(Event { kind: SOFTWARE, config: 2 }));
        assert_eq!(parse("Cycles"), Some(Event { kind: HARDWARE, config: 0 }));
        assert_eq!(parse("L1-dcache-load-misses"), Some(Event { kind: CACHE, config: 0x1_0000 }));
        assert_eq!(parse("LLC-stores"), Some(Event { kind: CACHE, config: 0x102 }));
        assert_eq!(parse("r1a8"), Some(Event { kind: RAW, config: 0x1a8 }));
        for wrong in ["", "r", "cycels", "rcycles", "../type/x/", "no-such-unit/x/"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_go_where_the_format_says() {
        assert_eq!(place("config:0-7\n", 0x3c), Some(0x3c));
        assert_eq!(place("config:0-7,32-35", 0x13c), Some(0x1_0000_003c));
        assert_eq!(place("config:8-15", 0x100), None);
        assert_eq!(place("config1:0-7", 1), None);
    }
}
