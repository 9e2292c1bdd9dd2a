//! Functions of the running kernel and its modules, and which of them can be probed: /proc/kallsyms, ftrace's
//! available_filter_functions, the kprobe blacklist.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::ops::Range;
use std::path::Path;

use super::table::{NameTable, Named};

/// The function tracer can stop here, so fentry and kprobe.multi can.
const TRACEABLE: u8 = 1;
const BLACKLISTED: u8 = 2;
/// Freed after boot.
const INIT: u8 = 4;

/// Longest line that is looked at: a symbol has at most 511 letters.
const LONGEST_LINE: u64 = 4096;

#[derive(Debug, Default)]
pub struct Functions {
    table: NameTable,
    /// `[0]` is "", the kernel itself.
    modules: Vec<String>,
    /// False where ftrace's list cannot be read: then nobody knows.
    traceable_known: bool,
}

/// One name that the kernel has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function<'a> {
    pub name: &'a str,
    /// "" for the kernel itself.
    pub module: &'a str,
    /// How many functions bear this name; a name with several cannot be probed by name.
    pub copies: usize,
    pub blacklisted: bool,
    pub init: bool,
    /// None where ftrace's list cannot be read.
    pub traceable: Option<bool>,
}

impl Function<'_> {
    /// Why a kprobe or fentry program cannot be placed on it by name; none if nothing speaks against it.
    pub fn obstacle(&self) -> Option<Obstacle> {
        if self.copies > 1 {
            return Some(Obstacle::Ambiguous(self.copies));
        }
        if self.init {
            return Some(Obstacle::Init);
        }
        if self.blacklisted {
            return Some(Obstacle::Blacklisted);
        }
        (self.traceable == Some(false)).then_some(Obstacle::NoTrace)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    Ambiguous(usize),
    Init,
    Blacklisted,
    NoTrace,
}

impl Obstacle {
    /// For a list: one or a few words.
    pub fn short(self) -> String {
        match self {
            Self::Ambiguous(copies) => format!("{copies} functions have this name"),
            Self::Init => "init".into(),
            Self::Blacklisted => "blacklisted".into(),
            Self::NoTrace => "notrace".into(),
        }
    }

    /// For a message: completes "FUNCTION cannot be probed: …".
    pub fn words(self) -> String {
        match self {
            Self::Ambiguous(copies) => {
                format!("{copies} functions of this kernel have this name, and the kernel does not choose between them")
            }
            Self::Init => "it belongs to the code that the kernel throws away after booting".into(),
            Self::Blacklisted => "it is on the kernel's kprobe blacklist (NOKPROBE_SYMBOL, noinstr or entry code), because a probe there could recurse".into(),
            Self::NoTrace => "the kernel keeps the function tracer away from it (notrace, noinstr, or built without -pg: it is not in available_filter_functions)".into(),
        }
    }
}

impl Functions {
    /// What this host shows; what it hides is unknown, not absent.
    pub fn read(tracefs: Option<&str>) -> Self {
        let Ok(symbols) = File::open("/proc/kallsyms") else { return Self::default() };
        let mut functions = Self::from_symbols(BufReader::with_capacity(1 << 16, symbols));
        if let Some(list) =
            tracefs.and_then(|folder| File::open(Path::new(folder).join("available_filter_functions")).ok())
        {
            functions.take_traceable(BufReader::with_capacity(1 << 16, list));
        }
        if let Ok(list) = File::open("/sys/kernel/debug/kprobes/blacklist") {
            functions.take_blacklist(BufReader::with_capacity(1 << 16, list));
        }
        functions
    }

    /// Lines are `ADDRESS TYPE NAME`, with `TAB [MODULE]` for what belongs to a module.
    fn from_symbols(symbols: impl BufRead) -> Self {
        let mut modules = vec![String::new()];
        let mut found = Vec::new();
        let mut table = NameTable::default();
        let mut sections = Sections::default();
        for_each_line(symbols, |line| {
            let mut words = line.split_ascii_whitespace();
            let (Some(address), Some(kind), Some(name)) = (words.next(), words.next(), words.next()) else { return };
            let address = u64::from_str_radix(address, 16).unwrap_or(0);
            sections.take(name, address);
            if !matches!(kind, "t" | "T" | "w" | "W") || !is_function(name) {
                return;
            }
            let module = words.next().map_or("", |module| module.trim_matches(['[', ']']));
            // JITed programs and trampolines are no functions that others could probe by name.
            if module == "bpf" || module.starts_with("__builtin__") {
                return;
            }
            table.push(name, module_number(&mut modules, module), 0);
            found.push(address);
        });
        table.mark_in_order(|index| sections.marks(found.get(index).copied().unwrap_or(0)));
        table.sort();
        Self { table, modules, traceable_known: false }
    }

