//! Requests are worked off one after the other on a thread of their own, so that a long load or a detach that waits for
//! stdout keeps neither the lease nor the credits waiting. What only looks at the host (maps, inventory, symbols) goes on to
//! a second thread: a walk over a million entries must not keep a detach waiting.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use ringside_bpf::os;
use ringside_proto::framing::{FrameType, Head, MAX_PAYLOAD};
use ringside_proto::{Message, messages as pb};

use crate::audit::{self, Who};
use crate::blobs::{Blob, Blobs};
use crate::failure::{Answer, Failure};
use crate::guard::Commitments;
use crate::journal;
use crate::kept::Kept;
use crate::limits::{Trip, Watchdog};
use crate::output::Output;
use crate::rpc::{self, Answered, Lookup};
use crate::session::Session;
use crate::stream::drain::Drain;
use crate::watch::Watches;

/// Requests that may wait at a time.
const MOST_WAITING: usize = 256;
/// Without a lookup for this long, none is expected soon.
const QUIET: Duration = Duration::from_millis(500);
/// How often CPUs that come and go are looked for, while something is attached CPU by CPU.
const LOOK_AT_CPUS: Duration = Duration::from_secs(1);

enum Job {
    Request { id: u32, payload: Vec<u8>, cancelled: Arc<AtomicBool> },
    ShutDown { done: SyncSender<()>, why: pb::Bye },
    RollBack { object: u32 },
    TakenOver { who: Who },
}

/// The connection's side.
pub struct Requests {
    jobs: SyncSender<Job>,
    shared: Arc<Shared>,
    drain: Arc<Drain>,
    commitments: Arc<Commitments>,
}

#[derive(Default)]
struct Shared {
    pending: Mutex<HashMap<u32, Arc<AtomicBool>>>,
    blobs: Mutex<Blobs>,
    /// The run that outlives its client.
    kept: Mutex<Option<Arc<Kept>>>,
    attached: AtomicBool,
}

/// What a request's handler may use besides the session.
pub struct Context<'a> {
    pub id: u32,
    pub output: &'a Output,
    pub drain: &'a Drain,
    pub kept: &'a Mutex<Option<Arc<Kept>>>,
    blobs: &'a Mutex<Blobs>,
    cancelled: &'a AtomicBool,
}

impl Context<'_> {
    /// Call it between the steps of anything that takes long.
    pub fn check_cancelled(&self) -> Answer<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Failure::cancelled()) } else { Ok(()) }
    }

    pub fn blob(&self, id: u32) -> Answer<Arc<Blob>> {
        locked(self.blobs).get(id).ok_or_else(|| Failure::new("protocol", format!("No blob {id} was sent.")))
    }

    pub fn progress(&self, step: impl Into<String>, done: u64, total: u64) {
        let progress = pb::Progress { step: step.into(), done, total };
        self.output.send_message(Head::new(FrameType::Progress).aux(self.id), &progress);
    }

    /// Sends bytes ahead of the answer. 0 for none.
    pub fn send_blob(&self, bytes: &[u8]) -> Answer<u32> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.output
            .write_blob(bytes)
            .map_err(|error| Failure::new("agent-internal", format!("Standard output: {error}.")))
    }
}

