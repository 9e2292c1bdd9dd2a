//! WriteUserRing.

use ringside_bpf::map;
use ringside_bpf::user_ring::UserRing;
use ringside_proto::messages as pb;

use super::object::no_map;
use crate::failure::{Answer, Failure};
use crate::session::Session;

/// BPF_MAP_TYPE_USER_RINGBUF
const USER_RINGBUF: u32 = 31;

/// In order; the first record that finds no room ends it.
pub fn write(session: &mut Session, request: &pb::WriteUserRing) -> Answer<pb::UserRingWritten> {
    let object = &session.get(request.object_id)?.object;
    let map = object.map(&request.map).ok_or_else(|| no_map(object, &request.map))?;
    let fd = map.fd().ok_or_else(|| Failure::new("unknown-map", format!("Map {} was not created.", request.map)))?;
    let info = map::info(fd)?;
    if info.kind != USER_RINGBUF {
        let message = format!("Map {} is a {}, into which no records are written.", request.map, map.type_name());
        return Err(Failure::new("bad-value", message).hint("Records are written into user ring buffers."));
    }
    let mut ring = UserRing::map(fd, info.max_entries)?;
    if let Some(record) = request.records.iter().find(|record| record.len() > ring.largest()) {
        let message = format!("A record of {} bytes never fits into map {}.", record.len(), request.map);
        return Err(Failure::new("bad-value", message).hint(format!("The most is {} bytes.", ring.largest())));
    }
    let written = request.records.iter().take_while(|record| ring.write(record)).count();
    Ok(pb::UserRingWritten { written: written as u32 })
}
