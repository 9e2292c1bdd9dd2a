//! A ring buffer as a source: spans go out verbatim, straight from the mapped ring. Only a stream with a filter or a
//! sample has the records that it takes copied together.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringside_bpf::os;
use ringside_bpf::ring::Ring;
use ringside_proto::framing::MAX_PAYLOAD;

use super::loss::{LossProof, Writers};
use super::records::records;
use super::screen::Screen;
use super::{Leave, NO_CPU, PauseClock, SPAN_HEADER, Source, Stream, Visit};
use crate::output::Output;

/// Bytes after which another stream gets its turn.
const TURN: u64 = 4 << 20;

pub struct RingSource {
    ring: Ring,
    stream: Arc<Stream>,
    proof: LossProof,
    screen: Screen,
    screened: bool,
    /// What the screen lets through of one span.
    chosen: Vec<u8>,
    pause: PauseClock,
    pace_ms: u32,
    /// Bytes that the last visit left there for want of credits.
    kept: u64,
}

impl RingSource {
    pub fn new(ring: Ring, stream: Arc<Stream>, proof: LossProof, sample: u32, pace_ms: u32) -> Self {
        stream.counters.kernel_lost_known.store(proof.holds(), Ordering::Relaxed);
        Self {
            ring,
            stream,
            proof,
            screen: Screen::new(sample),
            screened: false,
            chosen: Vec::new(),
            pause: PauseClock::default(),
            pace_ms,
            kept: 0,
        }
    }

    /// What is in the ring now, noted for the high-water mark and for the proof.
    fn observe(&mut self) -> u64 {
        let occupied = self.ring.occupied();
        self.proof.observe(occupied);
        let counters = &self.stream.counters;
        counters.high_water.fetch_max(occupied, Ordering::Relaxed);
        counters.kernel_lost_known.store(self.proof.holds(), Ordering::Relaxed);
        occupied
    }

    /// Takes one span of at most `limit` bytes from the ring and sends it, or what the screen lets through of it; without
    /// an output it is counted as dropped. Returns the bytes taken, 0 where a record is still being written.
    fn take(&mut self, limit: u64, output: Option<&Output>) -> io::Result<u64> {
        let span = self.ring.peek(limit);
        let length = span.bytes.len();
        if length == 0 {
            return Ok(0);
        }
        // A record that no frame can hold is dropped, and counted like everything that is.
        let output = output.filter(|_| length + SPAN_HEADER <= MAX_PAYLOAD);
        let (records, bytes) = match self.screened {
            false => (span.records, span.bytes),
            true => {
                let records = choose(span.bytes, &mut self.screen, &mut self.chosen);
                self.stream.count_filtered(span.records - records);
                (records, &self.chosen[..])
            }
        };
        match output {
            Some(output) if !self.screened || records > 0 => {
                self.stream.send(output, os::realtime_ns(), records, NO_CPU, bytes)?
            }
            Some(_) => {}
            None => self.stream.count_dropped(records),
        }
        self.observe();
        self.ring.release(length);
        Ok(length as u64)
    }

    /// For a stream without credits: gives back what it will not send, so that the kernel finds room.
    fn make_room(&mut self) -> io::Result<()> {
        if self.screened {
            self.skip_unwanted();
        }
        let kept = self.stream.kept_without_credits(self.ring.size());
        loop {
            let above = self.ring.occupied().saturating_sub(kept);
            if above == 0 || self.take(above, None)? == 0 {
                return Ok(());
            }
        }
    }

    /// Lets go of the oldest records up to the first that the screen would take.
    fn skip_unwanted(&mut self) {
        let span = self.ring.peek(TURN);
        let (mut skipped, mut bytes) = (0, 0);
        for record in records(span.bytes) {
            if !record.discarded {
                if self.screen.would_take(record.bytes) {
                    break;
                }
                self.screen.takes(record.bytes);
                skipped += 1;
            }
            bytes += record.whole.len();
        }
        self.stream.count_filtered(skipped);
        self.observe();
        self.ring.release(bytes);
    }
}

/// Copies the records that the screen takes; discarded ones are left out. Returns how many were taken.
fn choose(span: &[u8], screen: &mut Screen, chosen: &mut Vec<u8>) -> u32 {
    chosen.clear();
    let mut taken = 0;
    for record in records(span).filter(|record| !record.discarded) {
        if screen.takes(record.bytes) {
            chosen.extend_from_slice(record.whole);
            taken += 1;
        }
    }
    taken
}

impl Source for RingSource {
    fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    fn drain(&mut self, output: &Output) -> io::Result<Visit> {
        let found = self.observe().saturating_sub(std::mem::take(&mut self.kept));
        let mut visit = Visit { found, ..Visit::default() };
        self.screened = self.screen.refresh(&self.stream);
        let mut taken = 0;
        while taken < TURN && self.ring.occupied() != 0 {
            let length = match self.stream.leave() {
                Leave::Send { limit } => self.take(limit, Some(output))?,
                Leave::Drop => self.take(TURN, None)?,
                Leave::Wait => {
                    self.make_room()?;
                    self.kept = self.ring.occupied();
                    visit.paused = self.kept != 0;
                    break;
                }
            };
            if length == 0 {
                break;
            }
            taken += length;
        }
        visit.more = taken >= TURN;
        self.pause.tick(visit.paused, &self.stream.counters);
        Ok(visit)
    }

    fn waiting(&self) -> u64 {
        self.ring.occupied()
    }

    fn widen(&mut self, writers: Writers) {
        self.proof.widen(writers);
        self.observe();
    }

    fn fixed_pace_ms(&self) -> u32 {
        self.pace_ms
    }
}
