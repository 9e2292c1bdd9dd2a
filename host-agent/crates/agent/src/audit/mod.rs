//! Who did what with BPF on this host, to the host's own log: loads, attachments, their ends, and what was refused. Never a
//! record of a program, never a value of a variable. `docs/audit.md` is the page for those who read it.

mod entry;
mod log;
mod requests;
mod who;

use std::os::unix::process::parent_id;
use std::path::Path;
use std::sync::OnceLock;

use ringside_proto::messages as pb;

use crate::rpc::host::hex;
use crate::supervisor;
pub use entry::Entry;
pub use log::{flush, place, retry};
pub use requests::Asked;
pub use who::Who;

/// What an object is called, and the hash of its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    pub name: String,
    pub sha256: [u8; 32],
}

impl About {
    pub fn hash(&self) -> String {
        hex(&self.sha256)
    }
}

/// The agent's process that runs are named after.
static SUPERVISOR: OnceLock<u32> = OnceLock::new();

/// In the worker: remembers who it is while the environment is as it was given.
pub fn begin() {
    SUPERVISOR.get_or_init(parent_id);
    who::current();
}

/// In the supervisor.
pub fn begin_supervisor() {
    SUPERVISOR.get_or_init(std::process::id);
    who::current();
}

/// "4711-1": of the agent whose supervisor is process 4711, the first object.
fn run(object: u32) -> String {
    format!("{}-{object}", SUPERVISOR.get().copied().unwrap_or_default())
}

/// Begins an entry: what it is about comes first, because some daemons cut long lines.
fn about(event: &'static str, object: u32, about: &About) -> Entry {
    who::current().add_to(subject(Entry::new(event).with("run", run(object)), about))
}

fn subject(entry: Entry, about: &About) -> Entry {
    entry.with("name", &about.name).with("sha256", about.hash())
}

/// The agent has detached an object: its limits, nobody's confirmation, its own end.
pub fn stopped(object: u32, of: &About, reason: &str, why: &str) {
    log::write(about("detach", object, of).with("reason", reason).with("detail", why));
    supervisor::tell_attached(object, None);
}

/// An object is attached: whoever is left when this process is killed knows what it was.
fn attached(object: u32, of: &About) {
    supervisor::tell_attached(object, Some(of));
}

/// The worker has ended while this was attached, and everything of it is taken back.
pub fn ended_with_worker(object: u32, of: &About, reason: &str, why: &str) {
    log::write(about("detach", object, of).warning().with("reason", reason).with("detail", why));
}

/// Somebody else has the run from now on.
pub fn adopted(object: u32, of: &About, kept: &str, who: Who) {
    who::replace(who);
    log::write(about("adopt", object, of).with("kept", kept));
}

/// What an agent that is dead had left.
pub fn took_back(folder: &Path, undone: &[String], left: &[String]) {
    let of = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let entry = |event, what: &String| who::current().add_to(Entry::new(event).with("agent", of)).with("what", what);
    undone.iter().for_each(|what| log::write(entry("undone", what)));
    left.iter().for_each(|what| log::write(entry("undo-failed", what).warning()));
}

/// "cpu=30 rate=2000000 time=900"; no limit is "none".
fn limits(limits: Option<&pb::RunLimits>) -> String {
    let Some(limits) = limits else { return String::new() };
    let word =
        |number: Option<u64>| number.filter(|number| *number != 0).map_or_else(|| "none".into(), |n| n.to_string());
    let (cpu, time) = (limits.cpu_percent.map(u64::from), limits.time_seconds.map(u64::from));
    format!("cpu:{},rate:{},time:{}", word(cpu), word(limits.records_per_second), word(time))
}
