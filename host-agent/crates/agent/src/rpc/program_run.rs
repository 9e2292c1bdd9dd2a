//! RunProgram: BPF_PROG_RUN, which older kernels call BPF_PROG_TEST_RUN.

use ringside_bpf::error::describe;
use ringside_bpf::program::Program;
use ringside_bpf::run::{self, Input};
use ringside_bpf::{Error, log};
use ringside_proto::messages as pb;

use crate::failure::libc_errno::{E2BIG, EFAULT, EINVAL, ENOSPC, ENOTSUPP, EOPNOTSUPP, EPERM};
use crate::failure::{Answer, Failure, no_permission};
use crate::requests::Context;
use crate::session::Session;

/// A run cannot be stopped from outside, so that one request must end within seconds.
const MOST_REPEATS: u32 = 10_000_000;

pub fn run(session: &mut Session, context: &Context<'_>, request: pb::RunProgram) -> Answer<pb::ProgramOutcome> {
    let (_, scope) = session.scope(request.object_id)?;
    let missing = || Failure::new("unknown-program", format!("The object has no program {}.", request.program));
    let program = scope.object.program(&request.program).ok_or_else(missing)?;
    let not_loaded = || Failure::new("unknown-program", format!("Program {} is not loaded.", request.program));
    let fd = program.fd().ok_or_else(not_loaded)?;
    if request.repeat > MOST_REPEATS {
        return Err(Failure::new("bad-value", format!("{} repeats are too many at once.", request.repeat))
            .hint(format!("At most {MOST_REPEATS} in one request; ask again for more.")));
    }
    context.check_cancelled()?;
    let input = Input { data: &request.data_in, context: &request.context_in, repeat: request.repeat };
    let (outcome, messages) = log::capture(|| run::program(fd, input));
    let outcome = outcome.map_err(|error| failed(&error, &program, &input).log(messages))?;
    Ok(pb::ProgramOutcome {
        return_value: outcome.return_value,
        data_out: outcome.data,
        context_out: outcome.context,
        nanos: outcome.duration.as_nanos() as u64,
    })
}

fn failed(error: &Error, program: &Program<'_>, input: &Input<'_>) -> Failure {
    let (name, kind) = (program.name(), program.type_name());
    let failure = |code, why: &str| {
        Failure::new(code, format!("Program {name} ({kind}) could not be run: {why} ({}).", describe(error.errno)))
            .errno(error.errno)
    };
    match error.errno {
        ENOTSUPP | EOPNOTSUPP => failure("unsupported-by-kernel", "this kernel runs no programs of this type by request").hint(
            "Packet programs (xdp, tc, socket, cgroup_skb, flow_dissector, sk_lookup, netfilter), syscall, raw_tp and fentry programs of the kernel's test functions can be run.",
        ),
        EPERM => no_permission(&format!("program {name} could not be run"), error.errno),
        EINVAL => failure("bad-value", "the kernel refuses the input").hint(match kind {
            "syscall" | "raw_tracepoint" => "It takes a context as large as what the program reads of it, no packet, and no repeats.",
            _ if input.data.len() < 14 => "A packet begins with an Ethernet header of 14 bytes.",
            _ => "Check the size of the context (struct __sk_buff, struct xdp_md) and that fields which cannot be set are zero; this kernel may also be too old to run this type.",
        }),
        E2BIG | ENOSPC | EFAULT => failure("bad-value", "the input is too large, or the output found no room"),
        _ => failure("attach-failed", "the kernel refused"),
    }
}
