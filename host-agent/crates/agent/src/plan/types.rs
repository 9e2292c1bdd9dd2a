//! Names in BTF, found in one walk over the raw bytes: building libbpf's tables of the kernel's 100,000 types only to ask for
//! a few names takes longer and 15 MB.

use std::collections::HashSet;

const MAGIC: u16 = 0xeb9f;
const KIND_FUNC: u32 = 12;
const KIND_TYPEDEF: u32 = 8;
const KIND_STRUCT: u32 = 4;

/// Names of some kinds of types.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Names {
    pub functions: HashSet<String>,
    pub typedefs: HashSet<String>,
    pub structs: HashSet<String>,
}

/// Which of `wanted` the types have; `base_strings` is the length of the kernel's strings for a module's split BTF, else 0.
/// None when the bytes are no BTF that can be read to the end.
pub fn find(btf: &[u8], base_strings: usize, wanted: &Names) -> Option<Names> {
    let header = Header::read(btf)?;
    let types = btf.get(header.types..header.types.checked_add(header.types_length)?)?;
    let strings = btf.get(header.strings..header.strings.checked_add(header.strings_length)?)?;
    let mut found = Names::default();
    let mut rest = types;
    while let Some(entry) = Entry::read(rest) {
        let (given, kept) = match entry.kind {
            KIND_FUNC => (&wanted.functions, &mut found.functions),
            KIND_TYPEDEF => (&wanted.typedefs, &mut found.typedefs),
            KIND_STRUCT => (&wanted.structs, &mut found.structs),
            _ => {
                rest = rest.get(entry.length..)?;
                continue;
            }
        };
        if !given.is_empty()
            && let Some(name) = entry.name.checked_sub(base_strings).and_then(|at| text(strings, at))
            && given.contains(name)
        {
            kept.insert(name.to_owned());
        }
        rest = rest.get(entry.length..)?;
    }
    // A kind of a newer kernel, whose length is unknown: what follows it cannot be told missing.
    rest.is_empty().then_some(found)
}

/// Length of the string section, which a module's name offsets start behind.
pub fn strings_length(btf: &[u8]) -> usize {
    Header::read(btf).map_or(0, |header| header.strings_length)
}

struct Header {
    types: usize,
    types_length: usize,
    strings: usize,
    strings_length: usize,
}

impl Header {
    fn read(btf: &[u8]) -> Option<Self> {
        let half: [u8; 2] = *btf.first_chunk()?;
        let word = |at: usize| Some(u32::from_ne_bytes(*btf.get(at..)?.first_chunk()?) as usize);
        (u16::from_ne_bytes(half) == MAGIC).then_some(())?;
        let length = word(4)?;
        Some(Self {
            types: length.checked_add(word(8)?)?,
            types_length: word(12)?,
            strings: length.checked_add(word(16)?)?,
            strings_length: word(20)?,
        })
    }
}

struct Entry {
    name: usize,
    kind: u32,
    length: usize,
}

impl Entry {
    fn read(types: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_ne_bytes(*types.get(at..)?.first_chunk()?));
        let info = word(4)?;
        let (kind, count) = (info >> 24 & 0x1f, (info & 0xffff) as usize);
        let more = match kind {
            // int, var, decl_tag
            1 | 14 | 17 => 4,
            // array
            3 => 12,
            // struct, union, datasec, enum64
            4 | 5 | 15 | 19 => 12 * count,
            // enum, function prototype
            6 | 13 => 8 * count,
            // pointer, forward, typedef, qualifiers, function, float, type tag
            2 | 7..=12 | 16 | 18 => 0,
            _ => return None,
        };
        Some(Self { name: word(0)? as usize, kind, length: 12 + more })
    }
}

fn text(strings: &[u8], at: usize) -> Option<&str> {
    let rest = strings.get(at..)?;
    let length = rest.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(&rest[..length]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> HashSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_kernels_own_functions_are_found() {
        let Some(kernel) = ringside_bpf::btf::kernel() else { return };
        let wanted = Names {
            functions: set(&["vfs_read", "no_such_function"]),
            typedefs: set(&["btf_trace_sys_enter", "pid_t"]),
            structs: set(&["task_struct"]),
        };
        let found = find(&kernel, 0, &wanted).expect("BTF");
        assert_eq!(found.functions, set(&["vfs_read"]));
        assert_eq!(found.typedefs, wanted.typedefs);
        assert_eq!(found.structs, wanted.structs);
    }

    #[test]
    fn cut_and_broken_types_are_survived() {
        let mut btf = vec![0x9f, 0xeb, 1, 0];
        for word in [24_u32, 0, 24, 24, 6] {
            btf.extend_from_slice(&word.to_ne_bytes());
        }
        for word in [1_u32, KIND_FUNC << 24, 0, 1, KIND_TYPEDEF << 24, 0] {
            btf.extend_from_slice(&word.to_ne_bytes());
        }
        btf.extend_from_slice(b"\0name\0");
        let wanted = Names { functions: set(&["name"]), ..Names::default() };
        assert_eq!(find(&btf, 0, &wanted).expect("BTF").functions, wanted.functions);
        for length in 0..btf.len() {
            assert_eq!(find(&btf[..length], 0, &wanted), None);
        }
        for at in 0..btf.len() {
            let mut broken = btf.clone();
            broken[at] = 0xff;
            find(&broken, 0, &wanted);
        }
    }
}
