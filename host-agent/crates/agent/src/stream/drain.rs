//! The thread that empties rings. It sleeps while there is nothing to read from, else drains on a timer.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use ringside_bpf::prints::Prints;

use super::loss::Writers;
use super::pace;
use super::prints::{PrintSource, Printer};
use super::{Policy, Source, Stream};
use crate::clocks::Clocks;
use crate::journal;
use crate::output::Output;

/// How long a half-written record may hold up the end of a stream: its program ran to its end long before, so the
/// record was never submitted.
const UNFINISHED_PATIENCE: Duration = Duration::from_millis(500);
/// How often counts are settled that cost a system call each.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

pub enum Command {
    Open(Box<dyn Source>),
    FollowPrints(Prints),
    AddPrinter(Printer),
    /// Other programs will write into these streams as well. Answers when that is taken into account.
    Widen {
        streams: Vec<u16>,
        writers: Writers,
        done: SyncSender<()>,
    },
    /// Answers once everything that waits in these streams, and every print, is written.
    Finish {
        streams: Vec<u16>,
        done: SyncSender<()>,
    },
    Close {
        streams: Vec<u16>,
        object: u32,
        done: SyncSender<()>,
    },
}

/// The handle that the other threads have.
pub struct Drain {
    inbox: Arc<Inbox>,
    streams: Mutex<HashMap<u16, Arc<Stream>>>,
}

#[derive(Default)]
struct Inbox {
    mail: Mutex<Mail>,
    arrived: Condvar,
}

#[derive(Default)]
struct Mail {
    commands: Vec<Command>,
    credits_came: bool,
    /// Nobody has the handle any more.
    closed: bool,
}

impl Drop for Drain {
    fn drop(&mut self) {
        locked(&self.inbox.mail).closed = true;
        self.inbox.arrived.notify_one();
    }
}

impl Drain {
    pub fn start(output: Arc<Output>) -> io::Result<Self> {
        let inbox = Arc::new(Inbox::default());
        let worker = Worker::new(output, Arc::clone(&inbox));
        thread::Builder::new().name("drain".into()).spawn(move || {
            if let Err(error) = worker.work() {
                journal::info("drain-ended", &error.to_string());
            }
        })?;
        Ok(Self { inbox, streams: Mutex::default() })
    }

    pub fn send(&self, command: Command) {
        locked(&self.inbox.mail).commands.push(command);
        self.inbox.arrived.notify_one();
    }

    /// Makes the stream known, so that credits reach it.
    pub fn register(&self, stream: &Arc<Stream>) {
        locked(&self.streams).insert(stream.id, Arc::clone(stream));
    }

    /// Lets every stream stand still until it is given credits.
    pub fn hold(&self) {
        locked(&self.streams).values().for_each(|stream| stream.hold());
    }

    pub fn forget(&self, streams: &[u16]) {
        locked(&self.streams).retain(|id, _| !streams.contains(id));
    }

    /// Credits for a stream that is gone are ignored: they crossed its end on the way.
    pub fn grant(&self, stream: u16, bytes: u32) {
        let waited = locked(&self.streams).get(&stream).is_some_and(|stream| stream.grant(bytes));
        if waited {
            locked(&self.inbox.mail).credits_came = true;
            self.inbox.arrived.notify_one();
        }
    }
}

struct Worker {
    output: Arc<Output>,
    inbox: Arc<Inbox>,
    sources: Vec<Box<dyn Source>>,
    prints: Option<PrintSource>,
    finishing: Vec<Finishing>,
    pace: Duration,
    settled: Instant,
    clocks: Clocks,
}

struct Finishing {
    streams: Vec<u16>,
    done: SyncSender<()>,
    /// What waited at the last look, and since when it is the same.
    waiting: (u64, Instant),
}

impl Worker {
    fn new(output: Arc<Output>, inbox: Arc<Inbox>) -> Self {
        Self {
            output,
            inbox,
            sources: Vec::new(),
            prints: None,
            finishing: Vec::new(),
            pace: pace::FASTEST,
            settled: Instant::now(),
            clocks: Clocks::new(),
        }
    }

    fn work(mut self) -> io::Result<()> {
        let mut at_once = false;
        loop {
            let Some(commands) = self.wait(at_once) else { return Ok(()) };
            for command in commands {
                self.obey(command);
            }
            at_once = match self.drain_all() {
                Ok(more) => more,
                // The client is gone. Of a run that is kept another takes its place.
                Err(_) if self.output.wait_for_client() => false,
                Err(error) => return Err(error),
            };
            self.finish();
        }
    }

