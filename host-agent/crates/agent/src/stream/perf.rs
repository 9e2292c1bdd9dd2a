//! A perf buffer as a source: its samples are rewritten into the layout of ring-buffer records, so that the client has
//! one reader. The kernel counts what it loses.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringside_bpf::perf::{self, Buffer, RECORD_LOST, RECORD_SAMPLE};
use ringside_proto::framing::{FrameType, Head};
use ringside_proto::messages::{self as pb, event};

use super::{Leave, MAX_SPAN, PauseClock, Source, Stream, Visit};
use crate::output::Output;

pub struct PerfSource {
    buffers: Vec<(Buffer, Lost)>,
    stream: Arc<Stream>,
    pause: PauseClock,
    pace_ms: u32,
    scratch: Vec<u8>,
    records: Vec<u8>,
}

/// Of one CPU: what its LOST records said, and the kernel's own count where it has one.
#[derive(Default)]
struct Lost {
    counted: u64,
}

impl PerfSource {
    pub fn new(buffers: Vec<Buffer>, stream: Arc<Stream>, pace_ms: u32) -> Self {
        stream.counters.kernel_lost_known.store(true, Ordering::Relaxed);
        let buffers = buffers.into_iter().map(|buffer| (buffer, Lost::default())).collect();
        Self { buffers, stream, pause: PauseClock::default(), pace_ms, scratch: Vec::new(), records: Vec::new() }
    }

    /// One CPU's records as far as one frame and the credits go. True when there is nothing left.
    fn drain_one(&mut self, index: usize, limit: Option<u64>, output: &Output) -> io::Result<bool> {
        let (buffer, lost) = &mut self.buffers[index];
        let (mut count, mut newly_lost) = (0, 0);
        self.records.clear();
        let records = &mut self.records;
        let room = limit.unwrap_or(MAX_SPAN);
        let empty = buffer.read(u64::MAX, &mut self.scratch, |kind, body| {
            match kind {
                RECORD_SAMPLE => {
                    let Some(raw) = perf::raw_of(body) else { return true };
                    let size = 8 + raw.len().next_multiple_of(8);
                    if count > 0 && (records.len() + size) as u64 > room {
                        return false;
                    }
                    append(records, raw);
                    count += 1;
                }
                RECORD_LOST => newly_lost += perf::lost_of(body),
                _ => {}
            }
            true
        });
        let cpu = buffer.cpu;
        lost.counted += newly_lost;
        self.report_lost(cpu, newly_lost, output);
        match limit {
            Some(_) if count > 0 => self.stream.send(output, count, cpu, &self.records)?,
            Some(_) => {}
            None => self.stream.count_dropped(count),
        }
        Ok(empty)
    }

    fn report_lost(&self, cpu: u32, lost: u64, output: &Output) {
        if lost == 0 {
            return;
        }
        self.stream.counters.kernel_lost.fetch_add(lost, Ordering::Relaxed);
        let report = pb::StreamLost { stream: self.stream.id.into(), lost, cpu };
        let event = pb::Event { event: Some(event::Event::StreamLost(report)) };
        // News only: the count stands in the statistics even when the client reads too slowly for this.
        output.send_message(Head::new(FrameType::Event), &event);
    }
}

impl Source for PerfSource {
    fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    fn drain(&mut self, output: &Output) -> io::Result<Visit> {
        let mut visit = Visit::default();
        for index in 0..self.buffers.len() {
            let waiting = self.buffers[index].0.occupied();
            if waiting == 0 {
                continue;
            }
            visit.found = visit.found.max(waiting);
            self.stream.counters.high_water.fetch_max(waiting, Ordering::Relaxed);
            let limit = match self.stream.leave() {
                Leave::Send { limit } => Some(limit),
                Leave::Drop => None,
                Leave::Wait => {
                    visit.paused = true;
                    break;
                }
            };
            let empty = self.drain_one(index, limit, output)?;
            visit.more |= !empty;
        }
        self.pause.tick(visit.paused, &self.stream.counters);
        visit.more &= !visit.paused;
        Ok(visit)
    }

    fn waiting(&self) -> u64 {
        self.buffers.iter().map(|(buffer, _)| buffer.occupied()).sum()
    }

    /// A LOST record is only written together with the next sample that finds room; the kernel's own count (≥ 6.0) has
    /// the last losses too.
    fn settle(&mut self, output: &Output) {
        for index in 0..self.buffers.len() {
            let (buffer, lost) = &mut self.buffers[index];
            let Some(total) = buffer.lost() else { continue };
            let late = total.saturating_sub(lost.counted);
            lost.counted += late;
            let cpu = buffer.cpu;
            self.report_lost(cpu, late, output);
        }
    }

    fn fixed_pace_ms(&self) -> u32 {
        self.pace_ms
    }
}

/// A record in the kernel's ring-buffer layout: length, page offset 0, bytes padded to 8.
fn append(records: &mut Vec<u8>, raw: &[u8]) {
    records.extend_from_slice(&(raw.len() as u32).to_le_bytes());
    records.extend_from_slice(&[0; 4]);
    records.extend_from_slice(raw);
    records.resize(records.len().next_multiple_of(8), 0);
}

#[cfg(test)]
mod tests {
    #[test]
    fn samples_become_ring_records() {
        let mut records = Vec::new();
        super::append(&mut records, b"abcdefghij");
        super::append(&mut records, b"12345678");
        assert_eq!(records, b"\x0a\0\0\0\0\0\0\0abcdefghij\0\0\0\0\0\0\x08\0\0\0\0\0\0\x0012345678");
    }
}
