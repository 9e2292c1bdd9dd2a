//! Which map a request is about: one of a loaded object, or any of the host by id or pin.

use std::os::fd::OwnedFd;

use ringside_bpf::{inventory, map};
use ringside_proto::messages as pb;
use ringside_proto::messages::map_ref::Ref;

use super::object::no_map;
use crate::failure::libc_errno::{EINVAL, ENOENT};
use crate::failure::{Answer, Failure};
use crate::session::Session;

/// A map to look at beside whatever else happens to its object. Those of other people are only opened by the thread that
/// looks: what this process holds for long is its own.
pub enum MapHandle {
    Loaded(OwnedFd),
    Id(u32),
    Pinned(String),
}

pub fn resolve(session: &mut Session, map: Option<&pb::MapRef>) -> Answer<MapHandle> {
    match map.and_then(|map| map.r#ref.as_ref()) {
        Some(Ref::Loaded(wanted)) => {
            let object = &session.get(wanted.object_id)?.object;
            let map = object.map(&wanted.map).ok_or_else(|| no_map(object, &wanted.map))?;
            let not_created = || Failure::new("unknown-map", format!("Map {} was not created.", wanted.map));
            let fd = map.fd().ok_or_else(not_created)?;
            let copy = fd.try_clone_to_owned();
            copy.map(MapHandle::Loaded).map_err(|error| Failure::new("agent-internal", error.to_string()))
        }
        Some(Ref::Id(id)) => Ok(MapHandle::Id(*id)),
        Some(Ref::Pinned(path)) => Ok(MapHandle::Pinned(path.clone())),
        None => Err(Failure::new("protocol", "The request names no map.")),
    }
}

impl MapHandle {
    /// The descriptor, and whether the map belongs to an object of this client.
    pub fn open(self) -> Answer<(OwnedFd, bool)> {
        let missing = |what: String| {
            Failure::new("unknown-map", format!("There is no map {what} on this host."))
                .hint("`ringside maps HOST` lists those that there are.")
        };
        match self {
            Self::Loaded(fd) => Ok((fd, true)),
            Self::Id(id) => match inventory::open_map(id)? {
                Some(fd) => Ok((fd, false)),
                None => Err(missing(format!("with id {id}"))),
            },
            Self::Pinned(path) => match map::open_pinned(&path) {
                Ok(fd) => Ok((fd, false)),
                Err(error) if matches!(error.errno, ENOENT | EINVAL) => Err(missing(format!("pinned at {path}"))),
                Err(error) => Err(error.into()),
            },
        }
    }
}
