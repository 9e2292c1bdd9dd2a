//! `bpf_printk` through a small program of our own on the raw tracepoint bpf_trace_printk: nothing of the host's own
//! trace pipe is touched, and each line comes with a call chain that tells whose program printed it.
//!
//! A perf event on the same tracepoint would need no program, but misses every line that a tracepoint program prints:
//! perf runs those with its recursion guard held, and drops what happens inside.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use libbpf_sys as sys;

use crate::insns::{Asm, Insn, Reg, helper};
use crate::map;
use crate::map_setup::Definition;
use crate::os::owned;
use crate::ring::Ring;
use crate::{Error, Result};

/// Holds about 800 lines between two drains.
const RING_BYTES: u32 = 1 << 20;
const FRAMES: usize = 24;
/// The kernel cuts a line there.
const MOST_TEXT: usize = 1024;

// Layout of a record.
const TIME: usize = 0;
const PID_TGID: usize = 8;
const CPU: usize = 16;
const CHAIN_BYTES: usize = 20;
const TEXT_BYTES: usize = 24;
const CHAIN: usize = 32;
const TEXT: usize = CHAIN + FRAMES * 8;
const RECORD: usize = TEXT + MOST_TEXT;

/// One line that some BPF program printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print<'a> {
    /// CLOCK_MONOTONIC.
    pub monotonic_ns: u64,
    pub cpu: u32,
    pub pid: u32,
    pub tid: u32,
    pub text: &'a [u8],
    callchain: &'a [u8],
}

impl Print<'_> {
    /// Kernel addresses from the innermost frame outwards.
    pub fn callchain(&self) -> impl Iterator<Item = u64> + '_ {
        self.callchain.as_chunks::<8>().0.iter().map(|address| u64::from_ne_bytes(*address))
    }
}

/// All prints of the host, from the moment it is opened.
pub struct Prints {
    ring: Ring,
    lost_map: OwnedFd,
    lost_info: map::MapInfo,
    lost_seen: u64,
    /// The attachment, and with it the program; closed with this value or with the process.
    _link: OwnedFd,
}

impl Prints {
    /// ENOENT means that the kernel has no such tracepoint (before 5.9).
    pub fn open() -> Result<Self> {
        let ring_map = create_map(sys::BPF_MAP_TYPE_RINGBUF, 0, 0, RING_BYTES)?;
        let lost_map = create_map(sys::BPF_MAP_TYPE_ARRAY, 4, 8, 1)?;
        let program = load(&reporter(&ring_map, &lost_map))?;
        // SAFETY: a terminated string and a valid descriptor; the result is a new descriptor or an error.
        let link = unsafe { sys::bpf_raw_tracepoint_open(c"bpf_trace_printk".as_ptr(), program.as_raw_fd()) };
        let link = owned(link).map_err(|_| Error::new("cannot follow bpf_printk", link))?;
        let ring = Ring::map(ring_map.as_fd(), RING_BYTES)?;
        let lost_info = map::info(lost_map.as_fd())?;
        Ok(Self { ring, lost_map, lost_info, lost_seen: 0, _link: link })
    }

    /// Hands every waiting print to `each`. Returns how many found no room since the last call.
    pub fn drain(&mut self, mut each: impl FnMut(Print<'_>)) -> u64 {
        loop {
            let span = self.ring.peek(u64::MAX);
            let length = span.bytes.len();
            if length == 0 {
                break;
            }
            // Records have one size, and none is ever discarded.
            for record in span.bytes.chunks_exact(8 + RECORD) {
                each(parse(&record[8..]));
            }
            self.ring.release(length);
        }
        let zero = 0_u32.to_ne_bytes();
        let value = map::lookup(self.lost_map.as_fd(), &self.lost_info, &zero).ok().flatten();
        let total = value.and_then(|bytes| Some(u64::from_ne_bytes(*bytes.first_chunk()?))).unwrap_or(self.lost_seen);
        total - std::mem::replace(&mut self.lost_seen, total)
    }
}

fn parse(record: &[u8]) -> Print<'_> {
    let u64_at = |at: usize| record[at..].first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
    let u32_at = |at: usize| record[at..].first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
    // Lengths are negative when the kernel could not get at the thing.
    let length = |at: usize, most: usize| usize::try_from(u32_at(at) as i32).unwrap_or(0).min(most);
    let text = &record[TEXT..TEXT + length(TEXT_BYTES, MOST_TEXT)];
    let pid_tgid = u64_at(PID_TGID);
    Print {
        monotonic_ns: u64_at(TIME),
        cpu: u32_at(CPU),
        pid: (pid_tgid >> 32) as u32,
        tid: pid_tgid as u32,
        text: text.strip_suffix(b"\0").unwrap_or(text),
        callchain: &record[CHAIN..CHAIN + length(CHAIN_BYTES, FRAMES * 8)],
    }
}

