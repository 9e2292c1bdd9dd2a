//! Probes in user-space binaries.

use ringside_bpf::link::{self, UserTarget};

use super::kernel::{number, require_probes};
use super::{Made, Target, target};
use crate::failure::libc_errno::{ENOENT, ESRCH};
use crate::failure::{Answer, Failure};

/// `uprobe/BINARY:SYMBOL+OFFSET`, or choices for each part. A binary without a slash is looked for in PATH and among the
/// libraries.
pub fn uprobe(target: &Target<'_>) -> Answer<Made> {
    require_probes(target, "uprobe")?;
    let (written_binary, written_place) = match target.in_section().and_then(|place| place.rsplit_once(':')) {
        Some((binary, place)) => (Some(binary), Some(place)),
        None => (None, None),
    };
    let Some(binary) = target.choice("binary").or(written_binary) else {
        return Err(target.needed(&["binary", "symbol"], &[]));
    };
    let (written_symbol, written_offset) =
        match written_place.map(|place| place.split_once('+').unwrap_or((place, "0"))) {
            // A place that begins with a digit is an offset in the file.
            Some((place, _)) if place.starts_with(|first: char| first.is_ascii_digit()) => (None, Some(place)),
            Some((symbol, offset)) => (Some(symbol), Some(offset)),
            None => (None, None),
        };
    let symbol = target.choice("symbol").or(written_symbol);
    let offset = target.choice("offset").or(written_offset).unwrap_or("0");
    let offset = number(offset).ok_or_else(|| Failure::new("bad-value", format!("{offset} is no offset.")))?;
    if symbol.is_none() && offset == 0 {
        return Err(target.needed(&["symbol"], &[]));
    }
    let on_return = target::prefix(target.program.section()).starts_with("uret");
    let pid = target.number("pid")?;
    let words = match symbol {
        Some(symbol) if offset != 0 => format!("{binary}:{symbol}+{offset:#x}"),
        Some(symbol) => format!("{binary}:{symbol}"),
        None => format!("{binary}:{offset:#x}"),
    };
    let place = UserTarget { binary, symbol, offset, on_return, pid };
    attached(target, link::uprobe(target.program, &place), words)
}

pub fn usdt(target: &Target<'_>) -> Answer<Made> {
    require_probes(target, "uprobe")?;
    let written: Vec<&str> = target.in_section().map_or_else(Vec::new, |place| place.rsplitn(3, ':').collect());
    let (probe, provider, binary) = (written.first(), written.get(1), written.get(2));
    let binary = target.choice("binary").or(binary.copied());
    let provider = target.choice("provider").or(provider.copied());
    let probe = target.choice("probe").or(probe.copied());
    let (Some(binary), Some(provider), Some(probe)) = (binary, provider, probe) else {
        return Err(target.needed(&["binary", "provider", "probe"], &[]));
    };
    let words = format!("{binary}:{provider}:{probe}");
    attached(target, link::usdt(target.program, binary, provider, probe, target.number("pid")?), words)
}

fn attached(target: &Target<'_>, link: ringside_bpf::Result<link::Link>, words: String) -> Answer<Made> {
    match link {
        Ok(link) => Ok(target.made(link, words)),
        Err(error) if matches!(error.errno, ENOENT | ESRCH) => Err(target.not_found(&words, &[]).errno(error.errno)),
        Err(error) => Err(target.failed(&error, &words)),
    }
}
