//! The thread that never blocks: frames from stdin, signals, the lease. It decides when the agent ends.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ringside_bpf::os;
use ringside_proto::framing::{Decoder, Frame, FrameType, Head, LAST_CHUNK};
use ringside_proto::{Message, PROTOCOL_MAJOR, messages as pb};

use crate::journal;
use crate::lease::{Due, Lease};
use crate::output::Output;
use crate::requests::Requests;
use crate::rpc::host;
use crate::supervisor::{Beats, Silence};

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
    Protocol(String),
}

impl End {
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Client | Self::StdinClosed | Self::OutputBroken | Self::Signal => 0,
            Self::LeaseExpired(_) | Self::SupervisorStopped => 1,
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
}

impl Connection {
    /// Starts the other threads and greets the client.
    pub fn open(stdin: File, signals: OwnedFd, output: Arc<Output>, beats: Option<Beats>) -> io::Result<Self> {
        let (output_broke, breaking) = io::pipe()?;
        output.write_magic()?;
        output.send_message(Head::new(FrameType::Hello), &host::hello(beats.as_ref().map_or(0, Beats::supervisor)));
        let answering = Arc::clone(&output);
        thread::Builder::new().name("answers".into()).spawn(move || {
            let result = answering.write_answers();
            journal::info("output-ended", &format!("{result:?}"));
            // Closing the pipe wakes the connection.
            drop(breaking);
        })?;
        let requests = Requests::start(Arc::clone(&output))?;
        let lease = Lease::new(Instant::now());
        let decoder = Decoder::default();
        Ok(Self { stdin, signals, output_broke, output, requests, decoder, lease, beats, greeted: false })
    }

    /// Serves to the end.
    pub fn serve(mut self) -> End {
        let end = self.serve_frames();
        self.finish(end)
    }

    /// Detaches everything and says goodbye.
    pub fn finish(self, end: End) -> End {
        self.requests.shut_down(DETACH_PATIENCE);
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

    /// One process does not run on without the other.
    fn keep_beating(&mut self, now: Instant) -> Result<(), End> {
        let Some(beats) = &mut self.beats else { return Ok(()) };
        beats.agree(self.lease.length());
        beats.keep(now).map_err(|silence| match silence {
            Silence::Gone => End::Signal,
            Silence::Stopped => End::SupervisorStopped,
        })
    }

    fn until_next(&self, now: Instant) -> Duration {
        let lease = self.lease.until_next(now);
        self.beats.as_ref().map_or(lease, |beats| beats.until_next(now).min(lease))
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
        self.greeted = true;
        Ok(())
    }
}
