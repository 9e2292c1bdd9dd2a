//! SetLimits: other limits for a run, or its time anew.

use std::time::Instant;

use ringside_proto::messages as pb;

use crate::failure::Answer;
use crate::limits::Limits;
use crate::session::Session;

pub fn set(session: &mut Session, request: pb::SetLimits) -> Answer<pb::RunLimits> {
    let loaded = session.get(request.object_id)?;
    loaded.limits = Limits::asked(request.limits);
    loaded.renewed = Instant::now();
    Ok(loaded.limits.message())
}
