//! From errno and libbpf's words to a failure that a person can act on.

mod lacking;
mod load;
mod open;
pub mod permission;
mod verifier;
mod words;

use ringside_bpf::program::Program;

pub use load::{Culprit, culprit, load, whole};
pub use open::{check_elf, check_types, open};

use crate::failure::Failure;

pub fn no_programs() -> Failure {
    Failure::new("no-programs", "The object holds no BPF program.")
        .hint("Put each program into a section that names its kind: SEC(\"tracepoint/…\"), SEC(\"xdp\") …")
}

/// Programs there are, but all of them are optional.
pub fn nothing_chosen() -> Failure {
    Failure::new("no-programs", "No program of this object is loaded by default: each section begins with '?'.")
        .hint("Choose programs by name.")
}

pub fn unknown_section(program: &str, section: &str) -> Failure {
    let message = format!("The section \"{section}\" of program {program} names no kind of program.");
    Failure::new("unknown-section", message).hint(
        "Name the section as libbpf does (SEC(\"xdp\"), SEC(\"tc\"), SEC(\"kprobe/…\") …), or choose the type of the program.",
    )
}

pub fn no_program_type(kind: &str) -> Failure {
    // Types that kernels of today may still lack.
    let why = match kind {
        "netfilter" => " They came with Linux 6.4 and need CONFIG_NETFILTER_BPF_LINK.",
        "syscall" => " They came with Linux 5.14.",
        "sk_lookup" => " They came with Linux 5.9.",
        "lirc_mode2" => " They decode infrared receivers and need CONFIG_BPF_LIRC_MODE2.",
        _ => "",
    };
    Failure::new("unsupported-by-kernel", format!("This kernel has no programs of type {kind}.{why}"))
        .hint("`ringside doctor` lists the types that it has.")
}

/// A program whose target the verifier must know, and nobody has named one that exists.
pub fn target_needed(program: &str, section: &str) -> Failure {
    let kind = section.split('/').next().unwrap_or(section);
    let (what, key) = match kind {
        "freplace" => ("the loaded program that it replaces a function of", "program"),
        "tp_btf" => ("the tracepoint that it is for", "event"),
        kind if kind.starts_with("lsm") => ("the LSM hook that it is for", "func"),
        kind if kind.starts_with("iter") => ("the kind of thing that it walks over", "func"),
        _ => ("the kernel function that it is for", "func"),
    };
    let message =
        format!("Program {program} in section {section} does not say {what}, which must be known to load it.");
    Failure::new("target-needed", message).hint(format!("Choose it: --target {program}:{key}=…"))
}

pub fn no_target(program: &str, what: &str) -> Failure {
    let message = format!("Program {program} attaches to {what}, which this kernel does not have.");
    Failure::new("target-not-found", message)
        .hint("It may be inlined, renamed or in a module that is not loaded. `ringside targets` lists what there is.")
}

/// `program` gives way to a better one on the same hook.
pub fn variant(program: &Program<'_>, other: &Program<'_>) -> Failure {
    let message = format!(
        "Program {} ({}) hooks what {} ({}) hooks too, which is the better of the two on this kernel; both would see everything twice.",
        program.name(),
        program.section(),
        other.name(),
        other.section()
    );
    Failure::new("variant-not-used", message).hint("Choose programs by name to decide yourself.")
}
