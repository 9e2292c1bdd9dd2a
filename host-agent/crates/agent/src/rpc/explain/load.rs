//! Why an opened object could not be loaded, and who is to blame.

use ringside_bpf::Error;
use ringside_bpf::error::{NO_JOURNAL, describe};
use ringside_bpf::object::Object;
use ringside_bpf::probe;

use super::words::{first_warning, line_with, lower, quoted};
use super::{lacking, no_target, target_needed, unknown_section, verifier};
use crate::failure::libc_errno::{EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, ENOSPC, ENOTSUPP, EOPNOTSUPP, EPERM, ESRCH};
use crate::failure::{Failure, no_descriptors, no_memory, no_permission};
use crate::rpc::host;

/// What of an object a failed load is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Culprit {
    Program(String),
    /// A kernel function, variable or configuration value that the object cannot do without.
    Symbol(String),
    Map(String),
    /// A struct_ops map, or the type of the kernel's that it fills in.
    StructOps(String),
    /// A prog array that starts with a program which is not loaded.
    Slot(String),
    /// The host shows no kernel configuration.
    Configuration,
    /// A configuration value that was assumed in the wrong form, with the right one.
    ConfigurationKind(String, &'static str),
    Whole,
}

pub fn culprit(messages: &str) -> Culprit {
    let has = |words: &str| messages.contains(words);
    if has("failed to open system Kconfig") {
        return Culprit::Configuration;
    }
    if let Some(name) = quoted(messages, "extern (kcfg) '", "implies") {
        let text = line_with(messages, "implies").is_some_and(|line| line.contains("char array"));
        return Culprit::ConfigurationKind(name, if text { "\"\"" } else { "0" });
    }
    if let Some(slot) = line_with(messages, "failed to initialize slot") {
        return quoted(&slot, "to prog '", "").map_or(Culprit::Whole, Culprit::Slot);
    }
    if let Some(name) = missing_symbol(messages) {
        return Culprit::Symbol(name);
    }
    if let Some(line) = line_with(messages, "struct_ops init_kern") {
        return struct_ops(&line).map_or(Culprit::Whole, Culprit::StructOps);
    }
    if let Some(name) = quoted(messages, "map '", "failed to create") {
        return Culprit::Map(name);
    }
    failing_program(messages).map_or(Culprit::Whole, Culprit::Program)
}

fn missing_symbol(messages: &str) -> Option<String> {
    quoted(messages, "extern (func ksym) '", "")
        .or_else(|| quoted(messages, "extern (var ksym) '", ""))
        .or_else(|| quoted(messages, "extern (ksym) '", ""))
        .or_else(|| quoted(messages, "extern '", "(strong): not resolved"))
        .or_else(|| quoted(messages, "extern (kcfg) '", ""))
}

/// `struct_ops init_kern: struct TYPE is not found …` or `struct_ops init_kern MAP: …`.
fn struct_ops(line: &str) -> Option<String> {
    let words = line.split_once("struct_ops init_kern")?.1;
    match words.strip_prefix(": struct ") {
        Some(kind) => kind.split(' ').next().map(|kind| kind.trim_start_matches("bpf_struct_ops_").to_owned()),
        None => words.trim_start().split([':', ' ']).next().map(str::to_owned),
    }
}

/// `libbpf: prog 'NAME': …` of the program that stopped the load: the last one that libbpf speaks of.
pub fn failing_program(messages: &str) -> Option<String> {
    let harmless = ["failed to bind map"];
    let line = messages.lines().rev().find(|line| {
        line.contains("prog '") && !line.contains("to prog '") && !harmless.iter().any(|words| line.contains(words))
    })?;
    Some(line.split_once("prog '")?.1.split_once('\'')?.0.to_owned())
}

/// The log goes along: the verifier's if it got that far, else libbpf's.
pub fn load(error: &Error, object: &Object, messages: &str) -> Failure {
    if error.errno == NO_JOURNAL {
        return Failure::from(error.clone());
    }
    let log = object.log().map(|log| log.bytes().to_vec()).unwrap_or_default();
    let failure = reason(error.errno, object, messages, &String::from_utf8_lossy(&log));
    failure.errno(error.errno).log(if log.is_empty() { messages.as_bytes().to_vec() } else { log })
}

