//! A ring buffer as a source: spans go out verbatim, straight from the mapped ring.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringside_bpf::ring::Ring;
use ringside_proto::framing::MAX_PAYLOAD;

use super::loss::LossProof;
use super::{Leave, NO_CPU, PauseClock, SPAN_HEADER, Source, Stream, Visit};
use crate::output::Output;

/// Bytes after which another stream gets its turn.
const TURN: u64 = 4 << 20;

pub struct RingSource {
    ring: Ring,
    stream: Arc<Stream>,
    proof: LossProof,
    pause: PauseClock,
    pace_ms: u32,
}

impl RingSource {
    pub fn new(ring: Ring, stream: Arc<Stream>, proof: LossProof, pace_ms: u32) -> Self {
        stream.counters.kernel_lost_known.store(proof.holds(), Ordering::Relaxed);
        Self { ring, stream, proof, pause: PauseClock::default(), pace_ms }
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
}

impl Source for RingSource {
    fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    fn drain(&mut self, output: &Output) -> io::Result<Visit> {
        let mut visit = Visit { found: self.observe(), ..Visit::default() };
        let mut taken = 0;
        while taken < TURN {
            if self.ring.occupied() == 0 {
                break;
            }
            let leave = self.stream.leave();
            let limit = match leave {
                Leave::Send { limit } => limit,
                Leave::Drop => TURN,
                Leave::Wait => {
                    visit.paused = true;
                    break;
                }
            };
            let span = self.ring.peek(limit);
            let length = span.bytes.len();
            if length == 0 {
                break;
            }
            // A record that no frame can hold is dropped, and counted like everything that is.
            if leave == Leave::Drop || length + SPAN_HEADER > MAX_PAYLOAD {
                self.stream.count_dropped(span.records);
            } else {
                self.stream.send(output, span.records, NO_CPU, span.bytes)?;
            }
            self.observe();
            self.ring.release(length);
            taken += length as u64;
        }
        visit.more = taken >= TURN;
        self.pause.tick(visit.paused, &self.stream.counters);
        Ok(visit)
    }

    fn waiting(&self) -> u64 {
        self.ring.occupied()
    }

    fn fixed_pace_ms(&self) -> u32 {
        self.pace_ms
    }
}
