//! Sizes that an object leaves to its user-space program: what the kernel would refuse with a bare EINVAL gets a sensible one.

use std::fs;

use ringside_bpf::map_setup::Definition;
use ringside_bpf::{cpus, os};

use super::map_kinds as kind;

/// As most tools choose.
const ENTRIES: u32 = 10_240;
const STACK_FRAMES: u32 = 127;
const RING_BYTES: u32 = 256 * 1024;
/// For arrays of programs, sockets, interfaces: one page of pointers would be 512.
const SLOTS: u32 = 64;
const ARENA_PAGES: u32 = 1024;

/// What the host decides about sizes.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    pub possible_cpus: u32,
    /// kernel.perf_event_max_stack: deeper stack maps are refused.
    pub stack_frames: u32,
    pub page: u32,
}

impl Host {
    pub fn this() -> Self {
        let deepest = fs::read_to_string("/proc/sys/kernel/perf_event_max_stack").ok();
        Self {
            possible_cpus: cpus::possible_count() as u32,
            stack_frames: deepest.and_then(|text| text.trim().parse().ok()).unwrap_or(STACK_FRAMES),
            page: os::page_size() as u32,
        }
    }
}

/// The definition with every size that is zero and must not be.
pub fn complete(map: Definition, host: Host) -> Definition {
    let mut full = map;
    let or = |size: u32, other: u32| if size == 0 { other } else { size };
    match map.kind {
        kind::STACK_TRACE => {
            full.key_size = or(map.key_size, 4);
            full.value_size = or(map.value_size, 8 * host.stack_frames.min(STACK_FRAMES));
            full.max_entries = or(map.max_entries, ENTRIES);
        }
        kind::PERF_EVENT_ARRAY => full = references(map, host.possible_cpus),
        kind::CPUMAP => full.max_entries = or(map.max_entries, host.possible_cpus),
        kind::PROG_ARRAY | kind::CGROUP_ARRAY | kind::ARRAY_OF_MAPS => full = references(map, SLOTS),
        kind::DEVMAP | kind::SOCKMAP | kind::XSKMAP | kind::REUSEPORT_SOCKARRAY => {
            full.max_entries = or(map.max_entries, SLOTS);
        }
        kind::RINGBUF | kind::USER_RINGBUF => full.max_entries = or(map.max_entries, RING_BYTES.max(host.page)),
        kind::ARENA => full.max_entries = or(map.max_entries, ARENA_PAGES),
        kind::HASH_OF_MAPS => {
            full.value_size = or(map.value_size, 4);
            full.max_entries = or(map.max_entries, ENTRIES);
        }
        kind::ARRAY | kind::PERCPU_ARRAY => {
            full.key_size = or(map.key_size, 4);
            full.max_entries = or(map.max_entries, ENTRIES);
        }
        kind::HASH
        | kind::PERCPU_HASH
        | kind::LRU_HASH
        | kind::LRU_PERCPU_HASH
        | kind::LPM_TRIE
        | kind::SOCKHASH
        | kind::DEVMAP_HASH
        | kind::QUEUE
        | kind::STACK
        | kind::BLOOM_FILTER => full.max_entries = or(map.max_entries, ENTRIES),
        // Storages and struct_ops have no number of entries, and what is not known is left alone.
        _ => {}
    }
    full
}

/// Arrays of descriptors: both sizes can only be 4.
fn references(map: Definition, slots: u32) -> Definition {
    let or = |size: u32, other: u32| if size == 0 { other } else { size };
    Definition {
        key_size: or(map.key_size, 4),
        value_size: or(map.value_size, 4),
        max_entries: or(map.max_entries, slots),
        ..map
    }
}

/// "max_entries 10240, value_size 1016"; "" when nothing was chosen.
pub fn words(before: &Definition, after: &Definition) -> String {
    let sizes = [
        ("max_entries", before.max_entries, after.max_entries),
        ("key_size", before.key_size, after.key_size),
        ("value_size", before.value_size, after.value_size),
    ];
    let changed = sizes.iter().filter(|(_, before, after)| before != after);
    changed.map(|(name, _, after)| format!("{name} {after}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Host = Host { possible_cpus: 6, stack_frames: 127, page: 4096 };

    fn chosen(kind: u32, key_size: u32, value_size: u32, max_entries: u32, host: Host) -> String {
        let map = Definition { kind, key_size, value_size, max_entries, flags: 0 };
        words(&map, &complete(map, host))
    }

    #[test]
    fn what_is_left_open_is_chosen_and_told() {
        assert_eq!(chosen(kind::HASH, 4, 8, 0, HOST), "max_entries 10240");
        assert_eq!(chosen(kind::STACK_TRACE, 4, 0, 0, HOST), "max_entries 10240, value_size 1016");
        assert_eq!(chosen(kind::PERF_EVENT_ARRAY, 4, 4, 0, HOST), "max_entries 6");
        assert_eq!(chosen(kind::RINGBUF, 0, 0, 0, HOST), "max_entries 262144");
        let shallow = Host { stack_frames: 32, ..HOST };
        assert_eq!(chosen(kind::STACK_TRACE, 4, 0, 7, shallow), "value_size 256");
    }

    #[test]
    fn what_is_said_or_must_be_zero_stays() {
        assert_eq!(chosen(kind::HASH, 4, 8, 1, HOST), "");
        assert_eq!(chosen(29, 4, 8, 0, HOST), "");
        assert_eq!(chosen(kind::STRUCT_OPS, 4, 8, 0, HOST), "");
        assert_eq!(chosen(9999, 0, 0, 0, HOST), "");
    }
}
