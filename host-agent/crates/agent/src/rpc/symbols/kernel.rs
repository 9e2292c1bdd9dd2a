//! Functions of the kernel, its modules and BPF programs, by /proc/kallsyms: what the kernel itself prints in a stack. A
//! reader of its own, since 100,000 names of which a few are asked for need not become as many strings.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};

use ringside_proto::messages as pb;

use super::hidden;
use crate::binary::elf;
use crate::failure::{Answer, Failure};
use crate::knowledge::functions::for_each_line;

/// What the kernel calls the JITed code of a program: this, its tag, and its name.
const BPF_PREFIX: &str = "bpf_prog_";

/// No function is longer: an address that is farther from the last symbol before it belongs to none.
const LONGEST_FUNCTION: u64 = 1 << 20;

pub fn symbolize(addresses: &[u64]) -> Answer<Vec<pb::Symbol>> {
    let file = File::open("/proc/kallsyms").map_err(|error| {
        Failure::new("no-permission", format!("The kernel's symbols cannot be read: {error}."))
            .hint("Its addresses stand in /proc/kallsyms, which needs CAP_SYSLOG.")
    })?;
    let table = Symbols::parse(BufReader::with_capacity(1 << 16, file));
    if table.symbols.is_empty() {
        return Err(hidden());
    }
    let mut modules = Modules::default();
    Ok(addresses.iter().map(|address| table.find(*address, &mut modules)).collect())
}

/// Functions by address.
struct Symbols {
    /// Names one behind the other, with `TAB [MODULE]` for what belongs to a module (or to BPF: `[bpf]`).
    names: Vec<u8>,
    /// Address, where the name begins and how long it is, sorted by address.
    symbols: Vec<(u64, u32, u32)>,
    /// The kernel's own text, where nothing but its symbols may stand: `_stext` and `_etext`.
    text: (u64, u64),
}

impl Symbols {
    fn parse(kallsyms: impl BufRead) -> Self {
        let mut table = Self { names: Vec::new(), symbols: Vec::new(), text: (0, 0) };
        for_each_line(kallsyms, |line| table.take(line));
        // Aliases share an address; the first one listed stays in front.
        table.symbols.sort_by_key(|(address, ..)| *address);
        table
    }

    /// `ADDRESS TYPE NAME`. Addresses are 0 where the kernel hides them.
    fn take(&mut self, line: &str) {
        let Some((digits, rest)) = line.split_once(' ') else { return };
        let Some((kind, name)) = rest.split_once(' ') else { return };
        let Some(address) = u64::from_str_radix(digits, 16).ok().filter(|address| *address != 0) else { return };
        match name {
            "_stext" => self.text.0 = address,
            "_etext" => self.text.1 = address,
            _ => {}
        }
        // Ends of sections are no functions, nor is the padding in front of one.
        let is_mark = matches!(name, "_text" | "_stext" | "_etext" | "_sinittext" | "_einittext");
        let is_code = matches!(kind, "t" | "T" | "w" | "W") && !is_mark && !name.starts_with("__pfx_");
        if is_code && self.names.len() + name.len() < u32::MAX as usize {
            self.symbols.push((address, self.names.len() as u32, name.len() as u32));
            self.names.extend(name.as_bytes());
        }
    }

    fn find(&self, address: u64, modules: &mut Modules) -> pb::Symbol {
        let behind = self.symbols.partition_point(|(start, ..)| *start <= address);
        let Some((start, ..)) = behind.checked_sub(1).map(|index| self.symbols[index]) else {
            return pb::Symbol::default();
        };
        let outside = |address: u64| self.text.1 != 0 && !(self.text.0..self.text.1).contains(&address);
        if address - start >= LONGEST_FUNCTION || outside(address) && !outside(start) {
            return pb::Symbol::default();
        }
        let first = self.symbols.partition_point(|(other, ..)| *other < start);
        let (_, at, length) = self.symbols[first];
        let name = String::from_utf8_lossy(&self.names[at as usize..(at + length) as usize]);
        let (name, module) = name.split_once('\t').unwrap_or((&name, ""));
        let module = module.trim_matches(['[', ']']);
        if module == "bpf"
            && let Some((tag, program)) = bpf_program(name)
        {
            return pb::Symbol {
                name: program.to_owned(),
                offset: address - start,
                module: "bpf".into(),
                // The tag is the hash of a program's instructions: what a build id is for a file.
                build_id: tag.to_owned(),
                module_offset: address - start,
                ..Default::default()
            };
        }
        let (base, build_id) = modules.of(module, self.text.0);
        pb::Symbol {
            name: name.to_owned(),
            offset: address - start,
            module: module.to_owned(),
            build_id,
            module_offset: base.and_then(|base| address.checked_sub(base)).unwrap_or(0),
            ..Default::default()
        }
    }
}

