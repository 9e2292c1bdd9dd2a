//! Programs of one object that hook the same thing by different means, of which an author expects one to be used: fentry and
//! kprobe of a function, tp_btf and raw_tp of an event, the old and the new name of a function.

use std::collections::BTreeMap;

use super::elf::References;
use super::hook::{Hook, Means};

/// A program that would be loaded.
pub struct Candidate<'a> {
    pub name: &'a str,
    pub section: &'a str,
    pub hook: Option<&'a Hook>,
    /// False when something is already known to keep it from loading here.
    pub available: bool,
}

/// For programs that give way, by index: the one that is used instead.
pub type Instead = BTreeMap<usize, usize>;

/// Programs that hook a site by the same means and under the same name. They are used or left out together: the entry by
/// fentry and the return by kretprobe would not fit each other.
struct Set {
    rank: (usize, Means),
    programs: Vec<usize>,
}

pub fn choose(candidates: &[Candidate<'_>], references: &dyn Fn(&Candidate<'_>) -> References) -> Instead {
    let mut instead = Instead::new();
    for sets in sites(candidates).into_values().filter(|sets| sets.len() > 1) {
        let mut kept: Vec<&Set> = Vec::new();
        for set in &sets {
            let winner = kept.iter().find(|winner| are_variants(candidates, winner, set, references));
            match winner {
                Some(winner) => {
                    instead.extend(set.programs.iter().map(|one| (*one, counterpart(candidates, winner, *one))))
                }
                None if set.programs.iter().any(|one| candidates[*one].available) => kept.push(set),
                None => {}
            }
        }
    }
    instead
}

/// The sets of each site, best first: those of which everything is available, then the newest name, then the best means.
fn sites(candidates: &[Candidate<'_>]) -> BTreeMap<String, Vec<Set>> {
    let mut sites: BTreeMap<String, Vec<(String, Set)>> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let Some(hook) = candidate.hook else { continue };
        let spelled = format!("{}:{}", hook.group, hook.name);
        let (site, age) = hook.site();
        let rank = (age, hook.means);
        let sets = sites.entry(site).or_default();
        match sets.iter_mut().find(|(name, set)| *name == spelled && set.rank == rank) {
            Some((_, set)) => set.programs.push(index),
            None => sets.push((spelled, Set { rank, programs: vec![index] })),
        }
    }
    let sorted = |sets: Vec<(String, Set)>| {
        let mut sets: Vec<Set> = sets.into_iter().map(|(_, set)| set).collect();
        sets.sort_by_key(|set| (set.programs.iter().filter(|one| !candidates[**one].available).count(), set.rank));
        sets
    };
    sites.into_iter().map(|(site, sets)| (site, sorted(sets))).collect()
}

