//! KeepRun and its kin: runs that outlive their client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringside_bpf::process;
use ringside_proto::messages as pb;

use super::object;
use crate::failure::{Answer, Failure};
use crate::kept::{self, Kept, LONGEST};
use crate::requests::{Context, locked};
use crate::session::Session;
use crate::stream::Stream;
use crate::supervisor;

/// Room for what a client wants back: the object with its debug information, and what it made of it.
const MOST_DETAILS: usize = 16 << 20;
/// An agent that was asked to end detaches within two seconds.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn keep(session: &mut Session, context: &Context<'_>, request: &pb::KeepRun) -> Answer<pb::RunKept> {
    let loaded = session.get(request.object_id)?;
    let time = Duration::from_secs(request.seconds.into());
    let mut kept = locked(context.kept);
    if time.is_zero() {
        *kept = None;
        supervisor::keep_run(Duration::ZERO);
        loaded.renewed = Instant::now();
        return Ok(pb::RunKept::default());
    }
    if loaded.attached.is_empty() {
        return Err(Failure::new("bad-value", "Nothing of this object is attached, so there is nothing to keep."));
    }
    if time > LONGEST {
        let days = LONGEST.as_secs() / 86_400;
        return Err(Failure::new("bad-value", format!("A run is kept for {days} days at most."))
            .hint("Take it over before then and give it more time."));
    }
    match &*kept {
        Some(kept) if kept.object_id == request.object_id => kept.renew(time).map_err(unwritable)?,
        Some(_) => return Err(Failure::new("bad-value", "This agent keeps another run already.")),
        None => {
            let details = match request.details_blob {
                0 => Vec::new(),
                blob => context.blob(blob)?.to_vec(),
            };
            if details.len() > MOST_DETAILS {
                return Err(Failure::new("too-large", "What should be kept with the run is larger than 16 MiB."));
            }
            let begun = Kept::begin(request.object_id, &request.name, &request.by, time, details);
            *kept = Some(Arc::new(begun.map_err(unwritable)?));
            context.output.give_up_when_parked();
        }
    }
    // At once: the connection may break with the answer.
    supervisor::keep_run(time);
    // Its time is the one that it is kept for.
    loaded.limits.time_seconds = 0;
    let about = kept.as_ref().map(|kept| kept.about()).unwrap_or_default();
    Ok(pb::RunKept { run: about.run, expires_ns: about.expires_ns })
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::new("not-writable", format!("/run/ringside/kept cannot be written: {error}."))
        .errno(error.raw_os_error().unwrap_or(0))
        .hint("A kept run is found again by a file there. Free space on /run, or do not keep the run.")
}

pub fn describe(session: &mut Session, context: &Context<'_>) -> Answer<pb::RunDescription> {
    // Not locked any longer than that: the connection's thread looks at it too.
    let kept = locked(context.kept).clone();
    let kept = kept.ok_or_else(|| Failure::new("bad-value", "This agent keeps no run."))?;
    let details_blob = context.send_blob(&kept.details)?;
    let loaded = session.get(kept.object_id)?;
    let stream = |one: &Arc<Stream>| pb::SwappedStream {
        map: one.map.clone(),
        stream: Some(pb::StreamOpened { stream: one.id.into(), ring_bytes: one.ring_bytes, ..Default::default() }),
    };
    Ok(pb::RunDescription {
        run: Some(kept.about()),
        object_id: kept.object_id,
        details_blob,
        programs: object::programs(&loaded.object)?,
        maps: object::maps(&loaded.object, &[])?,
        attachments: loaded.attached.iter().map(|one| one.attachment.clone()).collect(),
        streams: loaded.streams.iter().map(stream).collect(),
        limits: Some(loaded.limits.message()),
        stopped: loaded.stopped.clone(),
    })
}

pub fn list() -> pb::KeptList {
    kept::sweep();
    pb::KeptList { runs: kept::all() }
}

/// Waits until it is gone.
pub fn end(context: &Context<'_>, request: &pb::EndKept) -> Answer<pb::Empty> {
    let about = kept::find(&request.run).ok_or_else(|| {
        let known = kept::all().into_iter().map(|one| one.run).collect::<Vec<_>>().join(", ");
        let hint = if known.is_empty() { "None is.".to_owned() } else { format!("Kept are {known}.") };
        Failure::new("run-not-kept", format!("No run {} is kept on this host.", request.run)).hint(hint)
    })?;
    process::terminate(about.pid).map_err(|error| {
        Failure::new("no-permission", format!("The agent of run {} cannot be ended: {error}.", about.run))
            .errno(error.raw_os_error().unwrap_or(0))
    })?;
    let until = Instant::now() + PATIENCE;
    while kept::find(&about.run).is_some() {
        context.check_cancelled()?;
        if Instant::now() >= until {
            return Err(Failure::new("agent-internal", format!("The agent of run {} does not end.", about.run))
                .hint(format!("Its process is {}.", about.pid)));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(pb::Empty {})
}
