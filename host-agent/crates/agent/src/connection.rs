//! The thread that never blocks: frames from stdin, signals, the lease. It decides when the agent ends.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ringside_bpf::{os, process};
use ringside_proto::framing::{Decoder, Frame, FrameType, Head, LAST_CHUNK};
use ringside_proto::{Message, PROTOCOL_MAJOR, messages as pb};

use crate::journal;
use crate::kept::{self, Kept, Woken};
use crate::lease::{Due, Lease};
use crate::limits::Watchdog;
use crate::output::Output;
use crate::privilege;
use crate::requests::Requests;
use crate::rpc::host;
use crate::supervisor::{self, Beats, Silence};

/// How long an orderly end may take before the process leaves anyway; the kernel then detaches in its place.
const LAST_WORDS: Duration = Duration::from_millis(300);
const DETACH_PATIENCE: Duration = Duration::from_secs(2);

/// Why the agent ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Client,
    StdinClosed,
    OutputBroken,
    LeaseExpired(Duration),
    Signal,
    /// The supervisor does not answer.
    SupervisorStopped,
    /// What is attached denies this process the way to its supervisor.
    Denied,
    /// Another client takes the run over.
    Adopted,
    /// Of a run that was kept: its time is over.
    KeptTimeOver,
    /// Of a run that was kept: nothing of it is attached any more.
    NothingToKeep,
    /// What may have cut the connection was not committed, and could not be detached otherwise.
    NotCommitted,
    Protocol(String),
}

impl End {
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Client | Self::StdinClosed | Self::OutputBroken | Self::Signal => 0,
            Self::Adopted | Self::KeptTimeOver | Self::NothingToKeep => 0,
            Self::LeaseExpired(_) | Self::SupervisorStopped | Self::Denied | Self::NotCommitted => 1,
            Self::Protocol(_) => 2,
        }
    }

    fn bye(&self) -> pb::Bye {
        let (code, message) = match self {
            Self::Client => ("client", "As asked.".to_owned()),
            Self::StdinClosed => ("stdin-closed", "Standard input has ended.".to_owned()),
            Self::OutputBroken => ("stdin-closed", "Nobody reads standard output.".to_owned()),
            Self::LeaseExpired(length) => {
                ("lease-expired", format!("Nothing was heard from the client for {} ms.", length.as_millis()))
            }
            Self::Signal => ("signal", "Asked to end by a signal, or the parent process is gone.".to_owned()),
            Self::SupervisorStopped => ("supervisor", "The agent's supervisor has been stopped.".to_owned()),
            Self::Denied => ("agent-denied", privilege::DENIED.to_owned()),
            Self::Adopted => ("adopted", "Another client has taken the run over.".to_owned()),
            Self::KeptTimeOver => ("kept", "The run's time is over.".to_owned()),
            Self::NothingToKeep => ("kept", "Nothing of the run is attached any more.".to_owned()),
            Self::NotCommitted => (
                "rolled-back",
                "What may cut the connection was not committed in time; everything is detached.".to_owned(),
            ),
            Self::Protocol(message) => ("protocol", message.clone()),
        };
        pb::Bye { code: code.to_owned(), message }
    }
}

pub struct Connection {
    stdin: File,
    signals: OwnedFd,
    output_broke: PipeReader,
    output: Arc<Output>,
    requests: Requests,
    decoder: Decoder,
    lease: Lease,
    /// None without a supervisor.
    beats: Option<Beats>,
    greeted: bool,
    /// The run that outlives the client.
    kept: Option<Arc<Kept>>,
    /// The process that handed over the pipes of a client that took the run over.
    adopter: Option<UnixStream>,
    /// A client that takes the run over now.
    next: Option<kept::Client>,
}

impl Connection {
    /// Starts the other threads and greets the client.
    pub fn open(
        stdin: File,
        signals: OwnedFd,
        output: Arc<Output>,
        beats: Option<Beats>,
        watchdog: Arc<Watchdog>,
    ) -> io::Result<Self> {
        output.write_magic()?;
        output.send_message(Head::new(FrameType::Hello), &hello(beats.as_ref()));
        let output_broke = answer(&output)?;
        let requests = Requests::start(Arc::clone(&output), watchdog)?;
        let lease = Lease::new(Instant::now());
        let decoder = Decoder::default();
        let (greeted, kept, adopter, next) = (false, None, None, None);
        Ok(Self { stdin, signals, output_broke, output, requests, decoder, lease, beats, greeted, kept, adopter, next })
    }

    /// Serves to the end; of a run that is kept, one client after the other.
    pub fn serve(mut self) -> End {
        let mut end = self.serve_frames();
        while let Some(kept) = self.goes_on_after(&end) {
            end = match self.next_client(&kept, &end) {
                Ok(client) => match self.take_over(client) {
                    Ok(()) => self.serve_frames(),
                    Err(error) => End::Protocol(format!("another client cannot be served: {error}")),
                },
                Err(over) => {
                    self.finish(over.clone());
                    return over;
                }
            };
        }
        self.finish(end)
    }

