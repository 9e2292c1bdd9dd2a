//! OpenStream.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use libbpf_kinds::{ARRAY, PERCPU_ARRAY, PERF_EVENT, PERF_EVENT_ARRAY, RINGBUF};
use ringside_bpf::object::Object;
use ringside_bpf::{cpus, insns, map, os, perf, ring};
use ringside_proto::messages as pb;
use ringside_proto::messages::response::Response;

use super::object::no_map;
use super::{Afterwards, Outcome};
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::Session;
use crate::stream::drain::Command;
use crate::stream::filter::Filter;
use crate::stream::loss::{LossProof, Writers};
use crate::stream::perf::PerfSource;
use crate::stream::ring::RingSource;
use crate::stream::{Policy, Source, Stream};

const DEFAULT_PERF_PAGES: u32 = 64;
const MOST_PERF_PAGES: u32 = 1 << 14;
/// Of one stream, on all CPUs.
const MOST_PERF_BYTES: u64 = 512 << 20;
const SLOWEST_PACE_MS: u32 = 1000;

/// Numbers of the kernel's ABI.
mod libbpf_kinds {
    pub const ARRAY: u32 = 2;
    pub const PERF_EVENT_ARRAY: u32 = 4;
    pub const PERCPU_ARRAY: u32 = 6;
    pub const RINGBUF: u32 = 27;
    /// BPF_PROG_TYPE_PERF_EVENT
    pub const PERF_EVENT: u32 = 7;
}

pub fn open(session: &mut Session, context: &Context<'_>, request: pb::OpenStream) -> Answer<Outcome> {
    let id = session.new_stream_id()?;
    let loaded = session.get(request.object_id)?;
    if loaded.streams.iter().any(|stream| stream.map == request.map) {
        return Err(Failure::new("bad-value", format!("Map {} is already streaming.", request.map)));
    }
    let Opened { opened, source, stream } = prepare(&loaded.object, id, &request)?;
    context.drain.register(&stream);
    loaded.streams.push(stream);
    let then: Afterwards = Box::new(move |drain| drain.send(Command::Open(source)));
    Ok(Outcome { response: Response::StreamOpened(opened), then: Some(then) })
}

/// A stream that nobody reads from yet.
pub struct Opened {
    pub opened: pb::StreamOpened,
    pub source: Box<dyn Source>,
    pub stream: Arc<Stream>,
}

pub fn prepare(object: &Object, id: u16, request: &pb::OpenStream) -> Answer<Opened> {
    let policy = policy(&request.policy)?;
    let map = object.map(&request.map).ok_or_else(|| no_map(object, &request.map))?;
    let fd = map.fd().ok_or_else(|| Failure::new("agent-internal", format!("Map {} was not created.", request.map)))?;
    let info = map::info(fd)?;
    let make = |bytes| new_stream(object, id, request, bytes, policy);
    let (kind, source, stream) = match info.kind {
        RINGBUF => {
            let (source, stream) = ring_source(object, fd, info.max_entries, request, make)?;
            ("ringbuf", source, stream)
        }
        PERF_EVENT_ARRAY => {
            let (source, stream) = perf_source(fd, request, make)?;
            ("perf", source, stream)
        }
        _ => {
            let message = format!("Map {} is a {}, which is no stream.", request.map, map.type_name());
            return Err(Failure::new("bad-value", message).hint("Streams are ring buffers and perf event arrays."));
        }
    };
    let opened = pb::StreamOpened { stream: id.into(), kind: kind.into(), ring_bytes: stream.ring_bytes };
    Ok(Opened { opened, source, stream })
}

fn policy(name: &str) -> Answer<Policy> {
    match name {
        "" | "block" => Ok(Policy::Block),
        "drop-newest" => Ok(Policy::DropNewest),
        "drop-oldest" => Ok(Policy::DropOldest),
        other => Err(Failure::new("bad-value", format!("No policy {other} is known."))
            .hint("There are block, drop-newest and drop-oldest.")),
    }
}

