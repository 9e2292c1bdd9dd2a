//! ELF executables and libraries of this host, 64 and 32 bit: headers, sections, notes. Read in pieces from the file, so a
//! browser of 300 MB costs no more than its symbol table; nothing is mapped, so a file that shrinks does no harm.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bytes::{text_at, u16_at, u32_at, u64_at};

pub const SHT_SYMTAB: u32 = 2;
pub const SHT_NOTE: u32 = 7;
pub const SHT_DYNSYM: u32 = 11;
pub const SHT_GNU_VERDEF: u32 = 0x6fff_fffd;
pub const SHT_GNU_VERSYM: u32 = 0x6fff_ffff;
const PT_LOAD: u32 = 1;

/// Largest section that is read: that of the largest binaries with all their symbols.
const MOST_SECTION: u64 = 192 << 20;
/// Section and program headers.
const MOST_HEADERS: u64 = 8 << 20;

pub struct Elf {
    source: Source,
    pub wide: bool,
    pub sections: Vec<Section>,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub name: String,
    pub kind: u32,
    pub address: u64,
    pub offset: u64,
    pub size: u64,
    pub link: u32,
}

/// Where the bytes of the file are.
enum Source {
    File(File),
    /// Of one that was packed.
    Memory(Vec<u8>),
}

impl Source {
    fn length(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// As [`FileExt::read_at`].
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read_at(buffer, at),
            Self::Memory(bytes) => {
                let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                let length = rest.len().min(buffer.len());
                buffer[..length].copy_from_slice(&rest[..length]);
                Ok(length)
            }
        }
    }
}

/// What the loader maps.
#[derive(Debug, Clone, Copy)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// Why a file cannot be read as one.
#[derive(Debug)]
pub enum ElfError {
    File(io::Error),
    /// Completes "FILE …".
    Shape(&'static str),
}

impl From<io::Error> for ElfError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Shape("is cut short"),
            _ => Self::File(error),
        }
    }
}

const DAMAGED: ElfError = ElfError::Shape("is damaged: its headers point outside of it");

impl Elf {
    pub fn open(path: &Path) -> Result<Self, ElfError> {
        let file = File::open(path)?;
        // A pipe or a device would keep the reader waiting.
        if !file.metadata()?.is_file() {
            return Err(ElfError::Shape("is no regular file"));
        }
        Self::read_from(Source::File(file))
    }

    /// A file that is in memory already.
    pub fn of(bytes: Vec<u8>) -> Result<Self, ElfError> {
        Self::read_from(Source::Memory(bytes))
    }

    fn read_from(source: Source) -> Result<Self, ElfError> {
        let mut head = [0; 64];
        let length = read_up_to(&source, &mut head, 0)?;
        let head = &head[..length];
        if !head.starts_with(b"\x7fELF") {
            return Err(ElfError::Shape("is no ELF file"));
        }
        let wide = match head.get(4) {
            Some(1) => false,
            Some(2) => true,
            _ => return Err(ElfError::Shape("is damaged: neither 32 nor 64 bit")),
        };
        if head.get(5) != Some(if cfg!(target_endian = "little") { &1 } else { &2 }) {
            return Err(ElfError::Shape("has the other byte order than this host"));
        }
        let mut elf = Self { source, wide, sections: Vec::new(), segments: Vec::new() };
        elf.read_headers(head).ok_or(DAMAGED)??;
        Ok(elf)
    }

    /// None where a number is missing, an error where the file does not hold what they say.
    fn read_headers(&mut self, head: &[u8]) -> Option<Result<(), ElfError>> {
        let (segments_at, sections_at, rest) = match self.wide {
            true => (u64_at(head, 32)?, u64_at(head, 40)?, 54),
            false => (u64::from(u32_at(head, 28)?), u64::from(u32_at(head, 32)?), 42),
        };
        let half = |index: usize| u16_at(head, rest + 2 * index);
        let (segment_size, segment_count) = (half(0)?, half(1)?);
        let (section_size, section_count, names) = (half(2)?, half(3)?, half(4)?);
        let segments = match self.table(segments_at, segment_size, u64::from(segment_count)) {
            Ok(bytes) => bytes,
            Err(error) => return Some(Err(error)),
        };
        self.segments = segments
            .chunks_exact(usize::from(segment_size).max(1))
            .filter_map(|bytes| segment(bytes, self.wide))
            .collect();
        if sections_at == 0 || section_size == 0 {
            return Some(Ok(()));
        }
        Some(self.read_sections(sections_at, section_size, section_count, names))
    }

