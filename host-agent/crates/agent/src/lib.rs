//! The host agent: loads, attaches and streams on behalf of the engine, over its own stdin and stdout. A library, so that
//! the fuzzers of `host-agent/fuzz` reach the parts; `main.rs` only calls it.
//!
//! Started without arguments it is the supervisor of a second process of the same file, the worker, which does all of this
//! (see `supervisor/`). The worker's threads: this one reads requests, signals and the lease and never blocks on anything
//! else; `requests` does the work; `drain` empties rings; `answers` writes control frames. See `output.rs` for who writes when.
#![forbid(unsafe_code)]

mod allowed;
mod attach;
mod audit;
mod binary;
mod blobs;
mod clocks;
mod confine;
mod connection;
mod failure;
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod journal;
mod kept;
mod knowledge;
mod lease;
mod limits;
mod output;
mod plan;
mod privilege;
mod requests;
mod rpc;
mod run_statistics;
mod session;
mod stream;
mod supervisor;
mod swap;
mod watch;

use std::process::ExitCode;
use std::sync::Arc;

use ringside_bpf::{log, os, process, realtime, undo};

use crate::connection::Connection;
use crate::limits::Watchdog;
use crate::output::Output;
use crate::supervisor::Beats;

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The whole program: the supervisor, its worker, or one of the worker's helpers.
pub fn main() -> ExitCode {
    #[cfg(panic = "unwind")]
    abort_on_panic();
    match std::env::args().nth(1).as_deref() {
        None => supervisor::supervise(),
        Some(supervisor::WORKER) => run(),
        Some("--undo") => supervisor::undo(std::env::args_os().nth(2)),
        Some(confine::CHECK_OBJECT) => confine::object_reader(),
        Some(confine::SEARCH_MODULE) => confine::module_reader(std::env::args().skip(2).collect()),
        Some(kept::ADOPT) => {
            // It only hands two descriptors over.
            privilege::keep_no_more_than(0);
            kept::adopter(std::env::args().nth(2).as_deref())
        }
        Some(rpc::SYMBOLIZE) => rpc::symbolizer(std::env::args().nth(2).as_deref()),
        Some("--version") => {
            println!("ringside-agent {VERSION}");
            ExitCode::SUCCESS
        }
        Some(other) => {
            eprintln!(
                "ringside-agent: unknown argument {other}\nusage: ringside-agent [--version | --undo [FOLDER]]\nWithout arguments it speaks Ringside's protocol on stdin and stdout. --undo takes back what killed agents have left."
            );
            ExitCode::from(2)
        }
    }
}

/// A panic of any thread ends the process, as it does in the release (panic = abort). The quick build unwinds otherwise, because
/// the tests do and would have every library compiled once more.
#[cfg(panic = "unwind")]
fn abort_on_panic() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print(panic);
        std::process::abort();
    }));
}

fn run() -> ExitCode {
    let beats = match Beats::to_supervisor() {
        Ok(beats) => beats,
        Err(error) => {
            eprintln!("ringside-agent: {} is started by the agent itself: {error}", supervisor::WORKER);
            return ExitCode::from(2);
        }
    };
    // Before any thread starts, so that all of them leave the signals to the descriptor.
    let signals = match os::termination_signals() {
        Ok(signals) => signals,
        Err(error) => {
            journal::error("agent-start", &format!("cannot take over signals: {error}"));
            return ExitCode::FAILURE;
        }
    };
    if !os::die_with_parent() {
        return ExitCode::SUCCESS;
    }
    // Started by the link of its supervisor's file, it would be called "exe".
    process::set_name(c"ringside-agent");
    undo::keep_in(undo::folder_name(beats.supervisor()));
    os::raise_limits();
    audit::begin();
    // As long as it is allowed: the watchdog takes it along.
    realtime::set_urgent(true);
    privilege::keep_what_an_agent_needs();
    let watchdog = Watchdog::start();
    realtime::set_urgent(false);
    log::install();
    kept::sweep();
    let output = Arc::new(Output::new(os::take_stdio(1)));
    let end = match Connection::open(os::take_stdio(0), signals, output, Some(beats), watchdog) {
        Ok(connection) => connection.serve(),
        Err(error) => {
            journal::error("agent-start", &error.to_string());
            return ExitCode::FAILURE;
        }
    };
    os::exit_now(end.exit_code())
}
