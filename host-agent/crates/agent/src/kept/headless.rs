//! A worker between two clients.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use ringside_bpf::{descriptors, os};

use super::Kept;
use crate::audit::Who;
use crate::journal;
use crate::supervisor::Beats;

/// How often it is looked whether anything is still attached.
const LOOK: Duration = Duration::from_secs(1);

/// Who took the run over.
pub struct Client {
    pub stdin: File,
    pub stdout: File,
    /// Open as long as the process that handed these over is there; closed by us when we are done with them.
    pub adopter: UnixStream,
    pub who: Who,
}

/// Why the waiting is over.
pub enum Woken {
    Client(Client),
    Expired,
    /// Its limits have ended it, so that there is nothing left to keep.
    NothingAttached,
    Signal,
    SupervisorStopped,
}

/// Waits for the next client of a kept run.
pub fn wait(kept: &Kept, signals: &OwnedFd, beats: &mut Option<Beats>, attached: impl Fn() -> bool) -> Woken {
    loop {
        if kept.left().is_zero() {
            return Woken::Expired;
        }
        if !attached() {
            return Woken::NothingAttached;
        }
        let mut patience = kept.left().min(LOOK);
        if let Some(beats) = beats {
            let now = Instant::now();
            match beats.keep(now) {
                Ok(()) => patience = patience.min(beats.until_next(now)),
                Err(crate::supervisor::Silence::Gone | crate::supervisor::Silence::Denied) => return Woken::Signal,
                Err(crate::supervisor::Silence::Stopped) => return Woken::SupervisorStopped,
            }
        }
        let mut watched = vec![signals.as_fd(), kept.fd()];
        watched.extend(beats.as_ref().map(Beats::fd));
        let Ok(ready) = os::poll_readable(&watched, Some(patience)) else { continue };
        if ready[0].readable {
            return Woken::Signal;
        }
        if ready[1].readable {
            match accept(kept) {
                Ok(client) => return Woken::Client(client),
                Err(error) => journal::info("not-adopted", &error.to_string()),
            }
        }
    }
}

/// Takes the files of a process that waits at the socket.
pub fn accept(kept: &Kept) -> io::Result<Client> {
    let (mut adopter, _) = kept.listener.accept()?;
    let uid = descriptors::peer_uid(adopter.as_fd())?;
    if uid != 0 && uid != kept.about().uid {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {uid} may not have this run")));
    }
    // One that connects and sends nothing must not hold up the beats.
    adopter.set_read_timeout(Some(Duration::from_millis(200)))?;
    let [stdin, stdout] = descriptors::receive(adopter.as_fd())?;
    let who = Who::receive(&mut adopter, uid);
    Ok(Client { stdin: stdin.into(), stdout: stdout.into(), adopter, who })
}
