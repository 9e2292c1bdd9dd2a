//! Names that are spelled most like one that does not exist: edit distance, and the words that both have.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What one message names at most.
pub const MOST: usize = 5;

/// Longest name that the bit-parallel distance takes; what is behind it is not compared.
const LONGEST: usize = 64;

/// Letters that share a word weigh this much of a letter that had to be changed.
const WORD_WEIGHT: usize = 2;

/// Most alike first, at most [`MOST`]; nothing that has little to do with `wanted`. One pass, no copy of what is not
/// taken: fit for all symbols of a kernel.
pub fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = Wanted::new(wanted);
    let mut best: BinaryHeap<(usize, &'a str)> = BinaryHeap::new();
    for name in known {
        let worst = (best.len() == MOST).then(|| best.peek().map_or(usize::MAX, |(cost, _)| *cost));
        let Some(cost) = wanted.cost(name, worst.unwrap_or(usize::MAX)) else { continue };
        if best.iter().any(|(_, taken)| *taken == name) {
            continue;
        }
        best.push((cost, name));
        if best.len() > MOST {
            best.pop();
        }
    }
    let mut best = best.into_vec();
    best.sort_by_key(|(cost, name)| (*cost, Reverse(name.len()), *name));
    best.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// `finish_task_switch` of `finish_task_switch.isra.0`: compilers put what they did behind a dot.
pub fn without_suffix(name: &str) -> &str {
    match name.find('.') {
        Some(0) | None => name,
        Some(dot) => &name[..dot],
    }
}

struct Wanted<'a> {
    name: &'a [u8],
    /// Long enough to say something: not "do", "to", "v4".
    words: Vec<&'a str>,
    /// For each byte, the places where it stands in `name` (Myers' algorithm).
    places: [u64; 256],
}

impl<'a> Wanted<'a> {
    fn new(name: &'a str) -> Self {
        let cut = &name.as_bytes()[..name.len().min(LONGEST)];
        let mut places = [0; 256];
        for (index, byte) in cut.iter().enumerate() {
            places[usize::from(byte.to_ascii_lowercase())] |= 1 << index;
        }
        Self { name: cut, words: words(name).filter(|word| word.len() > 2).collect(), places }
    }

    /// Small is near; none for what is not alike, or not better than `worst`.
    fn cost(&self, candidate: &str, worst: usize) -> Option<usize> {
        let base = without_suffix(candidate);
        let shared = self.shared_letters(base);
        let length = self.name.len();
        // Each byte that one is longer has to be inserted.
        let least = base.len().min(LONGEST).abs_diff(length);
        // Counted as lost rather than gained: a difference that stops at zero would make near names look the same.
        let lost = (self.words.iter().map(|word| word.len()).sum::<usize>() - shared) * WORD_WEIGHT;
        if 10 * least + lost >= worst || least > length / 3 + shared {
            return None;
        }
        let distance = self.distance(base.as_bytes());
        // Names that share most of their words may differ in the rest; others may differ in a third of their letters.
        let alike = distance <= (length / 3).max(1) || 2 * shared > length && distance <= length;
        let cost = 10 * distance + lost + usize::from(base.len() != candidate.len());
        (alike && cost < worst).then_some(cost)
    }

    fn shared_letters(&self, candidate: &str) -> usize {
        let found = |word: &&&str| words(candidate).any(|other| other == **word);
        self.words.iter().filter(found).map(|word| word.len()).sum()
    }

    /// Levenshtein's distance by bit-parallel columns (Myers 1999, in Hyyrö's form), upper and lower case alike.
    fn distance(&self, text: &[u8]) -> usize {
        let length = self.name.len();
        if length == 0 {
            return text.len().min(LONGEST);
        }
        let last = 1_u64 << (length - 1);
        let (mut plus, mut minus) = (u64::MAX, 0_u64);
        let mut distance = length;
        for byte in text.iter().take(LONGEST) {
            let equal = self.places[usize::from(byte.to_ascii_lowercase())];
            let vertical = equal | minus;
            let horizontal = (((equal & plus).wrapping_add(plus)) ^ plus) | equal;
            let mut grows = minus | !(horizontal | plus);
            let mut shrinks = plus & horizontal;
            if grows & last != 0 {
                distance += 1;
            }
            if shrinks & last != 0 {
                distance -= 1;
            }
            grows = (grows << 1) | 1;
            shrinks <<= 1;
            plus = shrinks | !(vertical | grows);
            minus = grows & vertical;
        }
        distance
    }
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(['_', '.', ':', '/', '-', '@']).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_nearest_of_many_near_names_is_found() {
        let known = ["getegid", "geteuid", "getpgid", "getcwd", "getgid", "getpid"]
            .map(|name| format!("syscalls:sys_enter_{name}"));
        let found = nearest("syscalls:sys_enter_getpidd", known.iter().map(String::as_str));
        assert_eq!(found.first().map(String::as_str), Some("syscalls:sys_enter_getpid"));
    }

    #[test]
    fn near_names_come_first() {
        let known = ["syscalls:sys_enter_execve", "syscalls:sys_exit_execve", "sched:sched_switch"];
        let found = nearest("syscalls:sys_enter_exceve", known);
        assert_eq!(found.first().map(String::as_str), Some("syscalls:sys_enter_execve"));
        assert!(!found.contains(&"sched:sched_switch".to_owned()));
    }

    #[test]
    fn shared_words_count_more_than_letters() {
        let known = ["__blk_account_io_start", "block_count_so_stat", "tcp_v4_connect", "vfs_read"];
        assert_eq!(nearest("blk_account_io_start", known)[0], "__blk_account_io_start");
        assert_eq!(nearest("tcp_v4_conect", known), ["tcp_v4_connect"]);
        assert_eq!(nearest("tcp_v4_do_connect", known)[0], "tcp_v4_connect");
        assert_eq!(nearest("vfs_raed", known), ["vfs_read"]);
        assert!(nearest("nothing_like_it", known).is_empty());
    }

    #[test]
    fn what_the_compiler_puts_behind_a_name_does_not_make_it_farther() {
        let known = ["finish_task_switch.isra.0", "finish_wait", "finish_automount"];
        assert_eq!(nearest("finish_task_switch", known)[0], "finish_task_switch.isra.0");
    }

    #[test]
    fn the_nearest_of_a_hundred_and_fifty_thousand_names_are_found() {
        let known: Vec<String> = (0..150_000).map(|n| format!("subsystem_{}_function_{n}", n % 97)).collect();
        let found = nearest("subsystem_8_fucntion_4567", known.iter().map(String::as_str));
        assert_eq!(found.len(), MOST);
        assert_eq!(found[0], "subsystem_8_function_4567");
    }

    fn levenshtein(a: &[u8], b: &[u8]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, from) in a.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, to) in b.iter().enumerate() {
                let substituted = diagonal + usize::from(from != to);
                diagonal = row[j + 1];
                row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
            }
        }
        row[b.len()]
    }

    proptest! {
        #[test]
        fn the_distance_is_levenshteins(a in "[a-c_]{0,64}", b in "[a-c_]{0,64}") {
            prop_assert_eq!(Wanted::new(&a).distance(b.as_bytes()), levenshtein(a.as_bytes(), b.as_bytes()));
        }

        #[test]
        fn any_text_may_be_asked(wanted in ".{0,90}", known in proptest::collection::vec(".{0,90}", 0..20)) {
            let found = nearest(&wanted, known.iter().map(String::as_str));
            prop_assert!(found.len() <= MOST && found.iter().all(|name| known.contains(name)));
        }
    }
}
