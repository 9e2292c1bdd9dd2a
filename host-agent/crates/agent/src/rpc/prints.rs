//! OpenPrints.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringside_bpf::object::Object;
use ringside_bpf::prints::Prints;
use ringside_bpf::program::Program;
use ringside_bpf::{insns, stats};
use ringside_proto::messages as pb;

use crate::failure::libc_errno::{EACCES, ENOENT, EPERM};
use crate::failure::{Answer, Failure, no_permission};
use crate::requests::Context;
use crate::session::Session;
use crate::stream::drain::Command;
use crate::stream::prints::{PrintCounters, Printer};
use crate::stream::speakers::Speaker;

/// Follows what the object's programs write to their streams, and their prints where there are any. An error is about the
/// prints alone.
pub fn open(session: &mut Session, context: &Context<'_>, request: pb::OpenPrints) -> Answer<pb::Empty> {
    let first = !session.follows_prints();
    let loaded = session.get(request.object_id)?;
    let voices = Voices::of(&loaded.object)?;
    let counters = loaded.prints.get_or_insert_with(|| Arc::new(PrintCounters::default()));
    let followed = voices.follow(context, counters, first);
    context.drain.send(Command::AddPrinter(voices.printer(request.object_id, Arc::clone(counters))));
    followed.map(|()| pb::Empty {})
}

/// What versions of an object say.
#[derive(Default)]
pub struct Voices {
    /// Machine code: start, end, program.
    code: Vec<(u64, u64, String)>,
    speakers: Vec<Speaker>,
    /// Some program calls bpf_printk.
    print: bool,
    /// The kernel does not say where the machine code of some program that prints lies.
    hidden: bool,
}

impl Voices {
    pub fn of(object: &Object) -> Answer<Self> {
        let mut voices = Self::default();
        for program in object.programs() {
            let Some(fd) = program.fd() else { continue };
            if prints(&program) {
                let ranges = stats::code_ranges(fd)?;
                voices.print = true;
                voices.hidden |= ranges.is_empty();
                voices.code.extend(ranges.into_iter().map(|(start, end)| (start, end, program.name().to_owned())));
            }
            let fd = fd.try_clone_to_owned().map_err(|error| Failure::new("agent-internal", error.to_string()))?;
            voices.speakers.push(Speaker::new(fd, program.name()));
        }
        Ok(voices)
    }

    /// Two versions of an object, while both are attached.
    pub fn and(mut self, other: Self) -> Self {
        self.code.extend(other.code);
        self.speakers.extend(other.speakers);
        Self { print: self.print || other.print, hidden: self.hidden || other.hidden, ..self }
    }

    pub fn printer(self, object: u32, counters: Arc<PrintCounters>) -> Printer {
        Printer { object, counters, code: self.code, speakers: self.speakers }
    }

    /// Follows the prints, where there are any and they are not followed yet; `first`: nobody else's are.
    pub fn follow(&self, context: &Context<'_>, counters: &PrintCounters, first: bool) -> Answer<()> {
        if !self.print || counters.followed.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.hidden {
            return Err(hidden_addresses());
        }
        if first {
            context.drain.send(Command::FollowPrints(Prints::open().map_err(|error| cannot_open(&error))?));
        }
        counters.followed.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn prints(program: &Program<'_>) -> bool {
    const TRACE_PRINTK: i32 = 6;
    const TRACE_VPRINTK: i32 = 177;
    insns::helpers(&program.insns()).iter().any(|helper| matches!(*helper, TRACE_PRINTK | TRACE_VPRINTK))
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