/// Counts for what is read from now on; records that are on their way are not called back.
pub fn set_filter(session: &mut Session, request: &pb::SetStreamFilter) -> Answer<pb::Empty> {
    let filter = Filter::parse(&request.alternatives)?;
    session.stream(request.stream)?.set_filter(filter);
    Ok(pb::Empty {})
}

fn pace(request: &pb::OpenStream) -> u32 {
    request.drain_ms.min(SLOWEST_PACE_MS)
}

type Reader = (Box<dyn Source>, Arc<Stream>);

fn ring_source(
    object: &Object,
    fd: BorrowedFd<'_>,
    size: u32,
    request: &pb::OpenStream,
    make: impl FnOnce(u64) -> Answer<Arc<Stream>>,
) -> Answer<Reader> {
    let ring = ring::Ring::map(fd, size)?;
    let proof = LossProof::new(ring.size(), writers(object));
    let stream = make(ring.size())?;
    let source = RingSource::new(ring, Arc::clone(&stream), proof, request.sample, pace(request));
    Ok((Box::new(source), stream))
}

/// What is known of the object's loaded programs, all together.
pub fn writers(object: &Object) -> Writers {
    let programs = object.programs();
    let running = || programs.iter().filter(|program| program.fd().is_some());
    // The largest of all programs, or unknown as soon as one of them is.
    let largest =
        running().try_fold(0, |most, program| insns::largest_record(&program.insns()).map(|size| size.max(most)));
    Writers { largest, from_nmi: running().any(|program| program.kind() == PERF_EVENT) }
}

fn perf_source(
    fd: BorrowedFd<'_>,
    request: &pb::OpenStream,
    make: impl FnOnce(u64) -> Answer<Arc<Stream>>,
) -> Answer<Reader> {
    let pages = if request.perf_pages == 0 { DEFAULT_PERF_PAGES } else { request.perf_pages.min(MOST_PERF_PAGES) };
    let pages = pages.next_power_of_two();
    let bytes = u64::from(pages) * os::page_size() as u64 * cpus::online().len() as u64;
    if bytes > MOST_PERF_BYTES {
        let message = format!("Perf buffers of {pages} pages on each CPU would take {} MiB.", bytes >> 20);
        return Err(Failure::new("bad-value", message)
            .hint(format!("All of them together may take {} MiB; ask for fewer pages.", MOST_PERF_BYTES >> 20)));
    }
    let buffers = perf::open_bpf_output(fd, pages as usize)?;
    let stream = make(u64::from(pages) * os::page_size() as u64)?;
    let map = fd.try_clone_to_owned().map_err(|error| Failure::new("agent-internal", error.to_string()))?;
    let source = PerfSource::new(map, pages as usize, buffers, Arc::clone(&stream), request.sample, pace(request));
    Ok((Box::new(source), stream))
}

/// The shared half, with the program's own count of losses where the object keeps one by our convention.
fn new_stream(object: &Object, id: u16, request: &pb::OpenStream, bytes: u64, policy: Policy) -> Answer<Arc<Stream>> {
    let stream = Stream::new(id, &request.map, bytes, policy, request.credits);
    count_losses(object, &stream)?;
    Ok(Arc::new(stream))
}

pub fn count_losses(object: &Object, stream: &Stream) -> Answer<()> {
    for suffix in ["_lost_samples", "_lost"] {
        let Some(fd) = object.map(&format!("{}{suffix}", stream.map)).and_then(|map| map.fd()) else {
            continue;
        };
        let info = map::info(fd)?;
        if matches!(info.kind, ARRAY | PERCPU_ARRAY) && info.value_size == 8 && info.key_size == 4 {
            let copy = fd.try_clone_to_owned().map_err(|error| Failure::new("agent-internal", error.to_string()))?;
            stream.count_losses_in(copy, info);
            break;
        }
    }
    Ok(())
}
