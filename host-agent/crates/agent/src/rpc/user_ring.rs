//! WriteUserRing.

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::Session;

pub fn write(_session: &mut Session, _context: &Context<'_>, _request: pb::WriteUserRing) -> Answer<pb::Empty> {
    Err(Failure::new("protocol", "Not there yet."))
}
