//! How the bytes of a map's keys and values are laid out, as lines to be compared: a difference is named by its line.

const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
const COMMON: usize = 12;
/// A type with more parts is only compared by its size.
const MOST_LINES: usize = 4096;
const MOST_DEPTH: usize = 32;

/// The types of an object (raw BTF), bounds checked.
pub struct Types<'a> {
    bytes: &'a [u8],
    strings: &'a [u8],
    /// Where each type begins; ids count from 1.
    starts: Vec<usize>,
}

impl<'a> Types<'a> {
    /// None for what is no BTF, or of which a part cannot be read.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.get(..2)? != MAGIC.to_ne_bytes() {
            return None;
        }
        let header = word(bytes, 4)? as usize;
        let part = |at: usize| -> Option<&'a [u8]> {
            let start = header.checked_add(word(bytes, at)? as usize)?;
            bytes.get(start..start.checked_add(word(bytes, at + 4)? as usize)?)
        };
        let (types, strings) = if header < HEADER { return None } else { (part(8)?, part(16)?) };
        let (mut starts, mut at) = (Vec::new(), 0);
        while at < types.len() {
            starts.push(at);
            let info = word(types, at + 4)?;
            at = at.checked_add(COMMON + extra((info >> 24) & 0x1f, (info & 0xffff) as usize)?)?;
        }
        Some(Self { bytes: types, strings, starts })
    }

    /// One line for each part that holds bytes: its path, its type and its place. None for what cannot be described.
    pub fn layout(&self, id: u32) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        self.describe(id, "", 0, 0, &mut lines)?;
        Some(lines)
    }

    fn describe(&self, id: u32, path: &str, bits: u64, depth: usize, lines: &mut Vec<String>) -> Option<()> {
        if depth > MOST_DEPTH || lines.len() >= MOST_LINES {
            return None;
        }
        let found = self.resolve(id)?;
        match found.kind {
            kind::STRUCT | kind::UNION => {
                // With the flag the offset's upper byte is the width of a bit field.
                let (mask, has_widths) = if found.flag { (0xff_ffff, true) } else { (u32::MAX, false) };
                for member in 0..found.count {
                    let at = found.start + COMMON + 12 * member;
                    let (name, inner, offset) =
                        (self.name(word(self.bytes, at)?)?, word(self.bytes, at + 4)?, word(self.bytes, at + 8)?);
                    let width = if has_widths { offset >> 24 } else { 0 };
                    let place = bits + u64::from(offset & mask);
                    let path = join(path, name);
                    match width {
                        0 => self.describe(inner, &path, place, depth + 1, lines)?,
                        _ => lines.push(format!("{path}: {width} bits at bit {place}")),
                    }
                }
            }
            kind::DATASEC => {
                for member in 0..found.count {
                    let at = found.start + COMMON + 12 * member;
                    let variable = self.at(word(self.bytes, at)?)?;
                    let offset = u64::from(word(self.bytes, at + 4)?) * 8;
                    let path = join(path, self.name(variable.name)?);
                    self.describe(variable.size_or_type, &path, bits + offset, depth + 1, lines)?;
                }
            }
            kind::ARRAY => {
                let at = found.start + COMMON;
                let (inner, count) = (word(self.bytes, at)?, word(self.bytes, at + 8)?);
                self.describe(inner, &format!("{path}[{count}]"), bits, depth + 1, lines)?;
            }
            _ => {
                lines.push(format!("{path}: {} at {}", self.scalar(&found)?, bits / 8).trim_start_matches(": ").into())
            }
        }
        Some(())
    }

    fn scalar(&self, found: &Type) -> Option<String> {
        let bits = found.size_or_type.checked_mul(8)?;
        Some(match found.kind {
            kind::INT => {
                let encoding = (word(self.bytes, found.start + COMMON)? >> 24) & 0xf;
                match encoding {
                    // BTF_INT_BOOL
                    4 => "bool".to_owned(),
                    // BTF_INT_SIGNED
                    1 => format!("s{bits}"),
                    _ => format!("u{bits}"),
                }
            }
            kind::PTR => "pointer".to_owned(),
            kind::ENUM | kind::ENUM64 => format!("enum of {bits} bits"),
            kind::FLOAT => format!("f{bits}"),
            _ => return None,
        })
    }

    /// The type itself, behind names and qualifiers.
    fn resolve(&self, id: u32) -> Option<Type> {
        let mut found = self.at(id)?;
        for _ in 0..MOST_DEPTH {
            match found.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    found = self.at(found.size_or_type)?;
                }
                _ => return Some(found),
            }
        }
        None
    }

    fn at(&self, id: u32) -> Option<Type> {
        let start = *self.starts.get((id as usize).checked_sub(1)?)?;
        let info = word(self.bytes, start + 4)?;
        Some(Type {
            start,
            name: word(self.bytes, start)?,
            kind: (info >> 24) & 0x1f,
            flag: info >> 31 != 0,
            count: (info & 0xffff) as usize,
            size_or_type: word(self.bytes, start + 8)?,
        })
    }

    fn name(&self, offset: u32) -> Option<&'a str> {
        let rest = self.strings.get(offset as usize..)?;
        std::str::from_utf8(&rest[..rest.iter().position(|byte| *byte == 0)?]).ok()
    }
}

