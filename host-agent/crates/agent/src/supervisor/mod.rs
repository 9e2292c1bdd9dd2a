//! Two processes instead of one. The *worker* speaks the protocol, loads and attaches. The *supervisor* does next to
//! nothing, so that it has next to no reason to fail: it waits for the worker's beats, ends a worker that has stopped giving
//! them, and takes back what the kernel keeps of a worker that is dead (see `ringside_bpf::undo`). The worker watches the
//! supervisor in the same way: neither runs on without the other.
//!
//! The worker inherits standard input and output and a socket to the supervisor, over which both send `wire::Message`s.

mod beats;
mod pulse;
mod watch;
mod wire;

pub use beats::{Beats, Silence};
pub use watch::supervise;

/// The argument that makes the agent the worker of a supervisor.
pub const WORKER: &str = "--worker";
