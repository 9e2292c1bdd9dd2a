//! Functions of a binary, from .symtab and .dynsym with their versions.

use super::bytes::{text_at, u16_at, u32_at, u64_at};
use super::elf::{Elf, ElfError, SHT_DYNSYM, SHT_GNU_VERDEF, SHT_GNU_VERSYM, SHT_SYMTAB, Section};

const STT_FUNC: u8 = 2;
const STT_GNU_IFUNC: u8 = 10;
const STB_WEAK: u8 = 2;

/// A function that the file defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function<'a> {
    pub name: &'a str,
    /// "GLIBC_2.14", "" without versions.
    pub version: &'a str,
    /// An old version that new programs do not get: `memcpy@GLIBC_2.2.5`, with one @.
    pub hidden: bool,
    /// The loader calls it once to learn which function it stands for.
    pub indirect: bool,
    pub weak: bool,
    /// In the file.
    pub offset: u64,
    pub size: u64,
    pub dynamic: bool,
}

/// Calls `take` for each function of both tables; the same one may come from both.
pub fn functions(elf: &Elf, take: &mut dyn FnMut(Function<'_>)) -> Result<(), ElfError> {
    for kind in [SHT_DYNSYM, SHT_SYMTAB] {
        let Some(table) = elf.section_of_kind(kind) else { continue };
        let Some(strings) = elf.sections.get(table.link as usize) else { continue };
        let (symbols, strings) = (elf.data(table)?, elf.data(strings)?);
        let versions = match kind {
            SHT_DYNSYM => Versions::read(elf)?,
            _ => Versions::default(),
        };
        for (index, bytes) in symbols.chunks_exact(if elf.wide { 24 } else { 16 }).enumerate() {
            let Some(symbol) = symbol(bytes, elf.wide) else { continue };
            let Some(name) = text_at(&strings, symbol.name as usize).filter(|name| !name.is_empty()) else { continue };
            if !matches!(symbol.kind(), STT_FUNC | STT_GNU_IFUNC) || symbol.section == 0 {
                continue;
            }
            let Some(offset) = elf.file_offset(symbol.value) else { continue };
            let (mut version, mut hidden) = versions.of(index);
            let mut name = name;
            // Linkers leave the version in the name of the full table.
            if let Some((plain, written)) = name.split_once('@').filter(|(plain, _)| !plain.is_empty()) {
                (name, version, hidden) = (plain, written.trim_start_matches('@'), !written.starts_with('@'));
            }
            take(Function {
                name,
                version,
                hidden,
                indirect: symbol.kind() == STT_GNU_IFUNC,
                weak: symbol.info >> 4 == STB_WEAK,
                offset,
                size: symbol.size,
                dynamic: kind == SHT_DYNSYM,
            });
        }
    }
    Ok(())
}

/// Calls `take` for each name that a relocatable file (a kernel module) defines, until it says stop; true when it did.
pub fn any_defined(elf: &Elf, take: &mut dyn FnMut(&str) -> bool) -> Result<bool, ElfError> {
    let Some(table) = elf.section_of_kind(SHT_SYMTAB) else { return Ok(false) };
    let Some(strings) = elf.sections.get(table.link as usize) else { return Ok(false) };
    let (symbols, strings) = (elf.data(table)?, elf.data(strings)?);
    let symbols = symbols.chunks_exact(if elf.wide { 24 } else { 16 }).filter_map(|bytes| symbol(bytes, elf.wide));
    let defined = symbols.filter(|symbol| symbol.section != 0);
    Ok(defined.filter_map(|symbol| text_at(&strings, symbol.name as usize)).any(take))
}

struct Symbol {
    name: u32,
    info: u8,
    section: u16,
    value: u64,
    size: u64,
}

impl Symbol {
    fn kind(&self) -> u8 {
        self.info & 0xf
    }
}

fn symbol(bytes: &[u8], wide: bool) -> Option<Symbol> {
    let name = u32_at(bytes, 0)?;
    Some(match wide {
        true => Symbol {
            name,
            info: *bytes.get(4)?,
            section: u16_at(bytes, 6)?,
            value: u64_at(bytes, 8)?,
            size: u64_at(bytes, 16)?,
        },
        false => Symbol {
            name,
            value: u32_at(bytes, 4)?.into(),
            size: u32_at(bytes, 8)?.into(),
            info: *bytes.get(12)?,
            section: u16_at(bytes, 14)?,
        },
    })
}

/// Versions of dynamic symbols (gABI's extension by GNU).
#[derive(Default)]
struct Versions {
    /// One number for each symbol; the top bit hides it.
    numbers: Vec<u8>,
    /// Name by number.
    names: Vec<String>,
}

/// More versions than any library has.
const MOST_VERSIONS: usize = 0x7fff;

impl Versions {
    fn read(elf: &Elf) -> Result<Self, ElfError> {
        let Some(numbers) = elf.section_of_kind(SHT_GNU_VERSYM) else { return Ok(Self::default()) };
        let mut versions = Self { numbers: elf.data(numbers)?, names: Vec::new() };
        // Defined versions: the name stands in the first auxiliary entry. Needed ones have no function of this file.
        if let Some(section) = elf.section_of_kind(SHT_GNU_VERDEF) {
            let (bytes, strings) = (elf.data(section)?, strings_of(elf, section)?);
            versions.take_definitions(&bytes, &strings);
        }
        Ok(versions)
    }

    /// Verdef: version, flags, index, count, hash, aux, next. Verdaux: name, next.
    fn take_definitions(&mut self, bytes: &[u8], strings: &[u8]) {
        let mut at = 0_usize;
        for _ in 0..MOST_VERSIONS {
            let (Some(index), Some(auxiliary), Some(next)) = (
                u16_at(bytes, at.saturating_add(4)),
                u32_at(bytes, at.saturating_add(12)),
                u32_at(bytes, at.saturating_add(16)),
            ) else {
                return;
            };
            let name = at.checked_add(auxiliary as usize).and_then(|at| u32_at(bytes, at));
            if let Some(name) = name.and_then(|name| text_at(strings, name as usize)) {
                let index = usize::from(index & 0x7fff);
                if self.names.len() <= index {
                    self.names.resize(index + 1, String::new());
                }
                self.names[index] = name.to_owned();
            }
            match at.checked_add(next as usize) {
                Some(behind) if next != 0 => at = behind,
                _ => return,
            }
        }
    }

    fn of(&self, symbol: usize) -> (&str, bool) {
        const HIDDEN: u16 = 0x8000;
        // 0 is local, 1 the file's own base version, which is no name that anyone would write.
        let Some(number) = u16_at(&self.numbers, symbol.saturating_mul(2)) else { return ("", false) };
        match number & !HIDDEN {
            0 | 1 => ("", false),
            index => match self.names.get(usize::from(index)) {
                Some(name) => (name, number & HIDDEN != 0),
                None => ("", false),
            },
        }
    }
}

fn strings_of(elf: &Elf, section: &Section) -> Result<Vec<u8>, ElfError> {
    elf.sections.get(section.link as usize).map_or(Ok(Vec::new()), |strings| elf.data(strings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    #[test]
    fn own_functions_are_there() {
        let elf = Elf::open(Path::new("/proc/self/exe")).expect("an executable");
        let mut found = 0;
        functions(&elf, &mut |function| found += usize::from(function.name.contains("own_functions_are_there")))
            .expect("symbols");
        assert!(found > 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_versions_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..300), strings in proptest::collection::vec(any::<u8>(), 0..50)) {
            let mut versions = Versions { numbers: bytes.clone(), names: Vec::new() };
            versions.take_definitions(&bytes, &strings);
            for symbol in 0..200 {
                versions.of(symbol);
            }
        }
    }
}
