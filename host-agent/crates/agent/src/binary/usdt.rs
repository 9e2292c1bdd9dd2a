//! USDT probes: the notes that DTRACE_PROBE() and its like leave in .note.stapsdt.

use super::bytes::{text_at, u32_at, u64_at};
use super::elf::Elf;

const NT_STAPSDT: u32 = 3;

/// One place of a probe; a probe that stands in several has one each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    pub provider: String,
    pub name: String,
    /// In the file; none where no loaded segment holds the address.
    pub offset: Option<u64>,
    /// Where the counter stands that switches the probe on, in the file; none if it needs none.
    pub semaphore: Option<u64>,
    pub arguments: Vec<Argument>,
    /// As the note spells them: "-4@%edi 8@%rsi".
    pub written: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// In bytes, 0 if the note does not say.
    pub size: u8,
    pub signed: bool,
    pub float: bool,
}

impl Argument {
    /// `N@OP`, `-N@OP` for signed ones, `Nf@OP` for floating point, or only `OP`.
    fn parse(written: &str) -> Self {
        let (head, _) = written.split_once('@').unwrap_or(("", written));
        let signed = head.starts_with('-');
        let digits = head.trim_start_matches('-');
        let float = digits.ends_with('f');
        Self { size: digits.trim_end_matches('f').parse().unwrap_or(0), signed, float }
    }

    /// As C would call it.
    pub fn type_name(self) -> String {
        match (self.size, self.signed, self.float) {
            (0, ..) => String::new(),
            (4, _, true) => "float".into(),
            (8, _, true) => "double".into(),
            (size, true, _) => format!("s{}", u32::from(size) * 8),
            (size, false, _) => format!("u{}", u32::from(size) * 8),
        }
    }
}

/// All places of all probes, in the order of the file.
pub fn probes(elf: &Elf) -> Vec<Site> {
    let base = elf.section(".stapsdt.base").map(|section| section.address);
    let notes = elf.notes(".note.stapsdt").into_iter();
    let ours = notes.filter(|(kind, owner, _)| *kind == NT_STAPSDT && owner == "stapsdt");
    ours.filter_map(|(.., description)| site(elf, base, &description)).collect()
}

/// Location, base, semaphore (addresses), then provider, name and arguments as texts.
fn site(elf: &Elf, base: Option<u64>, bytes: &[u8]) -> Option<Site> {
    let width = if elf.wide { 8 } else { 4 };
    let address = |index: usize| match elf.wide {
        true => u64_at(bytes, index * width),
        false => u32_at(bytes, index * width).map(u64::from),
    };
    // Prelinking moves code but not notes: the base section tells by how much.
    let moved = base.map_or(0, |base| base.wrapping_sub(address(1).unwrap_or(base)));
    let (location, semaphore) = (address(0)?.wrapping_add(moved), address(2)?);
    let provider = text_at(bytes, 3 * width)?;
    let name = text_at(bytes, 3 * width + provider.len() + 1)?;
    let written = text_at(bytes, 3 * width + provider.len() + name.len() + 2)?;
    if provider.is_empty() || name.is_empty() {
        return None;
    }
    Some(Site {
        provider: provider.to_owned(),
        name: name.to_owned(),
        offset: elf.file_offset(location),
        semaphore: (semaphore != 0).then(|| elf.file_offset(semaphore.wrapping_add(moved))).flatten(),
        arguments: split_arguments(written).into_iter().map(Argument::parse).collect(),
        written: written.to_owned(),
    })
}

/// By spaces, but not inside of brackets: arm64 writes `-4@[sp, 12]`.
fn split_arguments(written: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    written
        .split(move |letter| {
            depth += i32::from(letter == '[') - i32::from(letter == ']');
            letter == ' ' && depth <= 0
        })
        .filter(|argument| !argument.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_have_size_and_sign() {
        let types = |written: &str| {
            split_arguments(written).into_iter().map(|one| Argument::parse(one).type_name()).collect::<Vec<_>>()
        };
        assert_eq!(types("-4@%edi 8@%rsi 1@$5 8f@%xmm0"), ["s32", "u64", "u8", "double"]);
        assert_eq!(types("-4@[sp, 12] 8@x0"), ["s32", "u64"]);
        assert_eq!(types("%rax"), [""]);
        assert!(types("").is_empty());
    }
}
