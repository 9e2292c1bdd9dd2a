//! SwapObject: a new version of a program attaches before the old one leaves.

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::Session;

pub fn swap(_session: &mut Session, _context: &Context<'_>, _request: pb::SwapObject) -> Answer<pb::SwapResult> {
    Err(Failure::new("protocol", "Not there yet."))
}
