//! From errno and libbpf's words to a failure that a person can act on.

use ringside_bpf::Error;
use ringside_bpf::error::describe;
use ringside_bpf::object::Object;
use ringside_bpf::probe;

use super::host;
use crate::failure::libc_errno::{EACCES, EINVAL, ENOENT, ENOMEM, ENOSPC, ENOTSUPP, EOPNOTSUPP, EPERM, ESRCH};
use crate::failure::{Answer, Failure, no_memory, no_permission};

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
    if bytes.len() < 64 || class != Some(&2) {
        return Err(Failure::new("not-bpf", "This ELF file is no 64-bit BPF object."));
    }
    if half(18) != EM_BPF {
        let message = format!("This ELF file is for another machine (e_machine {}), not for BPF.", half(18));
        return Err(Failure::new("not-bpf", message).hint("Compile with -target bpf."));
    }
    if order != Some(&own_order) {
        let message = "The object has the other byte order than this host.";
        return Err(Failure::new("not-bpf", message).hint("Compile with -target bpfel for little-endian hosts."));
    }
    Ok(())
}

/// Why libbpf could not open an object.
pub fn open(error: &Error, messages: &str) -> Failure {
    let has = |words: &str| messages.contains(words);
    let failure = if has("legacy map definitions") || has("SEC(\"maps\")") {
        Failure::new("legacy-maps", "The object defines maps in the old way (SEC(\"maps\")), which libbpf 1.0 dropped.")
            .hint("Define maps in SEC(\".maps\") with __uint() and __type().")
    } else if has("BTF is required") || has("BTF is mandatory") {
        Failure::new("object-without-btf", "The object has no BTF, which its maps or globals need.")
            .hint("Compile with -g.")
    } else if has("object file doesn't contain bpf program") || has("no program") {
        Failure::new("no-programs", "The object holds no BPF program.")
    } else {
        let reason = first_warning(messages).unwrap_or_else(|| describe(error.errno));
        Failure::new("object-malformed", format!("libbpf cannot open the object: {reason}."))
    };
    failure.errno(error.errno).log(messages)
}

/// Why an opened object could not be loaded. The log goes along: the verifier's if it got that far, else libbpf's.
pub fn load(error: &Error, object: &Object, messages: &str) -> Failure {
    let log = object.log().map(|log| log.bytes().to_vec()).unwrap_or_default();
    let program = failing_program(messages);
    reason(error.errno, program.as_deref(), object, messages, &log).errno(error.errno).log(if log.is_empty() {
        messages.as_bytes().to_vec()
    } else {
        log
    })
}

fn reason(errno: i32, program: Option<&str>, object: &Object, messages: &str, log: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(log);
    let has = |words: &str| messages.contains(words);
    let named = program.map_or_else(|| "The object".to_owned(), |name| format!("Program {name}"));
    if text.contains("<invalid CO-RE relocation>") || has("relo #") && has("failed to") || has("CO-RE relos failed") {
        let detail = core_detail(&text).or_else(|| first_warning(messages)).unwrap_or_default();
        return Failure::new("core-relocation", format!("{named} reads a field or type that this kernel does not have. {detail}").trim_end())
            .hint("Guard it with bpf_core_field_exists() or bpf_core_type_exists(), or build against this host's own types. A struct of your own that has the name of a kernel type needs another name.");
    }
    if has("BTF is required, but is missing")
        || has("kernel BTF is missing")
        || has("failed to load vmlinux BTF")
        || has("Error loading vmlinux BTF")
        || has("failed to find valid kernel BTF")
    {
        return host::no_btf();
    }
    // A map comes before any program, and its message names it.
    if has("failed to create:") || has("Error in bpf_create_map") || has("map '") && has("failed to create") {
        return map_failure(errno, messages);
    }
    if has("failed to find kernel BTF type ID") || has("prepare_load_prog") || has("is not found in vmlinux BTF") {
        let reason = first_warning(messages).unwrap_or_default();
        return Failure::new(
            "target-not-found",
            format!("{named} attaches to something that this kernel does not have: {reason}."),
        )
        .hint("The function may be inlined, renamed or in a module that is not loaded.");
    }
    if let Some(words) = last_words(&text) {
        if words.contains("bpf_probe_read") && host::lockdown() == "confidentiality" {
            let message = format!("{named} reads kernel memory, which this kernel's lockdown forbids: {words}");
            return Failure::new("lockdown", message)
                .hint("Boot without lockdown=confidentiality, or use another host.");
        }
        return Failure::new("verifier-rejected", format!("{named} was rejected by the verifier: {words}"))
            .hint("The log tells the path that the verifier took and what it knew.");
    }
    let unsupported =
        || program.and_then(|name| object.program(name)).filter(|program| !probe::program_type(program.kind()));
    match errno {
        EPERM | EACCES => no_permission(&format!("{} cannot be loaded", lower(&named)), errno),
        ENOMEM => no_memory(&format!("{} cannot be loaded", lower(&named)), errno),
        ENOSPC => {
            Failure::new("too-large", format!("The verifier's log of {} is larger than the limit.", lower(&named)))
        }
        ENOTSUPP | EOPNOTSUPP => {
            Failure::new("unsupported-by-kernel", format!("This kernel does not support what {} needs.", lower(&named)))
        }
        EINVAL if unsupported().is_some() => {
            let kind = unsupported().map_or("", |program| program.type_name());
            Failure::new("unsupported-by-kernel", format!("This kernel has no programs of type {kind}."))
        }
        ENOENT | ESRCH => Failure::new(
            "target-not-found",
            format!(
                "{named} needs something that this kernel does not have: {}.",
                first_warning(messages).unwrap_or_else(|| describe(errno))
            ),
        ),
        _ => Failure::new(
            "load-failed",
            format!("{named} cannot be loaded: {}.", first_warning(messages).unwrap_or_else(|| describe(errno))),
        ),
    }
}

