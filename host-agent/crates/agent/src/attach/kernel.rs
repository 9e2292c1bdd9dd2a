//! Tracepoints and kernel functions.

use std::path::Path;

use ringside_bpf::{link, perf};

use super::{Made, Target, addresses};
use crate::failure::libc_errno::{E2BIG, EADDRNOTAVAIL, EILSEQ, EINVAL, ENOENT, ESRCH};
use crate::failure::{Answer, Failure};
use crate::knowledge::Kernel;
use crate::rpc::tracefs_missing;

/// The event is `category/name` in the section, or `category:name` as a choice.
pub fn tracepoint(target: &Target<'_>) -> Answer<Made> {
    if perf::tracefs().is_none() {
        return Err(tracefs_missing());
    }
    let Some(event) = target.choice("event").or_else(|| target.in_section()) else {
        return Err(target.needed(&["event"], &[]));
    };
    let (category, name) = event.split_once([':', '/']).unwrap_or(("", event));
    let words = format!("{category}:{name}");
    match link::tracepoint(target.program, category, name) {
        Ok(link) => Ok(target.made(link, words)),
        Err(error) if error.errno == ENOENT => {
            Err(target.refused(Kernel::default().tracepoint(category, name), &format!("tracepoint {words}"), ENOENT))
        }
        Err(error) => Err(target.failed(&error, &words)),
    }
}

/// Also the writable ones, whose programs may change what the event carries.
pub fn raw_tracepoint(target: &Target<'_>) -> Answer<Made> {
    let Some(event) = target.choice("event").or_else(|| target.in_section()) else {
        return Err(target.needed(&["event"], &[]));
    };
    // The category, which a raw tracepoint's name does not have, is a common habit.
    let name = event.rsplit([':', '/']).next().unwrap_or(event);
    match link::raw_tracepoint(target.program, name) {
        Ok(link) => Ok(target.made(link, name)),
        Err(error) if error.errno == EINVAL && target.kind == "raw_tracepoint.w" => {
            let message = format!(
                "Program {}: the raw tracepoint {name} is not writable, or not as far as the program writes.",
                target.program.name()
            );
            Err(Failure::new("attach-failed", message)
                .errno(EINVAL)
                .hint("Few tracepoints are writable (bpf_test_finish, nbd_send_request). Read-only programs go into SEC(\"raw_tp/…\")."))
        }
        Err(error) if matches!(error.errno, ENOENT | EINVAL) => {
            Err(target.refused(Kernel::default().raw_tracepoint(name), &format!("raw tracepoint {name}"), error.errno))
        }
        Err(error) => Err(target.failed(&error, name)),
    }
}

/// `kprobe/function+0x10`, or `func` and `offset` as choices. A function of a module may have its name in front
/// (`module:function`). Where several functions have the name, all of them are probed.
pub fn kprobe(target: &Target<'_>) -> Answer<Made> {
    require_probes(target, "kprobe")?;
    let Some(place) = target.choice("func").or_else(|| target.in_section()) else {
        return Err(target.needed(&["func"], &[]));
    };
    let (function, written) = place.split_once('+').unwrap_or((place, "0"));
    let offset = target.choice("offset").unwrap_or(written);
    let offset = number(offset).ok_or_else(|| Failure::new("bad-value", format!("{offset} is no offset.")))?;
    let on_return = target.on_return();
    if on_return && offset != 0 {
        return Err(Failure::new("bad-value", "A return probe sits on a whole function: it takes no offset."));
    }
    if function.contains(':') {
        return at_addresses(target, function, offset, on_return, ENOENT);
    }
    match link::kprobe(target.program, function, offset, on_return) {
        Ok(link) => Ok(target.made(link, place)),
        Err(error) if error.errno == EADDRNOTAVAIL => at_addresses(target, function, offset, on_return, error.errno),
        Err(error) if error.errno == ENOENT => Err(no_function(target, function, error.errno)),
        Err(error) if error.errno == EINVAL => Err(match Kernel::default().kprobe(function) {
            // notrace and blacklisted functions.
            refused @ Err(_) => target.refused(refused, &format!("kernel function {function}"), error.errno),
            Ok(()) => target.failed(&error, place),
        }),
        Err(error) if error.errno == EILSEQ => {
            let message =
                format!("Program {}: no instruction of {function} begins at {offset:#x}.", target.program.name());
            Err(Failure::new("target-refused", message)
                .errno(EILSEQ)
                .hint("A disassembly of this host's kernel shows where instructions begin; the same source has other offsets in every build."))
        }
        Err(error) => Err(target.failed(&error, place)),
    }
}

