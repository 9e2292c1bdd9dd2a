//! ProbeFeatures.

use ringside_bpf::error::describe;
use ringside_bpf::probe::{self, attach};
use ringside_bpf::{log, map, prog_stream, program};
use ringside_proto::messages as pb;

use crate::failure::Answer;
use crate::failure::libc_errno::{EACCES, EINVAL, ENOENT, ENOTSUPP, EOPNOTSUPP, EPERM};
use crate::requests::Context;

pub fn probe(context: &Context<'_>) -> Answer<pb::Features> {
    let mut features = pb::Features::default();
    for kind in probe::program_types() {
        context.check_cancelled()?;
        // libbpf complains about types that are not there, which is the answer and no trouble.
        let (there, _) = log::capture(|| probe::program_type(kind));
        features.program_types.insert(program::type_name(kind).to_owned(), there);
    }
    for kind in probe::map_types() {
        context.check_cancelled()?;
        let (there, _) = log::capture(|| probe::map_type(kind));
        features.map_types.insert(map::type_name(kind).to_owned(), there);
    }
    for kind in attach::KINDS {
        context.check_cancelled()?;
        features.attach.push(feature(kind.name, || kind.attempt()));
    }
    features.other.push(feature("prog_stream", prog_stream::probe));
    Ok(features)
}

fn feature(kind: &str, attempt: impl FnOnce() -> ringside_bpf::Result<()>) -> pb::AttachFeature {
    let (attempt, _) = log::capture(attempt);
    let (ok, reason, errno) = match attempt {
        Ok(()) => (true, String::new(), 0),
        Err(error) => (false, reason(&error), error.errno),
    };
    pb::AttachFeature { kind: kind.into(), ok, reason, errno }
}

fn reason(error: &ringside_bpf::Error) -> String {
    let what = match error.errno {
        0 => return error.what.clone(),
        EPERM | EACCES => "the kernel refuses it to this user (privilege, lockdown or a security module)",
        EINVAL | ENOTSUPP | EOPNOTSUPP => "the kernel does not know this kind",
        ENOENT => "the kernel has nothing of this kind to attach to",
        _ => return error.to_string(),
    };
    format!("{what}: {}", describe(error.errno))
}
