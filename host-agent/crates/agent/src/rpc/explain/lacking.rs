//! What a kernel lacks when it refuses a whole form of program, which it says with EINVAL or in a sentence about sleeping.

use ringside_bpf::program::Program;
use ringside_bpf::{btf, probe};

use super::no_program_type;
use super::words::line_with;
use crate::failure::Failure;
use crate::failure::libc_errno::{E2BIG, EINVAL};
use crate::knowledge::types::Types;
use crate::knowledge::{Kernel, attach_types};

/// None when the kernel knows the form, so that the program itself is to blame.
pub fn form(program: &Program<'_>, errno: i32, log: &str) -> Option<Failure> {
    if let Some(failure) = sleeping(program, log) {
        return Some(failure);
    }
    // Whatever the verifier says of a program whose attach type it takes for nothing, this is why.
    if let Some(form) = attach_types::missing(program.expected_attach_type()) {
        return Some(missing(program, form.what, form.since));
    }
    let judged = log.lines().any(|line| line.starts_with("0: "));
    if judged || !matches!(errno, EINVAL | E2BIG) {
        return None;
    }
    if !probe::program_type(program.kind()) {
        return Some(no_program_type(program.type_name()));
    }
    let frags = program.section().trim_start_matches('?').starts_with("xdp.frags");
    (frags && !probe::xdp_fragments()).then(|| {
        missing(program, "XDP programs that take packets of several fragments (xdp.frags)", "5.18")
            .hint("SEC(\"xdp\") takes packets of one page.")
    })
}

/// `since` is the version that brought it, "" where that is not known.
fn missing(program: &Program<'_>, what: &str, since: &str) -> Failure {
    let came = if since.is_empty() { String::new() } else { format!(" They came with Linux {since}.") };
    let message = format!("Program {} cannot be loaded: this kernel has no {what}.{came}", program.name());
    Failure::new("unsupported-by-kernel", message).hint("`ringside doctor` shows what works on this host.")
}

/// The kernel's sentences about programs that may sleep.
fn sleeping(program: &Program<'_>, log: &str) -> Option<Failure> {
    const TRACING: u32 = 26;
    const ITER: u32 = 28;
    const KPROBE: u32 = 2;
    let kind = program.section().trim_start_matches('?').split('/').next().unwrap_or("");
    let without = kind.strip_suffix(".s").unwrap_or(kind);
    let plain = format!("Without sleeping it works: SEC(\"{without}/…\").");
    if line_with(log, "programs can be sleepable").is_some() {
        if let Some(form) = attach_types::missing(program.expected_attach_type()) {
            return Some(missing(program, form.what, form.since));
        }
        let (what, since) = match (program.kind(), program.expected_attach_type()) {
            (KPROBE, _) => ("sleepable uprobe programs (uprobe.s)", "6.0"),
            (TRACING, ITER) => ("sleepable iterators (iter.s)", "5.18"),
            _ => ("sleepable tracepoint programs (tp.s, raw_tp.s, tp_btf.s)", ""),
        };
        return Some(missing(program, what, since).hint(plain));
    }
    if line_with(log, "Sleepable programs can only use array").is_some() {
        let failure = missing(program, "ring buffers for sleepable programs", "5.12");
        return Some(failure.hint("Sleepable programs of this kernel can use arrays and hashes only."));
    }
    let words = line_with(log, "is not sleepable")?;
    let name = words.split(' ').next().unwrap_or("It").to_owned();
    if let Some(hook) = name.strip_prefix("bpf_lsm_") {
        let message = format!("Program {}: the kernel calls the hook {hook} where it may not sleep.", program.name());
        return Some(Failure::new("target-refused", message).hint(plain));
    }
    let injection = Kernel::default().functions().find("within_error_injection_list").is_some();
    let (code, why) = match injection {
        true => ("target-refused", "this is none of the functions that errors may be injected into (system calls are)"),
        false => (
            "unsupported-by-kernel",
            "this kernel knows none, because it was built without CONFIG_FUNCTION_ERROR_INJECTION",
        ),
    };
    let message = format!(
        "Program {} cannot be loaded: sleepable programs go on functions that errors may be injected into, and {name}: {why}.",
        program.name()
    );
    Some(Failure::new(code, message).hint(plain))
}

/// An iterator of this name.
pub fn iterator(program: &str, name: &str) -> Failure {
    let message = format!("Program {program} is an iterator over {name}, which this kernel does not have.");
    let known = btf::kernel().map(|types| iterators(&types)).unwrap_or_default();
    let hint = if known.is_empty() { String::new() } else { format!("It has iterators over {}.", known.join(", ")) };
    Failure::new("unsupported-by-kernel", message).hint(hint)
}

/// Each iterator has a type for its context: struct bpf_iter__NAME.
fn iterators(types: &[u8]) -> Vec<String> {
    const STRUCT: u8 = 4;
    let mut names = Vec::new();
    let Some(types) = Types::parse(types, None) else { return names };
    types.for_each(|kind, name| {
        let context = name.strip_prefix("bpf_iter__").filter(|name| kind == STRUCT && !name.contains("__"));
        names.extend(context.map(str::to_owned));
    });
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_iterator_is_answered_with_those_that_there_are() {
        let failure = iterator("walk", "task_fil");
        assert_eq!(failure.code, "unsupported-by-kernel");
        assert!(failure.hint.contains(" bpf_map, ") && failure.hint.contains("task_file"), "{}", failure.hint);
        assert!(!failure.hint.contains("safe"), "{}", failure.hint);
    }
}
