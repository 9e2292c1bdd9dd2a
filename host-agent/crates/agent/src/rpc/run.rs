//! Attach and Detach.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use ringside_bpf::link::Link;
use ringside_bpf::log;
use ringside_bpf::object::Object;
use ringside_bpf::struct_ops::StructOps;
use ringside_proto::messages as pb;

use super::stats;
use crate::attach::struct_ops::Wanted;
use crate::attach::{self, Made, Scope};
use crate::failure::{Answer, Failure};
use crate::guard;
use crate::limits::{Breaker, Limits, Watchdog};
use crate::privilege;
use crate::requests::Context;
use crate::run_statistics::RunStatistics;
use crate::session::{Attached, Session};
use crate::stream::drain::Command;

/// All or nothing: an early return drops, and so detaches, what was attached before it.
pub fn attach(session: &mut Session, context: &Context<'_>, request: pb::Attach) -> Answer<pb::AttachResult> {
    let (loaded, scope) = session.scope(request.object_id)?;
    let here = loaded.attached.iter().filter(|attached| !attached.map.is_empty());
    let taken = here.map(|attached| attached.map.clone()).collect();
    let wanted = if request.programs.is_empty() { everything(&scope) } else { request.programs };
    let examined = guard::examine(&scope, &wanted, guard::separate_probes(&scope, &loaded.attached));
    let guarded = examined.confirmed(&request.confirmed)?;
    // Before anything is attached: whatever happens then, the host's patience is limited.
    let armed = session.commitments.arm(request.object_id, &guarded, request.commit_within_ms);
    let limits = Limits::asked(request.limits);
    let mut held = Held::new(session, limits);
    let work = attach_wanted(&scope, context, &mut held, wanted, taken).inspect_err(|_| armed.take_back())?;
    let Work { mut attached, mut result, .. } = work;
    (result.to_commit, result.commit_within_ms) = (guarded.to_commit, armed.within_ms());
    let Held { breaker, .. } = held;
    let loaded = session.get(request.object_id)?;
    loaded.attached.append(&mut attached);
    (loaded.limits, loaded.breaker) = (limits, breaker);
    loaded.renewed = Instant::now();
    result.limits = Some(loaded.limits.message());
    if request.drop_capabilities {
        result.capabilities = drop_capabilities(session).inspect_err(|_| {
            // What could not be made safe does not run.
            let _ = session.get(request.object_id).map(|loaded| loaded.detach(None));
            session.commitments.forget(request.object_id);
        })?;
    }
    Ok(result)
}

/// The client has proven that the connection lives with what is attached.
pub fn commit(session: &mut Session, request: &pb::CommitAttach) -> Answer<pb::Empty> {
    session.get(request.object_id)?;
    match session.commitments.commit(request.object_id) {
        true => Ok(pb::Empty {}),
        false => {
            Err(Failure::new("protocol", format!("Object {} has nothing to commit (any more).", request.object_id)))
        }
    }
}

/// Keeps what the loaded objects need. Gives its names.
fn drop_capabilities(session: &mut Session) -> Answer<Vec<String>> {
    if let Some(statistics) = session.run_statistics() {
        statistics.keep_counting();
    }
    let needed = session.needed();
    let mut meanwhile = || {
        session.keep_limits_in_time();
    };
    privilege::narrow(&needed, &mut meanwhile).map(|kept| privilege::names(&kept))
}

/// Holds what is being attached against its limits: the first program may choke the host before the last one is there.
pub struct Held<'a> {
    limits: Limits,
    statistics: Option<Arc<RunStatistics>>,
    breaker: Breaker,
    watchdog: &'a Watchdog,
}

impl<'a> Held<'a> {
    pub fn new(session: &'a Session, limits: Limits) -> Self {
        session.watchdog().looked(true);
        Self { limits, statistics: session.run_statistics(), breaker: Breaker::default(), watchdog: session.watchdog() }
    }

    /// Call it before each program.
    fn look(&mut self, object: &Object, first: bool) -> Answer<()> {
        if !first && !self.watchdog.until_due().is_zero() {
            return Ok(());
        }
        let nanos = stats::nanos(object, self.statistics.as_deref());
        self.watchdog.looked(true);
        match self.breaker.check(self.limits, Instant::now(), &nanos, &[]) {
            Some(trip) => Err(Failure::new(trip.code, trip.message).hint(trip.hint)),
            None => Ok(()),
        }
    }
}

/// What has been attached so far.
pub struct Work {
    pub attached: Vec<Attached>,
    pub result: pb::AttachResult,
    /// struct_ops maps that are registered: a map comes once, however many of its programs are named.
    registered: BTreeSet<String>,
}

