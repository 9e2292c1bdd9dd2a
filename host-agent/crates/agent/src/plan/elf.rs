//! The little of an ELF object that libbpf does not tell: which symbols each program refers to. Everything is checked, for
//! the bytes are anybody's; what cannot be read is simply not there.

use std::collections::{BTreeMap, BTreeSet};

const SYMBOL_TABLE: u32 = 2;
const RELOCATIONS: u32 = 9;
const SYMBOL_BYTES: usize = 24;
const RELOCATION_BYTES: usize = 16;
const TYPE_SECTION: u8 = 3;
const BINDING_GLOBAL: u8 = 1;
const BINDING_WEAK: u8 = 2;
/// Functions that call each other; no real object comes near.
const MOST_CALLS: usize = 4096;

pub struct Elf<'a> {
    bytes: &'a [u8],
    sections: Vec<Section>,
    symbols: Vec<Symbol>,
}

#[derive(Clone, Default)]
struct Section {
    name: String,
    kind: u32,
    offset: usize,
    size: usize,
    link: usize,
    info: usize,
}

#[derive(Clone, Default)]
struct Symbol {
    name: String,
    kind: u8,
    binding: u8,
    section: usize,
    value: u64,
    size: u64,
    /// Where it is in the file.
    at: usize,
}

/// What a program refers to, itself or through the functions that it calls.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct References {
    /// Kernel symbols, kfuncs and configuration values.
    pub externs: BTreeSet<String>,
    /// Names of maps and of global variables.
    pub data: BTreeSet<String>,
    /// Places in read-only data, by section and offset: the texts that it prints or sends.
    pub texts: BTreeSet<(usize, u64)>,
}

