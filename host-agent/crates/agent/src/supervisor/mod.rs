//! Two processes instead of one. The *worker* speaks the protocol, loads and attaches. The *supervisor* does next to
//! nothing, so that it has next to no reason to fail: it waits for the worker's beats, ends a worker that has stopped giving
//! them, and takes back what the kernel keeps of a worker that is dead (see `ringside_bpf::undo`). The worker watches the
//! supervisor in the same way: neither runs on without the other.
//!
//! The worker inherits standard input and output and a socket to the supervisor, over which both send `wire::Message`s.

mod beats;
mod leftovers;
mod pulse;
mod watch;
mod wire;

use std::io;
use std::os::unix::process::parent_id;
use std::thread;
use std::time::{Duration, Instant};

use ringside_bpf::privilege;

use crate::audit::About;

pub use beats::{Beats, Silence, keep_run};
pub use leftovers::undo;
pub use watch::supervise;

/// Has the supervisor give up what the worker has given up, and waits until it has; done at once without one. `meanwhile`
/// is called while it waits.
pub fn tell_rights(kept: privilege::Set, meanwhile: &mut dyn FnMut()) -> io::Result<()> {
    let Some(socket) = beats::to_supervisor() else { return Ok(()) };
    wire::Message::Rights(kept).send(socket)?;
    let supervisor = parent_id();
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        if privilege::permitted_of(supervisor).is_ok_and(|has| has & !kept == 0) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(1));
        meanwhile();
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Tells the supervisor what is attached, and what is not any more: it says so in the worker's place when that is dead.
pub fn tell_attached(object: u32, about: Option<&About>) {
    if let Some(socket) = beats::to_supervisor() {
        let _ = wire::Message::Attached(object, about.cloned()).send(socket);
    }
}

/// The argument that makes the agent the worker of a supervisor.
pub const WORKER: &str = "--worker";
