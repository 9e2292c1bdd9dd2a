//! WatchMap, PollWatch, CloseWatch.

use std::os::fd::OwnedFd;

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::watch::Watches;

pub fn open(_watches: &mut Watches, _map: OwnedFd, _request: &pb::WatchMap) -> Answer<pb::WatchOpened> {
    Err(Failure::new("protocol", "Not there yet."))
}

pub fn poll(_watches: &mut Watches, _context: &Context<'_>, _request: &pb::PollWatch) -> Answer<pb::MapDelta> {
    Err(Failure::new("protocol", "Not there yet."))
}

pub fn close(_watches: &mut Watches, _request: &pb::CloseWatch) -> Answer<pb::Empty> {
    Err(Failure::new("protocol", "Not there yet."))
}