/// Tag and name of `bpf_prog_TAG_NAME`; programs without a name have only the tag.
fn bpf_program(symbol: &str) -> Option<(&str, &str)> {
    let rest = symbol.strip_prefix(BPF_PREFIX)?;
    let (tag, name) = rest.split_once('_').unwrap_or((rest, ""));
    let is_tag = tag.len() == 16 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_tag.then_some((tag, if name.is_empty() { symbol } else { name }))
}

/// Where modules begin and their build ids, each looked up once.
#[derive(Default)]
struct Modules {
    known: HashMap<String, (Option<u64>, String)>,
}

impl Modules {
    /// For the kernel itself ("") addresses count from `_stext`, as its own do without KASLR.
    fn of(&mut self, module: &str, stext: u64) -> (Option<u64>, String) {
        let look = || match module {
            "" => ((stext != 0).then_some(stext), build_id("/sys/kernel/notes")),
            _ => {
                let folder = format!("/sys/module/{module}");
                let base = fs::read_to_string(format!("{folder}/sections/.text")).ok();
                let base = base.and_then(|text| u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok());
                (base, build_id(&format!("{folder}/notes/.note.gnu.build-id")))
            }
        };
        self.known.entry(module.to_owned()).or_insert_with(look).clone()
    }
}

fn build_id(path: &str) -> String {
    elf::build_id_in(&fs::read(path).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KALLSYMS: &str = "0000000000000000 A fixed\nffffffff81000000 T _stext\nffffffff81000000 T first\n\
        ffffffff81000000 t alias\nffffffff81000100 d data\nffffffff81000200 t second\nffffffff81000300 T _etext\n\
        ffffffffc0000000 t in_module\t[module]\nffffffffc0100000 t bpf_prog_0123456789abcdef_on_exec\t[bpf]\n\
        ffffffffc0100100 t bpf_prog_0123456789abcdef\t[bpf]\n";

    fn found(address: u64) -> pb::Symbol {
        Symbols::parse(KALLSYMS.as_bytes()).find(address, &mut Modules::default())
    }

    #[test]
    fn the_function_before_an_address_is_the_one() {
        let symbol = found(0xffff_ffff_8100_0110);
        assert_eq!((symbol.name.as_str(), symbol.offset, symbol.module_offset), ("first", 0x110, 0x110));
        let symbol = found(0xffff_ffff_8100_0200);
        assert_eq!((symbol.name.as_str(), symbol.offset), ("second", 0));
        let symbol = found(0xffff_ffff_c000_0010);
        assert_eq!((symbol.name.as_str(), symbol.module.as_str()), ("in_module", "module"));
        for unknown in [5, 0xffff_ffff_8100_0400, 0xffff_ffff_d000_0000] {
            assert_eq!(found(unknown), pb::Symbol::default(), "{unknown:#x}");
        }
    }

    #[test]
    fn programs_have_their_own_names() {
        let symbol = found(0xffff_ffff_c010_0004);
        assert_eq!((symbol.name.as_str(), symbol.module.as_str()), ("on_exec", "bpf"));
        assert_eq!((symbol.build_id.as_str(), symbol.offset), ("0123456789abcdef", 4));
        assert_eq!(found(0xffff_ffff_c010_0100).name, "bpf_prog_0123456789abcdef");
    }

    #[test]
    fn this_kernel_has_a_build_id() {
        let own = symbolize(&[0]).expect("symbols");
        assert_eq!(own, [pb::Symbol::default()]);
        assert_eq!(build_id("/sys/kernel/notes").len(), 40);
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "([0-9a-f]{1,17} [tTd] [a-z_]{1,8}(\t\\[(bpf|m)\\])?\n|.{0,10}\n){0,12}", address in any::<u64>()) {
            let table = Symbols::parse(text.as_bytes());
            table.find(address, &mut Modules::default());
            for (start, ..) in &table.symbols {
                prop_assert!(!table.find(*start, &mut Modules::default()).name.is_empty());
            }
        }
    }
}
