//! SwapObject: a new version of a program attaches before the old one leaves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ringside_bpf::object::Object;
use ringside_bpf::reuse::{self, Existing};
use ringside_bpf::{map, os};
use ringside_proto::messages as pb;
use ringside_proto::messages::response::Response;

use super::prints::Voices;
use super::streams::Opened;
use super::{Afterwards, Outcome, object, run, stats, streams};
use crate::attach::Scope;
use crate::failure::{Answer, Failure};
use crate::guard::{self, Guarded};
use crate::journal;
use crate::plan::source::Source;
use crate::plan::{self, LoadedObject};
use crate::privilege;
use crate::requests::Context;
use crate::run_statistics::RunStatistics;
use crate::session::{Attached, Loaded, Session};
use crate::stream::Stream;
use crate::stream::drain::Command;
use crate::swap::links::{self, Replaced};
use crate::swap::maps::{Takeover, identity};

/// How long the drain thread may take to note what the new programs write; stdout may be blocked.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn swap(session: &mut Session, context: &Context<'_>, mut request: pb::SwapObject) -> Answer<Outcome> {
    let source = Source::new(context, request.object_blob, request.options)?;
    let counts_runs = session.run_statistics();
    let (new, mut takeover) = load(context, &session.get(request.object_id)?.object, &source, &request.reset_maps)?;
    let LoadedObject { object: new, left_out, maps, .. } = new;
    context.check_cancelled()?;
    let wanted = loaded_ones(std::mem::take(&mut request.programs), &left_out)?;
    let (wanted, guarded) = guarded(session, request.object_id, &new, wanted, &source.options.confirmed)?;
    takeover.copy(&session.get(request.object_id)?.object, &new, Existing::Replace)?;
    let (programs, maps) = (object::programs(&new)?, object::maps(&new, &maps)?);
    let opened = open_streams(session, request.object_id, &new, &request.streams)?;
    announce(context, session.get(request.object_id)?, &new, request.object_id);

    let armed = session.commitments.arm(request.object_id, &guarded, request.commit_within_ms);
    let attaching = attach(context, session, request.object_id, &new, wanted);
    let Attaching { mut attached, taken_over, not_attached, since } = match attaching {
        Ok(attaching) => attaching,
        Err(failure) => {
            armed.take_back();
            drop(opened);
            let loaded = session.get(request.object_id)?;
            listen_to(context, loaded, &[&loaded.object], request.object_id);
            return Err(failure);
        }
    };
    let mut left_out = object::left_out(context, left_out)?;
    left_out.extend(not_attached);
    let loaded = session.get(request.object_id)?;

    // From here on the new version is the one that counts: what still can go wrong is noted, not returned.
    set_kept_globals(&loaded.object, &new, &source.options.globals);
    let missed = stats::missed_by_links(loaded);
    let settled = counts_runs.as_deref().map(RunStatistics::settle);
    if let Some(statistics) = &counts_runs {
        statistics.watch(&new);
    }
    for (place, old) in std::mem::take(&mut loaded.attached).into_iter().enumerate() {
        if taken_over.contains(&place) {
            attached.push(old);
        }
    }
    let overlap_nanos = since.map_or(0, |since| since.elapsed().as_nanos() as u64);
    os::wait_for_running_programs();
    if let Some(settled) = settled {
        settled.stopped(&loaded.object);
    }
    noted(takeover.copy(&loaded.object, &new, Existing::Keep));
    let (going_on, ending): (Vec<Arc<Stream>>, Vec<Arc<Stream>>) =
        loaded.streams.iter().cloned().partition(|stream| Takeover::kept(&loaded.object, &new, &stream.map));
    let ended: Vec<u16> = ending.iter().map(|stream| stream.id).collect();
    // Prints of the old programs are told by where their code lies: they are read while it still is there.
    if !ended.is_empty() || loaded.prints.is_some() {
        noted(run::drain_to_the_end(context, ended.clone()));
    }
    let old = stats::of(Some(loaded), counts_runs.as_deref(), missed);
    close(context, &ended);
    let result = pb::SwapResult {
        object_id: request.object_id,
        programs,
        maps,
        left_out,
        attachments: attached.iter().map(|one| one.attachment.clone()).collect(),
        map_fates: takeover.fates(&loaded.object, &new),
        ended_streams: ended.into_iter().map(u32::from).collect(),
        overlap_nanos,
        old: Some(old),
        opened_streams: opened.iter().map(|(map, one)| swapped(map, one)).collect(),
        to_commit: guarded.to_commit,
        commit_within_ms: armed.within_ms(),
    };
    for stream in &going_on {
        noted(streams::count_losses(&new, stream));
    }
    let (_, opened): (Vec<String>, Vec<Opened>) = opened.into_iter().unzip();
    loaded.attached = attached;
    if let Some(statistics) = &counts_runs {
        statistics.forget(&loaded.object);
    }
    new.take_over_pins(&loaded.object);
    loaded.object = new;
    loaded.about = source.about();
    loaded.streams = going_on.into_iter().chain(opened.iter().map(|one| Arc::clone(&one.stream))).collect();
    listen_to(context, loaded, &[&loaded.object], request.object_id);
    opened.iter().for_each(|one| context.drain.register(&one.stream));
    let then: Afterwards = Box::new(move |drain| {
        opened.into_iter().for_each(|one| drain.send(Command::Open(one.source)));
    });
    Ok(Outcome { response: Response::Swap(result), then: Some(then) })
}

