//! Loading, and loading again without what the kernel did not take.

use std::collections::BTreeSet;

use ringside_bpf::log;
use ringside_bpf::object::Object;
use ringside_bpf::probe;

use super::source::{Failed, Source};
use super::{Facts, Left};
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::rpc::explain::{self, Culprit};

/// Each takes at least one program, symbol or map out, so this is a bound on patience, not on correctness.
const MOST_ATTEMPTS: usize = 100;

pub struct LoadedObject {
    pub object: Object,
    pub left_out: Vec<Left>,
    /// What libbpf had to say about the load that went well.
    pub messages: String,
}

/// What is known after the attempts so far.
#[derive(Default)]
struct Known {
    failed: Failed,
    /// Kernel symbols that are missing: programs that use them fail one by one, the others need not.
    optional: BTreeSet<String>,
    /// Maps of types that the kernel does not have.
    without_maps: BTreeSet<String>,
}

/// `prepare` sees every opened object before it is loaded: sizes, pins and maps to be reused.
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
        let object = open(source, &mut known)?;
        let mut left_out = Vec::new();
        if leave_out {
            let facts = facts.get_or_insert_with(|| Facts::of(source, &object));
            left_out = super::make(facts, &object, &known.failed)?;
            if object.programs().iter().all(|program| !program.autoload()) {
                return Err(nothing_left(left_out));
            }
        }
        for map in &known.without_maps {
            object.map(map).map_or(Ok(()), |map| map.set_autocreate(false))?;
        }
        prepare(&object)?;
        let (loaded, messages) = log::capture(|| object.load());
        let Err(error) = loaded else {
            return Ok(LoadedObject { object, left_out, messages });
        };
        let failure = explain::load(&error, &object, &messages);
        if !leave_out || !known.learn(&object, &messages, &failure) {
            return Err(failure);
        }
    }
    Err(Failure::new("load-failed", format!("After {MOST_ATTEMPTS} attempts there are still programs that do not load."))
        .hint("Choose the programs to load by name."))
}

fn open(source: &Source, known: &mut Known) -> Answer<Object> {
    let object = source.open_leaving(&known.optional, &mut known.failed)?;
    match known.failed.values().next() {
        Some(failure) if !source.options.leave_out => Err(failure.clone()),
        _ => Ok(object),
    }
}

impl Known {
    /// False when the failure says nothing new that could be left out.
    fn learn(&mut self, object: &Object, messages: &str, failure: &Failure) -> bool {
        match explain::culprit(messages) {
            Culprit::Program(name) => self.failed.insert(name, failure.clone()).is_none(),
            Culprit::Symbol(name) => self.optional.insert(name),
            Culprit::Map(name) => {
                let missing = object.map(&name).is_some_and(|map| !log::capture(|| probe::map_type(map.kind())).0);
                missing && self.without_maps.insert(name)
            }
            Culprit::Whole => false,
        }
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
    let Some(first) = left_out.into_iter().min_by_key(rank) else {
        return explain::nothing_chosen();
    };
    let mut failure = first.reason;
    if others > 0 {
        failure.message.push_str(&format!(" None of the other {others} programs can be loaded either."));
    }
    failure
}