fn map_failure(errno: i32, messages: &str) -> Failure {
    let reason = messages.lines().find(|line| line.contains("failed to create")).map_or_else(|| describe(errno), plain);
    match errno {
        EPERM => no_permission("a map cannot be created", errno),
        ENOMEM => no_memory("a map cannot be created", errno),
        _ => Failure::new("map-create-failed", format!("A map cannot be created: {reason}."))
            .hint("A ring's size must be a power of two of whole pages; some map types need a newer kernel (`ringside doctor` lists them)."),
    }
}

/// The verifier's last sentence before its statistics; none when it did not get to judge.
fn last_words(log: &str) -> Option<String> {
    let statistics = ["processed ", "verification time", "stack depth"];
    let line = log.lines().rev().find(|line| {
        let line = line.trim();
        !line.is_empty() && !statistics.iter().any(|words| line.starts_with(words))
    });
    line.map(|line| line.trim().to_owned())
}

/// libbpf writes the relocation that could not be resolved into the log in place of the poisoned instruction.
fn core_detail(log: &str) -> Option<String> {
    log.lines().find(|line| line.contains("failed to resolve CO-RE relocation")).map(|line| format!("{}.", line.trim()))
}

/// `libbpf: prog 'NAME': …` of the program that stopped the load.
pub fn failing_program(messages: &str) -> Option<String> {
    let line =
        messages.lines().find(|line| line.contains("prog '") && (line.contains("failed") || line.contains("error")))?;
    Some(line.split_once("prog '")?.1.split_once('\'')?.0.to_owned())
}

/// The first message that is about the cause, without the prefix.
fn first_warning(messages: &str) -> Option<String> {
    messages.lines().map(plain).find(|line| !line.is_empty())
}

fn plain(line: &str) -> String {
    line.trim_start_matches("libbpf: ").trim().trim_end_matches('.').to_owned()
}

fn lower(named: &str) -> String {
    let mut characters = named.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bpf_objects_pass() {
        let code = |bytes: &[u8]| check_elf(bytes).expect_err("no object").code;
        assert_eq!(code(b"hello"), "not-elf");
        let mut elf = vec![0; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[18] = 62;
        assert_eq!(code(&elf), "not-bpf");
        elf[18] = 247;
        assert_eq!(check_elf(&elf), Ok(()));
        elf[5] = 2;
        elf.swap(18, 19);
        assert_eq!(code(&elf), "not-bpf");
    }

    #[test]
    fn the_verifiers_reason_is_its_last_sentence() {
        let log = "0: (79) r1 = *(u64 *)(r0 +0)\nR0 invalid mem access 'scalar'\nprocessed 5 insns (limit 1000000)\n\n";
        assert_eq!(last_words(log).as_deref(), Some("R0 invalid mem access 'scalar'"));
        // A refusal before the verification leaves figures only.
        assert_eq!(last_words("processed 0 insns (limit 1000000)\nstack depth 0\n"), None);
    }

    #[test]
    fn the_failing_program_is_named_by_libbpf() {
        let messages = "libbpf: prog 'on_exec': BPF program load failed: Permission denied\n";
        assert_eq!(failing_program(messages).as_deref(), Some("on_exec"));
    }
}