fn reason(errno: i32, object: &Object, messages: &str, log: &str) -> Failure {
    let program = failing_program(messages);
    let named = program.as_ref().map_or_else(|| "The object".to_owned(), |name| format!("Program {name}"));
    if let Some(failure) = types(messages) {
        return failure;
    }
    let relocation = line_with(messages, "failed to perform CO-RE relocations").is_some();
    if log.contains("<invalid CO-RE relocation>") || relocation {
        return verifier::core_relocation(&named, log, messages);
    }
    if let Some(failure) = symbols(messages).or_else(|| maps(errno, object, messages)) {
        return failure;
    }
    let section = program.as_deref().and_then(|name| object.program(name)).map_or("", |program| program.section());
    if let Some(failure) = program.as_deref().and_then(|name| target(name, section, messages)) {
        return failure;
    }
    let refused = program.as_deref().and_then(|name| object.program(name));
    if let Some(failure) = refused.and_then(|program| lacking::form(&program, errno, log)) {
        return failure;
    }
    if let Some(failure) = verifier::judged(&named, section, log) {
        return failure;
    }
    by_errno(errno, &named, messages)
}

/// A failure that is about nothing in particular.
pub fn whole(error: &Error, messages: &str) -> Failure {
    let failure = types(messages).unwrap_or_else(|| by_errno(error.errno, "The object", messages));
    failure.errno(error.errno).log(messages)
}

/// Symbols and configuration of the kernel's that the object asks for.
fn symbols(messages: &str) -> Option<Failure> {
    if messages.contains("failed to open system Kconfig") {
        let message = "The object asks for the kernel's configuration, which this host does not show (/proc/config.gz, /boot/config-…).";
        return Some(Failure::new("kconfig-missing", message).hint(
            "Give the values that the object needs (kconfig lines like CONFIG_HZ=250), or declare them __weak and do without.",
        ));
    }
    if let Some(line) = line_with(messages, "error parsing in-memory Kconfig line") {
        let message = format!("The given kconfig cannot be read: {line}.");
        return Some(
            Failure::new("bad-value", message)
                .hint("Write one CONFIG_NAME=value a line, as in /boot/config-…: y, n, m, a number or \"text\"."),
        );
    }
    if let Some(name) = quoted(messages, "extern (func ksym) '", "") {
        let other = messages.contains("incompatible with");
        let message = match other {
            true => {
                format!("The kernel function {name} takes other arguments on this kernel than the object declares.")
            }
            false => format!("This kernel offers no function {name} to BPF programs (kfunc)."),
        };
        return Some(Failure::new("kfunc-missing", message).hint(format!(
            "Declare it __weak and call it only when bpf_ksym_exists({name}), or use a kernel that has it; it may be in a module that is not loaded."
        )));
    }
    let variable = quoted(messages, "extern (var ksym) '", "").or_else(|| quoted(messages, "extern (ksym) '", ""));
    let strong = quoted(messages, "extern '", "(strong): not resolved");
    let value = quoted(messages, "extern (kcfg) '", "");
    let name = variable.or(strong).or(value)?;
    if !name.starts_with("CONFIG_") && !name.starts_with("LINUX_") {
        let words = line_with(messages, "incompatible types").or_else(|| line_with(messages, "ambiguous"));
        let detail = words.map_or_else(String::new, |words| format!(" {words}."));
        let message = format!("This kernel has no variable {name} that the object could use (ksym).{detail}");
        return Some(Failure::new("ksym-missing", message).hint("Declare it __weak and look whether its address is null before you use it; variables are typed only in kernels that list them in their BTF, and /proc/kallsyms must be readable.".to_string()));
    }
    let message = match line_with(messages, "extern (kcfg)") {
        Some(words) => format!("The kernel's configuration does not fit what the object asks for: {words}."),
        None => format!("This kernel's configuration has no {name}."),
    };
    Some(Failure::new("kconfig-missing", message).hint(format!(
        "Declare {name} __weak, so that it is 0 where it is not set, or give its value (a kconfig line {name}=…)."
    )))
}