/// The new version, loaded onto the maps that it takes over.
fn load(context: &Context<'_>, old: &Object, source: &Source, reset: &[String]) -> Answer<(LoadedObject, Takeover)> {
    let mut takeover = Takeover::default();
    let loaded = plan::load(context, source, &mut |new| {
        privilege::check_still_had("The new version", new)?;
        takeover = Takeover::prepare(old, new, reset)?;
        Ok(())
    })?;
    if !loaded.messages.is_empty() {
        journal::info("swap", &loaded.messages);
    }
    Ok((loaded, takeover))
}

/// The programs to attach without those that were left out when the new version was loaded.
fn loaded_ones(mut wanted: Vec<pb::AttachProgram>, left_out: &[plan::Left]) -> Answer<Vec<pb::AttachProgram>> {
    let asked = wanted.len();
    wanted.retain(|one| left_out.iter().all(|left| left.program != one.program));
    match wanted.is_empty() && asked > 0 {
        true => Err(Failure::new("no-programs", "Nothing of the new version can be attached on this host.")),
        false => Ok(wanted),
    }
}

/// What the guards have to say of the new version in the old one's place.
fn guarded(
    session: &Session,
    object_id: u32,
    new: &Object,
    wanted: Vec<pb::AttachProgram>,
    confirmed: &[String],
) -> Answer<(Vec<pb::AttachProgram>, Guarded)> {
    let (_, scope) = session.scope(object_id)?;
    let scope = Scope { object: new, others: scope.others };
    let wanted = if wanted.is_empty() { run::everything(&scope) } else { wanted };
    let guarded = guard::examine(&scope, &wanted, 0).confirmed(confirmed)?;
    Ok((wanted, guarded))
}

fn swapped(map: &str, one: &Opened) -> pb::SwappedStream {
    pb::SwappedStream { map: map.to_owned(), stream: Some(one.opened.clone()) }
}

/// Streams of maps that the old version did not stream, ready before the first record can come.
fn open_streams(
    session: &mut Session,
    object_id: u32,
    new: &Object,
    wanted: &[pb::OpenStream],
) -> Answer<Vec<(String, Opened)>> {
    let loaded = session.get(object_id)?;
    let goes_on =
        |map: &str| loaded.streams.iter().any(|stream| stream.map == map) && Takeover::kept(&loaded.object, new, map);
    let missing: Vec<&pb::OpenStream> = wanted.iter().filter(|one| !goes_on(&one.map)).collect();
    let mut opened: Vec<(String, Opened)> = Vec::new();
    for one in missing {
        let id = session.new_stream_id()?;
        opened.push((one.map.clone(), streams::prepare(new, id, one)?));
    }
    Ok(opened)
}

/// Tells the drain thread of programs that are about to write into the streams that go on, and of their prints.
fn announce(context: &Context<'_>, loaded: &Loaded, new: &Object, object_id: u32) {
    listen_to(context, loaded, &[&loaded.object, new], object_id);
    let streams: Vec<u16> = loaded.streams.iter().map(|stream| stream.id).collect();
    if streams.is_empty() {
        return;
    }
    let (done, noted) = mpsc::sync_channel(1);
    context.drain.send(Command::Widen { streams, writers: streams::writers(new), done });
    let _ = noted.recv_timeout(PATIENCE);
}

