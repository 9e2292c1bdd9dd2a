//! What of an object is loaded on this host: decided before the first attempt by what the kernel has, and after each failed
//! one by what it said.

mod attempts;
pub mod elf;
mod hook;
mod kernel;
pub mod source;
pub mod successors;
mod types;
mod variants;

use std::collections::{BTreeMap, BTreeSet};

use ringside_bpf::object::Object;
use ringside_bpf::program::Program;

pub use attempts::{LoadedObject, load};

use crate::failure::{Answer, Failure};
use crate::rpc::explain;
use elf::Elf;
use hook::Hook;
use kernel::Kernel;
use source::{Failed, Source};
use variants::Candidate;

/// BPF_PROG_TYPE_* and BPF_MAP_TYPE_* that are special here.
pub mod kinds {
    pub const TRACING: u32 = 26;
    pub const STRUCT_OPS: u32 = 27;
    pub const EXT: u32 = 28;
    pub const LSM: u32 = 29;
    pub const STRUCT_OPS_MAP: u32 = 26;
}

/// A program that is not loaded.
pub struct Left {
    pub program: String,
    pub section: String,
    pub reason: Failure,
    pub instead: String,
}

/// What stays the same from one attempt to the next.
pub struct Facts<'a> {
    source: &'a Source,
    elf: Option<Elf<'a>>,
    hooks: BTreeMap<String, Hook>,
    kernel: Kernel,
    /// Maps with the type of the kernel that they fill in.
    struct_ops: BTreeMap<String, String>,
    /// Programs by the struct_ops map that names them.
    struct_ops_programs: BTreeMap<String, Vec<String>>,
}

impl<'a> Facts<'a> {
    pub fn of(source: &'a Source, object: &Object) -> Self {
        let elf = Elf::read(&source.bytes);
        let mut hooks = BTreeMap::new();
        for program in object.programs().into_iter().filter(Program::autoload) {
            let chosen = source.target(program.name()).and_then(|target| target.get("func").or_else(|| target.get("event")));
            let hook = match chosen {
                Some(chosen) => Hook::with_target(program.section(), chosen),
                None => Hook::of_section(program.section()),
            };
            // Of a loaded program, not of the kernel.
            let elsewhere = source.target(program.name()).is_some_and(|target| target.contains_key("program"));
            if let Some(hook) = hook.filter(|_| !elsewhere) {
                hooks.insert(program.name().to_owned(), hook);
            }
        }
        let maps = object.maps().into_iter().filter(|map| map.kind() == kinds::STRUCT_OPS_MAP && map.autocreate());
        let struct_ops: BTreeMap<String, String> =
            maps.map(|map| (map.name().to_owned(), object.type_name(map.value_type_id()))).collect();
        let types: Vec<String> = struct_ops.values().cloned().collect();
        let kernel = Kernel::look_for(hooks.values(), &types);
        let struct_ops_programs = elf.as_ref().map(|elf| elf.functions_in_variables(".struct_ops")).unwrap_or_default();
        Self { source, elf, hooks, kernel, struct_ops, struct_ops_programs }
    }

    /// Why this program need not be tried; none when it may load.
    fn obstacle(&self, program: &Program<'_>) -> Option<Failure> {
        if program.kind() == 0 {
            return Some(explain::unknown_section(program.name(), program.section()));
        }
        if !kernel::has_program_type(program.kind()) {
            return Some(explain::no_program_type(program.type_name()));
        }
        let by_types = matches!(program.kind(), kinds::TRACING | kinds::LSM | kinds::EXT);
        let Some(hook) = self.hooks.get(program.name()) else {
            let told = self.source.target(program.name()).is_some_and(|target| !target.is_empty());
            let nameless = !program.section().contains('/') && !told;
            return (by_types && nameless).then(|| explain::target_needed(program.name(), program.section()));
        };
        if let Some(refusal) = kernel::refusal(hook) {
            return Some(refusal);
        }
        if self.kernel.has(hook) != Some(false) {
            return None;
        }
        // A kprobe's place is chosen when it is attached: one whose author left it open stays.
        if hook::is_placeholder(&hook.name) {
            return by_types.then(|| explain::target_needed(program.name(), program.section()));
        }
        let missing = explain::no_target(program.name(), &hook.words());
        Some(match self.kernel.other_name(hook) {
            Some(other) => {
                let hint = format!("On this kernel {other} has taken its place: choose it as the target (func={other}).");
                missing.hint(hint)
            }
            None => missing,
        })
    }
}

