//! Programs that the kernel's types, or those of another program, lead to their place: tp_btf, fentry and its like, lsm,
//! freplace. And syscall programs, which have no place at all.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use ringside_bpf::error::describe;
use ringside_bpf::link;
use ringside_bpf::run::{self, Input};

use super::{Made, Target, missing, owner};
use crate::failure::libc_errno::{E2BIG, EBUSY, EINVAL, ENOENT, ENOTSUPP, EOPNOTSUPP, ESRCH};
use crate::failure::{Answer, Failure};
use crate::knowledge::{Kernel, Refusal};

/// tp_btf, fentry, fexit, fmod_ret, fsession: the place was fixed when the program was loaded.
pub fn traced(target: &Target<'_>) -> Answer<Made> {
    let chosen = target.choice("func").or_else(|| target.choice("event"));
    let name = chosen.or_else(|| target.in_section()).unwrap_or("the function that it was loaded for");
    match link::traced(target.program) {
        Ok(link) => Ok(target.made(link, name)),
        Err(error) if matches!(error.errno, ENOENT | ESRCH) => {
            Err(target.refused(known(target, name), name, error.errno))
        }
        Err(error) if matches!(error.errno, EBUSY | ENOTSUPP | EOPNOTSUPP) => Err(match known(target, name) {
            // What the function tracer is kept away from loads, and only here the kernel says that it is busy or unsupported.
            refused @ Err(_) => target.refused(refused, &format!("kernel function {name}"), error.errno),
            Ok(()) if error.errno == EBUSY => patched(target, name),
            Ok(()) => target.failed(&error, name),
        }),
        Err(error) if error.errno == E2BIG => {
            let message =
                format!("Program {}: {name} has as many programs as a function can have.", target.program.name());
            Err(Failure::new("attach-failed", message)
                .errno(error.errno)
                .hint("A trampoline carries at most 38 programs. Detach some, or use a kprobe."))
        }
        Err(error) => Err(target.failed(&error, name)),
    }
}

fn patched(target: &Target<'_>, name: &str) -> Failure {
    let program = target.program.name();
    let message = format!("Program {program}: {name} is being patched by someone else ({}).", describe(EBUSY));
    Failure::new("attach-failed", message)
        .errno(EBUSY)
        .hint("A live patch or an ftrace user with direct calls holds the function; a kprobe can share it.")
}

/// What speaks against the place, from what the kernel tells of its functions.
fn known(target: &Target<'_>, name: &str) -> Result<(), Refusal> {
    let kernel = Kernel::default();
    match target.kind {
        "tp_btf" => kernel.raw_tracepoint(name),
        "lsm" => kernel.lsm_hook(name),
        _ => kernel.fentry(name),
    }
}

/// A hook that attaches and never runs, because the kernel was booted without the module, would be worse than an error.
pub fn lsm(target: &Target<'_>) -> Answer<Made> {
    let name = target.choice("func").or_else(|| target.in_section()).unwrap_or("the hook that it was loaded for");
    let active = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    if !active.trim().is_empty() && !active.trim().split(',').any(|module| module == "bpf") {
        let message = format!(
            "Program {} would attach to {name} and never run: bpf is not among the active security modules ({}).",
            target.program.name(),
            active.trim()
        );
        return Err(Failure::new("unsupported-by-kernel", message)
            .hint("Boot the host with bpf in the list of the boot parameter lsm=."));
    }
    traced(target)
}

/// In the place of the function that it was loaded for, or of `func` of `program` (a name, or an id of the host).
pub fn freplace(target: &Target<'_>) -> Answer<Made> {
    let function = target.choice("func").or_else(|| target.in_section());
    let replaced = target.choice("program").map(|program| find_program(target, program)).transpose()?;
    let (attached, words) = match (replaced, function) {
        (Some((program, name)), Some(function)) => {
            (link::freplace(target.program, program.as_fd(), function), format!("{function} of program {name}"))
        }
        (Some(_), None) => return Err(target.needed(&["func"], &[])),
        (None, function) => {
            let words = function.map_or_else(|| "the function that it was loaded for".to_owned(), str::to_owned);
            (link::traced(target.program), words)
        }
    };
    attached.map(|link| target.made(link, &words)).map_err(|error| match error.errno {
        EBUSY => target.taken(&words, &owner::of_programs("program", &[]), error.errno),
        EINVAL => {
            let message = format!("Program {} cannot take the place of {words}: its type differs.", target.program.name());
            Failure::new("attach-failed", message).errno(error.errno).hint(
                "Both functions need the same arguments and result, and the program must be loaded for the one that it replaces: program=NAME with --target.",
            )
        }
        _ => target.failed(&error, &words),
    })
}

/// By id, or by name: in this object, in others of this client, then on the whole host.
fn find_program(target: &Target<'_>, wanted: &str) -> Answer<(OwnedFd, String)> {
    let missing = || target.not_found(&format!("loaded program {wanted}"), &[]);
    if let Ok(id) = wanted.parse() {
        return link::open_program(id).map(|fd| (fd, wanted.to_owned())).map_err(|error| match error.errno {
            ENOENT => missing(),
            _ => error.into(),
        });
    }
    let objects = std::iter::once(target.scope.object).chain(target.scope.others.iter().copied());
    let loaded = objects.filter_map(|object| object.program(wanted)?.fd()).next();
    if let Some(fd) = loaded {
        let copy = fd.try_clone_to_owned().map_err(|error| Failure::new("agent-internal", error.to_string()))?;
        return Ok((copy, wanted.to_owned()));
    }
    match link::programs_named(wanted)[..] {
        [] => Err(missing()),
        [id] => Ok((link::open_program(id)?, format!("{wanted} ({id})"))),
        ref several => {
            let ids: Vec<String> = several.iter().map(u32::to_string).collect();
            let message =
                format!("Program {}: this host has {} programs called {wanted}.", target.program.name(), ids.len());
            Err(Failure::new("target-needed", message)
                .hint(format!("Choose one by its id: program={}.", ids.join(", program="))))
        }
    }
}

/// The largest context that a syscall program can get.
const LARGEST_CONTEXT: usize = u16::MAX as usize;

/// Syscall programs attach to nothing: they run once.
pub fn run_once(target: &Target<'_>) -> Answer<Made> {
    let name = target.program.name();
    let fd =
        target.program.fd().ok_or_else(|| Failure::new("unknown-program", format!("Program {name} is not loaded.")))?;
    let run = |context| run::program(fd, Input { context, ..Default::default() });
    let zeroes = vec![0_u8; LARGEST_CONTEXT];
    let (outcome, with) = match run(&[]) {
        // It reads a context that it was not given.
        Err(error) if error.errno == EINVAL => (run(&zeroes), " with a context of zeroes"),
        other => (other, ""),
    };
    match outcome {
        Ok(outcome) => {
            let answer = outcome.return_value as i32;
            Ok(target.made_all(Vec::new(), format!("nothing: ran once{with}, returned {answer}")))
        }
        Err(error) => Err(missing::feature(target, &error, "run").unwrap_or_else(|| {
            Failure::new("attach-failed", format!("Program {name} could not be run: {}.", describe(error.errno)))
                .errno(error.errno)
        })),
    }
}
