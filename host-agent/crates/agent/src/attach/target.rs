//! What a program attaches to: its section, and what the user chose.

use std::collections::HashMap;
use std::str::FromStr;

use ringside_bpf::Error;
use ringside_bpf::error::describe;
use ringside_bpf::program::Program;

use super::Made;
use crate::failure::libc_errno::{EACCES, EADDRNOTAVAIL, EBUSY, EEXIST, ENOTSUPP, EOPNOTSUPP, EPERM};
use crate::failure::{Answer, Failure, no_permission};
use ringside_bpf::link::Link;

pub struct Target<'a> {
    pub program: Program<'a>,
    pub choices: &'a HashMap<String, String>,
}

/// `kprobe` of `?kprobe/do_unlinkat`.
pub fn prefix(section: &str) -> &str {
    let section = section.trim_start_matches('?');
    section.split('/').next().unwrap_or(section)
}

impl<'a> Target<'a> {
    /// What stands behind the first slash of the section; none when nothing does.
    pub fn in_section(&self) -> Option<&'a str> {
        self.program.section().split_once('/').map(|(_, target)| target).filter(|target| !target.is_empty())
    }

    pub fn choice(&self, key: &str) -> Option<&'a str> {
        self.choices.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn number<T: FromStr>(&self, key: &str) -> Answer<Option<T>> {
        let Some(text) = self.choice(key) else { return Ok(None) };
        let refused = |_| Failure::new("bad-value", format!("{key}={text} is no number that fits."));
        text.parse().map(Some).map_err(refused)
    }

    /// A choice that has to be made before this program can be attached. `known` helps to make it.
    pub fn needed(&self, keys: &[&str], known: &[String]) -> Failure {
        let (name, section) = (self.program.name(), self.program.section());
        let keys = keys.join(", ");
        let hint = match known.is_empty() {
            true => format!("Choose it: --target {name}:KEY=VALUE with {keys}."),
            false => format!("Choose one of: {}.", known.join(", ")),
        };
        Failure::new(
            "target-needed",
            format!("Program {name} in section \"{section}\" does not say what to attach to: it needs {keys}."),
        )
        .hint(hint)
    }

    pub fn not_found(&self, what: &str, nearest: &[String]) -> Failure {
        let hint = if nearest.is_empty() { String::new() } else { format!("Nearest names: {}.", nearest.join(", ")) };
        Failure::new("target-not-found", format!("Program {}: this host has no {what}.", self.program.name()))
            .hint(hint)
    }

    pub fn made(&self, link: Link, target: impl Into<String>) -> Made {
        Made { links: vec![link], target: target.into(), kind: "" }
    }

    /// Why the kernel did not attach, for reasons that all kinds share.
    pub fn failed(&self, error: &Error, target: &str) -> Failure {
        let name = self.program.name();
        let what = format!("program {name} cannot be attached to {target}");
        match error.errno {
            EPERM => no_permission(&what, error.errno),
            EACCES => Failure::new("attach-failed", format!("Program {name} cannot be attached to {target}: permission denied."))
                .hint("A tracepoint program that reads behind the fields of its event loads, but is refused here; compare its struct with the event's format file.")
                .errno(error.errno),
            ENOTSUPP | EOPNOTSUPP => Failure::new("unsupported-by-kernel", format!("This kernel cannot attach program {name} to {target}."))
                .hint("`ringside doctor` shows which kinds attach on this host.")
                .errno(error.errno),
            EBUSY | EEXIST => Failure::new("attach-failed", format!("Program {name}: {target} is taken by another program ({})." , describe(error.errno)))
                .hint("`bpftool net` and `bpftool link` on the host show by which.")
                .errno(error.errno),
            EADDRNOTAVAIL => self.not_found(&format!("single place called {target}"), &[]).errno(error.errno),
            errno => Failure::new("attach-failed", format!("Program {name} cannot be attached to {target}: {}.", describe(errno))).errno(errno),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_section_starts_with_its_kind() {
        assert_eq!(super::prefix("?kprobe/vfs_read"), "kprobe");
        assert_eq!(super::prefix("uprobe.s"), "uprobe.s");
    }
}