/// Programs to leave out of this object, which was just opened. `failed` is what is known from earlier attempts.
pub fn make(facts: &Facts<'_>, object: &Object, failed: &Failed) -> Answer<Vec<Left>> {
    let programs: Vec<Program<'_>> = object.programs().into_iter().filter(Program::autoload).collect();
    let mut obstacles: Vec<Option<Failure>> = programs
        .iter()
        .map(|program| failed.get(program.name()).cloned().or_else(|| facts.obstacle(program)))
        .collect();
    leave_struct_ops(facts, object, &programs, &mut obstacles)?;
    let candidates: Vec<Candidate<'_>> = programs
        .iter()
        .zip(&obstacles)
        .map(|(program, obstacle)| Candidate {
            name: program.name(),
            section: program.section(),
            hook: facts.hooks.get(program.name()),
            available: obstacle.is_none(),
        })
        .collect();
    let references = |candidate: &Candidate<'_>| {
        facts.elf.as_ref().map(|elf| elf.references(candidate.section, candidate.name)).unwrap_or_default()
    };
    // Who names programs wants those, and if they were two on one hook.
    let named = !facts.source.options.programs.is_empty();
    let instead = if named { BTreeMap::new() } else { variants::choose(&candidates, &references) };
    let mut left = Vec::new();
    for (index, program) in programs.iter().enumerate() {
        let other = instead.get(&index).map(|other| &programs[*other]);
        let reason = match (obstacles[index].take(), other) {
            (Some(obstacle), _) => obstacle,
            (None, Some(other)) => explain::variant(program, other),
            (None, None) => continue,
        };
        program.set_autoload(false)?;
        left.push(Left {
            program: program.name().to_owned(),
            section: program.section().to_owned(),
            reason,
            instead: other.map_or_else(String::new, |other| other.name().to_owned()),
        });
    }
    Ok(left)
}

/// Structs of operations that the kernel does not know, or that have lost a program, are not made; libbpf then leaves their
/// programs out whatever their autoload says.
fn leave_struct_ops(
    facts: &Facts<'_>,
    object: &Object,
    programs: &[Program<'_>],
    obstacles: &mut [Option<Failure>],
) -> Answer<()> {
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    let mut lost: BTreeMap<&str, Failure> = BTreeMap::new();
    for (map, kind) in &facts.struct_ops {
        let users = facts.struct_ops_programs.get(map).map(Vec::as_slice).unwrap_or_default();
        let broken = programs.iter().zip(obstacles.iter()).find_map(|(program, obstacle)| {
            obstacle.clone().filter(|_| users.iter().any(|user| user == program.name()))
        });
        let unknown = facts.kernel.has_struct_ops(kind) == Some(false);
        let reason = match broken {
            Some(reason) => reason,
            None if unknown => explain::no_struct_ops(map, kind),
            None => {
                kept.extend(users.iter().map(String::as_str));
                continue;
            }
        };
        if let Some(map) = object.map(map) {
            map.set_autocreate(false)?;
        }
        lost.extend(users.iter().map(|user| (user.as_str(), reason.clone())));
    }
    for (program, obstacle) in programs.iter().zip(obstacles) {
        if let Some(reason) = lost.get(program.name()).filter(|_| !kept.contains(program.name())) {
            obstacle.get_or_insert_with(|| reason.clone());
        }
    }
    Ok(())
}
