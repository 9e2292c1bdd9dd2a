//! DumpMap, ReadMap, WriteMap.

use std::os::fd::OwnedFd;

use ringside_bpf::{map, os};
use ringside_proto::messages as pb;

use super::object::no_map;
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::Session;

const DEFAULT_LIMIT: u32 = 100_000;
/// Bytes of one answer: more would keep records waiting.
const MOST_BYTES: usize = 64 << 20;

pub fn dump(session: &mut Session, context: &Context<'_>, request: pb::DumpMap) -> Answer<pb::MapDump> {
    let loaded = session.get(request.object_id)?;
    let map = loaded.object.map(&request.map).ok_or_else(|| no_map(&loaded.object, &request.map))?;
    let fd = map.fd().ok_or_else(|| Failure::new("agent-internal", format!("Map {} was not created.", request.map)))?;
    let info = map::info(fd)?;
    if !info.has_entries() {
        let message = format!("Map {} is a {}, which has no entries to list.", request.map, map.type_name());
        return Err(Failure::new("bad-value", message));
    }
    let (key_size, value_bytes) = (info.key_size, info.value_bytes() as u32);
    let fitting = (MOST_BYTES / (key_size + value_bytes).max(1) as usize) as u32;
    let limit = if request.limit == 0 { DEFAULT_LIMIT } else { request.limit }.min(fitting);
    let time_ns = os::realtime_ns();
    let dump = map::dump(fd, &info, limit)?;
    let blob = context.send_blob(&dump.bytes)?;
    Ok(pb::MapDump { blob, entries: dump.entries, truncated: dump.truncated, key_size, value_bytes, time_ns })
}

pub fn read_page(_context: &Context<'_>, _map: OwnedFd, _request: &pb::ReadMap) -> Answer<pb::MapPage> {
    Err(Failure::new("protocol", "Not there yet."))
}

pub fn write(_context: &Context<'_>, _map: OwnedFd, _request: &pb::WriteMap) -> Answer<pb::MapWritten> {
    Err(Failure::new("protocol", "Not there yet."))
}
