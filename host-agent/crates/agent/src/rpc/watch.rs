//! WatchMap, PollWatch, CloseWatch.

use std::os::fd::AsFd;

use ringside_bpf::map::{self, Access};
use ringside_bpf::os;
use ringside_proto::messages as pb;

use super::inventory::map_entry;
use super::map_ref::MapHandle;
use super::maps::{MOST_BYTES, read_failed, shown_name};
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::watch::{Watch, Watches};

pub fn open(watches: &mut Watches, map: MapHandle, request: &pb::WatchMap) -> Answer<pb::WatchOpened> {
    let (fd, own) = map.open()?;
    let info = map::info(fd.as_fd())?;
    if info.access() != Access::Entries {
        let (name, kind) = (shown_name(&info), map::type_name(info.kind));
        return Err(Failure::new("map-access", format!("Map {name} is a {kind}, which has no entries to watch.")));
    }
    let (key_size, value_bytes) = (info.key_size, info.value_bytes() as u32);
    let map = Some(map_entry(&info, fd.as_fd()));
    // The first poll may have to send every entry at once.
    let fitting = MOST_BYTES / (key_size as usize + value_bytes as usize).max(1);
    let limit = if request.limit == 0 { usize::MAX } else { request.limit as usize };
    let watch = watches.add(Watch::new(fd, info, limit.min(fitting), own))?;
    Ok(pb::WatchOpened { watch, map, key_size, value_bytes })
}

pub fn poll(watches: &mut Watches, context: &Context<'_>, request: &pb::PollWatch) -> Answer<pb::MapDelta> {
    let watch = watches.get(request.watch)?;
    let time_ns = os::realtime_ns();
    let go_on = || context.check_cancelled().is_ok();
    let delta = watch.poll(&go_on).map_err(|error| read_failed(watch.info(), error))?;
    let changed_blob = context.send_blob(&delta.changed)?;
    let deleted_blob = context.send_blob(&delta.deleted)?;
    Ok(pb::MapDelta {
        changed_blob,
        changed: delta.changed_entries,
        deleted_blob,
        deleted: delta.deleted_entries,
        entries: delta.entries,
        truncated: delta.truncated,
        time_ns,
    })
}

pub fn close(watches: &mut Watches, request: &pb::CloseWatch) -> Answer<pb::Empty> {
    watches.remove(request.watch)?;
    Ok(pb::Empty {})
}