    fn read_sections(&mut self, at: u64, size: u16, count: u16, names: u16) -> Result<(), ElfError> {
        let first = self.table(at, size, 1)?;
        // With more than the header's 16 bits can count, the first (empty) section holds the figures.
        let (_, first) = section(&first, self.wide).ok_or(DAMAGED)?;
        let count = if count == 0 { first.size } else { u64::from(count) };
        let names = if names == 0xffff { first.link } else { u32::from(names) };
        let table = self.table(at, size, count)?;
        let mut sections: Vec<(u32, Section)> =
            table.chunks_exact(usize::from(size)).filter_map(|bytes| section(bytes, self.wide)).collect();
        let names = match sections.get(names as usize) {
            Some((_, names)) => self.data(&names.clone())?,
            None => Vec::new(),
        };
        for (name, section) in &mut sections {
            section.name = text_at(&names, *name as usize).unwrap_or_default().to_owned();
        }
        self.sections = sections.into_iter().map(|(_, section)| section).collect();
        Ok(())
    }

    fn table(&self, at: u64, size: u16, count: u64) -> Result<Vec<u8>, ElfError> {
        let length = u64::from(size).checked_mul(count).filter(|length| *length <= MOST_HEADERS).ok_or(DAMAGED)?;
        self.read(at, length)
    }

    /// The bytes of a section; none for one that takes no place in the file.
    pub fn data(&self, section: &Section) -> Result<Vec<u8>, ElfError> {
        const SHT_NOBITS: u32 = 8;
        if section.kind == SHT_NOBITS {
            return Ok(Vec::new());
        }
        if section.size > MOST_SECTION {
            return Err(ElfError::Shape("has a section larger than 192 MiB, which is more than is read here"));
        }
        self.read(section.offset, section.size)
    }

    fn read(&self, at: u64, length: u64) -> Result<Vec<u8>, ElfError> {
        // Sizes are the file's claim: memory is taken only for what is there.
        let there = self.source.length()?;
        if at.checked_add(length).is_none_or(|end| end > there) {
            return Err(DAMAGED);
        }
        let mut bytes = vec![0; length as usize];
        match read_up_to(&self.source, &mut bytes, at)? {
            read if read == bytes.len() => Ok(bytes),
            _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }

    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    pub fn section_of_kind(&self, kind: u32) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }

    /// Where the byte at an address stands in the file: what uprobes count in.
    pub fn file_offset(&self, address: u64) -> Option<u64> {
        let segment = self
            .segments
            .iter()
            .find(|segment| address >= segment.address && address - segment.address < segment.size)?;
        segment.offset.checked_add(address - segment.address)
    }

    /// Each note of the sections with that name: type, owner, description.
    pub fn notes(&self, section: &str) -> Vec<(u32, String, Vec<u8>)> {
        let sections = self.sections.iter().filter(|other| other.kind == SHT_NOTE && other.name == section);
        sections.filter_map(|section| self.data(section).ok()).flat_map(|bytes| notes(&bytes)).collect()
    }

    pub fn build_id(&self) -> Option<String> {
        id_of(&self.notes(".note.gnu.build-id"))
    }
}

/// The build id among notes as the kernel shows its own and its modules'.
pub fn build_id_in(bytes: &[u8]) -> Option<String> {
    id_of(&notes(bytes))
}

fn id_of(notes: &[(u32, String, Vec<u8>)]) -> Option<String> {
    const NT_GNU_BUILD_ID: u32 = 3;
    let (.., id) = notes.iter().find(|(kind, owner, _)| *kind == NT_GNU_BUILD_ID && owner == "GNU")?;
    Some(crate::rpc::host::hex(id))
}

