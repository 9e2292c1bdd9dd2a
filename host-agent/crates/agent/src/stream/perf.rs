//! A perf buffer as a source: its samples are rewritten into the layout of ring-buffer records, so that the client has
//! one reader. The kernel counts what it loses. CPUs may come and go while it runs. Each sample goes with its time, and
//! each visit ends with the time up to which all has been sent: the client puts the CPUs' samples in one order.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringside_bpf::perf::{self, Buffer, RECORD_LOST, RECORD_SAMPLE};
use ringside_bpf::{cpus, os};
use ringside_proto::framing::{FrameType, Head};
use ringside_proto::messages::{self as pb, event};

use super::records::{append, room};
use super::screen::Screen;
use super::{Leave, NO_CPU, PauseClock, Source, Stream, Visit};
use crate::journal;
use crate::output::Output;

/// How far the last mark is past the newest sample before marks stop: the client lets a little time pass before it calls
/// the order of two samples final.
const SETTLED_NS: u64 = 10_000_000;

pub struct PerfSource {
    /// Where buffers of CPUs that come later are put.
    map: OwnedFd,
    pages: usize,
    cpus: Vec<CpuBuffer>,
    stream: Arc<Stream>,
    screen: Screen,
    pause: PauseClock,
    pace_ms: u32,
    scratch: Vec<u8>,
    records: Vec<u8>,
    /// Bytes that the last visit left there for want of credits.
    kept: u64,
    /// Whose turn is first: the one for whom no credits were left.
    first: usize,
    /// Time of the newest sample that was sent, and of the last mark.
    newest: u64,
    marked: u64,
    realtime_minus_monotonic: i64,
}

/// One CPU's buffer.
struct CpuBuffer {
    buffer: Buffer,
    /// What its LOST records said, and the kernel's own count where it has one.
    lost: u64,
    /// Its CPU went offline, which ends its event for good: read to the end, then closed.
    offline: bool,
    /// What was written to it before this moment (CLOCK_MONOTONIC) has been read.
    read_until: u64,
}

impl CpuBuffer {
    fn new(buffer: Buffer) -> Self {
        Self { buffer, lost: 0, offline: false, read_until: os::monotonic_ns() }
    }
}

/// What is done with the samples that the screen takes.
#[derive(Clone, Copy)]
enum Fate {
    /// Sent in one frame of at most so many bytes.
    Sent(u64),
    /// Dropped, until so many bytes are read.
    Dropped(u64),
}

impl PerfSource {
    /// `map` is the perf event array that the buffers were put into.
    pub fn new(
        map: OwnedFd,
        pages: usize,
        buffers: Vec<Buffer>,
        stream: Arc<Stream>,
        sample: u32,
        pace_ms: u32,
    ) -> Self {
        stream.counters.kernel_lost_known.store(true, Ordering::Relaxed);
        Self {
            map,
            pages,
            cpus: buffers.into_iter().map(CpuBuffer::new).collect(),
            stream,
            screen: Screen::new(sample),
            pause: PauseClock::default(),
            pace_ms,
            scratch: Vec::new(),
            records: Vec::new(),
            kept: 0,
            first: 0,
            newest: 0,
            marked: os::monotonic_ns(),
            realtime_minus_monotonic: os::realtime_minus_monotonic_ns(),
        }
    }

    /// One CPU's records, as far as its fate goes. True when there is nothing left.
    fn drain_one(&mut self, index: usize, fate: Fate, output: &Output) -> io::Result<bool> {
        let CpuBuffer { buffer, lost, read_until, .. } = &mut self.cpus[index];
        let (mut taken, mut filtered, mut newly_lost) = (0, 0, 0);
        // Looked up at the first record, when all that this visit will see has its time already.
        let (mut now, mut newest) = (0, 0);
        self.records.clear();
        let (records, screen) = (&mut self.records, &mut self.screen);
        let most_read = if let Fate::Dropped(bytes) = fate { bytes } else { u64::MAX };
        let empty = buffer.read(most_read, &mut self.scratch, |kind, body| {
            if now == 0 {
                now = os::monotonic_ns();
            }
            match kind {
                RECORD_SAMPLE => {
                    let Some(perf::Sample { monotonic_ns, raw }) = perf::sample_of(body) else { return true };
                    if let Fate::Sent(most) = fate
                        && taken > 0
                        && (records.len() + room(raw.len())) as u64 > most
                    {
                        return false;
                    }
                    newest = newest.max(monotonic_ns);
                    if !screen.takes(raw) {
                        filtered += 1;
                        return true;
                    }
                    taken += 1;
                    if matches!(fate, Fate::Sent(_)) {
                        append(records, now.saturating_sub(monotonic_ns), raw);
                    }
                }
                RECORD_LOST => newly_lost += perf::lost_of(body),
                _ => {}
            }
            true
        });
        let cpu = buffer.cpu;
        *lost += newly_lost;
        *read_until = (*read_until).max(if empty { now } else { newest });
        self.newest = self.newest.max(newest);
        self.report_lost(cpu, newly_lost, output);
        self.stream.count_filtered(filtered);
        match fate {
            Fate::Sent(_) if taken > 0 => self.stream.send(output, self.realtime(now), taken, cpu, &self.records)?,
            Fate::Sent(_) => {}
            Fate::Dropped(_) => self.stream.count_dropped(taken),
        }
        Ok(empty)
    }