/// Why a function cannot be probed: inlined, notrace, in a module that is not loaded, or spelled otherwise.
fn no_function(target: &Target<'_>, function: &str, errno: i32) -> Failure {
    let plain = function.rsplit(':').next().unwrap_or(function);
    target.refused(Kernel::default().kprobe(plain), &format!("kernel function {function}"), errno)
}

/// Functions of one name that are still probed one by one.
const MOST_PLACES: usize = 32;

fn at_addresses(target: &Target<'_>, function: &str, offset: u64, on_return: bool, errno: i32) -> Answer<Made> {
    let missing = || no_function(target, function, errno);
    let places = addresses::of(function);
    if places.is_empty() {
        return Err(missing());
    }
    if places.len() > MOST_PLACES {
        let message =
            format!("Program {}: {} kernel functions are called {function}.", target.program.name(), places.len());
        return Err(Failure::new("attach-failed", message)
            .errno(E2BIG)
            .hint("Probe one that calls them, or use a tracepoint."));
    }
    let attach = |address: &u64| link::kprobe_at(target.program, address + offset, on_return);
    let links = places.iter().map(attach).collect::<Result<Vec<_>, _>>();
    let words = match places.len() {
        1 => function.to_owned(),
        count => format!("{function} ({count} functions of this name)"),
    };
    links.map(|links| target.made_all(links, &words)).map_err(|error| match error.errno {
        ENOENT => missing(),
        _ => target.failed(&error, &words),
    })
}

pub fn kprobe_multi(target: &Target<'_>) -> Answer<Made> {
    many(target, false)
}

/// One program at entry and return.
pub fn kprobe_session(target: &Target<'_>) -> Answer<Made> {
    many(target, true)
}

/// `kprobe.multi/PATTERN`, or `func`, with * and ?.
fn many(target: &Target<'_>, session: bool) -> Answer<Made> {
    let Some(pattern) = target.choice("func").or_else(|| target.in_section()) else {
        return Err(target.needed(&["func"], &[]));
    };
    match link::kprobe_multi(target.program, pattern, target.on_return(), session) {
        Ok(link) => Ok(target.made(link, pattern)),
        Err(error) if matches!(error.errno, ENOENT | ESRCH) => {
            let failure = target.failed(&error, pattern);
            match failure.code {
                "unsupported-by-kernel" => Err(failure),
                _ => Err(target
                    .not_found(&format!("kernel function {pattern} that can be traced"), &[])
                    .errno(error.errno)),
            }
        }
        Err(error) => Err(target.failed(&error, pattern)),
    }
}

/// `ksyscall/openat`, or `func`.
pub fn ksyscall(target: &Target<'_>) -> Answer<Made> {
    require_probes(target, "kprobe")?;
    let Some(name) = target.choice("func").or_else(|| target.in_section()) else {
        return Err(target.needed(&["func"], &[]));
    };
    match link::ksyscall(target.program, name, target.on_return()) {
        Ok(link) => Ok(target.made(link, name)),
        Err(error) if error.errno == ENOENT => {
            Err(target.not_found(&format!("system call {name}"), &[]).errno(error.errno))
        }
        Err(error) => Err(target.failed(&error, name)),
    }
}

/// Without the kernel's own probe events libbpf would fall back to editing tracefs, which outlives a killed agent.
pub fn require_probes(target: &Target<'_>, kind: &str) -> Answer<()> {
    if Path::new("/sys/bus/event_source/devices").join(kind).exists() {
        return Ok(());
    }
    let option = if kind == "kprobe" { "CONFIG_KPROBE_EVENTS" } else { "CONFIG_UPROBE_EVENTS" };
    let message = format!(
        "This kernel has no {kind}s, which program {} needs: it is built without {option}.",
        target.program.name()
    );
    Err(Failure::new("unsupported-by-kernel", message)
        .hint("Use a tracepoint, raw tracepoint or fentry program where one fits."))
}

/// Decimal or 0x-hexadecimal.
pub fn number(text: &str) -> Option<u64> {
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
}