/// Fills the buffer as far as the file goes.
fn read_up_to(source: &Source, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read_at(&mut buffer[length..], at.saturating_add(length as u64))? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

fn segment(bytes: &[u8], wide: bool) -> Option<Segment> {
    if u32_at(bytes, 0)? != PT_LOAD {
        return None;
    }
    Some(match wide {
        true => Segment { offset: u64_at(bytes, 8)?, address: u64_at(bytes, 16)?, size: u64_at(bytes, 32)? },
        false => Segment {
            offset: u32_at(bytes, 4)?.into(),
            address: u32_at(bytes, 8)?.into(),
            size: u32_at(bytes, 16)?.into(),
        },
    })
}

/// The section, and where its name stands.
fn section(bytes: &[u8], wide: bool) -> Option<(u32, Section)> {
    let (name, kind) = (u32_at(bytes, 0)?, u32_at(bytes, 4)?);
    let (address, offset, size, link) = match wide {
        true => (u64_at(bytes, 16)?, u64_at(bytes, 24)?, u64_at(bytes, 32)?, u32_at(bytes, 40)?),
        false => (u32_at(bytes, 12)?.into(), u32_at(bytes, 16)?.into(), u32_at(bytes, 20)?.into(), u32_at(bytes, 24)?),
    };
    Some((name, Section { name: String::new(), kind, address, offset, size, link }))
}

fn notes(mut bytes: &[u8]) -> Vec<(u32, String, Vec<u8>)> {
    let mut found = Vec::new();
    while let (Some(name), Some(length), Some(kind)) = (u32_at(bytes, 0), u32_at(bytes, 4), u32_at(bytes, 8)) {
        let (name, length) = (name as usize, length as usize);
        let padded = |length: usize| length.checked_next_multiple_of(4);
        let (Some(name_end), Some(length_end)) = (padded(name), padded(length)) else { break };
        let Some(description) = name_end.checked_add(12) else { break };
        let Some(end) = description.checked_add(length) else { break };
        let (Some(owner), Some(content)) = (bytes.get(12..12 + name), bytes.get(description..end)) else { break };
        let owner = String::from_utf8_lossy(owner).trim_end_matches('\0').to_owned();
        found.push((kind, owner, content.to_vec()));
        let Some(next) = description.checked_add(length_end).and_then(|next| bytes.get(next..)) else { break };
        bytes = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Opens bytes as a file would be.
    pub fn opened(bytes: &[u8]) -> Result<Elf, ElfError> {
        let path =
            std::env::temp_dir().join(format!("ringside-elf-{}-{:?}", std::process::id(), std::thread::current().id()));
        std::fs::write(&path, bytes).expect("write");
        let elf = Elf::open(&path);
        std::fs::remove_file(&path).expect("remove");
        elf
    }

    #[test]
    fn the_tests_own_binary_is_read() {
        let elf = Elf::open(Path::new("/proc/self/exe")).expect("an executable");
        assert!(elf.wide && elf.section(".text").is_some() && elf.section_of_kind(SHT_SYMTAB).is_some());
        assert_eq!(elf.build_id().map(|id| id.len() % 2), Some(0));
        let text = elf.section(".text").expect("code");
        assert_eq!(elf.file_offset(text.address + 5), Some(text.offset + 5));
        assert_eq!(elf.file_offset(u64::MAX), None);
    }

    #[test]
    fn what_is_no_binary_says_so() {
        let refused = |path: &str| match Elf::open(Path::new(path)) {
            Err(ElfError::Shape(words)) => words.to_owned(),
            Err(ElfError::File(error)) => error.to_string(),
            Ok(_) => panic!("{path} is no ELF file"),
        };
        assert_eq!(refused("/etc/passwd"), "is no ELF file");
        assert_eq!(refused("/dev/zero"), "is no regular file");
        assert!(refused("/no/such").contains("No such file"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn damaged_binaries_do_no_harm(changes in proptest::collection::vec((0_usize..4096, any::<u8>()), 0..40), cut in 0_usize..20_000) {
            let whole = std::fs::read("/bin/true").expect("a small binary");
            let mut bytes = whole[..whole.len().min(cut.max(64))].to_vec();
            let length = bytes.len();
            for (at, value) in changes {
                bytes[at % length] = value;
            }
            if let Ok(elf) = opened(&bytes) {
                for section in &elf.sections {
                    let _ = elf.data(section);
                    elf.file_offset(section.address);
                    elf.notes(&section.name);
                }
                super::super::symbols::functions(&elf, &mut |_| {}).ok();
                super::super::usdt::probes(&elf);
            }
        }

        #[test]
        fn any_bytes_are_notes_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            notes(&bytes);
        }
    }
}
