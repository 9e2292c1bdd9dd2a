//! Symbolize: names for addresses of the kernel or of a process.

use std::fs;

use blazesym::Pid;
use blazesym::symbolize::source::{Process, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};

/// Addresses of one request: stacks are asked for by the hundred, not by the million.
const MOST_ADDRESSES: usize = 100_000;

pub fn symbolize(request: pb::Symbolize) -> Answer<pb::SymbolizeResult> {
    if request.addresses.len() > MOST_ADDRESSES {
        return Err(Failure::new("too-large", format!("More than {MOST_ADDRESSES} addresses in one request.")));
    }
    let symbols = match request.pid {
        0 => of_kernel(&request.addresses)?,
        pid => of_process(pid, &request.addresses)?,
    };
    Ok(pb::SymbolizeResult { symbols })
}

fn of_kernel(addresses: &[u64]) -> Answer<Vec<pb::Symbol>> {
    let text = fs::read("/proc/kallsyms").map_err(|error| {
        Failure::new("no-permission", format!("The kernel's symbols cannot be read: {error}."))
            .hint("Its addresses stand in /proc/kallsyms, which needs CAP_SYSLOG.")
    })?;
    let table = KernelSymbols::parse(&text);
    if table.symbols.is_empty() {
        return Err(hidden());
    }
    Ok(addresses.iter().map(|address| table.find(*address)).collect())
}

pub fn hidden() -> Failure {
    Failure::new("no-permission", "The kernel hides its symbols.")
        .hint("This needs CAP_SYSLOG, and kernel.kptr_restrict at most 1.")
}

/// Functions by address. Names stay where they are in the text: of 120,000 only a few are asked for.
struct KernelSymbols<'a> {
    text: &'a [u8],
    /// Address and place of the name, by address.
    symbols: Vec<(u64, u32)>,
}

impl<'a> KernelSymbols<'a> {
    /// Lines are `ADDRESS TYPE NAME`, with `TAB [MODULE]` for what belongs to a module (or to BPF: `[bpf]`).
    fn parse(text: &'a [u8]) -> Self {
        let mut symbols = Vec::new();
        let mut start = 0;
        while start < text.len() {
            let end = text[start..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |length| start + length);
            let line = &text[start..end];
            if let Some(space) = line.iter().position(|byte| *byte == b' ')
                && let Ok(digits) = std::str::from_utf8(&line[..space])
                && let Ok(address) = u64::from_str_radix(digits, 16)
                && address != 0
                && line.get(space + 1).is_some_and(|kind| b"tTwW".contains(kind))
            {
                symbols.push((address, (start + space + 3) as u32));
            }
            start = end + 1;
        }
        // Aliases share an address; the first one listed stays in front.
        symbols.sort_by_key(|(address, _)| *address);
        Self { text, symbols }
    }

    fn find(&self, address: u64) -> pb::Symbol {
        let behind = self.symbols.partition_point(|(start, _)| *start <= address);
        let Some((start, _)) = behind.checked_sub(1).map(|index| self.symbols[index]) else {
            return pb::Symbol::default();
        };
        let first = self.symbols.partition_point(|(other, _)| *other < start);
        let rest = &self.text[self.symbols[first].1 as usize..];
        let line = &rest[..rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())];
        let line = String::from_utf8_lossy(line);
        let (name, module) = line.split_once('\t').unwrap_or((&line, ""));
        pb::Symbol {
            name: name.to_owned(),
            offset: address - start,
            module: module.trim_matches(['[', ']']).to_owned(),
            ..Default::default()
        }
    }
}

fn of_process(pid: u32, addresses: &[u64]) -> Answer<Vec<pb::Symbol>> {
    let symbolizer = Symbolizer::new();
    let source = Source::Process(Process::new(Pid::from(pid)));
    let found = symbolizer.symbolize(&source, Input::AbsAddr(addresses)).map_err(|error| {
        let gone = !fs::exists(format!("/proc/{pid}")).unwrap_or(false);
        match gone {
            true => Failure::new("target-not-found", format!("There is no process {pid} any more.")),
            false => Failure::new("no-permission", format!("The memory map of process {pid} cannot be read: {error}.")),
        }
    })?;
    Ok(found.iter().map(symbol).collect())
}

/// An address that belongs to no known function stays without a name.
fn symbol(found: &Symbolized<'_>) -> pb::Symbol {
    let Symbolized::Sym(found) = found else { return pb::Symbol::default() };
    let module = found.module.as_ref().map_or_else(String::new, |module| module.to_string_lossy().into_owned());
    let (file, line) = found
        .code_info
        .as_deref()
        .map_or_else(|| (String::new(), 0), |code| (code.to_path().display().to_string(), code.line.unwrap_or(0)));
    pb::Symbol { name: found.name.to_string(), offset: found.offset as u64, module, file, line, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_before_an_address_is_the_one() {
        let text = b"0000000000000000 A fixed\nffffffff81000000 T first\nffffffff81000000 t alias\n\
                     ffffffff81000100 d data\nffffffff81000200 t second\t[module]\n";
        let table = KernelSymbols::parse(text);
        let found = table.find(0xffff_ffff_8100_0110);
        assert_eq!((found.name.as_str(), found.offset), ("first", 0x110));
        let found = table.find(0xffff_ffff_8100_0200);
        assert_eq!((found.name.as_str(), found.offset, found.module.as_str()), ("second", 0, "module"));
        assert_eq!(table.find(5), pb::Symbol::default());
    }

    #[test]
    fn own_functions_have_names() {
        let address = the_function_before_an_address_is_the_one as fn() as usize as u64;
        let found = of_process(std::process::id(), &[address, 1]).expect("own process");
        assert!(found[0].name.contains("the_function_before_an_address_is_the_one"), "{:?}", found[0]);
        assert_eq!(found[1].name, "");
    }
}
