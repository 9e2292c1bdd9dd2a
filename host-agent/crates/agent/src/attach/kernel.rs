//! Tracepoints and kernel functions.

use std::path::Path;

use ringside_bpf::{link, perf};

use super::{Made, Target, candidates, target};
use crate::failure::libc_errno::{EINVAL, ENOENT};
use crate::failure::{Answer, Failure};
use crate::rpc::tracefs_missing;

/// The event is `category/name` in the section, or `category:name` as a choice.
pub fn tracepoint(target: &Target<'_>) -> Answer<Made> {
    let Some(tracefs) = perf::tracefs() else { return Err(tracefs_missing()) };
    let Some(event) = target.choice("event").or_else(|| target.in_section()) else {
        return Err(target.needed(&["event"], &[]));
    };
    let (category, name) = event.split_once([':', '/']).unwrap_or(("", event));
    let words = format!("{category}:{name}");
    match link::tracepoint(target.program, category, name) {
        Ok(link) => Ok(target.made(link, words)),
        Err(error) if error.errno == ENOENT => {
            let nearest = candidates::nearest_tracepoints(&tracefs, &words);
            Err(target.not_found(&format!("tracepoint {words}"), &nearest).errno(error.errno))
        }
        Err(error) => Err(target.failed(&error, &words)),
    }
}

pub fn raw_tracepoint(target: &Target<'_>) -> Answer<Made> {
    let Some(event) = target.choice("event").or_else(|| target.in_section()) else {
        return Err(target.needed(&["event"], &[]));
    };
    // The category, which a raw tracepoint's name does not have, is a common habit.
    let name = event.rsplit([':', '/']).next().unwrap_or(event);
    match link::raw_tracepoint(target.program, name) {
        Ok(link) => Ok(target.made(link, name)),
        Err(error) if matches!(error.errno, ENOENT | EINVAL) => {
            Err(target.not_found(&format!("raw tracepoint {name}"), &nearest_raw(name)).errno(error.errno))
        }
        Err(error) => Err(target.failed(&error, name)),
    }
}

/// Raw tracepoints bear the names of the events, without their category.
fn nearest_raw(name: &str) -> Vec<String> {
    let Some(tracefs) = perf::tracefs() else { return Vec::new() };
    candidates::nearest_tracepoints(&tracefs, &format!("sched:{name}"))
}

/// `kprobe/function+0x10`, or `func` and `offset` as choices.
pub fn kprobe(target: &Target<'_>) -> Answer<Made> {
    require_probes(target, "kprobe")?;
    let Some(place) = target.choice("func").or_else(|| target.in_section()) else {
        return Err(target.needed(&["func"], &[]));
    };
    let (function, written) = place.split_once('+').unwrap_or((place, "0"));
    let offset = target.choice("offset").unwrap_or(written);
    let offset = number(offset).ok_or_else(|| Failure::new("bad-value", format!("{offset} is no offset.")))?;
    let on_return = target::prefix(target.program.section()).starts_with("kret");
    match link::kprobe(target.program, function, offset, on_return) {
        Ok(link) => Ok(target.made(link, place)),
        Err(error) if error.errno == ENOENT => {
            Err(target.not_found(&format!("kernel function {function} that can be probed"), &[]).errno(error.errno))
        }
        Err(error) => Err(target.failed(&error, place)),
    }
}

/// Without the kernel's own probe events libbpf would fall back to editing tracefs, which outlives a killed agent.
pub fn require_probes(target: &Target<'_>, kind: &str) -> Answer<()> {
    if Path::new("/sys/bus/event_source/devices").join(kind).exists() {
        return Ok(());
    }
    let message = format!("This kernel has no {kind}s, which program {} needs.", target.program.name());
    Err(Failure::new("unsupported-by-kernel", message)
        .hint("Use a tracepoint, raw tracepoint or fentry program where one fits."))
}

/// Decimal or 0x-hexadecimal.
pub fn number(text: &str) -> Option<u64> {
    text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u64::from_str_radix(hex, 16).ok())
}
