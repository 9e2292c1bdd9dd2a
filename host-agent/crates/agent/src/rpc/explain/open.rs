//! Objects that are none, or not for this host.

use ringside_bpf::Error;
use ringside_bpf::error::describe;

use super::no_programs;
use super::words::{first_warning, line_with, quoted};
use crate::failure::{Answer, Failure};

const EM_BPF: u16 = 247;

/// Before libbpf sees the bytes: are they an ELF object for BPF, of this host's byte order?
pub fn check_elf(bytes: &[u8]) -> Answer<()> {
    if !bytes.starts_with(b"\x7fELF") {
        return Err(Failure::new("not-elf", "This is no ELF object.")
            .hint("Compile the source with clang -target bpf -g -O2 -c."));
    }
    let (class, order) = (bytes.get(4), bytes.get(5));
    let own_order = if cfg!(target_endian = "little") { 1 } else { 2 };
    let half = |at: usize| {
        let pair = [bytes.get(at).copied().unwrap_or(0), bytes.get(at + 1).copied().unwrap_or(0)];
        if order == Some(&2) { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    };
    if bytes.len() < 64 {
        return Err(Failure::new("object-malformed", "The object ends within its ELF header: it is cut off.")
            .hint("Build it again, or copy it whole."));
    }
    if class != Some(&2) {
        return Err(Failure::new("not-bpf", "This ELF file is no 64-bit BPF object.").hint("Compile with -target bpf."));
    }
    if half(18) != EM_BPF {
        let message = format!("This ELF file is for another machine ({}), not for BPF.", machine(half(18)));
        return Err(Failure::new("not-bpf", message).hint("Compile with -target bpf."));
    }
    if order != Some(&own_order) {
        let message = "The object has the other byte order (big-endian) than this host.";
        let hint = "Compile with -target bpfel for little-endian hosts, or -target bpf on one.";
        return Err(Failure::new("not-bpf", message).hint(hint));
    }
    Ok(())
}

/// e_machine in words, for those that are mistaken for BPF objects.
fn machine(number: u16) -> String {
    match number {
        62 => "x86-64".into(),
        183 => "arm64".into(),
        243 => "RISC-V".into(),
        22 => "s390".into(),
        3 => "x86, 32 bit".into(),
        40 => "arm, 32 bit".into(),
        other => format!("e_machine {other}"),
    }
}

/// Types of a kernel that a user gives: raw BTF, or an ELF file with a section of it.
pub fn check_types(bytes: &[u8]) -> Answer<()> {
    let magic: u16 = if cfg!(target_endian = "little") { 0xeb9f } else { 0x9feb };
    if bytes.starts_with(&magic.to_le_bytes()) || bytes.starts_with(b"\x7fELF") {
        return Ok(());
    }
    Err(Failure::new("btf-malformed", "The types given for the kernel are no BTF.").hint(
        "Give a copy of /sys/kernel/btf/vmlinux of such a kernel, a file of BTFHub, or what `bpftool gen min_core_btf` makes.",
    ))
}

/// Why libbpf could not open an object.
pub fn open(error: &Error, messages: &str) -> Failure {
    known(messages)
        .unwrap_or_else(|| {
            let reason = first_warning(messages).unwrap_or_else(|| describe(error.errno));
            Failure::new("object-malformed", format!("libbpf cannot open the object: {reason}."))
                .hint("Build it again; an object that was stripped, cut off or edited cannot be used.")
        })
        .errno(error.errno)
        .log(messages)
}

fn known(messages: &str) -> Option<Failure> {
    let has = |words: &str| messages.contains(words);
    if has("legacy map definitions") {
        let message = "The object defines maps in the old way (SEC(\"maps\")), which libbpf 1.0 dropped.";
        let hint = "Define maps in SEC(\".maps\") with __uint() and __type(), and compile with -g.";
        return Some(Failure::new("legacy-maps", message).hint(hint));
    }
    if has("Error loading ELF section .BTF") || has("BTF data is corrupted") {
        return Some(malformed_types(messages));
    }
    if has("BTF is required, but is missing") {
        let message = "The object has no BTF, which its maps or globals need.";
        return Some(Failure::new("object-without-btf", message).hint("Compile with -g, and do not strip the object."));
    }
    if has("object file doesn't contain bpf program") {
        return Some(no_programs());
    }
    if let Some(program) = quoted(messages, "program '", "is static and not supported") {
        let message =
            format!("Program {program} is declared static, so that nothing outside the object may refer to it.");
        return Some(
            Failure::new("static-program", message).hint("Remove `static` from the functions that have SEC()."),
        );
    }
    let unnamed = line_with(messages, "failed to find BTF for extern");
    let elsewhere = line_with(messages, "unrecognized extern section");
    if let Some(line) = unnamed.or(elsewhere) {
        let name = line.split('\'').nth(1).unwrap_or("").to_owned();
        let message = match line.contains("unrecognized") {
            true => format!("The object declares an extern in section {name}, which libbpf does not know."),
            false => format!("The object declares the extern {name} and does not say where it comes from."),
        };
        return Some(Failure::new("extern-without-section", message).hint(
            "Mark externs with __ksym (functions and variables of the kernel) or __kconfig (its configuration); functions of other files must be linked in with `bpftool gen object`.",
        ));
    }
    None
}

fn malformed_types(messages: &str) -> Failure {
    let reason = first_warning(messages).map_or_else(String::new, |reason| format!(": {reason}"));
    Failure::new("btf-malformed", format!("The type information (BTF) of the object is damaged{reason}."))
        .hint("Build it again with -g and a current clang; tools that rewrite BTF (pahole, strip) may have broken it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bpf_objects_pass() {
        let answer = |bytes: &[u8]| check_elf(bytes).expect_err("no object");
        assert_eq!(answer(b"hello").code, "not-elf");
        assert_eq!(answer(b"\x7fELF\x02\x01").code, "object-malformed");
        let mut elf = vec![0; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[18] = 62;
        assert_eq!(answer(&elf).code, "not-bpf");
        assert!(answer(&elf).message.contains("x86-64"));
        elf[18] = 247;
        assert_eq!(check_elf(&elf), Ok(()));
        elf[5] = 2;
        elf.swap(18, 19);
        assert_eq!(answer(&elf).code, "not-bpf");
        assert!(answer(&elf).message.contains("byte order") && answer(&elf).hint.contains("bpfel"));
    }

    #[test]
    fn what_libbpf_says_about_an_object_has_a_code() {
        let code = |messages: &str| open(&Error::new("x", 22), messages).code;
        assert_eq!(code("libbpf: sec 'xdp': program 'p' is static and not supported\n"), "static-program");
        assert_eq!(code("libbpf: failed to find BTF for extern 'other': -3\n"), "extern-without-section");
        assert_eq!(code("libbpf: Error loading ELF section .BTF: -22.\n"), "btf-malformed");
        assert_eq!(code("libbpf: elf: couldn't find symbol table in x, stripped object file?\n"), "object-malformed");
    }

    #[test]
    fn types_of_a_kernel_are_btf_or_elf() {
        assert_eq!(check_types(&[0x9f, 0xeb, 1]), Ok(()));
        assert_eq!(check_types(b"\x7fELF"), Ok(()));
        assert_eq!(check_types(b"#!/bin/sh").map_err(|failure| failure.code), Err("btf-malformed"));
    }
}
