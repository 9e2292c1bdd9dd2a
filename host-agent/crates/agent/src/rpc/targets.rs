//! ListTargets: what programs can attach to on this host.

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::requests::Context;

pub fn list(_context: &Context<'_>, _request: &pb::ListTargets) -> Answer<pb::TargetList> {
    Err(Failure::new("protocol", "Not there yet."))
}
