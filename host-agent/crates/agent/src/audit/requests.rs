//! Requests that change something on the host: what was asked, taken down before, and what came of it.

use std::collections::BTreeSet;
use std::sync::Mutex;

use ringside_proto::messages::request::Request;
use ringside_proto::messages::response::Response;
use ringside_proto::messages::{self as pb, map_ref::Ref, take_away::What};

use super::entry::Entry;
use super::{About, about, attached, limits, log, run, subject, who};
use crate::failure::Failure;
use crate::requests::{Context, locked};
use crate::rpc::host::hex;
use crate::session::Session;
use crate::supervisor;

/// What is attached, in entries of at most so many bytes, and at most so many of them; the object's hash says the rest.
const MOST_BYTES: usize = 400;
const MOST_ENTRIES: usize = 32;
/// Codes of what the host did not allow; everything else that fails could not be done.
const REFUSALS: [&str; 6] = [
    "object-not-allowed",
    "guard-confirmation-needed",
    "read-only",
    "capability-dropped",
    "maps-too-large",
    "no-permission",
];

/// A request, until it is answered.
#[derive(Default)]
pub struct Asked {
    event: &'static str,
    object: u32,
    /// What is or was loaded; of a new object what was sent.
    of: Option<About>,
    confirmed: String,
    /// In the request's own words.
    details: Vec<(&'static str, String)>,
    /// How many programs are attached before it.
    attached: bool,
}

impl Asked {
    /// None for what only looks, and for what says nothing new.
    pub fn of(session: &mut Session, context: &Context<'_>, request: &Request) -> Option<Self> {
        let loaded = |id: u32| Self { object: id, ..Self::default() };
        let sent = |event, blob, options: &Option<pb::ObjectOptions>| {
            let options = options.clone().unwrap_or_default();
            let of = context.blob(blob).ok().map(|bytes| About { name: options.name, sha256: *bytes.sha256() });
            let types = context.blob(options.kernel_btf_blob).ok().map(|bytes| hex(bytes.sha256()));
            let details = types.map(|types| ("types-sha256", types)).into_iter().collect();
            Self { event, of, confirmed: options.confirmed.join(","), details, ..Self::default() }
        };
        let mut asked = match request {
            Request::LoadObject(all) => sent("load", all.object_blob, &all.options),
            Request::VerifyObject(all) => sent("verify", all.object_blob, &all.options),
            Request::SwapObject(all) => {
                Self { object: all.object_id, ..sent("replace", all.object_blob, &all.options) }
            }
            Request::Attach(all) => {
                Self { event: "attach", confirmed: all.confirmed.join(","), ..loaded(all.object_id) }
            }
            Request::CommitAttach(all) => Self { event: "commit", ..loaded(all.object_id) },
            Request::Detach(all) => Self { event: "detach", ..loaded(all.object_id) },
            Request::CloseObject(all) => Self { event: "detach", ..loaded(all.object_id) },
            Request::KeepRun(all) => {
                let details = vec![("seconds", all.seconds.to_string()), ("by", all.by.clone())];
                let event = if all.seconds == 0 { "keep-no-longer" } else { "keep" };
                Self { event, details, ..loaded(all.object_id) }
            }
            Request::SetLimits(all) => {
                let before = session.get(all.object_id).ok().map(|loaded| limits(Some(&loaded.limits.message())));
                Self { event: "limits", details: vec![("before", before?)], ..loaded(all.object_id) }
            }
            Request::RunProgram(all) => {
                let details = vec![("program", all.program.clone())];
                is_first_run(all).then_some(Self { event: "run-program", details, ..loaded(all.object_id) })?
            }
            Request::WriteMap(all) => Self { event: "write-map", details: written(all)?, ..loaded(0) },
            Request::EndKept(all) => Self { event: "end-kept", details: vec![("kept", all.run.clone())], ..loaded(0) },
            Request::TakeAway(all) => Self { event: "take-away", details: taken(all), ..loaded(0) },
            _ => return None,
        };
        if let Ok(loaded) = session.get(asked.object) {
            asked.attached = !loaded.attached.is_empty();
            asked.of.get_or_insert_with(|| loaded.about.clone());
        }
        Some(asked)
    }

