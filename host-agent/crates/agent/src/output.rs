//! The one way to stdout.
//!
//! Control frames wait in a queue that whoever holds the wire empties first, so an answer waits for at most one frame of
//! data (≤ 256 KiB). Data and blobs are written by the thread that has them, straight from where they lie. Nothing here
//! is ever called by the connection's thread except [`Output::send`], which does not block.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use ringside_bpf::os;
use ringside_proto::Message;
use ringside_proto::framing::{FrameType, HEADER, Head, LAST_CHUNK, MAGIC, MAX_CHUNK, MAX_PAYLOAD};

/// Answers wait here while stdout is blocked; a client that asks on without reading gets no further than this.
const MOST_QUEUED: usize = 4096;
const MOST_QUEUED_BYTES: usize = 16 << 20;

pub struct Output {
    stdout: Mutex<Arc<File>>,
    /// Raised whenever a client goes: who still writes to it must not spoil what goes to the next.
    generation: AtomicU64,
    queue: Mutex<Queue>,
    /// Something was queued, or the queue became empty.
    changed: Condvar,
    turns: Mutex<Turns>,
    next_turn: Condvar,
    next_blob: AtomicU32,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<(Head, Vec<u8>)>,
    bytes: usize,
    /// Frames that were taken off but are not written yet.
    writing: usize,
    broken: bool,
    /// No other client will come.
    over: bool,
}

impl Queue {
    /// Gives the payload back when there is no room, or nobody to read it.
    fn push(&mut self, head: Head, payload: Vec<u8>) -> Result<(), Vec<u8>> {
        let full = self.frames.len() >= MOST_QUEUED || self.bytes + payload.len() > MOST_QUEUED_BYTES;
        if full || self.broken {
            return Err(payload);
        }
        self.bytes += payload.len();
        self.frames.push_back((head, payload));
        Ok(())
    }

    fn pop(&mut self) -> Option<(Head, Vec<u8>)> {
        let (head, payload) = self.frames.pop_front()?;
        self.bytes -= payload.len();
        Some((head, payload))
    }
}

/// A ticket lock: a plain mutex would let the drain thread take its turn again and again during a flood.
#[derive(Default)]
struct Turns {
    next: u64,
    serving: u64,
    sequence: u32,
}

impl Output {
    pub fn new(stdout: File) -> Self {
        os::widen_pipe(stdout.as_fd(), 1 << 20);
        Self {
            stdout: Mutex::new(Arc::new(stdout)),
            generation: AtomicU64::new(0),
            queue: Mutex::default(),
            changed: Condvar::new(),
            turns: Mutex::default(),
            next_turn: Condvar::new(),
            next_blob: AtomicU32::new(1),
        }
    }

    /// What comes before all frames.
    pub fn write_magic(&self) -> io::Result<()> {
        os::write_all(locked(&self.stdout).as_fd(), [&MAGIC, b"", b""])
    }

    /// Lets go of a client that is gone. What waits for it is forgotten, and nothing is taken before [`Output::reopen`].
    pub fn park(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        // Its pipe is closed, so that whoever reads it sees the end.
        if let Ok(nothing) = File::options().write(true).open("/dev/null") {
            *locked(&self.stdout) = Arc::new(nothing);
        }
        let mut queue = locked(&self.queue);
        queue.frames.clear();
        queue.bytes = 0;
        queue.broken = true;
        self.changed.notify_all();
    }

    /// Another client reads from here on, and this first. Whoever still writes to the one before gives up before that.
    pub fn reopen(&self, stdout: File, hello: &impl Message) -> io::Result<()> {
        os::widen_pipe(stdout.as_fd(), 1 << 20);
        self.take_turn();
        let result = os::write_all(stdout.as_fd(), [&MAGIC, b"", b""]);
        *locked(&self.stdout) = Arc::new(stdout);
        let generation = self.generation.fetch_add(1, Ordering::AcqRel) + 1;
        {
            let mut queue = locked(&self.queue);
            queue.broken = false;
            let _ = queue.push(Head::new(FrameType::Hello), hello.encode_to_vec());
        }
        let result = self.end_turn(Turn { sequence: 0, generation }, result);
        self.changed.notify_all();
        result
    }