impl<'a> Elf<'a> {
    /// None for what is no 64-bit ELF of this host's byte order.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut elf = Self { bytes, sections: Vec::new(), symbols: Vec::new() };
        let (start, size, count, names) = (elf.u64(40)?, elf.u16(58)?, elf.u16(60)?, elf.u16(62)?);
        for index in 0..count {
            let at = start.checked_add(index.checked_mul(size)?)?;
            let section = Section {
                name: String::new(),
                kind: elf.u32(at + 4)?,
                offset: elf.u64(at + 24)?,
                size: elf.u64(at + 32)?,
                link: elf.u32(at + 40)? as usize,
                info: elf.u32(at + 44)? as usize,
            };
            elf.sections.push(section);
        }
        for index in 0..count {
            let name = elf.u32(start + index * size)? as usize;
            elf.sections[index].name = elf.text(names, name);
        }
        elf.read_symbols();
        Some(elf)
    }

    fn read_symbols(&mut self) -> Option<()> {
        let table = self.sections.iter().find(|section| section.kind == SYMBOL_TABLE)?.clone();
        for index in 0..table.size / SYMBOL_BYTES {
            let at = table.offset.checked_add(index * SYMBOL_BYTES)?;
            let info = *self.bytes.get(at + 4)?;
            let section = self.u16(at + 6)?;
            let mut name = self.text(table.link, self.u32(at)? as usize);
            if name.is_empty() && info & 0xf == TYPE_SECTION {
                name = self.sections.get(section).map_or_else(String::new, |section| section.name.clone());
            }
            self.symbols.push(Symbol {
                name,
                kind: info & 0xf,
                binding: info >> 4,
                section,
                value: self.u64(at + 8)? as u64,
                size: self.u64(at + 16)? as u64,
                at,
            });
        }
        Some(())
    }

    /// Everything that the function of this name in this section (as libbpf names it, without '?') refers to.
    pub fn references(&self, section: &str, function: &str) -> References {
        let found = self.symbols.iter().find(|symbol| {
            let home = self.sections.get(symbol.section).map(|home| home.name.trim_start_matches('?'));
            symbol.name == function && home == Some(section)
        });
        let mut references = References::default();
        let mut waiting: Vec<&Symbol> = found.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(function) = waiting.pop() {
            if !seen.insert(function.at) || seen.len() > MOST_CALLS {
                continue;
            }
            let range = function.value..function.value.saturating_add(function.size);
            for (place, symbol) in self.relocations(function.section) {
                if range.contains(&place) {
                    self.follow(function.section, place, symbol, &mut references, &mut waiting);
                }
            }
        }
        references
    }

    fn follow<'s>(
        &'s self,
        from: usize,
        place: u64,
        symbol: &Symbol,
        references: &mut References,
        waiting: &mut Vec<&'s Symbol>,
    ) {
        const UNDEFINED: usize = 0;
        if symbol.section == UNDEFINED {
            references.externs.insert(symbol.name.clone());
            return;
        }
        let Some(section) = self.sections.get(symbol.section) else { return };
        if section.name.starts_with(".rodata") {
            // A symbol of the section stands for it as a whole; the instruction says where in it.
            let offset = self.immediate(from, place).unwrap_or(0);
            references.texts.insert((symbol.section, symbol.value.wrapping_add(offset)));
        } else if [".data", ".bss", ".maps", ".addr_space"].iter().any(|prefix| section.name.starts_with(prefix)) {
            references.data.insert(symbol.name.clone());
        } else {
            // A call: to the symbol itself, or into its section by the distance in the instruction, counted from the next.
            let offset = match symbol.kind == TYPE_SECTION {
                true => (self.immediate(from, place).unwrap_or(0) as i64 + 1).wrapping_mul(8) as u64,
                false => symbol.value,
            };
            waiting.extend(self.function_at(symbol.section, offset));
        }
    }

    /// Undefined symbols that the object can do without (true) or not.
    pub fn externs(&self) -> impl Iterator<Item = (&str, bool)> {
        let undefined = self.symbols.iter().filter(|symbol| symbol.section == 0 && !symbol.name.is_empty());
        undefined.map(|symbol| (symbol.name.as_str(), symbol.binding == BINDING_WEAK))
    }

    /// Programs that the variables of a section (`.struct_ops`, `.maps`) name, by variable.
    pub fn functions_in_variables(&self, sections: &str) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (index, _) in
            self.sections.iter().enumerate().filter(|(_, one)| one.name.trim_start_matches('?').starts_with(sections))
        {
            for (place, symbol) in self.relocations(index) {
                let holds = |one: &&Symbol| {
                    one.section == index && one.size > 0 && (one.value..one.value + one.size).contains(&place)
                };
                let variable = self.symbols.iter().find(holds);
                let function = match symbol.kind == TYPE_SECTION {
                    true => self.function_at(symbol.section, self.word(index, place).unwrap_or(0)),
                    false => Some(symbol),
                };
                if let (Some(variable), Some(function)) = (variable, function) {
                    found.entry(variable.name.clone()).or_default().push(function.name.clone());
                }
            }
        }
        found
    }

    /// The object with these undefined symbols made weak, so that libbpf does without those that the kernel lacks.
    pub fn with_weak(&self, names: &BTreeSet<&str>) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        for symbol in &self.symbols {
            let undefined = symbol.section == 0 && symbol.binding == BINDING_GLOBAL;
            if undefined
                && names.contains(symbol.name.as_str())
                && let Some(info) = bytes.get_mut(symbol.at + 4)
            {
                *info = BINDING_WEAK << 4 | symbol.kind;
            }
        }
        bytes
    }

    fn function_at(&self, section: usize, offset: u64) -> Option<&Symbol> {
        const FUNCTION: u8 = 2;
        self.symbols.iter().find(|one| one.section == section && one.kind == FUNCTION && one.value == offset)
    }

    /// Place and symbol of each relocation of a section.
    fn relocations(&self, section: usize) -> impl Iterator<Item = (u64, &Symbol)> {
        let tables = self.sections.iter().filter(move |one| one.kind == RELOCATIONS && one.info == section);
        tables.flat_map(move |table| {
            (0..table.size / RELOCATION_BYTES).map_while(move |index| {
                let at = table.offset.checked_add(index * RELOCATION_BYTES)?;
                let symbol = self.u64(at + 8)? >> 32;
                Some((self.u64(at)? as u64, self.symbols.get(symbol)?))
            })
        })
    }

    /// The number in the instruction at `place`.
    fn immediate(&self, section: usize, place: u64) -> Option<u64> {
        let at = self.sections.get(section)?.offset.checked_add(usize::try_from(place).ok()?)?;
        Some(i64::from(self.u32(at.checked_add(4)?)? as i32) as u64)
    }

    fn word(&self, section: usize, place: u64) -> Option<u64> {
        let at = self.sections.get(section)?.offset.checked_add(usize::try_from(place).ok()?)?;
        self.u64(at).map(|word| word as u64)
    }

    fn text(&self, section: usize, offset: usize) -> String {
        let text = || {
            let table = self.sections.get(section)?;
            let bytes = self.bytes.get(table.offset.checked_add(offset)?..table.offset.checked_add(table.size)?)?;
            let length = bytes.iter().position(|byte| *byte == 0)?;
            Some(String::from_utf8_lossy(&bytes[..length]).into_owned())
        };
        text().unwrap_or_default()
    }

    fn u16(&self, at: usize) -> Option<usize> {
        self.bytes.get(at..)?.first_chunk().map(|bytes| usize::from(u16::from_ne_bytes(*bytes)))
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
    }

    fn u64(&self, at: usize) -> Option<usize> {
        self.bytes.get(at..)?.first_chunk().and_then(|bytes| usize::try_from(u64::from_ne_bytes(*bytes)).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three sections: names, symbols, and one of nothing; one undefined symbol "foo".
    fn tiny() -> Vec<u8> {
        let mut elf = vec![0_u8; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        let strings_at = elf.len();
        elf.extend_from_slice(b"\0.strtab\0.symtab\0foo\0\0\0\0");
        let symbols_at = elf.len();
        elf.extend_from_slice(&[0; SYMBOL_BYTES]);
        let mut symbol = [0_u8; SYMBOL_BYTES];
        symbol[..4].copy_from_slice(&17_u32.to_le_bytes());
        symbol[4] = BINDING_GLOBAL << 4;
        elf.extend_from_slice(&symbol);
        let headers_at = elf.len() as u64;
        let mut header = |name: u32, kind: u32, offset: usize, size: usize, link: u32| {
            let mut bytes = [0_u8; 64];
            bytes[..4].copy_from_slice(&name.to_le_bytes());
            bytes[4..8].copy_from_slice(&kind.to_le_bytes());
            bytes[24..32].copy_from_slice(&(offset as u64).to_le_bytes());
            bytes[32..40].copy_from_slice(&(size as u64).to_le_bytes());
            bytes[40..44].copy_from_slice(&link.to_le_bytes());
            elf.extend_from_slice(&bytes);
        };
        header(0, 0, 0, 0, 0);
        header(1, 3, strings_at, 24, 0);
        header(9, SYMBOL_TABLE, symbols_at, 2 * SYMBOL_BYTES, 1);
        elf[40..48].copy_from_slice(&headers_at.to_le_bytes());
        elf[58..64].copy_from_slice(&[64, 0, 3, 0, 1, 0]);
        elf
    }

    #[test]
    fn a_strong_symbol_becomes_weak_and_nothing_else_changes() {
        let bytes = tiny();
        let elf = Elf::read(&bytes).expect("an ELF");
        assert_eq!(elf.symbols[1].name, "foo");
        let weak = elf.with_weak(&BTreeSet::from(["foo"]));
        let changed: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != weak[*at]).collect();
        assert_eq!(changed, [elf.symbols[1].at + 4]);
        assert_eq!(Elf::read(&weak).expect("an ELF").symbols[1].binding, BINDING_WEAK);
        assert_eq!(elf.with_weak(&BTreeSet::from(["bar"])), bytes);
    }

    #[test]
    fn any_cut_and_any_flipped_byte_is_survived() {
        let bytes = tiny();
        for length in 0..bytes.len() {
            Elf::read(&bytes[..length]);
        }
        for at in 0..bytes.len() {
            for value in [0, 0x7f, 0xff] {
                let mut broken = bytes.clone();
                broken[at] = value;
                if let Some(elf) = Elf::read(&broken) {
                    elf.references(".text", "foo");
                    elf.functions_in_variables(".maps");
                    elf.with_weak(&BTreeSet::new());
                }
            }
        }
    }
}