fn are_variants(
    candidates: &[Candidate<'_>],
    winner: &Set,
    other: &Set,
    references: &dyn Fn(&Candidate<'_>) -> References,
) -> bool {
    let moments = |set: &Set| {
        set.programs.iter().filter_map(|one| candidates[*one].hook).map(|hook| hook.moment).collect::<Vec<_>>()
    };
    let (first, second) = (moments(winner), moments(other));
    if !first.iter().any(|one| second.iter().any(|two| one.meets(*two))) {
        return false;
    }
    // Lessons show several means side by side, each with a message of its own; variants say the same.
    let texts = |set: &Set| {
        let all = set.programs.iter().flat_map(|one| references(&candidates[*one]).texts);
        all.collect::<std::collections::BTreeSet<_>>()
    };
    let (first, second) = (texts(winner), texts(other));
    first.is_subset(&second) || second.is_subset(&first)
}

/// The winner's program for the same moment.
fn counterpart(candidates: &[Candidate<'_>], winner: &Set, program: usize) -> usize {
    let moment = candidates[program].hook.map(|hook| hook.moment);
    let same = |one: &&usize| {
        candidates[**one].available
            && candidates[**one].hook.zip(moment).is_some_and(|(hook, moment)| hook.moment.meets(moment))
    };
    *winner.programs.iter().find(same).unwrap_or(&winner.programs[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs as (name, section, available); the answer as "left → instead".
    fn chosen(programs: &[(&str, &str, bool)], texts: &dyn Fn(&str) -> References) -> Vec<String> {
        let hooks: Vec<Option<Hook>> = programs.iter().map(|(_, section, _)| Hook::of_section(section)).collect();
        let candidates: Vec<Candidate<'_>> = programs
            .iter()
            .zip(&hooks)
            .map(|((name, section, available), hook)| Candidate {
                name,
                section,
                hook: hook.as_ref(),
                available: *available,
            })
            .collect();
        let instead = choose(&candidates, &|candidate| texts(candidate.name));
        instead.into_iter().map(|(left, kept)| format!("{} → {}", programs[left].0, programs[kept].0)).collect()
    }

    fn silent(_: &str) -> References {
        References::default()
    }

    fn own_text(name: &str) -> References {
        let length = name.len() as u64;
        References { texts: [(1, length)].into(), ..References::default() }
    }

    #[test]
    fn the_trampoline_is_better_than_the_probe_where_there_is_one() {
        let programs = |there| [("old", "kprobe/vfs_read", true), ("new", "fentry/vfs_read", there)];
        assert_eq!(chosen(&programs(true), &silent), ["old → new"]);
        assert_eq!(chosen(&programs(false), &silent), ["new → old"]);
    }

    #[test]
    fn means_are_not_mixed_on_one_function() {
        let mut programs = [
            ("lock", "kprobe/mutex_trylock", true),
            ("locked", "kretprobe/mutex_trylock", true),
            ("done", "fexit/mutex_trylock", true),
        ];
        assert_eq!(chosen(&programs, &silent), ["lock → done", "locked → done"]);
        programs[2].2 = false;
        assert_eq!(chosen(&programs, &silent), ["done → locked"]);
        let halves = [
            ("in", "fentry/f", true),
            ("out", "fexit/f", false),
            ("kin", "kprobe/f", true),
            ("kout", "kretprobe/f", true),
        ];
        assert_eq!(chosen(&halves, &silent), ["in → kin", "out → kout"]);
    }

    #[test]
    fn a_pair_of_entry_and_return_by_different_means_stays() {
        assert!(chosen(&[("in", "kprobe/f", true), ("out", "fexit/f", true)], &silent).is_empty());
        assert!(chosen(&[("one", "kprobe/f", true), ("two", "kprobe/f", true)], &silent).is_empty());
    }

    #[test]
    fn of_one_event_the_typed_form_is_best() {
        let programs = [
            ("raw", "raw_tp/sched_switch", true),
            ("plain", "tp/sched/sched_switch", true),
            ("btf", "tp_btf/sched_switch", true),
        ];
        assert_eq!(chosen(&programs, &silent), ["raw → btf", "plain → btf"]);
    }

    #[test]
    fn of_old_and_new_names_the_newest_there_is() {
        let programs = |page| {
            [
                ("event", "tp_btf/block_io_start", page),
                ("newer", "kprobe/__blk_account_io_start", true),
                ("older", "fentry/blk_account_io_start", true),
            ]
        };
        assert_eq!(chosen(&programs(true), &silent), ["newer → event", "older → event"]);
        assert_eq!(chosen(&programs(false), &silent), ["event → newer", "older → newer"]);
        let calls = [("x64", "kprobe/__x64_sys_openat", true), ("arm64", "kprobe/__arm64_sys_openat", false)];
        assert_eq!(chosen(&calls, &silent), ["arm64 → x64"]);
    }

    #[test]
    fn programs_with_messages_of_their_own_are_no_variants() {
        let programs = [("kprobe_say", "kprobe/do_execve", true), ("fentry_says", "fentry/do_execve", true)];
        assert!(chosen(&programs, &own_text).is_empty());
    }

    #[test]
    fn nothing_is_left_out_for_what_is_not_there() {
        assert!(chosen(&[("a", "fentry/f", false), ("b", "kprobe/f", false)], &silent).is_empty());
    }
}