/// Prints of these versions belong to the object from now on.
fn listen_to(context: &Context<'_>, loaded: &Loaded, versions: &[&Object], object: u32) {
    let Some(counters) = &loaded.prints else { return };
    let mut voices = Voices::default();
    for version in versions {
        match Voices::of(version) {
            Ok(more) => voices = voices.and(more),
            Err(failure) => journal::info("swap-prints", &failure.message),
        }
    }
    if let Err(failure) = voices.follow(context, counters, true) {
        journal::info("swap-prints", &failure.message);
    }
    context.drain.send(Command::AddPrinter(voices.printer(object, Arc::clone(counters))));
}

struct Attaching {
    attached: Vec<Attached>,
    /// Old attachments whose links now have the new program.
    taken_over: Vec<usize>,
    not_attached: Vec<pb::LeftOut>,
    /// Since when some program is attached in both versions; none when all were replaced in their links.
    since: Option<Instant>,
}

/// New links first, because they may fail; then programs of links that stay. Whatever fails, nothing of it remains.
fn attach(
    context: &Context<'_>,
    session: &Session,
    object_id: u32,
    new: &Object,
    wanted: Vec<pb::AttachProgram>,
) -> Answer<Attaching> {
    let (loaded, scope) = session.scope(object_id)?;
    let scope = Scope { object: new, others: scope.others };
    let wanted = if wanted.is_empty() { run::everything(&scope) } else { wanted };
    let counterpart = |one: &pb::AttachProgram| links::counterpart(&loaded.attached, &loaded.object, new, one);
    let (in_place, beside): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|one| counterpart(one).is_some());
    let mut since = (!beside.is_empty()).then(Instant::now);
    let mut held = run::Held::new(session, loaded.limits);
    let (mut attached, mut not_attached) = attach_beside(context, &scope, &mut held, beside, in_place.is_empty())?;
    let mut replaced = Replaced::new(&loaded.attached, &loaded.object);
    for one in in_place {
        if counterpart(&one).is_some_and(|place| replaced.replace(place, new)) {
            continue;
        }
        since.get_or_insert_with(Instant::now);
        let (mut more, mut left) = attach_beside(context, &scope, &mut held, vec![one], false)?;
        attached.append(&mut more);
        not_attached.append(&mut left);
    }
    Ok(Attaching { attached, taken_over: replaced.keep(), not_attached, since })
}

/// As Attach does; `all`: there is nothing else to attach, so nothing at all is an error.
fn attach_beside(
    context: &Context<'_>,
    scope: &Scope<'_>,
    held: &mut run::Held<'_>,
    wanted: Vec<pb::AttachProgram>,
    all: bool,
) -> Answer<(Vec<Attached>, Vec<pb::LeftOut>)> {
    if wanted.is_empty() && !all {
        return Ok((Vec::new(), Vec::new()));
    }
    let work = run::attach_wanted(scope, context, held, wanted, BTreeSet::new())?;
    Ok((work.attached, work.result.left_out))
}

/// Values that were asked for go into kept maps too; loading fills only new ones.
fn set_kept_globals(old: &Object, new: &Object, wanted: &[pb::GlobalValue]) {
    let globals = new.globals();
    for value in wanted {
        let Some(global) = globals.iter().find(|global| global.name == value.variable) else { continue };
        let Some(fd) = new.map(identity(&global.section)).and_then(|map| map.fd()) else { continue };
        if !Takeover::kept(old, new, &global.section) {
            continue;
        }
        let written =
            map::info(fd).and_then(|info| reuse::write_global(fd, &info, global.offset as usize, &value.value));
        if let Err(error) = written {
            journal::info("swap-global", &error.to_string());
        }
    }
}

/// Takes drained streams from the drain thread.
fn close(context: &Context<'_>, streams: &[u16]) {
    if streams.is_empty() {
        return;
    }
    context.drain.forget(streams);
    let (done, closed) = mpsc::sync_channel(1);
    // No object has the number 0: its prints go on.
    context.drain.send(Command::Close { streams: streams.to_vec(), object: 0, done });
    let _ = closed.recv_timeout(PATIENCE);
}

fn noted(result: Answer<()>) {
    if let Err(failure) = result {
        journal::info("swap", &failure.message);
    }
}
