//! OpenPrints.

use std::sync::Arc;

use ringside_bpf::object::Object;
use ringside_bpf::prints::Prints;
use ringside_bpf::stats;
use ringside_proto::messages as pb;

use crate::failure::libc_errno::{EACCES, ENOENT, EPERM};
use crate::failure::{Answer, Failure, no_permission};
use crate::requests::Context;
use crate::session::Session;
use crate::stream::drain::Command;
use crate::stream::prints::{PrintCounters, PrintSource, Printer};
use crate::stream::speakers::Speaker;

pub fn open(session: &mut Session, context: &Context<'_>, request: pb::OpenPrints) -> Answer<pb::Empty> {
    let first = !session.has_prints();
    let loaded = session.get(request.object_id)?;
    let (code, speakers) = voices(&loaded.object)?;
    if first {
        context.drain.send(Command::OpenPrints(PrintSource::new(Prints::open().map_err(|error| cannot_open(&error))?)));
    }
    let counters = loaded.prints.get_or_insert_with(|| Arc::new(PrintCounters::default()));
    let printer = Printer { object: request.object_id, counters: Arc::clone(counters), code, speakers };
    context.drain.send(Command::AddPrinter(printer));
    Ok(pb::Empty {})
}

/// Machine code: start, end, program.
pub type Code = Vec<(u64, u64, String)>;

/// Where the machine code of each program lies, and each program's streams.
pub fn voices(object: &Object) -> Answer<(Code, Vec<Speaker>)> {
    let (mut code, mut speakers) = (Vec::new(), Vec::new());
    for program in object.programs() {
        let Some(fd) = program.fd() else { continue };
        let ranges = stats::code_ranges(fd)?;
        if ranges.is_empty() {
            return Err(hidden_addresses());
        }
        code.extend(ranges.into_iter().map(|(start, end)| (start, end, program.name().to_owned())));
        let fd = fd.try_clone_to_owned().map_err(|error| Failure::new("agent-internal", error.to_string()))?;
        speakers.push(Speaker::new(fd, program.name()));
    }
    Ok((code, speakers))
}

fn hidden_addresses() -> Failure {
    Failure::new(
        "no-permission",
        "The kernel does not say where its BPF programs lie, so their prints cannot be told from others'.",
    )
    .hint("This needs the BPF JIT (net.core.bpf_jit_enable=1) and CAP_SYSLOG with kernel.kptr_restrict at most 1.")
}

fn cannot_open(error: &ringside_bpf::Error) -> Failure {
    match error.errno {
        EPERM | EACCES => no_permission(&error.what, error.errno),
        ENOENT => Failure::new("unsupported-by-kernel", format!("This kernel has no event for bpf_printk: {error}."))
            .hint("It came with Linux 5.9."),
        errno => Failure::new("attach-failed", format!("bpf_printk cannot be followed: {error}.")).errno(errno),
    }
}

pub fn tracefs_missing() -> Failure {
    Failure::new("tracefs-missing", "The tracing file system is not mounted on this host.")
        .hint("Mount it: mount -t tracefs tracefs /sys/kernel/tracing")
}