    /// Lines are `NAME`, with ` [MODULE]` for what belongs to a module.
    fn take_traceable(&mut self, list: impl BufRead) {
        let (table, modules) = (&mut self.table, &self.modules);
        let mut any = false;
        for_each_line(list, |line| {
            let mut words = line.split_ascii_whitespace();
            let Some(name) = words.next() else { return };
            let module = words.next().map_or("", |module| module.trim_matches(['[', ']']));
            let module = modules.iter().position(|known| known == module).map(|index| index as u16);
            table.mark(name, module, TRACEABLE);
            any = true;
        });
        self.traceable_known = any;
    }

    /// Lines are `0xSTART-0xEND TAB NAME`, with ` [MODULE]` for what belongs to a module.
    fn take_blacklist(&mut self, list: impl BufRead) {
        let table = &mut self.table;
        for_each_line(list, |line| {
            if let Some(name) = line.split_ascii_whitespace().nth(1) {
                table.mark(name, None, BLACKLISTED);
            }
        });
    }

    /// False where the kernel shows no symbols at all.
    pub fn known(&self) -> bool {
        !self.table.is_empty()
    }

    pub fn find(&self, name: &str) -> Option<Function<'_>> {
        let mut found = self.table.find(name);
        let copies = found.len();
        let first = found.next()?;
        let marks = found.fold(first.marks, |marks, other| marks | other.marks);
        Some(self.function(Named { marks, ..first }, copies))
    }

    /// Every name once, in order.
    pub fn iter(&self) -> impl Iterator<Item = Function<'_>> {
        let mut entries = self.table.iter().peekable();
        std::iter::from_fn(move || {
            let mut first = entries.next()?;
            let mut copies = 1;
            while let Some(other) = entries.next_if(|other| other.name == first.name) {
                first.marks |= other.marks;
                copies += 1;
            }
            Some(self.function(first, copies))
        })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.table.names()
    }

    /// What the compiler made of a function: `name.isra.0`, `name.constprop.0`, `name.part.0`, but not the cold half that
    /// it moved away.
    pub fn variants(&self, name: &str) -> Vec<Function<'_>> {
        let found = self.table.beginning_with(&format!("{name}.")).map(|found| found.name);
        let mut names: Vec<&str> = found.filter(|found| !found.contains(".cold")).collect();
        names.dedup();
        names.into_iter().filter_map(|name| self.find(name)).collect()
    }

    fn function<'a>(&'a self, named: Named<'a>, copies: usize) -> Function<'a> {
        Function {
            name: named.name,
            module: self.modules.get(usize::from(named.module)).map_or("", String::as_str),
            copies,
            blacklisted: named.marks & BLACKLISTED != 0,
            init: named.marks & INIT != 0,
            traceable: self.traceable_known.then_some(named.marks & TRACEABLE != 0),
        }
    }
}

/// Padding in front of functions and marks of the linker have the type of code too.
fn is_function(name: &str) -> bool {
    !["__pfx_", "__cfi_", "$", "."].iter().any(|start| name.starts_with(start))
}

fn module_number(modules: &mut Vec<String>, name: &str) -> u16 {
    // Symbols of a module stand together, so the last one is nearly always right.
    if modules.last().is_some_and(|last| last == name) {
        return (modules.len() - 1) as u16;
    }
    match modules.iter().position(|known| known == name) {
        Some(index) => index as u16,
        None if modules.len() < usize::from(u16::MAX) => {
            modules.push(name.to_owned());
            (modules.len() - 1) as u16
        }
        None => 0,
    }
}

/// Parts of the kernel's text where no probe may stand, by the symbols around them.
#[derive(Debug, Default)]
struct Sections {
    ranges: [Range<u64>; 4],
}

