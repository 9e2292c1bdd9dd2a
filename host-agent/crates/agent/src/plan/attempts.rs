//! Loading, and loading again without what the kernel did not take.

use std::collections::BTreeMap;

use ringside_bpf::log;
use ringside_bpf::object::Object;
use ringside_bpf::probe;

use super::elf::Elf;
use super::maps::{self, Decided};
use super::source::{Changes, Failed, Source};
use super::{Facts, Left};
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::rpc::explain::{self, Culprit};

/// Each takes at least one program, symbol or map out, so this is a bound on patience, not on correctness.
const MOST_ATTEMPTS: usize = 100;

pub struct LoadedObject {
    pub object: Object,
    pub left_out: Vec<Left>,
    pub maps: Vec<Decided>,
    /// What libbpf had to say about the load that went well.
    pub messages: String,
}

/// What is known after the attempts so far.
#[derive(Default)]
pub struct Known {
    pub failed: Failed,
    /// Kernel symbols and configuration values that are missing: programs that use them are left out.
    pub symbols: BTreeMap<String, Failure>,
    /// Maps that the kernel cannot make, for want of their type.
    pub maps: BTreeMap<String, Failure>,
    /// Values of optional configuration, on hosts that do not show theirs.
    kconfig: BTreeMap<String, &'static str>,
}

/// `prepare` sees every opened object when its maps are sized and before it is loaded: there maps of another may be reused.
pub fn load(
    context: &Context<'_>,
    source: &Source,
    prepare: &mut dyn FnMut(&Object) -> Answer<()>,
) -> Answer<LoadedObject> {
    let leave_out = source.options.leave_out;
    let mut known = Known::default();
    let mut facts: Option<Facts<'_>> = None;
    for _ in 0..MOST_ATTEMPTS {
        context.check_cancelled()?;
        let object = known.open(source)?;
        let mut left_out = Vec::new();
        if leave_out {
            let facts = facts.get_or_insert_with(|| Facts::of(source, &object));
            left_out = super::make(facts, &object, &known)?;
            if object.programs().iter().all(|program| !program.autoload()) {
                return Err(nothing_left(left_out));
            }
        }
        for map in known.maps.keys() {
            object.map(map).map_or(Ok(()), |map| map.set_autocreate(false))?;
        }
        let mut maps = maps::choose(&object, &source.options)?;
        prepare(&object)?;
        maps::weigh(&object, &source.options, &mut maps)?;
        maps::ask(&source.options, &maps)?;
        source.set_log_level(&object)?;
        let (loaded, messages) = log::capture(|| object.load());
        let Err(error) = loaded else {
            return Ok(LoadedObject { object, left_out, maps, messages });
        };
        let failure = explain::load(&error, &object, &messages);
        let culprit = explain::culprit(&messages);
        if let Culprit::Slot(program) = &culprit {
            // A prog array wants a program that was left out: why that was is the answer.
            let earlier = left_out.into_iter().find(|left| left.program == *program).map(|left| left.reason);
            return Err(earlier.unwrap_or(failure));
        }
        if !known.learn(source, &object, culprit, &failure) {
            return Err(failure);
        }
    }
    let message = format!("After {MOST_ATTEMPTS} attempts there are still programs that do not load.");
    Err(Failure::new("load-failed", message).hint("Choose the programs to load by name."))
}

impl Known {
    fn open(&mut self, source: &Source) -> Answer<Object> {
        let lines = self.kconfig.iter().map(|(name, value)| format!("{name}={value}\n"));
        let optional = self.symbols.keys().map(String::as_str).collect();
        let changes = Changes { optional, kconfig: lines.collect() };
        let object = source.open_leaving(&changes, &mut self.failed)?;
        match self.failed.values().next() {
            Some(failure) if !source.options.leave_out => Err(failure.clone()),
            _ => Ok(object),
        }
    }

    /// False when the failure says nothing new, or nothing that may be left out.
    fn learn(&mut self, source: &Source, object: &Object, culprit: Culprit, failure: &Failure) -> bool {
        let leave_out = source.options.leave_out;
        match culprit {
            Culprit::Configuration => self.assume_configuration(source, failure),
            Culprit::ConfigurationKind(name, value) if self.kconfig.contains_key(&name) => {
                self.kconfig.insert(name, value) != Some(value)
            }
            Culprit::Program(name) if leave_out => self.failed.insert(name, failure.clone()).is_none(),
            Culprit::Symbol(name) if leave_out => self.symbols.insert(name, failure.clone()).is_none(),
            Culprit::StructOps(name) if leave_out => {
                let of_type = object.maps().into_iter().filter(|map| {
                    map.autocreate() && (map.name() == name || object.type_name(map.value_type_id()) == name)
                });
                let names: Vec<String> = of_type.map(|map| map.name().to_owned()).collect();
                let before = self.maps.len();
                self.maps.extend(names.into_iter().map(|name| (name, failure.clone())));
                self.maps.len() > before
            }
            Culprit::Map(name) if leave_out => {
                let missing = object.map(&name).is_some_and(|map| !log::capture(|| probe::map_type(map.kind())).0);
                missing && self.maps.insert(name, failure.clone()).is_none()
            }
            _ => false,
        }
    }

    /// A host that does not show its configuration: what an object can do without counts as not set, and programs that
    /// cannot do without theirs are left out.
    fn assume_configuration(&mut self, source: &Source, failure: &Failure) -> bool {
        let Some(elf) = Elf::read(&source.bytes) else { return false };
        let given =
            |name: &str| source.options.kconfig.lines().any(|line| line.trim().starts_with(&format!("{name}=")));
        let mut new = false;
        for (name, optional) in elf.externs().filter(|(name, _)| name.starts_with("CONFIG_") && !given(name)) {
            if !optional {
                if !source.options.leave_out {
                    return false;
                }
                self.symbols.insert(name.to_owned(), failure.clone());
            }
            new |= self.kconfig.insert(name.to_owned(), "n").is_none();
        }
        new
    }
}

/// The failure that most needs to be heard, when not one program can be loaded.
fn nothing_left(left_out: Vec<Left>) -> Failure {
    /// From what the author can repair to what only another host can.
    const ORDER: [&str; 8] = [
        "verifier-rejected",
        "load-failed",
        "unknown-section",
        "core-relocation",
        "no-btf",
        "no-permission",
        "target-needed",
        "target-not-found",
    ];
    let others = left_out.len().saturating_sub(1);
    let rank = |left: &Left| ORDER.iter().position(|code| *code == left.reason.code).unwrap_or(ORDER.len());
    let Some(first) = left_out.into_iter().min_by_key(rank) else { return explain::nothing_chosen() };
    let mut failure = first.reason;
    match others {
        0 => {}
        1 => failure.message.push_str(" The other program cannot be loaded either."),
        _ => failure.message.push_str(&format!(" None of the other {others} programs can be loaded either.")),
    }
    failure
}