    fn realtime(&self, monotonic_ns: u64) -> u64 {
        monotonic_ns.saturating_add_signed(self.realtime_minus_monotonic)
    }

    /// Tells up to when everything has been sent, as long as the client may hold samples back for it.
    fn mark(&mut self, output: &Output) -> io::Result<()> {
        let until = self.cpus.iter().map(|cpu| cpu.read_until).min().unwrap_or(0);
        if until <= self.marked || self.marked > self.newest + SETTLED_NS {
            return Ok(());
        }
        self.marked = until;
        self.stream.send(output, self.realtime(until), 0, NO_CPU, &[])
    }

    /// For a stream without credits: takes so much from each buffer that the kernel finds room. Returns what stays.
    fn make_room(&mut self, output: &Output) -> io::Result<u64> {
        for index in 0..self.cpus.len() {
            let buffer = &self.cpus[index].buffer;
            let above = buffer.occupied().saturating_sub(self.stream.kept_without_credits(buffer.size()));
            if above > 0 {
                self.drain_one(index, Fate::Dropped(above), output)?;
            }
        }
        Ok(self.fullest())
    }

    fn fullest(&self) -> u64 {
        self.cpus.iter().map(|cpu| cpu.buffer.occupied()).max().unwrap_or(0)
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

    /// Opens buffers on CPUs that came online, also on those that came back: their old event stays dead.
    fn follow_cpus(&mut self) {
        let online = cpus::online();
        for cpu in &mut self.cpus {
            cpu.offline |= !online.contains(&cpu.buffer.cpu);
        }
        for number in online {
            if self.cpus.iter().any(|cpu| cpu.buffer.cpu == number && !cpu.offline) {
                continue;
            }
            match perf::open_bpf_output_on(self.map.as_fd(), number, self.pages) {
                Ok(buffer) => self.cpus.push(CpuBuffer::new(buffer)),
                // It may have gone again meanwhile; the next look tries again.
                Err(error) => journal::info("no-perf-buffer", &error.to_string()),
            }
        }
        self.cpus.retain(|cpu| !cpu.offline || cpu.buffer.occupied() != 0);
    }
}

impl Source for PerfSource {
    fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    fn drain(&mut self, output: &Output) -> io::Result<Visit> {
        self.screen.refresh(&self.stream);
        let kept = std::mem::take(&mut self.kept);
        let mut visit = Visit { found: self.fullest().saturating_sub(kept), ..Visit::default() };
        let now = os::monotonic_ns();
        for turn in 0..self.cpus.len() {
            let index = (self.first + turn) % self.cpus.len();
            let waiting = self.cpus[index].buffer.occupied();
            if waiting == 0 {
                self.cpus[index].read_until = now;
                continue;
            }
            self.stream.counters.high_water.fetch_max(waiting, Ordering::Relaxed);
            let fate = match self.stream.leave() {
                Leave::Send { limit } => Fate::Sent(limit),
                Leave::Drop => Fate::Dropped(u64::MAX),
                Leave::Wait => {
                    self.first = index;
                    self.kept = self.make_room(output)?;
                    visit.paused = self.kept != 0;
                    break;
                }
            };
            let empty = self.drain_one(index, fate, output)?;
            visit.more |= !empty;
        }
        self.mark(output)?;
        self.pause.tick(visit.paused, &self.stream.counters);
        visit.more &= !visit.paused;
        Ok(visit)
    }

    fn waiting(&self) -> u64 {
        self.cpus.iter().map(|cpu| cpu.buffer.occupied()).sum()
    }

    /// A LOST record is only written together with the next sample that finds room; the kernel's own count (≥ 6.0) has
    /// the last losses too.
    fn settle(&mut self, output: &Output) {
        self.realtime_minus_monotonic = os::realtime_minus_monotonic_ns();
        for index in 0..self.cpus.len() {
            let CpuBuffer { buffer, lost, .. } = &mut self.cpus[index];
            let Some(total) = buffer.lost() else { continue };
            let late = total.saturating_sub(*lost);
            *lost += late;
            let cpu = buffer.cpu;
            self.report_lost(cpu, late, output);
        }
        self.follow_cpus();
    }

    fn fixed_pace_ms(&self) -> u32 {
        self.pace_ms
    }
}
