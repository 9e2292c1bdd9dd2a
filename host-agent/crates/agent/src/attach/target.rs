//! What a program attaches to: its section, and what the user chose.

use std::collections::HashMap;
use std::str::FromStr;

use ringside_bpf::Error;
use ringside_bpf::error::{NO_JOURNAL, describe};
use ringside_bpf::link::Link;
use ringside_bpf::program::Program;
use ringside_bpf::{stats, token};

use super::{Made, Scope, missing};
use crate::failure::libc_errno::{EACCES, EADDRNOTAVAIL, EBUSY, EEXIST, EPERM};
use crate::failure::{Answer, Failure, no_journal, no_permission};
use crate::knowledge::Refusal;

pub struct Target<'a> {
    pub program: Program<'a>,
    pub choices: &'a HashMap<String, String>,
    pub scope: &'a Scope<'a>,
    /// The kind's name in the table and among the feature probes.
    pub kind: &'static str,
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

    /// One of a few words; `known` pairs each with what it stands for.
    pub fn word<T: Copy>(&self, key: &str, known: &[(&str, T)]) -> Answer<Option<T>> {
        let Some(text) = self.choice(key) else { return Ok(None) };
        if let Some((_, value)) = known.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            return Ok(Some(*value));
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        Err(Failure::new("bad-value", format!("{key}={text} is unknown."))
            .hint(format!("There are {}.", words.join(", "))))
    }

    /// Whether the program runs on return from what it probes.
    pub fn on_return(&self) -> bool {
        let kind = prefix(self.program.section());
        kind.starts_with("kret") || kind.starts_with("uret")
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

    /// What is known about a name that the kernel did not take; when nothing speaks against it, just that.
    pub fn refused(&self, known: Result<(), Refusal>, what: &str, errno: i32) -> Failure {
        match known {
            Err(refusal) => refusal.failure(&format!("Program {}: {what}", self.program.name())).errno(errno),
            Ok(()) => self.not_found(&format!("{what} that can be attached to"), &[]).errno(errno),
        }
    }

    pub fn made(&self, link: Link, target: impl Into<String>) -> Made {
        self.made_all(vec![link], target)
    }

    pub fn made_all(&self, links: Vec<Link>, target: impl Into<String>) -> Made {
        Made { links, target: target.into(), kind: "", per_cpu: None }
    }

    /// Somebody else is there.
    pub fn taken(&self, target: &str, owner: &str, errno: i32) -> Failure {
        let message = format!("Program {}: {target} is taken by {owner} ({}).", self.program.name(), describe(errno));
        Failure::new("attach-failed", message).errno(errno).hint(
            "Detach that first, or let its owner do so; `ringside links` and `ringside programs` show more about it.",
        )
    }

    /// The other program of this object that has one of these ids.
    pub fn sibling(&self, ids: &[u32]) -> Option<String> {
        let has = |program: &Program<'_>| {
            program.fd().and_then(|fd| stats::program(fd).ok()).is_some_and(|info| ids.contains(&info.id))
        };
        self.scope.object.programs().iter().find(|program| has(program)).map(|program| program.name().to_owned())
    }

    /// Why the kernel did not attach, for reasons that all kinds share.
    pub fn failed(&self, error: &Error, target: &str) -> Failure {
        let name = self.program.name();
        let what = format!("program {name} cannot be attached to {target}");
        if let Some(failure) = missing::feature(self, error, target) {
            return failure;
        }
        match error.errno {
            NO_JOURNAL => no_journal(&format!("{what}: {}", error.what)),
            EPERM => no_permission(&what, error.errno),
            EACCES if token::in_user_namespace() => no_permission(&what, error.errno),
            EACCES => Failure::new("attach-failed", format!("Program {name} cannot be attached to {target}: permission denied."))
                .hint("A tracepoint program that reads behind the fields of its event loads, but is refused here; compare its struct with the event's format file.")
                .errno(error.errno),
            EBUSY | EEXIST => self.taken(target, "another program", error.errno),
            EADDRNOTAVAIL => self.not_found(&format!("single place called {target}"), &[]).errno(error.errno),
            errno => Failure::new("attach-failed", format!("Program {name} cannot be attached to {target}: {}.", describe(errno)))
                .errno(errno)
                .hint("`ringside doctor` shows which kinds attach on this host; the log tells what libbpf saw."),
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
