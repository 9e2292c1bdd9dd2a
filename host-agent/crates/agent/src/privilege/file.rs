//! Capabilities on the agent's file: the way for users who are not to have root on a host.

use std::fs;

use ringside_bpf::{os, privilege};

use super::{Capability, kernel_has_cap_bpf, kernel_is_at_least, table};

/// The command by which an administrator lets this user's agent load programs; empty for an agent of root, and where its
/// file cannot be told.
pub fn setcap_command() -> String {
    if os::effective_uid() == 0 {
        return String::new();
    }
    let Ok(path) = fs::read_link("/proc/self/exe") else { return String::new() };
    format!("sudo setcap {}=ep {}", possible_here().join(","), quoted(&path.to_string_lossy()))
}

/// All that an agent may ever need, of those that this kernel knows and that a process may have here: a file with one that a
/// container's bounding set lacks cannot be executed.
fn possible_here() -> Vec<String> {
    let known = |one: Capability| match one {
        Capability::Bpf | Capability::Perfmon => kernel_has_cap_bpf(),
        Capability::CheckpointRestore => kernel_is_at_least((5, 9)),
        _ => true,
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bounding = privilege::status_set(&status, "CapBnd:");
    let all = table::AGENT.iter().map(|(capability, _)| *capability);
    all.filter(|one| known(*one) && bounding & one.bit() != 0).map(|one| one.name().to_ascii_lowercase()).collect()
}

/// One word of a shell's command line.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_the_command() {
        assert_eq!(
            quoted("/home/ada/.cache/ringside/1f/ringside-agent"),
            "/home/ada/.cache/ringside/1f/ringside-agent"
        );
        assert_eq!(quoted("/home/a b/it's"), "'/home/a b/it'\\''s'");
    }
}
