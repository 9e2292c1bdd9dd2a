//! What a map takes of the kernel's memory when it is created, by the arithmetic of the kernel's own map types (their
//! map_mem_usage). Maps that grow only as they are used count with what they begin with.

use ringside_bpf::map_setup::Definition;

use super::map_kinds as kind;

const NO_PREALLOC: u32 = 1 << 0;
const MMAPABLE: u32 = 1 << 10;
/// The struct of the map itself.
const BASE: u64 = 512;
/// A hash element without its key and value.
const HASH_ELEMENT: u64 = 48;
const HASH_BUCKET: u64 = 16;
const STACK_BUCKET: u64 = 24;
const POINTER: u64 = 8;

/// Saturates: nobody cares by how much the largest number is exceeded.
pub fn estimate(map: &Definition, extra: u64, possible_cpus: u64, page: u64) -> u64 {
    let entries = u64::from(map.max_entries);
    let (key, value) = (eights(map.key_size), eights(map.value_size));
    let times = u64::saturating_mul;
    let body = match map.kind {
        kind::HASH | kind::LRU_HASH | kind::PERCPU_HASH | kind::LRU_PERCPU_HASH | kind::HASH_OF_MAPS => {
            hash(map, entries, key, value, possible_cpus)
        }
        kind::ARRAY if map.flags & MMAPABLE != 0 => times(entries, value).div_ceil(page).saturating_mul(page),
        kind::ARRAY => times(entries, value),
        kind::PERCPU_ARRAY => times(entries, POINTER.saturating_add(times(value, possible_cpus))),
        kind::PROG_ARRAY
        | kind::PERF_EVENT_ARRAY
        | kind::CGROUP_ARRAY
        | kind::ARRAY_OF_MAPS
        | kind::DEVMAP
        | kind::SOCKMAP
        | kind::CPUMAP
        | kind::XSKMAP
        | kind::REUSEPORT_SOCKARRAY => times(entries, POINTER),
        kind::SOCKHASH | kind::DEVMAP_HASH => times(power_of_two(entries), HASH_BUCKET),
        kind::STACK_TRACE => {
            let element = STACK_BUCKET.saturating_add(value);
            times(power_of_two(entries), POINTER).saturating_add(times(entries, element))
        }
        // The data pages once; their addresses twice, for they are mapped twice in a row.
        kind::RINGBUF | kind::USER_RINGBUF => {
            entries.saturating_add(3 * page).saturating_add(times(entries.div_ceil(page), 2 * POINTER))
        }
        kind::QUEUE | kind::STACK => times(entries + 1, u64::from(map.value_size)),
        kind::BLOOM_FILTER => {
            let hashes = if extra & 0xf == 0 { 5 } else { extra & 0xf };
            power_of_two(times(times(entries, hashes), 7) / 5) / 8
        }
        kind::STRUCT_OPS => times(value, 2).saturating_add(page),
        // Filled as they are used: tries, arenas, storages; and types that are newer than this table.
        _ => 0,
    };
    body.saturating_add(BASE)
}

fn hash(map: &Definition, entries: u64, key: u64, value: u64, possible_cpus: u64) -> u64 {
    let per_cpu = matches!(map.kind, kind::PERCPU_HASH | kind::LRU_PERCPU_HASH);
    let lru = matches!(map.kind, kind::LRU_HASH | kind::LRU_PERCPU_HASH);
    let buckets = power_of_two(entries).saturating_mul(HASH_BUCKET);
    // LRU maps always have all their elements, maps of maps never.
    if !lru && (map.flags & NO_PREALLOC != 0 || map.kind == kind::HASH_OF_MAPS) {
        return buckets;
    }
    let element = HASH_ELEMENT.saturating_add(key).saturating_add(if per_cpu { POINTER } else { value });
    let spare = if lru || per_cpu { 0 } else { possible_cpus };
    let elements = element.saturating_mul(entries.saturating_add(spare));
    let values = if per_cpu { value.saturating_mul(possible_cpus).saturating_mul(entries) } else { 0 };
    buckets.saturating_add(elements).saturating_add(values)
}

fn eights(bytes: u32) -> u64 {
    u64::from(bytes).next_multiple_of(8)
}

fn power_of_two(number: u64) -> u64 {
    number.checked_next_power_of_two().unwrap_or(u64::MAX)
}

/// "1.5 GiB": the figure of a refusal.
pub fn words(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 0;
    let mut size = bytes as f64;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{size:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: u32, value_size: u32, max_entries: u32, flags: u32) -> u64 {
        estimate(&Definition { kind, key_size: 4, value_size, max_entries, flags }, 0, 8, 4096) - BASE
    }

    #[test]
    fn each_kind_by_the_kernels_arithmetic() {
        // 1024 buckets, and 1000 elements with one to spare for each CPU, of 48 + 8 + 16 bytes.
        assert_eq!(of(kind::HASH, 12, 1000, 0), 1024 * 16 + 1008 * 72);
        assert_eq!(of(kind::HASH, 12, 1000, NO_PREALLOC), 1024 * 16);
        assert_eq!(of(kind::LRU_HASH, 12, 1000, 0), 1024 * 16 + 1000 * 72);
        assert_eq!(of(kind::PERCPU_HASH, 12, 1000, 0), 1024 * 16 + 1000 * 64 + 1000 * 16 * 8);
        assert_eq!(of(kind::ARRAY, 3, 10, 0), 80);
        assert_eq!(of(kind::ARRAY, 3, 10, MMAPABLE), 4096);
        assert_eq!(of(kind::PERCPU_ARRAY, 3, 10, 0), 10 * (8 + 64));
        assert_eq!(of(kind::RINGBUF, 0, 1 << 20, 0), (1 << 20) + 3 * 4096 + 256 * 16);
        assert_eq!(of(29, 100, 0, 0), 0);
    }

    #[test]
    fn a_terabyte_and_more_are_told_as_such() {
        let huge = of(kind::HASH, 512, 0x7fff_ffff, 0);
        assert!(huge > 1 << 40, "{huge}");
        assert_eq!(words(huge), "1.1 TiB");
        assert!(of(kind::PERCPU_ARRAY, u32::MAX, u32::MAX, 0) > 1 << 60);
        assert_eq!((words(12), words(1536)), ("12 bytes".into(), "1.5 KiB".into()));
    }
}
