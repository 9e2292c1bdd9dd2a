//! One module per group of requests of `proto/agent.proto`.

pub mod explain;
mod features;
pub mod host;
mod maps;
pub mod object;
mod prints;
mod run;
mod stats;
mod streams;
mod symbols;
mod verify;

use ringside_bpf::os;
use ringside_proto::messages::request::Request;
use ringside_proto::messages::response::Response;
use ringside_proto::messages::{self as pb};

use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::Session;
use crate::stream::drain::Drain;

pub use prints::tracefs_missing;

/// An answer, and what must only happen once it is queued: the first record of a stream comes after its StreamOpened.
pub struct Outcome {
    pub response: Response,
    pub then: Option<Afterwards>,
}

pub type Afterwards = Box<dyn FnOnce(&Drain)>;

impl Outcome {
    pub fn of(response: Response) -> Self {
        Self { response, then: None }
    }
}

pub fn handle(session: &mut Session, context: &Context<'_>, request: pb::Request) -> Answer<Outcome> {
    let Some(request) = request.request else {
        return Err(Failure::new("protocol", "A request of a kind that this agent does not know."));
    };
    let response = match request {
        Request::GetHostFacts(_) => Response::HostFacts(host::facts()),
        Request::ProbeFeatures(_) => Response::Features(features::probe(context)?),
        Request::GetBtf(_) => Response::Btf(host::btf(context)?),
        Request::VerifyObject(request) => Response::Verify(trimmed(|| verify::verify(context, request))?),
        Request::LoadObject(request) => Response::Load(trimmed(|| object::load(session, context, request))?),
        Request::OpenStream(request) => return streams::open(session, context, request),
        Request::OpenPrints(request) => Response::Empty(prints::open(session, context, request)?),
        Request::Attach(request) => Response::Attach(run::attach(session, context, request)?),
        Request::GetStats(request) => Response::Stats(stats::get(session, request)?),
        Request::DumpMap(request) => Response::MapDump(maps::dump(session, context, request)?),
        Request::Detach(request) => Response::Detach(run::detach(session, context, request)?),
        Request::Symbolize(request) => Response::Symbolize(trimmed(|| symbols::symbolize(request))?),
        Request::CloseObject(request) => Response::Empty(object::close(session, context, request)?),
    };
    Ok(Outcome::of(response))
}

/// Gives memory back after what takes much of it for a moment.
fn trimmed<T>(work: impl FnOnce() -> T) -> T {
    let result = work();
    os::trim_memory();
    result
}