/// Attaches these programs, or every loaded program and struct_ops map when none is named.
pub fn attach_wanted(
    scope: &Scope<'_>,
    context: &Context<'_>,
    held: &mut Held<'_>,
    wanted: Vec<pb::AttachProgram>,
    registered: BTreeSet<String>,
) -> Answer<Work> {
    let wanted = if wanted.is_empty() { everything(scope) } else { wanted };
    if wanted.is_empty() {
        return Err(Failure::new("no-programs", "No program of this object is loaded, so there is nothing to attach."));
    }
    let mut work = Work { attached: Vec::new(), result: pb::AttachResult::default(), registered };
    let mut first_failure = None;
    for (index, one) in wanted.iter().enumerate() {
        context.check_cancelled()?;
        held.look(scope.object, index == 0)?;
        match work.attach_one(scope, one) {
            Ok(()) => {}
            Err(failure) if one.leave_out && failure.code != "unknown-program" => {
                first_failure.get_or_insert_with(|| failure.clone());
                work.leave_out(scope, context, &one.program, failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    match first_failure {
        Some(failure) if work.result.attachments.is_empty() => Err(failure),
        _ => Ok(work),
    }
}

pub fn everything(scope: &Scope<'_>) -> Vec<pb::AttachProgram> {
    let named = |name: &str| pb::AttachProgram { program: name.to_owned(), ..Default::default() };
    // A struct_ops program belongs to its map. One that is no map's member has no place, and is nothing to fail for.
    const STRUCT_OPS: u32 = 27;
    let programs =
        scope.object.programs().into_iter().filter(|program| program.fd().is_some() && program.kind() != STRUCT_OPS);
    let maps = Wanted::All.among(scope.object);
    programs.map(|program| named(program.name())).chain(maps.iter().map(|ops| named(ops.map.name()))).collect()
}

impl Work {
    fn attach_one(&mut self, scope: &Scope<'_>, one: &pb::AttachProgram) -> Answer<()> {
        let maps = Wanted::Called(&one.program).among(scope.object);
        if !maps.is_empty() {
            if let Some(key) = one.target.keys().next() {
                let message = format!("{} belongs to a struct_ops map, which has no target key {key}.", one.program);
                return Err(Failure::new("target-unknown", message).hint("It takes nothing."));
            }
            return maps.iter().try_for_each(|ops| self.register(ops));
        }
        let missing = || Failure::new("unknown-program", format!("The object has no program {}.", one.program));
        let program = scope.object.program(&one.program).ok_or_else(missing)?;
        if program.fd().is_none() {
            return Err(Failure::new("unknown-program", format!("Program {} is not loaded.", one.program))
                .hint("Its section begins with '?', or other programs were chosen when the object was loaded."));
        }
        let made = with_log(|| attach::attach(scope, program, &one.target))?;
        let described =
            pb::Attachment { program: one.program.clone(), section: program.section().to_owned(), ..described(&made) };
        self.attached.push(Attached {
            program: one.program.clone(),
            map: String::new(),
            links: made.links,
            per_cpu: made.per_cpu,
            choices: one.target.clone(),
            attachment: described.clone(),
        });
        self.result.attachments.push(described);
        Ok(())
    }

    fn register(&mut self, ops: &StructOps<'_>) -> Answer<()> {
        let map = ops.map.name().to_owned();
        if !self.registered.insert(map.clone()) {
            return Ok(());
        }
        let link = with_log(|| attach::struct_ops::attach(ops)).inspect_err(|_| {
            self.registered.remove(&map);
        })?;
        let made =
            Made { links: vec![link], target: format!("{map} ({})", ops.kind), kind: "struct_ops", per_cpu: None };
        let described = pb::Attachment { map: map.clone(), section: ops.section().to_owned(), ..described(&made) };
        self.attached.push(Attached {
            program: String::new(),
            map,
            links: made.links,
            per_cpu: made.per_cpu,
            choices: HashMap::new(),
            attachment: described.clone(),
        });
        self.result.attachments.push(described);
        Ok(())
    }

    fn leave_out(&mut self, scope: &Scope<'_>, context: &Context<'_>, program: &str, failure: Failure) {
        let section = scope.object.program(program).map_or_else(String::new, |program| program.section().to_owned());
        // A log that cannot be sent is no reason to keep the failure back.
        let log = context.send_blob(&failure.log).unwrap_or(0);
        let reason = Some(failure.into_message(log));
        let left = pb::LeftOut { program: program.to_owned(), section, reason, ..Default::default() };
        self.result.left_out.push(left);
    }
}

/// With what libbpf said meanwhile, for a failure.
fn with_log<T>(attach: impl FnOnce() -> Answer<T>) -> Answer<T> {
    let (made, messages) = log::capture(attach);
    made.map_err(|failure| if failure.log.is_empty() { failure.log(messages) } else { failure })
}

fn described(made: &Made) -> pb::Attachment {
    let info = made.links.first().map(Link::info).unwrap_or_default();
    let places = |link: &Link| link.info().places;
    pb::Attachment {
        target: made.target.clone(),
        link_id: info.id,
        link_kind: if info.kind.is_empty() { made.kind.to_owned() } else { info.kind },
        links: made.links.iter().map(places).sum(),
        ..Default::default()
    }
}

pub fn detach(session: &mut Session, context: &Context<'_>, request: pb::Detach) -> Answer<pb::DetachResult> {
    let counts_runs = session.run_statistics();
    let commitments = Arc::clone(&session.commitments);
    let loaded = session.get(request.object_id)?;
    let missed = loaded.detach(counts_runs.as_deref());
    commitments.forget(request.object_id);
    if !loaded.streams.is_empty() || loaded.prints.is_some() {
        drain_to_the_end(context, loaded.streams.iter().map(|stream| stream.id).collect())?;
    }
    let stats = stats::of(Some(loaded), counts_runs.as_deref(), missed);
    Ok(pb::DetachResult { stats: Some(stats) })
}

/// Waits until everything that these streams hold, and every print, is written.
pub fn drain_to_the_end(context: &Context<'_>, streams: Vec<u16>) -> Answer<()> {
    let (done, finished) = mpsc::sync_channel(1);
    context.drain.send(Command::Finish { streams, done });
    loop {
        match finished.recv_timeout(Duration::from_millis(20)) {
            Ok(()) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => context.check_cancelled()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::new("agent-internal", "The streams ended before they were drained."));
            }
        }
    }
}