    /// The run that is kept when the client goes in this way.
    fn goes_on_after(&self, end: &End) -> Option<Arc<Kept>> {
        match end {
            End::Signal | End::SupervisorStopped | End::Denied => None,
            End::KeptTimeOver | End::NothingToKeep | End::NotCommitted => None,
            // What may cut connections, and may have cut this one, does not stay behind it.
            other => {
                let orderly = matches!(other, End::Client | End::Adopted);
                self.requests.commitments().may_stay(orderly).then(|| self.requests.kept())?
            }
        }
    }

    /// Lets go of the client, and waits for another. Otherwise why the run is over.
    fn next_client(&mut self, kept: &Arc<Kept>, end: &End) -> Result<kept::Client, End> {
        if !matches!(end, End::OutputBroken | End::StdinClosed) {
            let bye = match end {
                End::Client => pb::Bye { code: "kept".into(), message: "The run goes on.".into() },
                other => other.bye(),
            };
            self.output.send_message(Head::new(FrameType::Bye), &bye);
            self.output.flush(LAST_WORDS);
        }
        self.requests.park(DETACH_PATIENCE);
        self.output.park();
        // Its pipes, and whoever brought them, are let go of: a session of sshd ends only then.
        (self.adopter, self.decoder, self.greeted) = (None, Decoder::default(), false);
        if let Ok(nothing) = File::open("/dev/null") {
            self.stdin = nothing;
        }
        let _ = process::release_stdio();
        if let Some(client) = self.next.take() {
            return Ok(client);
        }
        let attached = || self.requests.is_attached();
        match kept::wait(kept, &self.signals, &mut self.beats, attached) {
            Woken::Client(client) => Ok(client),
            Woken::Expired => Err(End::KeptTimeOver),
            Woken::NothingAttached => Err(End::NothingToKeep),
            Woken::Signal => Err(End::Signal),
            Woken::SupervisorStopped => Err(End::SupervisorStopped),
        }
    }

    fn take_over(&mut self, client: kept::Client) -> io::Result<()> {
        self.requests.taken_over(client.who);
        self.stdin = client.stdin;
        self.adopter = Some(client.adopter);
        self.lease = Lease::new(Instant::now());
        self.output.reopen(client.stdout, &hello(self.beats.as_ref()))?;
        self.output.give_up_when_parked();
        self.output_broke = answer(&self.output)?;
        Ok(())
    }

    /// Detaches everything and says goodbye.
    pub fn finish(self, end: End) -> End {
        self.requests.shut_down(DETACH_PATIENCE, end.bye());
        self.requests.keep_no_longer();
        if end != End::OutputBroken {
            self.output.send_message(Head::new(FrameType::Bye), &end.bye());
            self.output.flush(LAST_WORDS);
        }
        if let (End::SupervisorStopped, Some(beats)) = (&end, &self.beats) {
            beats.end_supervisor();
        }
        end
    }