impl Requests {
    pub fn start(output: Arc<Output>, watchdog: Arc<Watchdog>) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::sync_channel(MOST_WAITING);
        let shared = Arc::new(Shared::default());
        let drain = Arc::new(Drain::start(Arc::clone(&output))?);
        let replies = Replies { output, shared: Arc::clone(&shared), drain: Arc::clone(&drain) };
        let (lookups, looking) = mpsc::sync_channel(MOST_WAITING);
        let commitments = Arc::new(Commitments::default());
        let worker = Worker { replies: replies.clone(), lookups, commitments: Arc::clone(&commitments) };
        thread::Builder::new().name("requests".into()).spawn(move || worker.work(&waiting, watchdog))?;
        thread::Builder::new().name("lookups".into()).spawn(move || replies.look_up(&looking))?;
        Ok(Self { jobs, shared, drain, commitments })
    }

    /// Takes a request, or says in which way it breaks the protocol.
    pub fn submit(&self, id: u32, payload: Vec<u8>) -> Result<(), String> {
        if id == 0 {
            return Err("a request without an id".into());
        }
        let cancelled = Arc::new(AtomicBool::new(false));
        if locked(&self.shared.pending).insert(id, Arc::clone(&cancelled)).is_some() {
            return Err(format!("request id {id} is in use"));
        }
        self.jobs.try_send(Job::Request { id, payload, cancelled }).map_err(|error| match error {
            TrySendError::Full(_) => format!("more than {MOST_WAITING} requests at a time"),
            TrySendError::Disconnected(_) => "the agent ends".into(),
        })
    }

    /// Nothing happens when the request is already answered.
    pub fn cancel(&self, id: u32) {
        if let Some(cancelled) = locked(&self.shared.pending).get(&id) {
            cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// Detaches what was not committed in time. What cannot even be told to is told by [`Commitments::keep`].
    pub fn roll_back(&self, object: u32) {
        let _ = self.jobs.try_send(Job::RollBack { object });
    }

    /// The kept run has another client.
    pub fn taken_over(&self, who: Who) {
        let _ = self.jobs.try_send(Job::TakenOver { who });
    }

    pub fn commitments(&self) -> &Commitments {
        &self.commitments
    }

    pub fn grant(&self, stream: u16, bytes: u32) {
        self.drain.grant(stream, bytes);
    }

    pub fn push_blob(&self, id: u32, chunk: &[u8], last: bool) -> bool {
        locked(&self.shared.blobs).push(id, chunk, last)
    }

    /// The run that outlives this client, if one does.
    pub fn kept(&self) -> Option<Arc<Kept>> {
        locked(&self.shared.kept).clone()
    }

    /// It ends with its client, or now.
    pub fn keep_no_longer(&self) {
        locked(&self.shared.kept).take();
    }

    pub fn is_attached(&self) -> bool {
        self.shared.attached.load(Ordering::Relaxed)
    }

    /// Lets go of a client that is gone: its requests are cancelled, its streams stand still, its blobs are forgotten.
    pub fn park(&self, patience: Duration) {
        locked(&self.shared.pending).values().for_each(|cancelled| cancelled.store(true, Ordering::Relaxed));
        self.drain.hold();
        let until = Instant::now() + patience;
        while !self.is_idle() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        locked(&self.shared.pending).clear();
        *locked(&self.shared.blobs) = Blobs::default();
    }

    /// True when every request is answered.
    pub fn is_idle(&self) -> bool {
        locked(&self.shared.pending).is_empty()
    }

    /// Cancels what runs and detaches everything, within `patience`.
    pub fn shut_down(&self, patience: Duration, why: pb::Bye) {
        for cancelled in locked(&self.shared.pending).values() {
            cancelled.store(true, Ordering::Relaxed);
        }
        let (done, finished) = mpsc::sync_channel(1);
        if self.jobs.try_send(Job::ShutDown { done, why }).is_ok() {
            let _ = finished.recv_timeout(patience);
        }
    }
}

/// The side of the thread that changes things.
struct Worker {
    replies: Replies,
    lookups: SyncSender<LookupJob>,
    commitments: Arc<Commitments>,
}

struct LookupJob {
    id: u32,
    lookup: Lookup,
    cancelled: Arc<AtomicBool>,
}

impl Worker {
    fn work(&self, waiting: &Receiver<Job>, watchdog: Arc<Watchdog>) {
        watchdog.looks_after_me();
        let mut session = Session::new(Arc::clone(&self.commitments), watchdog);
        let mut looked = Instant::now();
        loop {
            match next(waiting, &session, looked) {
                Ok(Job::Request { id, payload, cancelled }) => self.answer(&mut session, id, &payload, cancelled),
                Ok(Job::RollBack { object }) => {
                    session.roll_back(object).into_iter().for_each(|trip| self.note(&mut session, object, trip));
                }
                Ok(Job::TakenOver { who }) => self.taken_over(&mut session, who),
                Ok(Job::ShutDown { done, why }) => {
                    let attached = session.attached();
                    drop(std::mem::take(&mut session));
                    attached.iter().for_each(|(id, about)| audit::stopped(*id, about, &why.code, &why.message));
                    audit::flush();
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if looked.elapsed() >= LOOK_AT_CPUS && session.is_per_cpu() {
                session.follow_cpus();
                looked = Instant::now();
            }
            if session.keep_limits_in_time() {
                audit::retry();
            }
            for (object_id, trip) in session.take_tripped() {
                self.note(&mut session, object_id, trip);
            }
            self.replies.shared.attached.store(session.is_attached(), Ordering::Relaxed);
        }
    }

    fn taken_over(&self, session: &mut Session, who: Who) {
        let kept = locked(&self.replies.shared.kept).clone();
        if let Some(kept) = kept
            && let Ok(loaded) = session.get(kept.object_id)
        {
            audit::adopted(kept.object_id, &loaded.about, &kept.about().run, who);
        }
    }

    /// Also for a client that comes later.
    fn note(&self, session: &mut Session, object_id: u32, trip: Trip) {
        let stopped = trip.message(object_id);
        if let Ok(loaded) = session.get(object_id) {
            loaded.stopped = Some(stopped.clone());
            audit::stopped(object_id, &loaded.about, &stopped.code, &stopped.message);
        }
        self.stopped(stopped);
    }

    /// Tells the client that an object is detached.
    fn stopped(&self, stopped: pb::Stopped) {
        journal::info(&stopped.code, &stopped.message);
        let event = pb::Event { event: Some(pb::event::Event::Stopped(stopped)) };
        self.replies.output.send_when_room(Head::new(FrameType::Event), event.encode_to_vec());
    }

    fn answer(&self, session: &mut Session, id: u32, payload: &[u8], cancelled: Arc<AtomicBool>) {
        let context = self.replies.context(id, &cancelled);
        let answered = match pb::Request::decode(payload) {
            Err(error) => Err(Failure::new("protocol", format!("The request cannot be read: {error}."))),
            Ok(request) => context.check_cancelled().and_then(|()| rpc::handle(session, &context, request)),
        };
        match answered {
            Ok(Answered::Now(outcome)) => self.replies.send(&context, Ok(*outcome)),
            Ok(Answered::Later(lookup)) => {
                // At most as many wait as requests may be under way, so this never blocks for long.
                let _ = self.lookups.send(LookupJob { id, lookup, cancelled: Arc::clone(&cancelled) });
            }
            Err(failure) => self.replies.send(&context, Err(failure)),
        }
    }
}

/// Sleeps without end where nothing has to be looked after.
fn next(waiting: &Receiver<Job>, session: &Session, looked: Instant) -> Result<Job, RecvTimeoutError> {
    let cpus = session.is_per_cpu().then(|| LOOK_AT_CPUS.saturating_sub(looked.elapsed()));
    let limits = session.is_attached().then(|| session.watchdog().until_due());
    match cpus.into_iter().chain(limits).min() {
        Some(time) => waiting.recv_timeout(time),
        None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

/// What both threads need to answer.
#[derive(Clone)]
struct Replies {
    output: Arc<Output>,
    shared: Arc<Shared>,
    drain: Arc<Drain>,
}

impl Replies {
    fn context<'a>(&'a self, id: u32, cancelled: &'a AtomicBool) -> Context<'a> {
        let Shared { blobs, kept, .. } = &*self.shared;
        Context { id, output: &self.output, drain: &self.drain, kept, blobs, cancelled }
    }

    /// The life of the thread that only looks.
    fn look_up(&self, looking: &Receiver<LookupJob>) {
        let mut watches = Watches::default();
        while let Some(LookupJob { id, lookup, cancelled }) = next_lookup(looking) {
            let context = self.context(id, &cancelled);
            let answer = context.check_cancelled().and_then(|()| lookup(&mut watches, &context));
            self.send(&context, answer.map(rpc::Outcome::of));
        }
    }

    fn send(&self, context: &Context<'_>, answer: Answer<rpc::Outcome>) {
        let outcome = answer.unwrap_or_else(|failure| {
            // A log that cannot be sent is no reason to keep the failure back.
            let log = context.send_blob(&failure.log).unwrap_or(0);
            rpc::Outcome::of(pb::response::Response::Error(failure.into_message(log)))
        });
        locked(&self.shared.pending).remove(&context.id);
        let mut response = pb::Response { response: Some(outcome.response) };
        if response.encoded_len() > MAX_PAYLOAD {
            // A client that is gone gets neither the blob nor the answer.
            let blob = context.send_blob(&response.encode_to_vec()).unwrap_or(0);
            response = pb::Response { response: Some(pb::response::Response::Large(pb::LargeResponse { blob })) };
        }
        self.output.send_when_room(Head::new(FrameType::Response).aux(context.id), response.encode_to_vec());
        if let Some(then) = outcome.then {
            then(&self.drain);
        }
    }
}

/// Waits for a lookup. When none comes for a while, what the last ones have used is given back: lists of a kernel's
/// functions are megabytes, and the agent may idle for hours. None when the agent ends.
fn next_lookup(looking: &Receiver<LookupJob>) -> Option<LookupJob> {
    match looking.recv_timeout(QUIET) {
        Ok(job) => Some(job),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => {
            os::give_back_heap();
            looking.recv().ok()
        }
    }
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
