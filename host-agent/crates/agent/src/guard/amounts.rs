//! How much of something: separate probes, memory of maps.

use ringside_proto::messages as pb;

use super::subject::Subject;
use crate::plan::memory_words;

pub const MANY_PROBES: &str = "many-probes";
pub const MAP_MEMORY: &str = "map-memory";

/// Hosts with thousands of separate probes have become unusable; tools that trace limit themselves to about as many.
pub const MOST_PROBES: usize = 512;
/// Kinds whose programs take a perf event each.
const SEPARATE: [&str; 4] = ["kprobe", "ksyscall", "uprobe", "usdt"];
/// Of the memory that is available.
const SHARE_PERCENT: u64 = 10;
/// Maps below this ask nothing, however small the host.
const LEAST_BYTES: u64 = 32 << 20;

pub fn is_separate(kind: &str) -> bool {
    SEPARATE.contains(&kind)
}

/// `attached`: how many there are already.
pub fn many_probes(attached: usize, subjects: &[Subject]) -> Option<pb::Finding> {
    let wanted = subjects.iter().filter(|subject| is_separate(subject.kind)).count();
    let all = attached + wanted;
    (wanted > 0 && all > MOST_PROBES).then(|| pb::Finding {
        rule: MANY_PROBES.into(),
        reason: format!(
            "{all} separate probes slow the host down and take long to attach and to detach; more than {MOST_PROBES} are asked about. One kprobe.multi or uprobe.multi program takes thousands of places."
        ),
        ..pb::Finding::default()
    })
}

/// `total` bytes of maps, most of them of map `largest`, with so much memory available (0 = not known).
pub fn map_memory(total: u64, largest: &str, available: u64) -> Option<pb::Finding> {
    let most = (available / 100 * SHARE_PERCENT).max(LEAST_BYTES);
    (available > 0 && total > most).then(|| pb::Finding {
        rule: MAP_MEMORY.into(),
        program: largest.to_owned(),
        reason: format!(
            "The maps of this object take {} of the {} that the host has available, most of it map {largest}; more than {} are asked about.",
            memory_words(total),
            memory_words(available),
            memory_words(most)
        ),
        ..pb::Finding::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects(kind: &'static str, count: usize) -> Vec<Subject> {
        (0..count).map(|_| Subject::ending_with(kind, 0)).collect()
    }

    #[test]
    fn separate_probes_are_counted_with_those_that_are_there() {
        assert!(many_probes(0, &subjects("kprobe", 512)).is_none());
        let found = many_probes(0, &subjects("uprobe", 513)).expect("a finding");
        assert!(found.reason.contains("513"), "{}", found.reason);
        assert!(many_probes(500, &subjects("kprobe", 13)).is_some());
        assert!(many_probes(0, &subjects("kprobe.multi", 600)).is_none());
        assert!(many_probes(600, &subjects("xdp", 1)).is_none(), "a packet program adds no probe");
    }

    #[test]
    fn maps_above_a_tenth_of_what_is_available() {
        const GIB: u64 = 1 << 30;
        assert!(map_memory(100 << 20, "events", GIB).is_none());
        let found = map_memory(200 << 20, "events", GIB).expect("a finding");
        assert!(found.reason.contains("200.0 MiB") && found.reason.contains("map events"), "{}", found.reason);
        assert!(map_memory(16 << 20, "events", 100 << 20).is_none(), "a usual ring on a small host");
        assert!(map_memory(GIB, "events", 0).is_none(), "nothing is known");
    }
}
