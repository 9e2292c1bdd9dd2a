//! One module per group of requests of `proto/agent.proto`.

pub mod explain;
mod features;
pub mod host;
mod inventory;
mod iterators;
mod keep;
mod limits;
mod link_words;
mod map_ref;
mod map_write;
mod maps;
pub mod object;
mod owners;
mod prints;
mod program_code;
mod program_run;
mod run;
pub mod stats;
mod storage_owners;
mod streams;
mod swap;
mod symbols;
mod take_away;
pub mod targets;
mod type_names;
mod user_ring;
mod verify;
mod watch;

use ringside_bpf::os;
use ringside_proto::messages::request::Request;
use ringside_proto::messages::response::Response;
use ringside_proto::messages::{self as pb};

use crate::audit::Asked;
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::Session;
use crate::stream::drain::Drain;
use crate::watch::Watches;

pub use prints::tracefs_missing;
pub use symbols::{SYMBOLIZE, main as symbolizer};

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

/// What a request came to: an answer, or work for the thread that only looks at the host.
pub enum Answered {
    Now(Box<Outcome>),
    Later(Lookup),
}

/// Runs beside whatever loads and detaches, so it must not need the session: maps are handed over as descriptors.
pub type Lookup = Box<dyn FnOnce(&mut Watches, &Context<'_>) -> Answer<Response> + Send>;

/// Works the request off, and tells the host's log what came of it.
pub fn handle(session: &mut Session, context: &Context<'_>, request: pb::Request) -> Answer<Answered> {
    let Some(request) = request.request else {
        return Err(Failure::new("protocol", "A request of a kind that this agent does not know."));
    };
    let Some(asked) = Asked::of(session, context, &request) else { return work_off(session, context, request) };
    match work_off(session, context, request) {
        Ok(Answered::Now(outcome)) => {
            asked.answered(Ok(&outcome.response));
            Ok(Answered::Now(outcome))
        }
        Ok(Answered::Later(lookup)) => Ok(Answered::Later(Box::new(move |watches, context| {
            let answer = lookup(watches, context);
            asked.answered(answer.as_ref());
            answer
        }))),
        Err(failure) => {
            asked.answered(Err(&failure));
            Err(failure)
        }
    }
}

fn work_off(session: &mut Session, context: &Context<'_>, request: Request) -> Answer<Answered> {
    crate::privilege::read_only::check(&request)?;
    let response = match request {
        Request::VerifyObject(request) => Response::Verify(trimmed(|| verify::verify(context, request))?),
        Request::LoadObject(request) => Response::Load(trimmed(|| object::load(session, context, request))?),
        Request::SwapObject(request) => {
            let swapped = trimmed(|| swap::swap(session, context, request))?;
            return Ok(Answered::Now(Box::new(swapped)));
        }
        Request::OpenStream(request) => {
            return streams::open(session, context, request).map(|outcome| Answered::Now(Box::new(outcome)));
        }
        Request::SetStreamFilter(request) => Response::Empty(streams::set_filter(session, &request)?),
        Request::WriteUserRing(request) => Response::UserRingWritten(user_ring::write(session, &request)?),
        Request::OpenPrints(request) => Response::Empty(prints::open(session, context, request)?),
        Request::Attach(request) => Response::Attach(run::attach(session, context, request)?),
        Request::RunProgram(request) => Response::ProgramOutcome(program_run::run(session, context, request)?),
        Request::GetStats(request) => Response::Stats(stats::get(session, request)?),
        Request::DumpMap(request) => Response::MapDump(maps::dump(session, context, request)?),
        Request::KeepRun(request) => Response::RunKept(keep::keep(session, context, &request)?),
        Request::DescribeRun(_) => Response::RunDescription(keep::describe(session, context)?),
        Request::SetLimits(request) => Response::Limits(limits::set(session, request)?),
        Request::CommitAttach(request) => Response::Empty(run::commit(session, &request)?),
        Request::Detach(request) => Response::Detach(run::detach(session, context, request)?),
        Request::CloseObject(request) => Response::Empty(object::close(session, context, request)?),
        other => return look_up(session, other).map(Answered::Later),
    };
    Ok(Answered::Now(Box::new(Outcome::of(response))))
}

/// Requests that change nothing that is loaded.
fn look_up(session: &mut Session, request: Request) -> Answer<Lookup> {
    Ok(match request {
        Request::GetHostFacts(_) => Box::new(|_, _| Ok(Response::HostFacts(host::facts()))),
        Request::ProbeFeatures(_) => Box::new(|_, context| features::probe(context).map(Response::Features)),
        Request::GetBtf(request) => Box::new(move |_, context| host::btf(context, &request).map(Response::Btf)),
        Request::Symbolize(request) => {
            Box::new(move |_, context| trimmed(|| symbols::symbolize(context, &request)).map(Response::Symbolize))
        }
        Request::ListTargets(request) => {
            Box::new(move |_, context| trimmed(|| targets::list(context, &request)).map(Response::TargetList))
        }
        Request::ListPrograms(request) => {
            let counting = session.counts_runs();
            Box::new(move |watches, context| {
                trimmed(|| inventory::programs(watches, context, &request, counting)).map(Response::ProgramList)
            })
        }
        Request::GetProgramCode(request) => {
            Box::new(move |_, context| program_code::get(context, &request).map(Response::ProgramCode))
        }
        Request::ListMaps(request) => Box::new(move |watches, context| {
            trimmed(|| inventory::maps(watches, context, &request)).map(Response::MapList)
        }),
        Request::ListLinks(request) => Box::new(move |watches, context| {
            trimmed(|| inventory::links(watches, context, &request)).map(Response::LinkList)
        }),
        Request::ListKept(_) => Box::new(|_, _| Ok(Response::KeptList(keep::list()))),
        Request::EndKept(request) => Box::new(move |_, context| keep::end(context, &request).map(Response::Empty)),
        Request::TakeAway(request) => {
            Box::new(move |watches, context| take_away::take(watches, context, &request).map(Response::Empty))
        }
        Request::ListBtfs(_) => Box::new(|_, context| inventory::btfs(context).map(Response::BtfList)),
        Request::GetBtfById(request) => {
            Box::new(move |_, context| trimmed(|| inventory::btf_by_id(context, &request)).map(Response::Btf))
        }
        Request::ListNetAttachments(_) => {
            Box::new(|watches, context| inventory::net(watches, context).map(Response::NetAttachmentList))
        }
        Request::ReadIterator(request) => {
            let pass = iterators::open(session, &request)?;
            Box::new(move |_, context| iterators::read(context, pass, &request).map(Response::IteratorText))
        }
        Request::ReadMap(request) => {
            let map = map_ref::resolve(session, request.map.as_ref())?;
            Box::new(move |_, context| trimmed(|| maps::read_page(context, map, &request)).map(Response::MapPage))
        }
        Request::WriteMap(request) => {
            let map = map_ref::resolve(session, request.map.as_ref())?;
            Box::new(move |_, context| map_write::write(context, map, &request).map(Response::MapWritten))
        }
        Request::WatchMap(request) => {
            let map = map_ref::resolve(session, request.map.as_ref())?;
            Box::new(move |watches, _| watch::open(watches, map, &request).map(Response::WatchOpened))
        }
        Request::PollWatch(request) => {
            Box::new(move |watches, context| watch::poll(watches, context, &request).map(Response::MapDelta))
        }
        Request::CloseWatch(request) => {
            Box::new(move |watches, _| trimmed(|| watch::close(watches, &request)).map(Response::Empty))
        }
        _ => return Err(Failure::new("protocol", "A request that this agent does not know.")),
    })
}

/// Gives memory back after what takes much of it for a moment.
fn trimmed<T>(work: impl FnOnce() -> T) -> T {
    let result = work();
    os::trim_memory();
    result
}
