//! RunProgram.

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::Session;

pub fn run(_session: &mut Session, _context: &Context<'_>, _request: pb::RunProgram) -> Answer<pb::ProgramOutcome> {
    Err(Failure::new("protocol", "Not there yet."))
}