    /// Waits for another client. False when none will come.
    pub fn wait_for_client(&self) -> bool {
        let mut queue = locked(&self.queue);
        while queue.broken && !queue.over {
            queue = self.changed.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        !queue.over
    }

    /// Writing gives up when the client is let go of, even where its pipe is full and nobody empties it.
    pub fn give_up_when_parked(&self) {
        os::set_nonblocking(locked(&self.stdout).as_fd());
    }

    /// Queues a control frame. Never blocks. False when the client does not read, and the frame was not taken.
    pub fn send(&self, head: Head, payload: Vec<u8>) -> bool {
        let mut queue = locked(&self.queue);
        let taken = queue.push(head, payload).is_ok();
        self.changed.notify_all();
        taken
    }

    /// Queues a control frame that must not be lost, once there is room for it. Not for the connection's thread.
    pub fn send_when_room(&self, head: Head, payload: Vec<u8>) {
        let mut queue = locked(&self.queue);
        let mut payload = payload;
        while let Err(back) = queue.push(head, payload) {
            if queue.broken {
                return;
            }
            payload = back;
            queue = self.changed.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        self.changed.notify_all();
    }

    pub fn send_message(&self, head: Head, message: &impl Message) -> bool {
        self.send(head, message.encode_to_vec())
    }

    /// A ping is only useful when it is the newest word: none is queued behind others that did not leave yet.
    pub fn send_ping(&self) {
        if locked(&self.queue).frames.is_empty() {
            self.send(Head::new(FrameType::Ping), Vec::new());
        }
    }

    /// Writes one frame of bulk data now, after all queued control frames. `parts` together are at most MAX_PAYLOAD.
    pub fn write(&self, head: Head, parts: [&[u8]; 2]) -> io::Result<()> {
        let generation = self.generation.load(Ordering::Acquire);
        let mut turn = self.take_turn();
        if turn.generation != generation {
            // It was meant for another client.
            self.end_turn(turn, Ok(()))?;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let result = self.write_queued(&mut turn).and_then(|()| self.write_frame(&mut turn, head, parts));
        self.end_turn(turn, result)
    }

    /// Sends `bytes` as a blob and returns its id. Other frames go in between its chunks.
    pub fn write_blob(&self, bytes: &[u8]) -> io::Result<u32> {
        let id = self.next_blob.fetch_add(1, Ordering::Relaxed);
        let chunks = bytes.len().div_ceil(MAX_CHUNK).max(1);
        for index in 0..chunks {
            let chunk = &bytes[index * MAX_CHUNK..((index + 1) * MAX_CHUNK).min(bytes.len())];
            let flags = if index + 1 == chunks { LAST_CHUNK } else { 0 };
            self.write(Head::new(FrameType::Blob).aux(id).flags(flags), [chunk, b""])?;
        }
        Ok(id)
    }

    /// The life of the answering thread: writes control frames as they come, until stdout breaks.
    pub fn write_answers(&self) -> io::Result<()> {
        let generation = self.generation.load(Ordering::Acquire);
        let is_over = || self.generation.load(Ordering::Acquire) != generation;
        loop {
            {
                let mut queue = locked(&self.queue);
                while queue.frames.is_empty() && !queue.broken && !is_over() {
                    queue = self.changed.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner());
                }
            }
            let mut turn = self.take_turn();
            // Another client has a thread of its own.
            if turn.generation != generation {
                self.end_turn(turn, Ok(()))?;
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let result = self.write_queued(&mut turn);
            self.end_turn(turn, result)?;
        }
    }

    /// Waits until everything queued has left, at most `patience`.
    pub fn flush(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut queue = locked(&self.queue);
        while !queue.broken && (!queue.frames.is_empty() || queue.writing != 0) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            queue = self
                .changed
                .wait_timeout(queue, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(queue, _)| queue);
        }
    }

    /// Nothing is taken or written any more, and the answering thread ends.
    pub fn close(&self) {
        let mut queue = locked(&self.queue);
        queue.broken = true;
        queue.over = true;
        self.changed.notify_all();
    }

    fn write_queued(&self, turn: &mut Turn) -> io::Result<()> {
        loop {
            let (head, payload) = {
                let mut queue = locked(&self.queue);
                if queue.broken {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                let Some(frame) = queue.pop() else { return Ok(()) };
                queue.writing += 1;
                frame
            };
            let result = self.write_frame(turn, head, [&payload, b""]);
            locked(&self.queue).writing -= 1;
            self.changed.notify_all();
            result?;
        }
    }

    fn write_frame(&self, turn: &mut Turn, head: Head, parts: [&[u8]; 2]) -> io::Result<()> {
        let length = parts[0].len() + parts[1].len();
        if length > MAX_PAYLOAD {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a frame larger than the protocol allows"));
        }
        let header: [u8; HEADER] = head.encode(length, turn.sequence);
        turn.sequence = turn.sequence.wrapping_add(1);
        let stdout = Arc::clone(&locked(&self.stdout));
        let go_on = || self.generation.load(Ordering::Acquire) == turn.generation;
        os::write_all_while(stdout.as_fd(), [&header, parts[0], parts[1]], &go_on)
    }

    fn take_turn(&self) -> Turn {
        let mut turns = locked(&self.turns);
        let ticket = turns.next;
        turns.next += 1;
        while turns.serving != ticket {
            turns = self.next_turn.wait(turns).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        Turn { sequence: turns.sequence, generation: self.generation.load(Ordering::Acquire) }
    }

    fn end_turn(&self, turn: Turn, result: io::Result<()>) -> io::Result<()> {
        {
            let mut turns = locked(&self.turns);
            if turn.generation == self.generation.load(Ordering::Acquire) {
                turns.sequence = turn.sequence;
            }
            turns.serving += 1;
        }
        self.next_turn.notify_all();
        if result.is_err() && turn.generation == self.generation.load(Ordering::Acquire) {
            locked(&self.queue).broken = true;
            self.changed.notify_all();
        }
        result
    }
}

/// The right to write, with the number of the next frame.
struct Turn {
    sequence: u32,
    generation: u64,
}

/// With panic = abort no lock is ever poisoned in the artefact.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
