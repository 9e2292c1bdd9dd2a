//! What of an object is loaded on this host: decided before the first attempt by what the kernel has, and after each failed
//! one by what it said.

mod attempts;
pub mod elf;
mod hook;
mod kernel;
pub mod map_kinds;
pub mod maps;
mod memory;
mod sizes;
pub mod source;
mod successors;
mod variants;

use std::collections::{BTreeMap, BTreeSet};

use ringside_bpf::object::Object;
use ringside_bpf::program::Program;

pub use attempts::{LoadedObject, load};
pub use memory::words as memory_words;

use crate::failure::{Answer, Failure};
use crate::knowledge::Kernel;
use crate::rpc::explain;
use attempts::Known;
use elf::Elf;
use hook::Hook;
use source::Source;
use variants::Candidate;

/// BPF_PROG_TYPE_* whose target the verifier must know.
pub mod kinds {
    pub const TRACING: u32 = 26;
    pub const EXT: u32 = 28;
    pub const LSM: u32 = 29;
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
    /// Programs by the struct_ops map that names them.
    struct_ops: BTreeMap<String, Vec<String>>,
}

impl<'a> Facts<'a> {
    pub fn of(source: &'a Source, object: &Object) -> Self {
        let elf = Elf::read(&source.bytes);
        let mut hooks = BTreeMap::new();
        for program in object.programs().into_iter().filter(Program::autoload) {
            let target = source.target(program.name());
            let chosen = target.and_then(|target| target.get("func").or_else(|| target.get("event")));
            let hook = match chosen {
                Some(chosen) => Hook::with_target(program.section(), chosen),
                None => Hook::of_section(program.section()),
            };
            // Of a loaded program, not of the kernel.
            let elsewhere = target.is_some_and(|target| target.contains_key("program"));
            if let Some(hook) = hook.filter(|_| !elsewhere) {
                hooks.insert(program.name().to_owned(), hook);
            }
        }
        let struct_ops = elf.as_ref().map(|elf| elf.functions_in_variables(".struct_ops")).unwrap_or_default();
        Self { source, elf, hooks, kernel: Kernel::default(), struct_ops }
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
        let needed = || explain::target_needed(program.name(), program.section());
        let Some(hook) = self.hooks.get(program.name()) else {
            let told = self.source.target(program.name()).is_some_and(|target| !target.is_empty());
            let nameless = !program.section().contains('/') || program.kind() == kinds::EXT;
            return (by_types && nameless && !told).then(needed);
        };
        if let Some(refusal) = kernel::refusal(hook) {
            return Some(refusal);
        }
        // A kprobe's place is chosen when it is attached: one whose author left it open stays.
        match hook::is_placeholder(&hook.name) {
            true => (by_types && kernel::missing(&self.kernel, hook).is_some()).then(needed),
            false => self.no_place(program.name()),
        }
    }

    /// Why this kernel has no such place as the program names, and what there is instead.
    pub fn no_place(&self, program: &str) -> Option<Failure> {
        let hook = self.hooks.get(program)?;
        let failure = kernel::missing(&self.kernel, hook)?.failure(&format!("Program {program}: {}", hook.words()));
        // An iterator is part of the kernel, not a place in it.
        let code = if hook.means == hook::Means::Iterator { "unsupported-by-kernel" } else { failure.code };
        let listed = "`ringside targets` lists what there is to attach to.";
        let hint = if failure.hint.is_empty() { listed.to_owned() } else { failure.hint };
        Some(Failure { code, hint, ..failure })
    }

    /// What is known to fail of the symbols and maps that this program, or a function that it calls, refers to.
    fn lacking<'s>(&self, program: &Program<'_>, known: &'s Known) -> Option<&'s Failure> {
        if known.symbols.is_empty() && known.maps.is_empty() {
            return None;
        }
        let used = self.elf.as_ref()?.references(program.section(), program.name());
        let symbol = known.symbols.iter().find(|(symbol, _)| used.externs.contains(*symbol));
        symbol.or_else(|| known.maps.iter().find(|(map, _)| used.data.contains(*map))).map(|(_, failure)| failure)
    }
}

/// Programs to leave out of this object, which was just opened.
pub fn make(facts: &Facts<'_>, object: &Object, known: &Known) -> Answer<Vec<Left>> {
    let programs: Vec<Program<'_>> = object.programs().into_iter().filter(Program::autoload).collect();
    let obstacle = |program: &Program<'_>| {
        let known = known.failed.get(program.name()).or_else(|| facts.lacking(program, known)).cloned();
        known.or_else(|| facts.obstacle(program))
    };
    let mut obstacles: Vec<Option<Failure>> = programs.iter().map(obstacle).collect();
    leave_struct_ops(facts, object, known, &programs, &mut obstacles)?;
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
    known: &Known,
    programs: &[Program<'_>],
    obstacles: &mut [Option<Failure>],
) -> Answer<()> {
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    let mut lost: BTreeMap<&str, Failure> = BTreeMap::new();
    for (name, users) in &facts.struct_ops {
        let Some(map) = object.map(name).filter(|map| map.autocreate()) else { continue };
        let broken = programs.iter().zip(obstacles.iter()).find_map(|(program, obstacle)| {
            obstacle.clone().filter(|_| users.iter().any(|user| user == program.name()))
        });
        match known.maps.get(name).cloned().or(broken) {
            None => kept.extend(users.iter().map(String::as_str)),
            Some(reason) => {
                map.set_autocreate(false)?;
                lost.extend(users.iter().map(|user| (user.as_str(), reason.clone())));
            }
        }
    }
    for (program, obstacle) in programs.iter().zip(obstacles) {
        if let Some(reason) = lost.get(program.name()).filter(|_| !kept.contains(program.name())) {
            obstacle.get_or_insert_with(|| reason.clone());
        }
    }
    Ok(())
}
