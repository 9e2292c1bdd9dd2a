//! Attaching: a table with one small function for each kind.

pub mod addresses;
mod btf;
mod candidates;
mod cgroup;
mod events;
mod explained;
mod interface;
mod iter;
mod kernel;
mod kinds;
mod missing;
mod netfilter;
mod netns;
mod owner;
mod process;
mod sampling;
mod sockets;
pub mod struct_ops;
mod target;
mod tracing_multi;
mod user;
mod xdp;

use std::collections::HashMap;

use ringside_bpf::link::Link;
use ringside_bpf::object::Object;
use ringside_bpf::program::Program;

pub use cgroup::place as cgroup_place;
pub use sampling::PerCpu;
pub use target::{Target, prefix as section_prefix};

use crate::failure::{Answer, Failure};

/// What one attach function made.
pub struct Made {
    /// None for what runs once and is done.
    pub links: Vec<Link>,
    /// In words: "syscalls:sys_enter_execve", "lo".
    pub target: String,
    /// For links that the kernel does not name.
    pub kind: &'static str,
    /// Where each link is one CPU's.
    pub per_cpu: Option<PerCpu>,
}

/// Where names of maps and programs are looked up.
pub struct Scope<'a> {
    /// The object that the program belongs to.
    pub object: &'a Object,
    /// Others that this client has loaded.
    pub others: Vec<&'a Object>,
}

/// What the table of kinds calls this program; none for what has no place to attach to.
pub fn kind_name(program: &Program<'_>, choices: &HashMap<String, String>) -> Option<&'static str> {
    kinds::of(program, choices).map(|kind| kind.name)
}

/// Attaches a loaded program; `choices` are the target keys of the CLI contract.
pub fn attach(scope: &Scope<'_>, program: Program<'_>, choices: &HashMap<String, String>) -> Answer<Made> {
    let kind = kinds::of(&program, choices).ok_or_else(|| explained::unknown(&program))?;
    for key in choices.keys() {
        if !kind.keys.contains(&key.as_str()) {
            let known = if kind.keys.is_empty() { "nothing".to_owned() } else { kind.keys.join(", ") };
            let message = format!("Program {} ({}) has no target key {key}.", program.name(), kind.name);
            return Err(Failure::new("target-unknown", message).hint(format!("It takes {known}.")));
        }
    }
    let mut made = (kind.attach)(&Target { program, choices, scope, kind: kind.name })?;
    if made.kind.is_empty() {
        made.kind = kind.name;
    }
    Ok(made)
}
