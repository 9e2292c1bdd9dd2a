//! Types on which libbpf itself comes to harm. The confined reader would outlive it (found by the fuzzer `object`), but at the
//! cost of its five seconds, or of a crash on the host: such objects are refused before, with what is wrong.

use crate::knowledge::types::Types;

/// TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG: what libbpf skips in a loop.
const SKIPPED: [u8; 5] = [8, 9, 10, 11, 18];

/// Type of the section that holds the symbols, and the section numbers from which on a symbol is in none.
const SYMTAB: u32 = 2;
const FIRST_SPECIAL: usize = 0xff00;

/// What is wrong with the object's types, in a sentence; None when libbpf can take them, or there are none.
pub fn damage(object: &[u8]) -> Option<String> {
    if let Some(index) = far_symbol(object) {
        return Some(format!("Symbol {index} of the object lies beyond 2 GB, where no section of an object can be."));
    }
    let types = Types::parse(btf_section(object)?, None)?;
    if let Some(id) = endless_type(&types) {
        return Some(format!("The object's types have no end: type {id} is a typedef or qualifier of itself."));
    }
    // libbpf adds places and sizes in 32 bits and believes a sum that has gone round.
    let id = types.larger_than(i32::MAX as u32)?;
    Some(format!("Type {id} of the object is, or lies, beyond 2 GB, which no object can hold."))
}

/// The number of a type that is a typedef or qualifier of, in the end, itself.
fn endless_type(types: &Types<'_>) -> Option<usize> {
    // What each skipped type stands for; 0 (void) for all others.
    let mut next = vec![0_usize];
    types.for_each_reference(|kind, target| {
        next.push(if SKIPPED.contains(&kind) { target as usize } else { 0 });
    });
    let mut ends = vec![false; next.len()];
    for start in 0..next.len() {
        let mut at = start;
        for _ in 0..next.len() {
            if at == 0 || ends.get(at).copied().unwrap_or(true) {
                break;
            }
            at = next[at];
        }
        if at != 0 && ends.get(at) == Some(&false) {
            return Some(start);
        }
        // Everything on the way has an end too.
        let mut at = start;
        while ends.get(at) == Some(&false) {
            ends[at] = true;
            at = next[at];
        }
    }
    None
}

/// libbpf takes the place of a variable from its symbol, in 32 bits.
fn far_symbol(object: &[u8]) -> Option<usize> {
    const ENTRY: usize = 24;
    let (_, table) = sections(object)?.find(|(header, _)| header.get(4..8) == Some(&SYMTAB.to_ne_bytes()))?;
    table.chunks_exact(ENTRY).position(|symbol| {
        let special = half(symbol, 6).is_some_and(|section| section >= FIRST_SPECIAL);
        !special && word(symbol, 8).is_none_or(|value| value > i32::MAX as usize)
    })
}

/// The bytes of `.BTF` in a 64-bit object of this host's byte order.
fn btf_section(object: &[u8]) -> Option<&[u8]> {
    let names = sections(object)?.nth(half(object, 62)?)?.1;
    sections(object)?.find_map(|(header, content)| {
        let name = names.get(u32::from_ne_bytes(header.get(..4)?.try_into().ok()?) as usize..)?;
        name.starts_with(b".BTF\0").then_some(content)
    })
}