/// BTF of the kernel, and struct_ops types in it.
fn types(messages: &str) -> Option<Failure> {
    let has = |words: &str| messages.contains(words);
    if has("failed to parse target BTF") {
        return Some(
            Failure::new("btf-malformed", "The types given for the kernel are damaged.")
                .hint("Give a copy of /sys/kernel/btf/vmlinux of such a kernel, or a file of BTFHub."),
        );
    }
    let missing = [
        "kernel BTF is missing",
        "failed to load vmlinux BTF",
        "Error loading vmlinux BTF",
        "failed to find valid kernel BTF",
    ];
    if missing.iter().any(|words| has(words)) {
        return Some(host::no_btf());
    }
    if has("BTF is mandatory, can't proceed") {
        let message =
            "The kernel does not take the type information (BTF) of the object, which its maps or functions need.";
        return Some(Failure::new("btf-malformed", message).hint("Build it again with -g and a current clang."));
    }
    let line = line_with(messages, "struct_ops init_kern")?;
    let name = struct_ops(&line).unwrap_or_default();
    let message = match line.contains("is not found") {
        true => format!("This kernel has no struct_ops type {name}."),
        false => format!("The struct_ops map {name} does not fit this kernel: {line}."),
    };
    Some(Failure::new("unsupported-by-kernel", message)
        .hint("It needs a kernel, or a loaded module, that offers this type and member; SEC(\"?.struct_ops\") makes a map optional."))
}

/// A map comes before any program, and its message names it.
fn maps(errno: i32, object: &Object, messages: &str) -> Option<Failure> {
    if let Some(line) =
        line_with(messages, "couldn't reuse pinned map").or_else(|| line_with(messages, "reusing pinned map"))
    {
        return Some(Failure::new("map-pin-mismatch", format!("A pinned map cannot be used: {line}.")).hint(
            "It has another type, size or flags than the object's map. Remove the pin, or choose another path.",
        ));
    }
    if let Some(line) = line_with(messages, "failed to auto-pin") {
        return Some(
            Failure::new("map-pin-failed", format!("A map cannot be pinned: {line}."))
                .hint("The path must lie in a mounted bpffs (mount -t bpf bpf /sys/fs/bpf), in a folder that exists."),
        );
    }
    let name = quoted(messages, "map '", "failed to create")?;
    let what = format!("map {name} cannot be created");
    let kind = object.map(&name).filter(|map| !probe::map_type(map.kind())).map(|map| map.type_name());
    Some(match (errno, kind) {
        (EPERM | EACCES, _) => no_permission(&what, errno),
        (ENOMEM, _) => no_memory(&what, errno),
        (EMFILE | ENFILE, _) => no_descriptors(&what, errno),
        (_, Some(kind)) => {
            let message = format!("This kernel has no maps of type {kind}, as {name} is one.");
            Failure::new("unsupported-by-kernel", message).hint("`ringside doctor` lists the types that it has.")
        }
        _ => Failure::new("map-create-failed", format!("The {what}: {}.", describe(errno)))
            .hint("A ring's size must be a power of two of whole pages; sizes of keys and values have limits for each type of map."),
    })
}

/// Something that a program is for.
fn target(program: &str, section: &str, messages: &str) -> Option<Failure> {
    let has = |words: &str| messages.contains(words);
    if has("missing BPF prog type") {
        return Some(unknown_section(program, section));
    }
    if has("no BTF-based attach target is specified") || has("attach program FD is not set") {
        return Some(target_needed(program, section));
    }
    if has("isn't referenced anywhere") {
        let message = format!("Program {program} is for a struct_ops map, and no such map of the object names it.");
        return Some(Failure::new("load-failed", message).hint("Name it in a variable in SEC(\".struct_ops.link\")."));
    }
    let name = quoted(messages, "failed to find kernel BTF type ID of '", "");
    name.map(|name| match section.trim_start_matches('?').starts_with("iter") {
        true => lacking::iterator(program, &name),
        false => no_target(program, &target_words(section, &name)),
    })
}

