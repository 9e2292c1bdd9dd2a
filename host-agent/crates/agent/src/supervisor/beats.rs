//! The worker's side: a beat every second, and an eye on the answers.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::parent_id;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ringside_bpf::process;

use super::pulse::Pulse;
use super::wire::{self, Message, Other};

const OFTEN_ENOUGH: Duration = Duration::from_secs(1);

/// Open as long as the process: for threads that have something to tell at once.
static TO_SUPERVISOR: OnceLock<OwnedFd> = OnceLock::new();

/// The worker's way to its supervisor from any thread; none in a process that has none.
pub(super) fn to_supervisor() -> Option<BorrowedFd<'static>> {
    TO_SUPERVISOR.get().map(AsFd::as_fd)
}

/// Tells the supervisor for how long the run is kept, from now on; zero: not any more. From any thread.
pub fn keep_run(time: Duration) {
    if let Some(socket) = to_supervisor() {
        let _ = Message::Kept(time).send(socket);
    }
}

pub struct Beats {
    socket: OwnedFd,
    supervisor: u32,
    number: u64,
    last: Option<Instant>,
    answers: Pulse,
}

/// Why a worker goes without its supervisor.
#[derive(Debug, PartialEq, Eq)]
pub enum Silence {
    /// Its end of the socket is closed.
    Gone,
    /// It has not answered for the length of the lease.
    Stopped,
    /// Nothing gets through to it: what is attached denies socket operations to this process.
    Denied,
}

impl Silence {
    fn of(other: Other) -> Result<(), Self> {
        match other {
            Other::There => Ok(()),
            Other::Gone => Err(Self::Gone),
            Other::Denied => Err(Self::Denied),
        }
    }
}

impl Beats {
    /// Over the socket that the supervisor gave to this process.
    pub fn to_supervisor() -> io::Result<Self> {
        let socket = process::given_socket()?;
        let _ = TO_SUPERVISOR.set(socket.try_clone()?);
        Ok(Self::over(socket))
    }

    fn over(socket: OwnedFd) -> Self {
        Self { socket, supervisor: parent_id(), number: 0, last: None, answers: Pulse::new(Instant::now()) }
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub fn supervisor(&self) -> u32 {
        self.supervisor
    }

    /// Tells the supervisor how long either may be silent.
    pub fn agree(&mut self, lease: Duration) {
        if lease != self.answers.patience() {
            self.answers.set_patience(lease);
            let _ = Message::Lease(lease).send(self.fd());
        }
    }

    /// Beats if it is time to, and takes the answers. An error says that the supervisor is of no use any more.
    pub fn keep(&mut self, now: Instant) -> Result<(), Silence> {
        let (messages, other) = wire::take(self.fd());
        if messages.iter().any(|message| matches!(message, Message::Answer(_))) {
            self.answers.heard(now);
        }
        Silence::of(other)?;
        if self.answers.is_silent(now) {
            return Err(Silence::Stopped);
        }
        if self.until_beat(now).is_zero() {
            (self.last, self.number) = (Some(now), self.number + 1);
            Message::Beat(self.number).send(self.fd()).or_else(|error| Silence::of(Other::after(&error)))?;
        }
        Ok(())
    }

    /// How long the caller may sleep.
    pub fn until_next(&self, now: Instant) -> Duration {
        self.until_beat(now).min(self.answers.until_silent(now))
    }

    /// Several times a lease, so that a single late one means nothing.
    fn until_beat(&self, now: Instant) -> Duration {
        let every = OFTEN_ENOUGH.min(self.answers.patience() / 5);
        self.last.map_or(Duration::ZERO, |last| (last + every).saturating_duration_since(now))
    }

    /// Ends a supervisor that is stopped: it would wait for its worker for ever once it is woken, and its own parent does now.
    pub fn end_supervisor(&self) {
        // Nobody else can have its number as long as it is our parent.
        if parent_id() == self.supervisor {
            let _ = process::kill(self.supervisor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_are_answered_or_missed() {
        let (ours, theirs) = process::socket_pair().expect("a pair");
        let mut beats = Beats::over(ours);
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        beats.answers.heard(start);
        beats.agree(Duration::from_millis(1000));
        assert_eq!(beats.keep(start), Ok(()));
        assert_eq!(beats.keep(at(100)), Ok(()), "too early for another");
        assert_eq!(beats.keep(at(200)), Ok(()));
        let sent = vec![Message::Lease(Duration::from_millis(1000)), Message::Beat(1), Message::Beat(2)];
        assert_eq!(wire::take(theirs.as_fd()), (sent, Other::There));
        Message::Answer(2).send(theirs.as_fd()).expect("sent");
        assert_eq!(beats.keep(at(900)), Ok(()));
        assert_eq!(beats.keep(at(1899)), Ok(()), "heard at 900");
        assert_eq!(beats.keep(at(1900)), Err(Silence::Stopped));
        drop(theirs);
        assert_eq!(beats.keep(at(1901)), Err(Silence::Gone));
    }

    #[test]
    fn a_supervisor_that_cannot_be_asked_is_not_one_that_is_gone() {
        let of = |kind: io::ErrorKind| Silence::of(Other::after(&kind.into()));
        assert_eq!(of(io::ErrorKind::PermissionDenied), Err(Silence::Denied));
        assert_eq!(of(io::ErrorKind::BrokenPipe), Err(Silence::Gone));
        assert_eq!(of(io::ErrorKind::WouldBlock), Ok(()));
    }
}
