//! Streams: what a ring buffer or a perf buffer yields, on its way to stdout.

pub mod drain;
pub mod filter;
pub mod loss;
pub mod pace;
pub mod perf;
pub mod prints;
mod records;
pub mod ring;
mod screen;
pub mod speakers;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use ringside_bpf::map::{self, MapInfo};
use ringside_proto::framing::{FrameType, Head, MAX_CHUNK};
use ringside_proto::messages as pb;

use self::filter::Filter;
use self::loss::Writers;
use crate::output::Output;

/// In front of the records of a DATA frame: time, records, CPU.
pub const SPAN_HEADER: usize = 16;
/// Most bytes of records in one DATA frame (a single larger record still goes alone).
pub const MAX_SPAN: u64 = (MAX_CHUNK - SPAN_HEADER) as u64;
/// The CPU field of ring buffers, which all CPUs share.
pub const NO_CPU: u32 = u32::MAX;
/// First grant where the client names none.
pub const DEFAULT_CREDITS: u64 = 4 << 20;

/// The part of a stream that all threads see: credits come in on one, counters go out on another.
pub struct Stream {
    pub id: u16,
    pub map: String,
    pub ring_bytes: u64,
    pub policy: Policy,
    pub counters: Counters,
    /// Maps in which programs themselves count what found no room: a swap may add one.
    lost_maps: Mutex<Vec<(OwnedFd, MapInfo)>>,
    credits: AtomicI64,
    waits_for_credits: AtomicBool,
    filter: Mutex<Arc<Filter>>,
}

/// What happens when the client's credits are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Leave records in the kernel's buffer; once that is full, the kernel loses new ones.
    Block,
    /// Take them and throw them away, counted.
    DropNewest,
    /// Keep the newest in the kernel's buffer and throw older ones away, counted, so that there is always room.
    DropOldest,
}

#[derive(Default)]
pub struct Counters {
    pub read: AtomicU64,
    pub sent: AtomicU64,
    pub dropped: AtomicU64,
    pub filtered: AtomicU64,
    pub bytes_sent: AtomicU64,
    pub high_water: AtomicU64,
    pub paused_ns: AtomicU64,
    pub kernel_lost: AtomicU64,
    pub kernel_lost_known: AtomicBool,
}

/// What the next records may do.
#[derive(Debug, PartialEq, Eq)]
pub enum Leave {
    Send { limit: u64 },
    Drop,
    Wait,
}

impl Stream {
    pub fn new(id: u16, map: &str, ring_bytes: u64, policy: Policy, credits: u64) -> Self {
        let credits = if credits == 0 { DEFAULT_CREDITS } else { credits };
        Self {
            id,
            map: map.to_owned(),
            ring_bytes,
            policy,
            counters: Counters::default(),
            lost_maps: Mutex::default(),
            credits: AtomicI64::new(i64::try_from(credits).unwrap_or(i64::MAX / 2)),
            waits_for_credits: AtomicBool::new(false),
            filter: Mutex::default(),
        }
    }

    /// Another map that counts losses; one that counts already is not counted twice.
    pub fn count_losses_in(&self, map: OwnedFd, info: MapInfo) {
        let mut maps = locked(&self.lost_maps);
        if maps.iter().all(|(_, known)| known.id != info.id) {
            maps.push((map, info));
        }
    }

    pub fn set_filter(&self, filter: Filter) {
        *locked(&self.filter) = Arc::new(filter);
    }

    fn filter(&self) -> Arc<Filter> {
        Arc::clone(&locked(&self.filter))
    }

    /// Adds credits; true when the stream had been waiting for them.
    pub fn grant(&self, bytes: u32) -> bool {
        self.credits.fetch_add(bytes.into(), Ordering::AcqRel);
        self.waits_for_credits.swap(false, Ordering::AcqRel)
    }

    /// Takes all credits: nothing is sent before the next grant.
    pub fn hold(&self) {
        self.credits.store(0, Ordering::Release);
        self.waits_for_credits.store(true, Ordering::Release);
    }

    /// True while records may wait for want of credits.
    pub fn is_waiting(&self) -> bool {
        self.waits_for_credits.load(Ordering::Acquire) && self.credits.load(Ordering::Acquire) <= 0
    }

    /// A frame may go while any credit is left, and then at least one record: a record larger than the client's whole
    /// window would otherwise block for ever. Credits go below zero by that much.
    pub fn leave(&self) -> Leave {
        let mut credits = self.credits.load(Ordering::Acquire);
        if credits <= 0 && self.policy != Policy::DropNewest {
            // Announce first, look again then: a grant in between would wake nobody.
            self.waits_for_credits.store(true, Ordering::Release);
            credits = self.credits.load(Ordering::Acquire);
        }
        match (credits > 0, self.policy) {
            (true, _) => Leave::Send { limit: (credits as u64).min(MAX_SPAN) },
            (false, Policy::Block | Policy::DropOldest) => Leave::Wait,
            (false, Policy::DropNewest) => Leave::Drop,
        }
    }

