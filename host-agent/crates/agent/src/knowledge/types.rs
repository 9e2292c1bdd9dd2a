//! Names in the kernel's and its modules' BTF: functions that fentry can take, raw tracepoints, LSM hooks. A scan that keeps
//! names only: the types themselves are decoded by the engine.

const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
/// From Linux 7.1 on the header may also name a table of how long each kind's entry is.
const LAYOUT_HEADER: usize = 32;

const STRUCT: u8 = 4;
const UNION: u8 = 5;
const ENUM: u8 = 6;
pub const TYPEDEF: u8 = 8;
pub const FUNC: u8 = 12;
const DATASEC: u8 = 15;

/// Raw BTF, bounds checked; `base` are the strings of the kernel's for a module's.
pub struct Types<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    base: &'a [u8],
    layout: &'a [u8],
}

/// One type as it lies in the table.
struct Entry {
    /// From 1 on.
    number: u32,
    at: usize,
    kind: u8,
    members: usize,
    /// Place of its name.
    name: u32,
    /// The type that it refers to, or its size.
    target: u32,
}

impl<'a> Types<'a> {
    /// None for what is no BTF of this machine.
    pub fn parse(bytes: &'a [u8], base: Option<&Types<'a>>) -> Option<Self> {
        if half(bytes, 0)? != MAGIC {
            return None;
        }
        let header = word(bytes, 4)? as usize;
        let part = |at: usize| -> Option<&'a [u8]> {
            let start = header.checked_add(word(bytes, at)? as usize)?;
            bytes.get(start..start.checked_add(word(bytes, at + 4)? as usize)?)
        };
        if header < HEADER {
            return None;
        }
        let layout = if header >= LAYOUT_HEADER { part(24)? } else { &[] };
        Some(Self { types: part(8)?, strings: part(16)?, base: base.map_or(&[], |base| base.strings), layout })
    }

    /// Kind and name of each type in order, up to the first that is damaged or of a kind that nobody can skip.
    pub fn for_each(&self, mut take: impl FnMut(u8, &'a str)) {
        self.for_each_numbered(|_, kind, name| take(kind, name));
    }

    /// With the number that the kernel gives it, for types that are not a module's.
    pub fn for_each_numbered(&self, mut take: impl FnMut(u32, u8, &'a str)) {
        self.walk(|entry| {
            if let Some(name) = self.name(entry.name as usize) {
                take(entry.number, entry.kind, name);
            }
        });
    }

    /// Kind of each type, from id 1 on, and the id of the type that it refers to (the size, for kinds that have one).
    pub fn for_each_reference(&self, mut take: impl FnMut(u8, u32)) {
        self.walk(|entry| take(entry.kind, entry.target));
    }

    /// The number of the first type that is larger than `most` bytes, or of a section that says so of one of its variables.
    pub fn larger_than(&self, most: u32) -> Option<u32> {
        let mut found = None;
        self.walk(|entry| {
            let sized = matches!(entry.kind, STRUCT | UNION | DATASEC);
            if found.is_some() || !sized {
                return;
            }
            // Of a variable in a section: its type, where it lies, its size.
            let variables = if entry.kind == DATASEC { entry.members } else { 0 };
            let mut places = (0..variables).flat_map(|index| [16 + 12 * index, 20 + 12 * index]);
            let beyond = |place: usize| word(self.types, entry.at + place).is_some_and(|number| number > most);
            if entry.target > most || places.any(beyond) {
                found = Some(entry.number);
            }
        });
        found
    }

    /// The value of a member of an enumeration.
    pub fn enumerator(&self, enumeration: &str, member: &str) -> Option<u32> {
        let mut found = None;
        self.walk(|entry| {
            if found.is_some() || entry.kind != ENUM || self.name(entry.name as usize) != Some(enumeration) {
                return;
            }
            let mut places = (0..entry.members).map(|index| entry.at + 12 + 8 * index);
            let named = |place: &usize| word(self.types, *place).and_then(|name| self.name(name as usize));
            found = places.find(|place| named(place) == Some(member)).and_then(|place| word(self.types, place + 4));
        });
        found
    }

    fn walk(&self, mut take: impl FnMut(Entry)) {
        let (mut at, mut number) = (0, 0);
        while let (Some(name), Some(info), Some(target)) =
            (word(self.types, at), word(self.types, at + 4), word(self.types, at + 8))
        {
            let (kind, members) = ((info >> 24) as u8 & 0x7f, (info & 0xff_ffff) as usize);
            let Some(extra) = self.extra(kind, members) else { return };
            number += 1;
            take(Entry { number, at, kind, members, name, target });
            let Some(next) = at.checked_add(12 + extra) else { return };
            at = next;
        }
    }

    fn name(&self, offset: usize) -> Option<&'a str> {
        let (strings, offset) = match offset.checked_sub(self.base.len()) {
            Some(own) => (self.strings, own),
            None => (self.base, offset),
        };
        let rest = strings.get(offset..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        std::str::from_utf8(&rest[..end]).ok().filter(|name| !name.is_empty())
    }

    /// Bytes behind the 12 that every type has (Documentation/bpf/btf.rst).
    fn extra(&self, kind: u8, members: usize) -> Option<usize> {
        let (fixed, each) = match kind {
            // INT, VAR, DECL_TAG
            1 | 14 | 17 => (4, 0),
            // ARRAY
            3 => (12, 0),
            // STRUCT, UNION, DATASEC, ENUM64
            4 | 5 | 15 | 19 => (0, 12),
            // ENUM, FUNC_PROTO
            6 | 13 => (0, 8),
            // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC (its linkage stands where others count), FLOAT, TYPE_TAG
            2 | 7..=12 | 16 | 18 => (0, 0),
            other => {
                let layout = self.layout.get(usize::from(other) * 4..usize::from(other) * 4 + 4)?;
                (usize::from(layout[0]), usize::from(layout[1]))
            }
        };
        Some(fixed + each * members)
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blob(types: &[u32], strings: &[u8]) -> Vec<u8> {
        let mut bytes = vec![];
        bytes.extend(MAGIC.to_ne_bytes());
        bytes.extend([1, 0]);
        let lengths = [types.len() as u32 * 4, strings.len() as u32];
        for word in [24, 0, lengths[0], lengths[0], lengths[1]].iter().chain(types) {
            bytes.extend(u32::to_ne_bytes(*word));
        }
        bytes.extend(strings);
        bytes
    }

    fn names(types: &Types<'_>) -> Vec<(u8, String)> {
        let mut found = Vec::new();
        types.for_each(|kind, name| found.push((kind, name.to_owned())));
        found
    }

    #[test]
    fn names_come_with_their_kinds_and_a_module_reads_the_kernels_strings() {
        // int, FUNC_PROTO with one parameter, FUNC
        let kernel = blob(&[1, 1 << 24, 4, 32, 0, 13 << 24 | 1, 1, 1, 1, 5, 12 << 24 | 1, 2], b"\0int\0vfs_read\0");
        let base = Types::parse(&kernel, None).expect("the kernel's");
        assert_eq!(names(&base), [(1, "int".into()), (FUNC, "vfs_read".into())]);
        let module = blob(&[5, 8 << 24, 1, 14, 12 << 24, 3], b"own\0");
        let module = Types::parse(&module, Some(&base)).expect("a module's");
        assert_eq!(names(&module), [(TYPEDEF, "vfs_read".into()), (FUNC, "own".into())]);
    }

    #[test]
    fn sizes_and_places_of_variables_are_compared() {
        let large = |types: &[u32]| Types::parse(&blob(types, b"\0"), None).expect("types").larger_than(1000);
        // int, struct without members, section with one variable
        let section = |place, size| [0, 1 << 24, 4, 32, 0, 4 << 24, 1000, 0, 15 << 24 | 1, 8, 1, place, size];
        assert_eq!(large(&section(1000, 1000)), None);
        assert_eq!(large(&section(1001, 4)), Some(3));
        assert_eq!(large(&section(0, u32::MAX)), Some(3));
        assert_eq!(large(&[0, 4 << 24, 1001]), Some(1));
        // Cut off in the middle of a variable.
        assert_eq!(large(&[0, 15 << 24 | 2, 8, 1, 2]), None);
    }

    #[test]
    fn numbers_and_enumerators_are_the_kernels() {
        let enumeration = [1, 6 << 24 | 2, 4, 6, 41, 10, 58];
        let kernel = blob(&[&[14, 8 << 24, 1], &enumeration[..]].concat(), b"\0kind\0one\0max\0u32\0");
        let types = Types::parse(&kernel, None).expect("the kernel's");
        let mut found = Vec::new();
        types.for_each_numbered(|number, kind, name| found.push((number, kind, name.to_owned())));
        assert_eq!(found, [(1, TYPEDEF, "u32".into()), (2, ENUM, "kind".into())]);
        assert_eq!(types.enumerator("kind", "max"), Some(58));
        assert_eq!(types.enumerator("kind", "two"), None);
        assert_eq!(types.enumerator("u32", "max"), None);
    }

    #[test]
    fn this_kernels_types_are_read_to_the_end() {
        let bytes = ringside_bpf::btf::kernel().expect("a kernel with BTF");
        let types = Types::parse(&bytes, None).expect("BTF");
        let mut functions = 0;
        types.for_each(|kind, _| functions += usize::from(kind == FUNC));
        assert!(functions > 10_000, "{functions}");
    }

    proptest! {
        #[test]
        fn damaged_types_do_no_harm(words in proptest::collection::vec(any::<u32>(), 0..60), cut in 0_usize..300, strings in proptest::collection::vec(any::<u8>(), 0..30)) {
            let mut bytes = blob(&words, &strings);
            bytes.truncate(cut.max(24));
            if let Some(types) = Types::parse(&bytes, None) {
                names(&types);
            }
            Types::parse(&strings, None);
        }
    }
}
