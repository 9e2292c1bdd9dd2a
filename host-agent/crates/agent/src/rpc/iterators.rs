//! ReadIterator.

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::Session;

pub fn read(_session: &mut Session, _context: &Context<'_>, _request: pb::ReadIterator) -> Answer<pb::IteratorText> {
    Err(Failure::new("protocol", "Not there yet."))
}