    /// Writes one DATA frame and counts it. `time` is when its records were read, by the wall clock.
    pub fn send(&self, output: &Output, time: u64, records: u32, cpu: u32, bytes: &[u8]) -> io::Result<()> {
        let mut header = [0; SPAN_HEADER];
        header[..8].copy_from_slice(&time.to_le_bytes());
        header[8..12].copy_from_slice(&records.to_le_bytes());
        header[12..].copy_from_slice(&cpu.to_le_bytes());
        output.write(Head::new(FrameType::Data).stream(self.id), [&header, bytes])?;
        let length = (SPAN_HEADER + bytes.len()) as u64;
        self.credits.fetch_sub(length as i64, Ordering::AcqRel);
        self.counters.read.fetch_add(records.into(), Ordering::Relaxed);
        self.counters.sent.fetch_add(records.into(), Ordering::Relaxed);
        self.counters.bytes_sent.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }

    /// Records taken from the kernel so far.
    pub fn taken(&self) -> u64 {
        self.counters.read.load(Ordering::Relaxed)
    }

    pub fn count_dropped(&self, records: u32) {
        self.counters.read.fetch_add(records.into(), Ordering::Relaxed);
        self.counters.dropped.fetch_add(records.into(), Ordering::Relaxed);
    }

    pub fn count_filtered(&self, records: u32) {
        self.counters.read.fetch_add(records.into(), Ordering::Relaxed);
        self.counters.filtered.fetch_add(records.into(), Ordering::Relaxed);
    }

    /// Bytes that a stream without credits may leave in a buffer of this size. Three quarters stay free for what comes
    /// until the next visit.
    fn kept_without_credits(&self, buffer: u64) -> u64 {
        if self.policy == Policy::DropOldest { buffer / 4 } else { buffer }
    }

    pub fn statistics(&self) -> pb::StreamStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        let counted = lost_by_programs(&locked(&self.lost_maps));
        pb::StreamStats {
            stream: self.id.into(),
            records_read: get(&counters.read),
            records_sent: get(&counters.sent),
            records_dropped: get(&counters.dropped),
            bytes_sent: get(&counters.bytes_sent),
            kernel_lost: counted.unwrap_or_else(|| get(&counters.kernel_lost)),
            kernel_lost_known: counted.is_some() || counters.kernel_lost_known.load(Ordering::Relaxed),
            high_water_bytes: get(&counters.high_water),
            ring_bytes: self.ring_bytes,
            paused_nanos: get(&counters.paused_ns),
            map: self.map.clone(),
            records_filtered: get(&counters.filtered),
        }
    }
}

/// None where no program counts, or a count cannot be read.
fn lost_by_programs(maps: &[(OwnedFd, MapInfo)]) -> Option<u64> {
    let counts: Option<Vec<u64>> = maps.iter().map(|(fd, info)| lost_by_program(fd, info)).collect();
    counts.filter(|counts| !counts.is_empty()).map(|counts| counts.iter().sum())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Sum over all CPUs of the program's own count.
fn lost_by_program(fd: &OwnedFd, info: &MapInfo) -> Option<u64> {
    let value = map::lookup(fd.as_fd(), info, &0_u32.to_ne_bytes()).ok()??;
    Some(value.as_chunks::<8>().0.iter().map(|slot| u64::from_ne_bytes(*slot)).sum())
}

/// Where records come from; lives on the drain thread.
pub trait Source: Send {
    fn stream(&self) -> &Arc<Stream>;
    /// Sends what waits, as far as credits go and for one turn only. Errors are those of stdout.
    fn drain(&mut self, output: &Output) -> io::Result<Visit>;
    /// Bytes that still wait in the kernel's buffer.
    fn waiting(&self) -> u64;
    /// Brings counts up to date that are too dear for every visit.
    fn settle(&mut self, _output: &Output) {}
    /// Other programs write into it from here on as well.
    fn widen(&mut self, _writers: Writers) {}
    /// A fixed pace that the client asked for, in milliseconds; 0 for the adaptive one.
    fn fixed_pace_ms(&self) -> u32;
}

/// What a visit found.
#[derive(Debug, Default, Clone, Copy)]
pub struct Visit {
    /// Bytes that waited at its beginning; without those that a stream without credits keeps there.
    pub found: u64,
    /// It stopped although there was more: come back at once.
    pub more: bool,
    /// It stopped for want of credits.
    pub paused: bool,
}

/// Adds up how long a stream stood without credits while records waited.
#[derive(Default)]
pub struct PauseClock(Option<Instant>);

impl PauseClock {
    pub fn tick(&mut self, paused: bool, counters: &Counters) {
        let now = Instant::now();
        if let Some(since) = self.0.take() {
            let passed = now.duration_since(since).as_nanos() as u64;
            counters.paused_ns.fetch_add(passed, Ordering::Relaxed);
        }
        self.0 = paused.then_some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_limit_and_wake() {
        let stream = Stream::new(1, "events", 4096, Policy::Block, 100);
        assert_eq!(stream.leave(), Leave::Send { limit: 100 });
        assert!(!stream.grant(50));
        stream.credits.store(-20, Ordering::Relaxed);
        assert_eq!(stream.leave(), Leave::Wait);
        assert!(stream.grant(30));
        assert!(!stream.grant(1));
        assert_eq!(stream.leave(), Leave::Send { limit: 11 });
    }

    #[test]
    fn a_dropping_stream_never_waits() {
        let stream = Stream::new(1, "events", 4096, Policy::DropNewest, 1);
        stream.credits.store(0, Ordering::Relaxed);
        assert_eq!(stream.leave(), Leave::Drop);
        stream.count_dropped(3);
        let stats = stream.statistics();
        assert_eq!((stats.records_read, stats.records_sent, stats.records_dropped), (3, 0, 3));
    }
}