/// Header and content of each section, empty where it lies outside of the file.
fn sections(object: &[u8]) -> Option<impl Iterator<Item = (&[u8], &[u8])>> {
    let (start, entry, count) = (word(object, 40)?, half(object, 58)?, half(object, 60)?);
    Some((0..count).map_while(move |index| {
        let header = object.get(start.checked_add(index * entry)?..)?;
        let (from, length) = (word(header, 24)?, word(header, 32)?);
        let content = from.checked_add(length).and_then(|end| object.get(from..end));
        Some((header, content.unwrap_or_default()))
    }))
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?).into())
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An object that consists of one `.BTF` section with these types: kind, and what it refers to.
    fn object(types: &[(u32, u32)]) -> Vec<u8> {
        let mut btf = vec![0x9f, 0xeb, 1, 0];
        for number in [24, 0, 12 * types.len() as u32, 12 * types.len() as u32, 1] {
            btf.extend(number.to_ne_bytes());
        }
        types
            .iter()
            .for_each(|(kind, target)| [0, kind << 24, *target].iter().for_each(|n| btf.extend(n.to_ne_bytes())));
        btf.push(0);
        let strings = b"\0.BTF\0";
        let mut bytes = vec![0_u8; 64 + 2 * 64];
        bytes[40..48].copy_from_slice(&64_u64.to_ne_bytes());
        bytes[58..60].copy_from_slice(&64_u16.to_ne_bytes());
        bytes[60..62].copy_from_slice(&2_u16.to_ne_bytes());
        let mut place = |index: usize, name: u32, content: &[u8]| {
            let (header, at) = (64 + 64 * index, bytes.len() as u64);
            bytes[header..header + 4].copy_from_slice(&name.to_ne_bytes());
            bytes[header + 24..header + 32].copy_from_slice(&at.to_ne_bytes());
            bytes[header + 32..header + 40].copy_from_slice(&(content.len() as u64).to_ne_bytes());
            bytes.extend(content);
        };
        place(0, 0, strings);
        place(1, 1, &btf);
        bytes
    }

    fn endless(types: &[(u32, u32)]) -> Option<usize> {
        endless_type(&Types::parse(btf_section(&object(types))?, None)?)
    }

    #[test]
    fn chains_that_end_are_fine_and_circles_are_not() {
        assert_eq!(endless(&[]), None);
        assert_eq!(endless(&[(8, 2), (10, 3), (9, 0)]), None);
        assert_eq!(endless(&[(8, 1)]), Some(1));
        assert_eq!(endless(&[(8, 2), (10, 3), (9, 2)]), Some(1));
        assert_eq!(endless(&[(8, 99), (2, 2)]), None, "a pointer to itself is no circle for libbpf");
        assert!(damage(&object(&[(8, 1)])).expect("damage").contains("type 1 is a typedef"));
    }

    #[test]
    fn sizes_that_go_round_in_32_bits_are_refused() {
        // A struct, and a data section, by their sizes alone.
        assert_eq!(damage(&object(&[(4, 1 << 20), (15, 1 << 20)])), None);
        assert!(damage(&object(&[(2, 0), (4, 0xffff_ffe0)])).expect("damage").contains("Type 2"));
        // A pointer to type 0x8000_0000 is not large, only wrong.
        assert_eq!(damage(&object(&[(2, 0x8000_0000)])), None);
    }

    #[test]
    fn symbols_far_outside_are_refused() {
        let with_symbol = |section: u16, value: u64| {
            let mut bytes = object(&[]);
            let (header, at) = (64 + 64, bytes.len() as u64);
            bytes[header + 4..header + 8].copy_from_slice(&SYMTAB.to_ne_bytes());
            bytes[header + 24..header + 32].copy_from_slice(&at.to_ne_bytes());
            bytes[header + 32..header + 40].copy_from_slice(&48_u64.to_ne_bytes());
            bytes.extend([0; 24]);
            bytes.extend([0, 0, 0, 0, 0x11, 0]);
            bytes.extend(section.to_ne_bytes());
            bytes.extend(value.to_ne_bytes());
            bytes.extend([0; 8]);
            bytes
        };
        assert_eq!(damage(&with_symbol(1, 4096)), None);
        assert!(damage(&with_symbol(1, 0xffff_ffef)).expect("damage").contains("Symbol 1"));
        assert_eq!(damage(&with_symbol(0xfff1, u64::MAX)), None, "an absolute symbol is a number, not a place");
    }

    proptest! {
        #[test]
        fn every_chain_has_an_end_or_is_named(types in proptest::collection::vec((prop_oneof![Just(8_u32), Just(10), Just(2)], 0_u32..12), 0..12)) {
            let found = endless(&types);
            let ends = |start: usize| {
                let mut at = start;
                for _ in 0..=types.len() {
                    match types.get(at.wrapping_sub(1)) {
                        Some((8 | 10, target)) => at = *target as usize,
                        _ => return true,
                    }
                }
                false
            };
            match found {
                Some(endless) => prop_assert!(!ends(endless)),
                None => prop_assert!((1..=types.len()).all(ends)),
            }
        }

        #[test]
        fn any_bytes_do(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            damage(&bytes);
        }
    }
}