    fn serve_frames(&mut self) -> End {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            if let Err(end) = self.keep_commitments(Instant::now()) {
                return end;
            }
            match self.lease.check(Instant::now()) {
                Due::Expired => return End::LeaseExpired(self.lease.length()),
                Due::Ping if self.greeted => self.output.send_ping(),
                Due::Ping | Due::Nothing => {}
            }
            if let Err(end) = self.keep_beating(Instant::now()) {
                return end;
            }
            let mut watched = vec![self.stdin.as_fd(), self.signals.as_fd(), self.output_broke.as_fd()];
            watched.extend(self.beats.as_ref().map(Beats::fd));
            let others = watched.len();
            watched.extend(self.adopter.as_ref().map(AsFd::as_fd));
            watched.extend(self.kept.as_ref().map(|kept| kept.fd()));
            let ready = match os::poll_readable(&watched, Some(self.until_next(Instant::now()))) {
                Ok(ready) => ready,
                Err(error) => return End::Protocol(format!("cannot wait for input: {error}")),
            };
            if ready[1].readable {
                return End::Signal;
            }
            if ready[2].hung_up || ready[2].readable {
                return End::OutputBroken;
            }
            if let Some(end) = self.other_client(&ready[others..]) {
                return end;
            }
            if !(ready[0].readable || ready[0].hung_up) {
                continue;
            }
            let taken = match self.stdin.read(&mut bytes) {
                Ok(0) => Err(End::StdinClosed),
                Ok(length) => self.take_bytes(&bytes[..length]),
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => Ok(()),
                Err(_) => Err(End::StdinClosed),
            };
            if let Err(end) = taken {
                return end;
            }
        }
    }

    /// What the process that brought this client, and the place where another may wait, have to say.
    fn other_client(&mut self, ready: &[os::Ready]) -> Option<End> {
        let (brought, waits) = ready.split_at(usize::from(self.adopter.is_some()).min(ready.len()));
        if brought.iter().any(|ready| ready.hung_up) {
            return Some(End::StdinClosed);
        }
        let kept = Arc::clone(self.kept.as_ref()?);
        if !waits.first()?.readable {
            return None;
        }
        match kept::accept(&kept) {
            Ok(client) => {
                self.next = Some(client);
                Some(End::Adopted)
            }
            Err(error) => {
                journal::info("not-adopted", &error.to_string());
                None
            }
        }
    }

    /// Sees a run that is kept from now on. One whose time is over while somebody watches it is an ordinary one again.
    fn look_at_kept(&mut self) {
        let kept = self.requests.kept();
        let is_over = kept.as_ref().is_some_and(|kept| kept.left().is_zero());
        if is_over {
            self.requests.keep_no_longer();
            supervisor::keep_run(Duration::ZERO);
        }
        self.kept = kept.filter(|_| !is_over);
    }

    /// One process does not run on without the other.
    fn keep_beating(&mut self, now: Instant) -> Result<(), End> {
        self.look_at_kept();
        let Some(beats) = &mut self.beats else { return Ok(()) };
        beats.agree(self.lease.patience());
        beats.keep(now).map_err(|silence| match silence {
            Silence::Gone => End::Signal,
            Silence::Stopped => End::SupervisorStopped,
            Silence::Denied => End::Denied,
        })
    }

    /// What is not committed in time goes, and if the whole agent has to.
    fn keep_commitments(&mut self, now: Instant) -> Result<(), End> {
        let kept = self.requests.commitments().keep(now);
        kept.to_roll_back.into_iter().for_each(|object| self.requests.roll_back(object));
        self.lease.shorten(kept.lease);
        if kept.overdue { Err(End::NotCommitted) } else { Ok(()) }
    }

    fn until_next(&self, now: Instant) -> Duration {
        let lease = self.lease.until_next(now);
        let commitments = self.requests.commitments().until_next(now);
        let beats = self.beats.as_ref().map(|beats| beats.until_next(now));
        commitments.into_iter().chain(beats).fold(lease, Duration::min)
    }

    /// Acts on every frame that these bytes complete.
    pub fn take_bytes(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.decoder.push(bytes);
        while let Some(frame) = self.decoder.next_frame().map_err(|error| End::Protocol(error.to_string()))? {
            self.lease.renew(Instant::now());
            self.take(frame)?;
        }
        Ok(())
    }

    /// True when every request is answered.
    pub fn is_idle(&self) -> bool {
        self.requests.is_idle()
    }

    fn take(&mut self, frame: Frame) -> Result<(), End> {
        let Frame { head, payload } = frame;
        if !self.greeted && !matches!(head.kind, FrameType::HelloAck | FrameType::Bye) {
            return Err(End::Protocol(format!("{:?} before HELLO_ACK", head.kind)));
        }
        match head.kind {
            FrameType::HelloAck => self.greet(&payload),
            FrameType::Request => self.requests.submit(head.aux, payload).map_err(End::Protocol),
            FrameType::Cancel => {
                self.requests.cancel(head.aux);
                Ok(())
            }
            FrameType::Ping => match self.output.send(Head::new(FrameType::Pong).aux(head.aux), Vec::new()) {
                true => Ok(()),
                false => Err(End::Protocol("the client asks on without reading any answer".into())),
            },
            FrameType::Pong => Ok(()),
            FrameType::Credit => {
                self.requests.grant(head.stream, head.aux);
                Ok(())
            }
            FrameType::Blob => match self.requests.push_blob(head.aux, &payload, head.flags & LAST_CHUNK != 0) {
                true => Ok(()),
                false => Err(End::Protocol("blobs of more than 64 MiB".into())),
            },
            FrameType::Bye => Err(End::Client),
            FrameType::Hello | FrameType::Response | FrameType::Progress | FrameType::Data | FrameType::Event => {
                Err(End::Protocol(format!("{:?} goes from the agent to the client only", head.kind)))
            }
        }
    }

    fn greet(&mut self, payload: &[u8]) -> Result<(), End> {
        let ack = pb::HelloAck::decode(payload).map_err(|error| End::Protocol(format!("HELLO_ACK: {error}")))?;
        if ack.protocol_major != PROTOCOL_MAJOR {
            let theirs = ack.protocol_major;
            return Err(End::Protocol(format!("the client speaks protocol {theirs}, this agent {PROTOCOL_MAJOR}")));
        }
        self.lease.agree(ack.heartbeat_ms, ack.lease_ms);
        if ack.read_only {
            crate::privilege::read_only::enter();
        }
        self.greeted = true;
        Ok(())
    }
}

fn hello(beats: Option<&Beats>) -> pb::Hello {
    host::hello(beats.map_or(0, Beats::supervisor))
}

/// Starts the thread that writes answers to a client. The result is closed when it does not read any more.
fn answer(output: &Arc<Output>) -> io::Result<PipeReader> {
    let (output_broke, breaking) = io::pipe()?;
    let answering = Arc::clone(output);
    thread::Builder::new().name("answers".into()).spawn(move || {
        let result = answering.write_answers();
        journal::info("output-ended", &format!("{result:?}"));
        // Closing the pipe wakes the connection.
        drop(breaking);
    })?;
    Ok(output_broke)
}