const SECTIONS: [(&str, &str, u8); 4] = [
    ("__kprobes_text_start", "__kprobes_text_end", BLACKLISTED),
    ("__noinstr_text_start", "__noinstr_text_end", BLACKLISTED),
    ("__entry_text_start", "__entry_text_end", BLACKLISTED),
    ("_sinittext", "_einittext", INIT),
];

impl Sections {
    fn take(&mut self, name: &str, address: u64) {
        for ((start, end, _), range) in SECTIONS.iter().zip(&mut self.ranges) {
            if name == *start {
                range.start = address;
            } else if name == *end {
                range.end = address;
            }
        }
    }

    /// Nothing where addresses are hidden: then all are 0 and every range is empty.
    fn marks(&self, address: u64) -> u8 {
        let inside = |range: &Range<u64>| range.start != 0 && range.contains(&address);
        SECTIONS
            .iter()
            .zip(&self.ranges)
            .filter(|(_, range)| inside(range))
            .fold(0, |marks, ((_, _, mark), _)| marks | mark)
    }
}

/// Each line as text; what is too long or no UTF-8 is left out.
pub fn for_each_line(mut input: impl BufRead, mut take: impl FnMut(&str)) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Ok(text) = std::str::from_utf8(&line) {
            take(text.trim_end_matches('\n'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SYMBOLS: &str = "ffffffff81000000 T _stext\n\
        ffffffff81000010 T __entry_text_start\nffffffff81000020 T entry_SYSCALL_64\nffffffff81000030 T __entry_text_end\n\
        ffffffff81000100 t __pfx_vfs_read\nffffffff81000110 T vfs_read\nffffffff81000200 t twice\nffffffff81000300 t twice\n\
        ffffffff81000400 t finish.isra.0\nffffffff81000500 t finish.cold\nffffffff81000600 D data\n\
        ffffffff82000000 T _sinittext\nffffffff82000010 t early\nffffffff82000100 T _einittext\n\
        ffffffffc0000000 t of_module\t[nf_tables]\nffffffffc1000000 t bpf_prog_12_x\t[bpf]\n";

    fn functions() -> Functions {
        let mut functions = Functions::from_symbols(SYMBOLS.as_bytes());
        functions.take_traceable(&b"vfs_read\ntwice\nof_module [nf_tables]\n"[..]);
        functions
    }

    #[test]
    fn a_function_says_whether_it_can_be_probed() {
        let functions = functions();
        let of = |name: &str| functions.find(name).expect(name).obstacle();
        assert_eq!(of("vfs_read"), None);
        assert_eq!(of("twice"), Some(Obstacle::Ambiguous(2)));
        assert_eq!(of("entry_SYSCALL_64"), Some(Obstacle::Blacklisted));
        assert_eq!(of("early"), Some(Obstacle::Init));
        assert_eq!(of("finish.isra.0"), Some(Obstacle::NoTrace));
        assert_eq!(
            functions.find("of_module").map(|found| (found.module, found.obstacle())),
            Some(("nf_tables", None))
        );
        for absent in ["data", "bpf_prog_12_x", "__pfx_vfs_read", "finish"] {
            assert_eq!(functions.find(absent), None);
        }
        assert_eq!(functions.variants("finish").len(), 1);
    }

    #[test]
    fn what_the_host_hides_is_unknown() {
        let hidden = SYMBOLS.replace("ffffffff", "00000000").replace("8100", "0000");
        let functions = Functions::from_symbols(hidden.as_bytes());
        assert_eq!(functions.find("vfs_read").map(|found| found.traceable), Some(None));
        let mut functions = functions;
        functions.take_blacklist(&b"0x0-0x0\tvfs_read\n"[..]);
        assert_eq!(functions.find("vfs_read").and_then(|found| found.obstacle()), Some(Obstacle::Blacklisted));
    }

    #[test]
    fn each_name_comes_once() {
        let functions = functions();
        let all: Vec<(&str, usize)> = functions.iter().map(|found| (found.name, found.copies)).collect();
        assert!(all.is_sorted() && all.contains(&("twice", 2)) && all.contains(&("vfs_read", 1)), "{all:?}");
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut functions = Functions::from_symbols(&text[..]);
            functions.take_traceable(&text[..]);
            functions.take_blacklist(&text[..]);
            prop_assert!(functions.iter().all(|found| found.copies > 0));
        }
    }
}