/// The program: one record for each print, or one more in the count of those that found no room.
fn reporter(ring: &OwnedFd, lost: &OwnedFd) -> Vec<Insn> {
    const NO_WAKEUP: i32 = 1;
    let (context, record) = (Reg::R6, Reg::R7);
    let mut asm = Asm::default();
    asm.mov(context, Reg::R1);
    asm.map(Reg::R1, ring.as_raw_fd()).set(Reg::R2, RECORD as i32).set(Reg::R3, 0).call(helper::RINGBUF_RESERVE);
    let no_room = asm.jump_if_zero(Reg::R0);
    asm.mov(record, Reg::R0);
    asm.call(helper::KTIME_GET_NS).store_u64(record, TIME as i16, Reg::R0);
    asm.call(helper::GET_CURRENT_PID_TGID).store_u64(record, PID_TGID as i16, Reg::R0);
    asm.call(helper::GET_SMP_PROCESSOR_ID).store_u32(record, CPU as i16, Reg::R0);
    asm.mov(Reg::R1, context).mov(Reg::R2, record).add(Reg::R2, CHAIN as i32);
    asm.set(Reg::R3, (FRAMES * 8) as i32).set(Reg::R4, 0).call(helper::GET_STACK);
    asm.store_u32(record, CHAIN_BYTES as i16, Reg::R0);
    asm.mov(Reg::R1, record).add(Reg::R1, TEXT as i32).set(Reg::R2, MOST_TEXT as i32);
    asm.load_u64(Reg::R3, context, 0).call(helper::PROBE_READ_KERNEL_STR);
    asm.store_u32(record, TEXT_BYTES as i16, Reg::R0);
    asm.mov(Reg::R1, record).set(Reg::R2, NO_WAKEUP).call(helper::RINGBUF_SUBMIT);
    asm.set(Reg::R0, 0).exit();
    asm.land(no_room);
    asm.set(Reg::R1, 0).store_u32(Reg::R10, -4, Reg::R1).mov(Reg::R2, Reg::R10).add(Reg::R2, -4);
    asm.map(Reg::R1, lost.as_raw_fd()).call(helper::MAP_LOOKUP_ELEM);
    let no_count = asm.jump_if_zero(Reg::R0);
    asm.set(Reg::R1, 1).atomic_add_u64(Reg::R0, 0, Reg::R1);
    asm.land(no_count);
    asm.set(Reg::R0, 0).exit();
    asm.finish()
}

fn create_map(kind: u32, key_size: u32, value_size: u32, entries: u32) -> Result<OwnedFd> {
    map::create(c"ringside_prints", &Definition { kind, key_size, value_size, max_entries: entries, flags: 0 })
}

fn load(insns: &[Insn]) -> Result<OwnedFd> {
    crate::program::load_insns(sys::BPF_PROG_TYPE_RAW_TRACEPOINT, insns, |_| {})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_taken_apart_and_bad_lengths_do_no_harm() {
        let mut record = vec![0; RECORD];
        record[TIME] = 99;
        record[PID_TGID..PID_TGID + 8].copy_from_slice(&(7_u64 << 32 | 8).to_ne_bytes());
        record[CPU] = 3;
        record[CHAIN_BYTES] = 8;
        record[TEXT_BYTES] = 6;
        record[CHAIN..CHAIN + 8].copy_from_slice(&0xffff_ffff_c000_1234_u64.to_ne_bytes());
        record[TEXT..TEXT + 6].copy_from_slice(b"hello\0");
        let print = parse(&record);
        assert_eq!((print.pid, print.tid, print.cpu, print.monotonic_ns), (7, 8, 3, 99));
        assert_eq!(print.text, b"hello");
        assert_eq!(print.callchain().collect::<Vec<_>>(), [0xffff_ffff_c000_1234]);
        record[TEXT_BYTES..TEXT_BYTES + 4].copy_from_slice(&(-14_i32).to_ne_bytes());
        record[CHAIN_BYTES..CHAIN_BYTES + 4].copy_from_slice(&i32::MAX.to_ne_bytes());
        let print = parse(&record);
        assert_eq!((print.text.len(), print.callchain().count()), (0, FRAMES));
    }
}