    pub fn answered(mut self, answer: Result<&Response, &Failure>) {
        match answer {
            // Its links went first, whatever failed then.
            Err(failure) if self.event == "detach" && self.attached => self.detached(&failure.message),
            Err(failure) => self.failed(failure),
            Ok(Response::Load(loaded)) => {
                let made = loaded.programs.iter().filter(|program| program.loaded);
                let names: Vec<&str> = made.map(|program| program.name.as_str()).collect();
                self.object = loaded.object_id;
                log::write(self.rest(self.entry()).with("programs", names.join(",")));
            }
            Ok(Response::Attach(result)) => {
                self.tell_attached(&result.attachments, result.limits.as_ref(), result.commit_within_ms);
            }
            Ok(Response::Swap(result)) => self.tell_attached(&result.attachments, None, result.commit_within_ms),
            Ok(Response::Limits(now)) => {
                let now = limits(Some(now));
                if self.details.iter().all(|(_, before)| *before != now) {
                    log::write(self.rest(self.entry()).with("limits", now));
                }
            }
            Ok(Response::RunKept(kept)) => log::write(self.rest(self.entry()).with("kept", &kept.run)),
            Ok(_) if self.event == "detach" && !self.attached => {}
            Ok(_) if self.event == "detach" => self.detached(""),
            Ok(_) => log::write(self.rest(self.entry())),
        }
    }

    fn detached(self, but: &str) {
        log::write(self.entry().with("reason", "asked").with("detail", but));
        supervisor::tell_attached(self.object, None);
    }

    fn failed(self, failure: &Failure) {
        let refused = REFUSALS.contains(&failure.code);
        let entry = Entry::new(if refused { "refused" } else { "failed" });
        let entry = if refused { entry.warning() } else { entry };
        let entry = entry.with("what", self.event).with("code", failure.code);
        let mut rules: Vec<&str> = failure.findings.iter().map(|finding| finding.rule.as_str()).collect();
        rules.dedup();
        let entry = self.head(entry).with("rules", rules.join(","));
        log::write(self.rest(entry).with("detail", &failure.message));
    }

    fn tell_attached(self, all: &[pb::Attachment], now: Option<&pb::RunLimits>, commit_within_ms: u32) {
        if let Some(of) = &self.of {
            attached(self.object, of);
        }
        let within = if commit_within_ms == 0 { String::new() } else { commit_within_ms.to_string() };
        let (parts, more) = in_parts(all);
        let (count, last) = (parts.len(), parts.len().saturating_sub(1));
        for (index, part) in parts.into_iter().enumerate() {
            let number = if count > 1 { format!("{}/{count}", index + 1) } else { String::new() };
            let more = if index == last && more > 0 { more.to_string() } else { String::new() };
            let entry = self.rest(self.entry()).with("commit-within-ms", &within).with("limits", limits(now));
            log::write(entry.with("part", number).with("attached", part).with("not-listed", more));
        }
    }

    fn entry(&self) -> Entry {
        match &self.of {
            Some(of) if self.object != 0 => about(self.event, self.object, of),
            _ => self.head(Entry::new(self.event)),
        }
    }

    fn head(&self, entry: Entry) -> Entry {
        let entry = if self.object == 0 { entry } else { entry.with("run", run(self.object)) };
        let entry = self.of.iter().fold(entry, subject);
        who::current().add_to(entry)
    }

