//! What a kernel lacks when it refuses a whole form of program, which it says with EINVAL or in a sentence about sleeping.

use ringside_bpf::probe;
use ringside_bpf::program::Program;

use super::no_program_type;
use super::words::line_with;
use crate::failure::Failure;
use crate::failure::libc_errno::{E2BIG, EINVAL};
use crate::knowledge::{Kernel, attach_types};

/// None when the kernel knows the form, so that the program itself is to blame.
pub fn form(program: &Program<'_>, errno: i32, log: &str) -> Option<Failure> {
    if let Some(failure) = sleeping(program, log) {
        return Some(failure);
    }
    let judged = log.lines().any(|line| line.starts_with("0: "));
    if judged || !matches!(errno, EINVAL | E2BIG) {
        return None;
    }
    if !probe::program_type(program.kind()) {
        return Some(no_program_type(program.type_name()));
    }
    if let Some(form) = attach_types::missing(program.expected_attach_type()) {
        return Some(missing(program, form.what, &format!("They came with Linux {}.", form.since)));
    }
    let frags = program.section().trim_start_matches('?').starts_with("xdp.frags");
    (frags && !probe::xdp_fragments()).then(|| {
        missing(
            program,
            "XDP programs that take packets of several fragments (xdp.frags)",
            "They came with Linux 5.18.",
        )
        .hint("SEC(\"xdp\") takes packets of one page.")
    })
}

fn missing(program: &Program<'_>, what: &str, since: &str) -> Failure {
    let message = format!("Program {} cannot be loaded: this kernel has no {what}. {since}", program.name());
    Failure::new("unsupported-by-kernel", message).hint("`ringside doctor` shows what works on this host.")
}

/// The kernel's sentences about programs that may sleep.
fn sleeping(program: &Program<'_>, log: &str) -> Option<Failure> {
    const TRACING: u32 = 26;
    const ITER: u32 = 28;
    const KPROBE: u32 = 2;
    let without = program.section().split('/').next().unwrap_or("").replace(".s", "");
    let plain = format!("Without sleeping it works: SEC(\"{without}/…\").");
    if line_with(log, "programs can be sleepable").is_some() {
        let (what, since) = match (program.kind(), program.expected_attach_type()) {
            (KPROBE, _) => ("sleepable uprobe programs (uprobe.s)", "They came with Linux 6.0."),
            (TRACING, ITER) => ("sleepable iterators (iter.s)", "They came with Linux 5.18."),
            (TRACING, attach) => match attach_types::missing(attach) {
                Some(form) => {
                    return Some(missing(program, form.what, &format!("They came with Linux {}.", form.since)));
                }
                None => ("sleepable tracepoint programs (tp_btf.s)", ""),
            },
            _ => ("sleepable tracepoint programs (tp.s, raw_tp.s)", ""),
        };
        return Some(missing(program, what, since).hint(plain));
    }
    if line_with(log, "Sleepable programs can only use array").is_some() {
        let what = "ring buffers for sleepable programs";
        return Some(missing(
            program,
            what,
            "They came with Linux 5.12; before, sleepable programs have arrays and hashes only.",
        ));
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
