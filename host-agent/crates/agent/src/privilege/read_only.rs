//! Read-only mode: the client asked for an agent that looks and changes nothing, so that a slip cannot.

use std::sync::atomic::{AtomicBool, Ordering};

use ringside_proto::messages::request::Request;

use crate::failure::{Answer, Failure};

static READ_ONLY: AtomicBool = AtomicBool::new(false);

/// From the greeting on, for good.
pub fn enter() {
    READ_ONLY.store(true, Ordering::Relaxed);
}

/// Refuses what loads, attaches or writes, in read-only mode.
pub fn check(request: &Request) -> Answer<()> {
    if READ_ONLY.load(Ordering::Relaxed) && !looks_only(request) { Err(refused()) } else { Ok(()) }
}

/// Named one by one, so that a request that is new is refused until somebody has thought of it.
fn looks_only(request: &Request) -> bool {
    matches!(
        request,
        Request::GetHostFacts(_)
            | Request::GetBtf(_)
            | Request::GetBtfById(_)
            | Request::GetStats(_)
            | Request::Symbolize(_)
            | Request::ListTargets(_)
            | Request::ListPrograms(_)
            | Request::GetProgramCode(_)
            | Request::ListMaps(_)
            | Request::ListLinks(_)
            | Request::ListBtfs(_)
            | Request::ListNetAttachments(_)
            | Request::ReadMap(_)
            | Request::WatchMap(_)
            | Request::PollWatch(_)
            | Request::CloseWatch(_)
    )
}

fn refused() -> Failure {
    Failure::new("read-only", "This host is connected read-only: nothing is loaded, attached or written there.")
        .hint("Connect without --read-only, or take the host out of the setting ringside.readOnlyHosts.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringside_proto::messages as pb;

    #[test]
    fn what_changes_something_is_no_look() {
        let changing = [
            Request::LoadObject(pb::LoadObject::default()),
            Request::VerifyObject(pb::VerifyObject::default()),
            Request::SwapObject(pb::SwapObject::default()),
            Request::Attach(pb::Attach::default()),
            Request::RunProgram(pb::RunProgram::default()),
            Request::WriteMap(pb::WriteMap::default()),
            Request::TakeAway(pb::TakeAway::default()),
            Request::WriteUserRing(pb::WriteUserRing::default()),
            Request::ProbeFeatures(pb::ProbeFeatures::default()),
        ];
        for request in changing {
            assert!(!looks_only(&request), "{request:?}");
        }
        assert!(looks_only(&Request::ListMaps(pb::ListMaps::default())));
    }
}
