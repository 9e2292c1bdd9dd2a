//! Symbolize: names for addresses of the kernel or of a process.

mod child;
mod kernel;
mod process;

use ringside_bpf::os;
use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::requests::Context;

pub use child::{SYMBOLIZE, main};

/// Addresses of one request: stacks are asked for by the hundred, not by the million.
const MOST_ADDRESSES: usize = 100_000;

pub fn symbolize(context: &Context<'_>, request: &pb::Symbolize) -> Answer<pb::SymbolizeResult> {
    if request.addresses.len() > MOST_ADDRESSES {
        return Err(Failure::new("too-large", format!("More than {MOST_ADDRESSES} addresses in one request.")));
    }
    match request.pid {
        0 => {
            let symbols = kernel::symbolize(&request.addresses);
            // Symbols are asked for again and again: the table of all of them must not pile up with a reader's memory.
            os::give_back_heap();
            symbols.map(|symbols| pb::SymbolizeResult { symbols })
        }
        _ => child::symbolize(&|| context.check_cancelled(), request),
    }
}

pub fn hidden() -> Failure {
    Failure::new("no-permission", "The kernel hides its symbols.")
        .hint("This needs CAP_SYSLOG, and kernel.kptr_restrict at most 1.")
}
