//! ListTargets: what programs can attach to on this host. One small function for each kind.

mod binaries;
mod cgroups;
mod containers;
mod events;
mod found;
mod functions;
mod interfaces;
pub mod pattern;
mod processes;
mod text;

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::requests::Context;
use found::Found;

pub use pattern::Pattern;
pub use processes::pids;

type List = fn(&mut Found<'_>, &pb::ListTargets) -> Answer<()>;

const KINDS: &[(&str, List)] = &[
    ("kprobe", |found, _| functions::kprobes(found)),
    ("fentry", |found, _| functions::fentries(found)),
    ("tracepoint", |found, _| events::tracepoints(found)),
    ("raw_tp", |found, _| events::raw_tracepoints(found)),
    ("lsm", |found, _| functions::lsm_hooks(found)),
    ("uprobe", binaries::uprobes),
    ("usdt", binaries::usdts),
    ("iface", |found, _| interfaces::list(found)),
    ("cgroup", |found, _| cgroups::list(found)),
    ("process", |found, _| processes::list(found)),
    ("container", |found, _| containers::list(found)),
];

/// The kinds that can be asked for.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, _)| *kind)
}

pub fn list(context: &Context<'_>, request: &pb::ListTargets) -> Answer<pb::TargetList> {
    list_with(request, &|| context.check_cancelled())
}

fn list_with(request: &pb::ListTargets, check: &dyn Fn() -> Answer<()>) -> Answer<pb::TargetList> {
    let Some((_, list)) = KINDS.iter().find(|(kind, _)| *kind == request.kind) else {
        let known: Vec<&str> = kinds().collect();
        return Err(Failure::new("bad-value", format!("There is no kind of target called \"{}\".", request.kind))
            .hint(format!("The kinds are {}.", known.join(", "))));
    };
    let mut found = Found::new(&request.pattern, request.limit, check);
    list(&mut found, request)?;
    let list = found.finish();
    Ok(if request.as_text { text::listed(&list) } else { list })
}

#[cfg(test)]
mod tests;