fn target_words(section: &str, name: &str) -> String {
    match section.split(['/', '.']).next().unwrap_or("") {
        "tp_btf" => format!("BTF tracepoint {name}"),
        "lsm" | "lsm_cgroup" => format!("LSM hook {name}"),
        _ => format!("kernel function {name}"),
    }
}

fn by_errno(errno: i32, named: &str, messages: &str) -> Failure {
    let what = format!("{} cannot be loaded", lower(named));
    let said = || first_warning(messages).unwrap_or_else(|| describe(errno));
    match errno {
        EPERM | EACCES => no_permission(&what, errno),
        ENOMEM => no_memory(&what, errno),
        EMFILE | ENFILE => no_descriptors(&what, errno),
        ENOSPC => {
            Failure::new("too-large", format!("The verifier's log of {} is larger than the limit.", lower(named)))
                .hint("Ask for a larger log, or a lower log level.")
        }
        ENOTSUPP | EOPNOTSUPP => {
            let message = format!("This kernel does not support what {} needs.", lower(named));
            Failure::new("unsupported-by-kernel", message).hint("`ringside doctor` shows what works here.")
        }
        ENOENT | ESRCH => {
            let message = format!("{named} needs something that this kernel does not have: {}.", said());
            Failure::new("target-not-found", message).hint("It may be renamed, or in a module that is not loaded.")
        }
        _ => Failure::new("load-failed", format!("{named} cannot be loaded: {}.", said()))
            .hint("The log has libbpf's own words."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failing_program_is_named_by_libbpf() {
        let messages = "libbpf: prog 'fine': failed to bind map 'x': -22\nlibbpf: prog 'on_exec': BPF program load failed: Permission denied\nlibbpf: failed to load object 'x'\n";
        assert_eq!(culprit(messages), Culprit::Program("on_exec".into()));
        assert_eq!(culprit("libbpf: failed to load object 'x'\n"), Culprit::Whole);
    }

    #[test]
    fn symbols_maps_and_slots_are_told_apart() {
        let of = |messages: &str| culprit(messages);
        let symbol = |name: &str| Culprit::Symbol(name.into());
        assert_eq!(of("libbpf: extern (func ksym) 'bpf_x': not found in kernel or module BTFs\n"), symbol("bpf_x"));
        assert_eq!(of("libbpf: extern (var ksym) 'jiffies_x': not found in kernel BTF\n"), symbol("jiffies_x"));
        assert_eq!(of("libbpf: extern 'CONFIG_X' (strong): not resolved\n"), symbol("CONFIG_X"));
        assert_eq!(of("libbpf: map 'm': failed to create: -EINVAL\n"), Culprit::Map("m".into()));
        let slot = "libbpf: map 'jumps': failed to initialize slot [1] to prog 'last' fd=-1: -EBADF\n";
        assert_eq!(of(slot), Culprit::Slot("last".into()));
        let ops = "libbpf: struct_ops init_kern: struct bpf_struct_ops_no_ops is not found in kernel BTF\n";
        assert_eq!(of(ops), Culprit::StructOps("no_ops".into()));
        let member = "libbpf: struct_ops init_kern my_map: Cannot find member x in kernel BTF\n";
        assert_eq!(of(member), Culprit::StructOps("my_map".into()));
    }

    #[test]
    fn configuration_is_its_own_matter() {
        assert_eq!(culprit("libbpf: failed to open system Kconfig\n"), Culprit::Configuration);
        let number = "libbpf: extern (kcfg) 'CONFIG_HZ': value 'n' implies bool, tristate, or char type\n";
        assert_eq!(culprit(number), Culprit::ConfigurationKind("CONFIG_HZ".into(), "0"));
    }
}
