//! The keys of a map with what tells their values apart: the value itself up to eight bytes, else its hash. Copies of the
//! values would make a watch as large as the map.

use std::hash::{BuildHasher, RandomState};

const EMPTY: u32 = u32::MAX;
const LEAST_SLOTS: usize = 64;

pub struct Seen {
    key_size: usize,
    hasher: RandomState,
    keys: Vec<u8>,
    values: Vec<u64>,
    /// The look at which each entry was there last.
    looks: Vec<u32>,
    /// Open addressing: where to find a key's entry.
    slots: Vec<u32>,
    look: u32,
    /// Of the look that is under way.
    before: usize,
    changes: Vec<(u32, u64)>,
    forgotten: Vec<u32>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Same,
    /// New, or with another value.
    Different,
    /// This look has met it already.
    Again,
    /// New, and there are as many as may be.
    NoRoom,
}

impl Seen {
    pub fn new(key_size: usize) -> Self {
        Self {
            key_size,
            hasher: RandomState::new(),
            keys: Vec::new(),
            values: Vec::new(),
            looks: Vec::new(),
            slots: vec![EMPTY; LEAST_SLOTS],
            look: 0,
            before: 0,
            changes: Vec::new(),
            forgotten: Vec::new(),
        }
    }

    /// Memory of one entry, with its share of the slots.
    pub fn entry_bytes(&self) -> usize {
        self.key_size + size_of::<u64>() + size_of::<u32>() + 4 * size_of::<u32>()
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn begin(&mut self) {
        self.look = self.look.wrapping_add(1);
        self.before = self.len();
        self.changes.clear();
        self.forgotten.clear();
    }

    pub fn look(&mut self, key: &[u8], value: &[u8], limit: usize) -> Found {
        let word = self.word(value);
        match self.find(key) {
            Ok(index) => {
                let at = index as usize;
                if self.looks[at] == self.look {
                    return Found::Again;
                }
                self.looks[at] = self.look;
                if self.values[at] == word {
                    return Found::Same;
                }
                self.changes.push((index, std::mem::replace(&mut self.values[at], word)));
                Found::Different
            }
            Err(_) if self.len() >= limit => Found::NoRoom,
            Err(slot) => {
                self.slots[slot] = self.len() as u32;
                self.keys.extend_from_slice(key);
                self.values.push(word);
                self.looks.push(self.look);
                if self.len() * 2 > self.slots.len() {
                    self.index(self.slots.len() * 2);
                }
                Found::Different
            }
        }
    }

    /// Entries that this look has not met.
    pub fn missing(&self) -> Vec<u32> {
        let met = |(index, look): (usize, &u32)| (*look != self.look).then_some(index as u32);
        self.looks.iter().enumerate().filter_map(met).collect()
    }

    pub fn key(&self, index: u32) -> &[u8] {
        &self.keys[index as usize * self.key_size..][..self.key_size]
    }

    /// Takes effect with [`Seen::keep`].
    pub fn forget(&mut self, index: u32) {
        self.forgotten.push(index);
    }

    /// Ends a look that was told whole.
    pub fn keep(&mut self) {
        if self.forgotten.is_empty() {
            return;
        }
        let mut forgotten = std::mem::take(&mut self.forgotten);
        forgotten.sort_unstable();
        let mut next = forgotten.into_iter().peekable();
        let mut kept = 0;
        for index in 0..self.len() {
            if next.next_if_eq(&(index as u32)).is_some() {
                continue;
            }
            self.keys.copy_within(index * self.key_size..(index + 1) * self.key_size, kept * self.key_size);
            self.values[kept] = self.values[index];
            self.looks[kept] = self.looks[index];
            kept += 1;
        }
        self.cut(kept);
        let mut slots = self.slots.len();
        while slots > LEAST_SLOTS && kept * 4 < slots {
            slots /= 2;
        }
        self.index(slots);
    }

    /// Ends a look that nobody will hear of.
    pub fn undo(&mut self) {
        for (index, value) in self.changes.drain(..).rev() {
            self.values[index as usize] = value;
        }
        self.cut(self.before);
        self.index(self.slots.len());
    }

    fn cut(&mut self, entries: usize) {
        self.keys.truncate(entries * self.key_size);
        self.values.truncate(entries);
        self.looks.truncate(entries);
    }

    /// The entry of a key, or the slot where it would be noted.
    fn find(&self, key: &[u8]) -> Result<u32, usize> {
        let mask = self.slots.len() - 1;
        let mut slot = self.hasher.hash_one(key) as usize & mask;
        loop {
            match self.slots[slot] {
                EMPTY => return Err(slot),
                index if self.key(index) == key => return Ok(index),
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    fn index(&mut self, slots: usize) {
        self.slots = vec![EMPTY; slots];
        for index in 0..self.len() as u32 {
            if let Err(slot) = self.find(self.key(index)) {
                self.slots[slot] = index;
            }
        }
    }

    fn word(&self, value: &[u8]) -> u64 {
        let mut short = [0; 8];
        match short.get_mut(..value.len()) {
            Some(place) => {
                place.copy_from_slice(value);
                u64::from_ne_bytes(short)
            }
            None => self.hasher.hash_one(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// One look at a map of single-byte keys: what is reported as different, and as gone.
    fn look(seen: &mut Seen, map: &BTreeMap<u8, Vec<u8>>) -> (Vec<u8>, Vec<u8>) {
        seen.begin();
        let mut different = Vec::new();
        for (key, value) in map {
            if seen.look(&[*key], value, usize::MAX) == Found::Different {
                different.push(*key);
            }
        }
        let gone: Vec<u32> = seen.missing();
        let keys = gone.iter().map(|index| seen.key(*index)[0]).collect();
        gone.iter().for_each(|index| seen.forget(*index));
        seen.keep();
        (different, keys)
    }

    #[test]
    fn a_full_table_says_so_and_keeps_what_it_has() {
        let mut seen = Seen::new(1);
        seen.begin();
        assert_eq!(seen.look(b"a", b"1", 1), Found::Different);
        assert_eq!(seen.look(b"b", b"1", 1), Found::NoRoom);
        assert_eq!(seen.look(b"a", b"2", 1), Found::Again);
        seen.keep();
        seen.begin();
        assert_eq!(seen.look(b"a", b"1", 1), Found::Same);
    }

    #[test]
    fn a_look_that_failed_is_told_again() {
        let mut seen = Seen::new(1);
        look(&mut seen, &BTreeMap::from([(1, vec![1]), (2, vec![2; 20])]));
        seen.begin();
        assert_eq!(seen.look(&[1], &[9], 10), Found::Different);
        assert_eq!(seen.look(&[3], &[3], 10), Found::Different);
        seen.undo();
        let (different, gone) = look(&mut seen, &BTreeMap::from([(1, vec![9]), (3, vec![3])]));
        assert_eq!((different, gone), (vec![1, 3], vec![2]));
    }

    proptest! {
        #[test]
        fn deltas_are_the_difference_of_two_maps(
            maps in proptest::collection::vec(
                proptest::collection::btree_map(any::<u8>(), proptest::collection::vec(0_u8..3, 0..12), 0..200), 1..6),
        ) {
            let mut seen = Seen::new(1);
            let mut before = BTreeMap::new();
            for map in maps {
                // Values have one size in a map; here a shorter one stands for one with zeros behind it.
                let map: BTreeMap<u8, Vec<u8>> = map.into_iter().map(|(key, mut value)| { value.resize(12, 0); (key, value) }).collect();
                let (different, mut gone) = look(&mut seen, &map);
                let expected: Vec<u8> = map.iter().filter(|(key, value)| before.get(*key) != Some(*value)).map(|(key, _)| *key).collect();
                let missing: Vec<u8> = before.keys().filter(|key| !map.contains_key(key)).copied().collect();
                gone.sort_unstable();
                prop_assert_eq!((different, gone), (expected, missing));
                prop_assert_eq!(seen.len(), map.len());
                before = map;
            }
        }
    }
}
