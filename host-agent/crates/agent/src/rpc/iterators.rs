//! ReadIterator.

use std::fs::File;
use std::io::{ErrorKind, Read};

use ringside_bpf::{iter, os};
use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure, libc_errno};
use crate::requests::Context;
use crate::session::Session;

const DEFAULT_LIMIT: u64 = 16 << 20;
/// What the client gets in one blob.
const MOST_BYTES: u64 = 64 << 20;
const AT_ONCE: usize = 64 << 10;

/// Starts a pass over everything that the attached program iterates over.
pub fn open(session: &mut Session, request: &pb::ReadIterator) -> Answer<File> {
    let loaded = session.get(request.object_id)?;
    let name = &request.program;
    if loaded.object.program(name).is_none() {
        return Err(Failure::new("unknown-program", format!("The object has no program {name}.")));
    }
    let links =
        loaded.attached.iter().filter(|attached| attached.program == *name).flat_map(|attached| &attached.links);
    let link = links.into_iter().find(|link| link.info().kind == "iter").ok_or_else(|| {
        Failure::new("bad-value", format!("Program {name} is not attached as an iterator."))
            .hint("Programs in a section SEC(\"iter/…\") are read, once they are attached.")
    })?;
    iter::open(link).map_err(|error| cannot_read(name, &error.to_string(), error.errno))
}

/// Reads to the end, or to the limit. The kernel runs the program while it is read.
pub fn read(context: &Context<'_>, mut pass: File, request: &pb::ReadIterator) -> Answer<pb::IteratorText> {
    let limit = if request.limit_bytes == 0 { DEFAULT_LIMIT } else { request.limit_bytes.min(MOST_BYTES) };
    let time_ns = os::realtime_ns();
    let mut text = Vec::new();
    let mut piece = vec![0; AT_ONCE];
    // One byte more tells a text that ends at the limit from one that goes on.
    while (text.len() as u64) <= limit {
        context.check_cancelled()?;
        match pass.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => text.extend_from_slice(&piece[..length]),
            // After a million objects without a word the kernel wants to be asked again.
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                return Err(cannot_read(&request.program, &error.to_string(), errno));
            }
        }
    }
    let truncated = text.len() as u64 > limit;
    text.truncate(limit as usize);
    let blob = context.send_blob(&text)?;
    Ok(pb::IteratorText { blob, bytes: text.len() as u64, truncated, time_ns })
}

fn cannot_read(program: &str, why: &str, errno: i32) -> Failure {
    let failure = Failure::new("attach-failed", format!("Iterator {program} cannot be read: {why}.")).errno(errno);
    match errno {
        libc_errno::ENOENT => failure.hint("What it iterates over does not exist any more."),
        _ => failure,
    }
}
