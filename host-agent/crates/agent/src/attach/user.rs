//! Probes in user-space binaries.

use ringside_bpf::Result;
use ringside_bpf::link::{self, Link, UserTarget};

use super::kernel::{number, require_probes};
use super::process::{self, Binary};
use super::{Made, Target};
use crate::failure::libc_errno::{EINVAL, ENOENT, ESRCH};
use crate::failure::{Answer, Failure};

/// `uprobe/BINARY:SYMBOL@VERSION+OFFSET`, or choices for each part. A binary without a slash is looked for in PATH and
/// among the libraries, or among what a chosen process has mapped.
pub fn uprobe(target: &Target<'_>) -> Answer<Made> {
    require_probes(target, "uprobe")?;
    let (written_binary, written_place) = written(target);
    let Some(binary) = process::binary(target, written_binary)? else {
        return Err(target.needed(&["binary", "symbol"], &process::candidates()));
    };
    let (written_symbol, written_offset) = written_place.map_or((None, None), split_place);
    let symbol = target.choice("symbol").or(written_symbol);
    let offset = target.choice("offset").or(written_offset).unwrap_or("0");
    let offset = number(offset).ok_or_else(|| Failure::new("bad-value", format!("{offset} is no offset.")))?;
    if symbol.is_none() && offset == 0 {
        return Err(target.needed(&["symbol"], &[]));
    }
    let on_return = target.on_return();
    if on_return && offset != 0 && symbol.is_some() {
        return Err(Failure::new(
            "bad-value",
            "A return probe sits on a whole function: it takes no offset.".to_owned(),
        ));
    }
    let words = match symbol {
        Some(symbol) if offset != 0 => format!("{}:{symbol}+{offset:#x}", binary.words),
        Some(symbol) => format!("{}:{symbol}", binary.words),
        None => format!("{}:{offset:#x}", binary.words),
    };
    let place = UserTarget { binary: &binary.path, symbol, offset, on_return, pid: binary.pid };
    attached(target, link::uprobe(target.program, &place), &binary, words)
}

pub fn uprobe_multi(target: &Target<'_>) -> Answer<Made> {
    many(target, false)
}

/// One program at entry and return.
pub fn uprobe_session(target: &Target<'_>) -> Answer<Made> {
    many(target, true)
}

/// `uprobe.multi/BINARY:PATTERN`, or choices.
fn many(target: &Target<'_>, session: bool) -> Answer<Made> {
    let (written_binary, written_pattern) = written(target);
    let Some(binary) = process::binary(target, written_binary)? else {
        return Err(target.needed(&["binary", "symbol"], &process::candidates()));
    };
    let Some(pattern) = target.choice("symbol").or(written_pattern) else {
        return Err(target.needed(&["symbol"], &[]));
    };
    if target.choice("offset").is_some() {
        return Err(Failure::new("bad-value", "A probe of many functions takes a pattern of names and no offset."));
    }
    let words = format!("{}:{pattern}", binary.words);
    let link = link::uprobe_multi(target.program, &binary.path, pattern, binary.pid, target.on_return(), session);
    attached(target, link, &binary, words)
}

pub fn usdt(target: &Target<'_>) -> Answer<Made> {
    require_probes(target, "uprobe")?;
    let written: Vec<&str> = target.in_section().map_or_else(Vec::new, |place| place.rsplitn(3, ':').collect());
    let (probe, provider, binary) = (written.first(), written.get(1), written.get(2));
    let Some(binary) = process::binary(target, binary.copied())? else {
        return Err(target.needed(&["binary", "provider", "probe"], &process::candidates()));
    };
    let provider = target.choice("provider").or(provider.copied());
    let probe = target.choice("probe").or(probe.copied());
    let (Some(provider), Some(probe)) = (provider, probe) else {
        return Err(target.needed(&["provider", "probe"], &[]));
    };
    let words = format!("{}:{provider}:{probe}", binary.words);
    attached(target, link::usdt(target.program, &binary.path, provider, probe, binary.pid), &binary, words)
}

/// Binary and place of the section, apart at the first colon as libbpf does.
fn written<'a>(target: &Target<'a>) -> (Option<&'a str>, Option<&'a str>) {
    match target.in_section().map(|place| place.split_once(':').unwrap_or((place, ""))) {
        Some((binary, place)) => (Some(binary), Some(place).filter(|place| !place.is_empty())),
        None => (None, None),
    }
}

/// Symbol and offset. A place that begins with a digit is an offset in the file; a plus that no number follows belongs to
/// the name.
fn split_place(place: &str) -> (Option<&str>, Option<&str>) {
    if place.starts_with(|first: char| first.is_ascii_digit()) {
        return (None, Some(place));
    }
    match place.rsplit_once('+') {
        Some((symbol, offset)) if number(offset).is_some() => (Some(symbol), Some(offset)),
        _ => (Some(place), None),
    }
}

fn attached(target: &Target<'_>, link: Result<Link>, binary: &Binary, words: String) -> Answer<Made> {
    match link {
        Ok(link) => Ok(target.made(link, words)),
        Err(error) if error.errno == ESRCH => match binary.pid {
            Some(pid) => Err(process::gone(target, pid)),
            None => Err(target.not_found(&words, &[]).errno(error.errno)),
        },
        Err(error) if error.errno == ENOENT => Err(target.not_found(&words, &[]).errno(error.errno)),
        Err(error) => {
            let failure = target.failed(&error, &words);
            match (error.errno, failure.code) {
                (EINVAL, "attach-failed") => Err(failure.hint(format!(
                    "{} must be an ELF file of this machine, and the place inside its code.",
                    binary.words
                ))),
                _ => Err(failure),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split_place;

    #[test]
    fn places_are_symbols_or_offsets() {
        assert_eq!(split_place("SSL_read"), (Some("SSL_read"), None));
        assert_eq!(split_place("malloc@@GLIBC_2.2.5+0x10"), (Some("malloc@@GLIBC_2.2.5"), Some("0x10")));
        assert_eq!(split_place("0x1234"), (None, Some("0x1234")));
        assert_eq!(split_place("operator+"), (Some("operator+"), None));
    }
}
