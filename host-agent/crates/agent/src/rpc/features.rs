//! ProbeFeatures.

use ringside_bpf::probe;
use ringside_proto::messages as pb;

use crate::failure::Answer;
use crate::requests::Context;

pub fn probe(context: &Context<'_>) -> Answer<pb::Features> {
    let mut features = pb::Features::default();
    for kind in probe::program_types() {
        context.check_cancelled()?;
        features.program_types.insert(ringside_bpf::program::type_name(kind).to_owned(), probe::program_type(kind));
    }
    for kind in probe::map_types() {
        context.check_cancelled()?;
        features.map_types.insert(ringside_bpf::map::type_name(kind).to_owned(), probe::map_type(kind));
    }
    Ok(features)
}