struct Type {
    start: usize,
    name: u32,
    kind: u32,
    flag: bool,
    count: usize,
    size_or_type: u32,
}

/// Numbers of the format (Documentation/bpf/btf.rst).
mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const DATASEC: u32 = 15;
    pub const FLOAT: u32 = 16;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// Bytes behind the 12 that every type has.
fn extra(kind: u32, members: usize) -> Option<usize> {
    Some(match kind {
        // INT, VAR, DECL_TAG
        1 | 14 | 17 => 4,
        3 => 12,
        4 | 5 | 15 | 19 => 12 * members,
        // ENUM, FUNC_PROTO
        6 | 13 => 8 * members,
        // PTR, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, FLOAT, TYPE_TAG
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

fn join(path: &str, name: &str) -> String {
    match (path.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (_, true) => path.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The first difference in words; none where there is none.
pub fn difference(old: &[String], new: &[String]) -> Option<String> {
    let at = (0..old.len().max(new.len())).find(|index| old.get(*index) != new.get(*index))?;
    Some(match (old.get(at), new.get(at)) {
        (Some(old), Some(new)) => format!("it was `{old}`, it is `{new}`"),
        (None, Some(new)) => format!("`{new}` is new"),
        (Some(old), None) => format!("`{old}` is gone"),
        (None, None) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blob(types: &[u32], strings: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        let length = types.len() as u32 * 4;
        for word in [24, 0, length, length, strings.len() as u32].iter().chain(types) {
            bytes.extend(u32::to_ne_bytes(*word));
        }
        bytes.extend(strings);
        bytes
    }

    /// 1: u32 · 2: s64 · 3: u8 · 4: index type's array u8[16] · 5: struct { u32 hits; s64 last; u8 name[16]; } · 6: typedef of 5
    fn sample() -> Vec<u8> {
        let int = |encoding: u32, bits: u32| [0, 1 << 24, bits / 8, encoding << 24 | bits];
        let mut types = Vec::new();
        types.extend(int(0, 32));
        types.extend(int(1, 64));
        types.extend(int(0, 8));
        types.extend([0, 3 << 24, 0, 3, 1, 16]);
        types.extend([0, 4 << 24 | 3, 32, 1, 1, 0, 6, 2, 64, 11, 4, 128]);
        types.extend([16, 8 << 24, 5]);
        blob(&types, b"\0hits\0last\0name\0stats\0")
    }

    #[test]
    fn a_struct_is_told_by_its_parts() {
        let bytes = sample();
        let types = Types::parse(&bytes).expect("BTF");
        let lines = types.layout(6).expect("a layout");
        assert_eq!(lines, ["hits: u32 at 0", "last: s64 at 8", "name[16]: u8 at 16"]);
        assert_eq!(types.layout(1).expect("a layout"), ["u32 at 0"]);
        assert_eq!(types.layout(0), None);
        assert_eq!(types.layout(7), None);
    }

    #[test]
    fn a_difference_is_named() {
        let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let old = lines(&["hits: u32 at 0", "last: s64 at 8"]);
        assert_eq!(difference(&old, &old), None);
        assert_eq!(
            difference(&old, &lines(&["hits: u64 at 0", "last: s64 at 8"])).as_deref(),
            Some("it was `hits: u32 at 0`, it is `hits: u64 at 0`")
        );
        assert_eq!(difference(&old, &old[..1]).as_deref(), Some("`last: s64 at 8` is gone"));
        assert_eq!(difference(&old[..1], &old).as_deref(), Some("`last: s64 at 8` is new"));
    }

    proptest! {
        #[test]
        fn damaged_types_do_no_harm(words: Vec<u32>, id in 0..8_u32, at in 24..200_usize, byte: u8) {
            if let Some(types) = Types::parse(&blob(&words, b"\0a\0")) {
                types.layout(id);
            }
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Some(types) = Types::parse(&bytes) {
                types.layout(id);
            }
        }
    }
}