    /// Sleeps for the current pace, or until there is mail; without anything to read from, for ever. None at the end.
    fn wait(&self, at_once: bool) -> Option<Vec<Command>> {
        let until = Instant::now() + self.interval();
        let idle = self.sources.is_empty() && self.prints.is_none() && self.finishing.is_empty();
        let mut mail = locked(&self.inbox.mail);
        while mail.commands.is_empty() && !mail.credits_came && !mail.closed && !at_once {
            let left = until.saturating_duration_since(Instant::now());
            mail = match idle {
                true => self.inbox.arrived.wait(mail).unwrap_or_else(|poisoned| poisoned.into_inner()),
                false if left.is_zero() => break,
                false => self
                    .inbox
                    .arrived
                    .wait_timeout(mail, left)
                    .map_or_else(|poisoned| poisoned.into_inner().0, |(mail, _)| mail),
            };
        }
        mail.credits_came = false;
        (!mail.closed).then(|| std::mem::take(&mut mail.commands))
    }

    /// The adaptive pace, or the fastest that any stream asks for.
    fn interval(&self) -> Duration {
        let fixed = self.sources.iter().map(|source| source.fixed_pace_ms()).filter(|ms| *ms != 0).min();
        let adaptive = self.sources.iter().any(|source| source.fixed_pace_ms() == 0) || self.prints.is_some();
        match fixed.map(|ms| Duration::from_millis(ms.into())) {
            Some(fixed) if adaptive => fixed.min(self.pace),
            Some(fixed) => fixed,
            None => self.pace,
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open(source) => self.sources.push(source),
            Command::FollowPrints(prints) => self.prints.get_or_insert_default().follow(prints),
            Command::AddPrinter(printer) => self.prints.get_or_insert_default().add(printer),
            Command::Widen { streams, writers, done } => {
                let mine = self.sources.iter_mut().filter(|source| streams.contains(&source.stream().id));
                mine.for_each(|source| source.widen(writers));
                let _ = done.try_send(());
            }
            Command::Finish { streams, done } => {
                if let Some(prints) = &mut self.prints {
                    prints.hear_last_words();
                }
                self.finishing.push(Finishing { streams, done, waiting: (u64::MAX, Instant::now()) });
            }
            Command::Close { streams, object, done } => {
                self.sources.retain(|source| !streams.contains(&source.stream().id));
                if self.prints.as_mut().is_some_and(|prints| !prints.remove(object)) {
                    self.prints = None;
                }
                let _ = done.try_send(());
            }
        }
    }

    /// Visits every stream. True when one has more than it could send in its turn.
    fn drain_all(&mut self) -> io::Result<bool> {
        if !self.sources.is_empty() {
            self.clocks.check(&self.output)?;
        }
        let (mut more, mut fullest) = (false, 0.0_f64);
        for source in &mut self.sources {
            let visit = source.drain(&self.output)?;
            more |= visit.more;
            // A stream that waits for credits is woken by them: reading faster would not help, but to make room.
            if !visit.paused || source.stream().policy == Policy::DropOldest {
                fullest = fullest.max(visit.found as f64 / source.stream().ring_bytes.max(1) as f64);
            }
        }
        if let Some(prints) = &mut self.prints
            && prints.drain(&self.output)?
        {
            fullest = fullest.max(f64::MIN_POSITIVE);
        }
        if self.settled.elapsed() >= SETTLE_EVERY {
            self.settled = Instant::now();
            for source in &mut self.sources {
                source.settle(&self.output);
            }
        }
        self.pace = pace::next(self.pace, fullest);
        Ok(more)
    }

    /// Answers those whose streams are empty by now.
    fn finish(&mut self) {
        let (sources, output) = (&mut self.sources, &self.output);
        self.finishing.retain_mut(|finishing| {
            let mine = |source: &&mut Box<dyn Source>| finishing.streams.contains(&source.stream().id);
            let waiting: u64 = sources.iter_mut().filter(mine).map(|source| source.waiting()).sum();
            if waiting != finishing.waiting.0 {
                finishing.waiting = (waiting, Instant::now());
            }
            let paused = sources.iter_mut().filter(mine).any(|source| source.stream().is_waiting());
            let stuck = !paused && finishing.waiting.1.elapsed() > UNFINISHED_PATIENCE;
            if waiting != 0 && !stuck {
                return true;
            }
            for source in sources.iter_mut().filter(mine) {
                source.settle(output);
            }
            let _ = finishing.done.try_send(());
            false
        });
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
