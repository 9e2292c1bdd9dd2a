//! Attach and Detach.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use ringside_bpf::{log, os};
use ringside_proto::messages as pb;

use super::stats;
use crate::attach;
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::{Attached, Loaded, Session};
use crate::stream::drain::Command;

/// All or nothing: an early return drops, and so detaches, what was attached before it.
pub fn attach(session: &mut Session, context: &Context<'_>, request: pb::Attach) -> Answer<pb::AttachResult> {
    let loaded = session.get(request.object_id)?;
    let wanted = if request.programs.is_empty() { every_program(loaded) } else { request.programs };
    if wanted.is_empty() {
        return Err(Failure::new("no-programs", "No program of this object is loaded, so there is nothing to attach."));
    }
    let (mut attached, mut attachments) = (Vec::new(), Vec::new());
    for one in wanted {
        context.check_cancelled()?;
        let missing = || Failure::new("unknown-program", format!("The object has no program {}.", one.program));
        let program = loaded.object.program(&one.program).ok_or_else(missing)?;
        if program.fd().is_none() {
            return Err(Failure::new("unknown-program", format!("Program {} is not loaded.", one.program))
                .hint("Its section begins with '?', or other programs were chosen when the object was loaded."));
        }
        let (made, messages) = log::capture(|| attach::attach(program, &one.target));
        let made = made.map_err(|failure| if failure.log.is_empty() { failure.log(messages) } else { failure })?;
        let info = made.links.first().map(|link| link.info()).unwrap_or_default();
        attachments.push(pb::Attachment {
            program: one.program.clone(),
            section: program.section().to_owned(),
            target: made.target,
            link_id: info.id,
            link_kind: if info.kind.is_empty() { made.kind.to_owned() } else { info.kind },
            links: made.links.len() as u32,
            ..Default::default()
        });
        attached.push(Attached { program: one.program, links: made.links });
    }
    loaded.attached.append(&mut attached);
    Ok(pb::AttachResult { attachments, ..Default::default() })
}

fn every_program(loaded: &Loaded) -> Vec<pb::AttachProgram> {
    let programs = loaded.object.programs();
    let of = |program: &ringside_bpf::program::Program<'_>| pb::AttachProgram {
        program: program.name().to_owned(),
        ..Default::default()
    };
    programs.iter().filter(|program| program.fd().is_some()).map(of).collect()
}

pub fn detach(session: &mut Session, context: &Context<'_>, request: pb::Detach) -> Answer<pb::DetachResult> {
    let counts_runs = session.counts_runs();
    let loaded = session.get(request.object_id)?;
    // What links count goes with them.
    let missed = stats::missed_by_links(loaded);
    loaded.attached.clear();
    // Programs that were running when their link went may still be writing their last record.
    os::wait_for_running_programs();
    drain_to_the_end(context, loaded)?;
    let stats = stats::of(Some(loaded), counts_runs, missed);
    Ok(pb::DetachResult { stats: Some(stats) })
}

fn drain_to_the_end(context: &Context<'_>, loaded: &Loaded) -> Answer<()> {
    if loaded.streams.is_empty() && loaded.prints.is_none() {
        return Ok(());
    }
    let streams = loaded.streams.iter().map(|stream| stream.id).collect();
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
