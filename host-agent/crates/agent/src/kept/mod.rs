//! Runs that outlive their client. The worker that has one does not end when its client goes: it waits, with everything
//! attached and its limits watched, for another client, for the end of its time, or for a signal. No pins are needed for
//! that, so every kind of attachment can be kept, and nothing is left when the processes die.

mod adopt;
mod headless;
mod record;

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringside_bpf::os;
use ringside_proto::messages as pb;

pub use adopt::{ADOPT, main as adopter};
pub use headless::{Client, Woken, accept, wait};
pub use record::{all, find, sweep};

/// On a file system that is empty after a boot, like the runs.
const FOLDER: &str = "/run/ringside/kept";
/// Longer is no run that somebody waits for.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// The run that this worker keeps.
pub struct Kept {
    about: Mutex<pb::KeptRun>,
    pub object_id: u32,
    /// The client's own.
    pub details: Vec<u8>,
    folder: PathBuf,
    listener: UnixListener,
}

impl Kept {
    /// Makes the place where others find it. Errors: the folder cannot be written.
    pub fn begin(object_id: u32, name: &str, by: &str, time: Duration, details: Vec<u8>) -> io::Result<Self> {
        let run = unused_name()?;
        let folder = record::folder(&run);
        fs::create_dir_all(&folder)?;
        for place in [record::root(), folder.clone()] {
            fs::set_permissions(place, fs::Permissions::from_mode(0o700))?;
        }
        let listener = UnixListener::bind(folder.join("socket"))?;
        let about = pb::KeptRun {
            run,
            name: record::plain(name),
            by: record::plain(by),
            since_ns: os::realtime_ns(),
            expires_ns: os::realtime_ns() + time.as_nanos() as u64,
            pid: std::process::id(),
            uid: os::effective_uid(),
        };
        record::write(&folder, &about)?;
        Ok(Self { about: Mutex::new(about), object_id, details, folder, listener })
    }

    pub fn about(&self) -> pb::KeptRun {
        self.locked().clone()
    }

    /// Other time from now on.
    pub fn renew(&self, time: Duration) -> io::Result<()> {
        let mut about = self.locked();
        about.expires_ns = os::realtime_ns() + time.as_nanos() as u64;
        record::write(&self.folder, &about)
    }

    pub fn left(&self) -> Duration {
        Duration::from_nanos(self.locked().expires_ns.saturating_sub(os::realtime_ns()))
    }

    /// Readable when somebody wants the run.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    fn locked(&self) -> MutexGuard<'_, pb::KeptRun> {
        self.about.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        record::remove_empty();
    }
}

/// Short enough to be typed.
fn unused_name() -> io::Result<String> {
    let mut bytes = [0; 4];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
