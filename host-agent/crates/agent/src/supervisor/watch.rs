//! The supervisor's side.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use ringside_bpf::{os, process};

use super::pulse::Pulse;
use super::wire::{self, Message, Other};
use super::{WORKER, leftovers};
use crate::audit::{self, About};
use crate::journal;
use crate::privilege;

/// How long a worker that was asked to end may take: longer than its own orderly end.
const ORDERLY_END: Duration = Duration::from_secs(5);
/// Objects that are remembered; a worker has one, as a rule.
const MOST_ATTACHED: usize = 1024;

/// Runs a worker to its end and answers with its exit code, as a shell would: 128 and the signal for one that was killed.
pub fn supervise() -> ExitCode {
    process::set_name(c"ringside-superv");
    if !os::die_with_parent() {
        return ExitCode::SUCCESS;
    }
    audit::begin_supervisor();
    leftovers::of_others();
    match Watch::start() {
        Ok(watch) => watch.run(),
        Err(error) => {
            journal::error("agent-start", &format!("cannot start the worker: {error}"));
            ExitCode::FAILURE
        }
    }
}

struct Watch {
    signals: OwnedFd,
    socket: OwnedFd,
    worker: Child,
    pulse: Pulse,
    /// Set once it was asked to end.
    ends_by: Option<Instant>,
    /// When a run that is kept is over.
    kept_until: Option<Instant>,
    /// Objects that the worker has attached.
    attached: BTreeMap<u32, About>,
    /// Why the worker was killed, if it was by this process.
    killed: Option<String>,
}

impl Watch {
    fn start() -> io::Result<Self> {
        let signals = os::supervisor_signals()?;
        let (socket, theirs) = process::socket_pair()?;
        // By its inode: the file may be gone by now, or another of the same name.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("ringside-agent").arg(WORKER);
        let worker = process::spawn_with_socket(&mut command, theirs)?;
        drop(command);
        process::release_stdio()?;
        privilege::keep_what_an_agent_needs();
        let pulse = Pulse::new(Instant::now());
        let (ends_by, kept_until, attached, killed) = (None, None, BTreeMap::new(), None);
        Ok(Self { signals, socket, worker, pulse, ends_by, kept_until, attached, killed })
    }

    fn run(mut self) -> ExitCode {
        let status = match self.watch() {
            Ok(status) => {
                if let Some(signal) = status.signal() {
                    journal::error("worker-killed", &format!("The worker was ended by signal {signal}."));
                }
                Some(status)
            }
            Err(error) => {
                journal::error("agent-internal", &format!("cannot watch the worker: {error}"));
                let _ = self.worker.kill();
                self.worker.wait().ok()
            }
        };
        // Its last words may still lie there.
        self.take_messages();
        leftovers::of_worker();
        self.tell_ends(status);
        status.map_or(ExitCode::FAILURE, exit_code)
    }

    /// Of what the worker has not detached itself: the kernel has, when its descriptors closed.
    fn tell_ends(&self, status: Option<ExitStatus>) {
        let signal = status.and_then(|status| status.signal());
        let reason = if signal.is_some() { "worker-killed" } else { "worker-ended" };
        let how = match (&self.killed, signal, status.and_then(|status| status.code())) {
            (Some(why), ..) => format!("The supervisor has killed the worker: {why}"),
            (_, Some(signal), _) => format!("The worker was killed by signal {signal}."),
            (.., code) => {
                format!("The worker ended with code {}.", code.map_or_else(|| "?".into(), |code| code.to_string()))
            }
        };
        for (object, about) in &self.attached {
            audit::ended_with_worker(*object, about, reason, &how);
        }
        audit::flush();
    }

    fn watch(&mut self) -> io::Result<ExitStatus> {
        let mut connected = true;
        loop {
            let now = Instant::now();
            let deadline = match self.ends_by {
                Some(end) => end.saturating_duration_since(now),
                None => self.pulse.until_silent(now).min(self.until_expired(now)),
            };
            let watched: &[BorrowedFd<'_>] = match connected {
                true => &[self.signals.as_fd(), self.socket.as_fd()],
                false => &[self.signals.as_fd()],
            };
            os::poll_readable(watched, Some(deadline))?;
            connected = connected && self.take_messages();
            while let Some(signal) = process::next_signal(self.signals.as_fd()) {
                if signal != process::SIGCHLD {
                    self.ask_to_end();
                }
            }
            if let Some(status) = self.worker.try_wait()? {
                return Ok(status);
            }
            let now = Instant::now();
            if self.ends_by.is_none() && self.until_expired(now).is_zero() {
                self.ask_to_end();
            }
            self.end_if_silent(now);
        }
    }

    /// A run that is kept does not end with the shell or the session that this process was started by.
    fn keep(&mut self, time: Duration) {
        self.kept_until = (!time.is_zero()).then(|| Instant::now() + time);
        os::set_die_with_parent(time.is_zero());
    }

    /// The worker ends its run by itself when the time is over; one that does not is made to a little later.
    fn until_expired(&self, now: Instant) -> Duration {
        self.kept_until.map_or(Duration::MAX, |end| (end + ORDERLY_END).saturating_duration_since(now))
    }

    /// False when the worker's end is closed: it ends, or is dead already.
    fn take_messages(&mut self) -> bool {
        let (messages, other) = wire::take(self.socket.as_fd());
        for message in messages {
            match message {
                Message::Beat(number) => {
                    self.pulse.heard(Instant::now());
                    let _ = Message::Answer(number).send(self.socket.as_fd());
                }
                Message::Lease(length) => self.pulse.set_patience(length),
                Message::Kept(time) => self.keep(time),
                Message::Rights(kept) => privilege::keep_no_more_than(kept),
                Message::Attached(object, Some(about)) if self.attached.len() < MOST_ATTACHED => {
                    self.attached.insert(object, about);
                }
                Message::Attached(_, Some(_)) => {}
                Message::Attached(object, None) => {
                    self.attached.remove(&object);
                }
                Message::Answer(_) => {}
            }
        }
        other == Other::There
    }

    fn ask_to_end(&mut self) {
        let _ = process::terminate(self.worker.id());
        self.ends_by.get_or_insert(Instant::now() + ORDERLY_END);
    }

    fn end_if_silent(&mut self, now: Instant) {
        let why = match self.ends_by {
            Some(end) if now >= end => "It was asked to end and did not.".to_owned(),
            Some(_) => return,
            None if self.pulse.is_silent(now) => {
                format!("It gave no sign of life for {} ms.", self.pulse.patience().as_millis())
            }
            None => return,
        };
        journal::error("worker-killed", &why);
        let _ = self.worker.kill();
        self.killed = Some(why);
        // SIGCHLD follows.
        self.ends_by = Some(now + ORDERLY_END);
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_worker_ends_like_in_a_shell() {
        let of = |raw| format!("{:?}", exit_code(ExitStatus::from_raw(raw)));
        let code = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(of(0), code(0));
        assert_eq!(of(2 << 8), code(2));
        assert_eq!(of(9), code(137));
    }
}