    fn rest(&self, entry: Entry) -> Entry {
        let entry = entry.with("confirmed", &self.confirmed);
        self.details.iter().fold(entry, |entry, (key, value)| entry.with(key, value))
    }
}

/// "on_exec tracepoint sched:sched_process_exec; …" in parts, and how many attachments did not fit.
fn in_parts(all: &[pb::Attachment]) -> (Vec<String>, usize) {
    let mut parts: Vec<String> = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let word = format!("{}{} {} {}", one.program, one.map, one.link_kind, one.target);
        if let Some(part) = parts.last_mut()
            && part.len() + word.len() < MOST_BYTES
        {
            part.push_str("; ");
            part.push_str(&word);
        } else if parts.len() == MOST_ENTRIES {
            return (parts, all.len() - index);
        } else {
            parts.push(word);
        }
    }
    if parts.is_empty() {
        parts.push(String::new());
    }
    (parts, 0)
}

/// A benchmark runs its program thousands of times.
fn is_first_run(request: &pb::RunProgram) -> bool {
    static RUN: Mutex<BTreeSet<(u32, String)>> = Mutex::new(BTreeSet::new());
    const MOST: usize = 4096;
    let mut run = locked(&RUN);
    if run.len() >= MOST {
        run.clear();
    }
    run.insert((request.object_id, request.program.clone()))
}

/// None for operations that only read.
fn written(request: &pb::WriteMap) -> Option<Vec<(&'static str, String)>> {
    let writes = request.operations.iter().filter(|one| !matches!(one.operation.as_str(), "get" | "peek")).count();
    let map = match request.map.as_ref()?.r#ref.as_ref()? {
        Ref::Id(id) => format!("id {id}"),
        Ref::Pinned(path) => path.clone(),
        Ref::Loaded(loaded) => format!("{} of {}", loaded.map, run(loaded.object_id)),
    };
    (writes > 0).then(|| vec![("map", map), ("operations", writes.to_string())])
}

/// What of others' is to go, in words.
fn taken(request: &pb::TakeAway) -> Vec<(&'static str, String)> {
    let (what, program) = match &request.what {
        Some(What::LinkId(id)) => (format!("link {id}"), request.id),
        Some(What::Hook(hook)) => (format!("{} {} of {}", hook.kind, hook.mode, hook.iface), hook.program_id),
        Some(What::Pin(path)) => return vec![("pin", path.clone()), (pinned(&request.kind), request.id.to_string())],
        None => return Vec::new(),
    };
    vec![("attachment", what), ("program", program.to_string())]
}

fn pinned(kind: &str) -> &'static str {
    match kind {
        "map" => "map",
        "link" => "link",
        _ => "program",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(program: &str) -> pb::Attachment {
        let (link_kind, target) = ("kprobe".into(), "do_unlinkat".into());
        pb::Attachment { program: program.into(), link_kind, target, ..Default::default() }
    }

    #[test]
    fn thousands_of_attachments_are_some_entries_and_a_number() {
        let all: Vec<pb::Attachment> = (0..3_000).map(|number| attachment(&format!("program_{number:04}"))).collect();
        let (parts, more) = in_parts(&all);
        assert!(parts.len() == MOST_ENTRIES && parts.iter().all(|part| part.len() <= MOST_BYTES));
        let told: usize = parts.iter().map(|part| part.split("; ").count()).sum();
        assert_eq!(told + more, 3_000);
        assert!(parts[0].starts_with("program_0000 kprobe do_unlinkat; program_0001 "));
        assert_eq!(in_parts(&[attachment("p")]), (vec!["p kprobe do_unlinkat".into()], 0));
    }

    #[test]
    fn reading_a_map_is_no_change_of_it() {
        let request = |operation: &str| {
            let operations = vec![pb::MapOperation { operation: operation.into(), ..Default::default() }];
            pb::WriteMap { map: Some(pb::MapRef { r#ref: Some(Ref::Id(7)) }), operations }
        };
        assert_eq!(written(&request("peek")), None);
        assert_eq!(written(&request("set")), Some(vec![("map", "id 7".into()), ("operations", "1".into())]));
    }
}
