//! Which map a request is about: one of a loaded object, or any of the host by id or pin.

use std::os::fd::OwnedFd;

use ringside_bpf::map;
use ringside_proto::messages as pb;
use ringside_proto::messages::map_ref::Ref;

use super::object::no_map;
use crate::failure::libc_errno::ENOENT;
use crate::failure::{Answer, Failure};
use crate::session::Session;

/// A descriptor of its own, so that the map can be read beside whatever else happens to its object.
pub fn resolve(session: &mut Session, map: Option<&pb::MapRef>) -> Answer<OwnedFd> {
    let missing = |what: String| Failure::new("unknown-map", format!("There is no map {what} on this host."));
    match map.and_then(|map| map.r#ref.as_ref()) {
        Some(Ref::Loaded(wanted)) => {
            let object = &session.get(wanted.object_id)?.object;
            let map = object.map(&wanted.map).ok_or_else(|| no_map(object, &wanted.map))?;
            let not_created = || Failure::new("unknown-map", format!("Map {} was not created.", wanted.map));
            let fd = map.fd().ok_or_else(not_created)?;
            fd.try_clone_to_owned().map_err(|error| Failure::new("agent-internal", error.to_string()))
        }
        Some(Ref::Id(id)) => map::open_by_id(*id).map_err(|error| match error.errno {
            ENOENT => missing(format!("with id {id}")),
            _ => error.into(),
        }),
        Some(Ref::Pinned(path)) => map::open_pinned(path).map_err(|error| match error.errno {
            ENOENT => missing(format!("pinned at {path}")),
            _ => error.into(),
        }),
        None => Err(Failure::new("protocol", "The request names no map.")),
    }
}
