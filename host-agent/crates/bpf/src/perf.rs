//! Perf events with a mapped buffer: the reader behind BPF perf buffers, and the clock events
//! that drive perf_event programs.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use libbpf_sys as sys;

use crate::ring::map_shared;
use crate::{Error, Result, cpus, os};

const TYPE_SOFTWARE: u32 = 1;
const SW_CPU_CLOCK: u64 = 0;
const SW_BPF_OUTPUT: u64 = 10;
const SAMPLE_TIME: u64 = 1 << 2;
const SAMPLE_RAW: u64 = 1 << 10;
pub const RECORD_LOST: u32 = 2;
pub const RECORD_SAMPLE: u32 = 9;
/// read() of the event then ends with the number of records that found no room (kernel ≥ 6.0).
const FORMAT_LOST: u64 = 1 << 4;

/// Where the head and the tail stand in the first page (struct perf_event_mmap_page).
const HEAD: usize = 1024;
const TAIL: usize = 1032;

/// An attribute with its size set and everything else zero.
pub(crate) fn attribute(kind: u32, config: u64) -> sys::perf_event_attr {
    // SAFETY: zeroes are valid in this plain C struct.
    let mut attribute = unsafe { std::mem::zeroed::<sys::perf_event_attr>() };
    attribute.type_ = kind;
    attribute.config = config;
    attribute.size = size_of::<sys::perf_event_attr>() as u32;
    attribute
}

/// Opens an event; kernels that do not know FORMAT_LOST get another try without.
pub(crate) fn open(attribute: &mut sys::perf_event_attr, pid: i32, cpu: i32) -> Result<OwnedFd> {
    const FLAG_FD_CLOEXEC: libc::c_ulong = 8;
    // SAFETY: the pointer is to a live attribute whose size field is right; the rest are integers.
    let mut open = || unsafe {
        let attribute: *mut sys::perf_event_attr = attribute;
        os::owned(libc::syscall(libc::SYS_perf_event_open, attribute, pid, cpu, -1, FLAG_FD_CLOEXEC) as i32)
    };
    let mut opened = open();
    if opened.is_err() && attribute.read_format & FORMAT_LOST != 0 {
        attribute.read_format &= !FORMAT_LOST;
        // SAFETY: as above.
        opened = unsafe {
            let attribute: *mut sys::perf_event_attr = attribute;
            os::owned(libc::syscall(libc::SYS_perf_event_open, attribute, pid, cpu, -1, FLAG_FD_CLOEXEC) as i32)
        };
    }
    opened.map_err(|error| Error::new("cannot open the perf event", error.raw_os_error().unwrap_or(0)))
}

/// What a sampling event counts, and when it fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// PERF_TYPE_*, or the type of a unit of /sys/bus/event_source/devices.
    pub kind: u32,
    pub config: u64,
    pub rate: Rate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// So many times a second; the kernel adapts the period.
    Frequency(u64),
    /// Each time after so many events.
    Period(u64),
}

/// The kernel's software clock, since virtual machines often have no hardware counters.
pub const CPU_CLOCK: (u32, u64) = (TYPE_SOFTWARE, SW_CPU_CLOCK);
/// PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES
pub const CPU_CYCLES: (u32, u64) = (0, 0);

impl Sampling {
    fn attribute(self) -> sys::perf_event_attr {
        let mut attribute = attribute(self.kind, self.config);
        match self.rate {
            Rate::Frequency(hertz) => {
                attribute.__bindgen_anon_1.sample_freq = hertz;
                attribute.set_freq(1);
            }
            Rate::Period(period) => attribute.__bindgen_anon_1.sample_period = period,
        }
        attribute
    }

    /// On one CPU, whatever runs there.
    pub fn on_cpu(self, cpu: u32) -> Result<OwnedFd> {
        open(&mut self.attribute(), -1, cpu as i32)
    }

    /// Of one thread and those that it starts, on one CPU or wherever it runs.
    pub fn of_thread(self, thread: u32, cpu: Option<u32>) -> Result<OwnedFd> {
        let cpu = cpu.map_or(-1, |cpu| cpu as i32);
        let mut attribute = self.attribute();
        attribute.set_inherit(1);
        // Not into child processes; kernels before 5.13 cannot tell them from threads.
        attribute.set_inherit_thread(1);
        match open(&mut attribute, thread as i32, cpu) {
            Err(error) if error.errno == libc::EINVAL || error.errno == libc::E2BIG => {
                open(&mut self.attribute(), thread as i32, cpu)
            }
            other => other,
        }
    }
}

/// A kernel probe at an address, as a perf event of all processes.
pub(crate) fn kprobe(address: u64, on_return: bool) -> Result<OwnedFd> {
    let none = |what: &str| Error::new(format!("the kernel does not show {what}"), libc::EOPNOTSUPP);
    let devices = "/sys/bus/event_source/devices/kprobe";
    let kind = fs::read_to_string(format!("{devices}/type")).ok().and_then(|text| text.trim().parse().ok());
    let mut event = attribute(kind.ok_or_else(|| none("kernel probes"))?, 0);
    if on_return {
        let format = fs::read_to_string(format!("{devices}/format/retprobe")).ok();
        let bit: Option<u32> = format.and_then(|text| text.trim().strip_prefix("config:")?.parse().ok());
        event.config = 1 << bit.filter(|bit| *bit < 64).ok_or_else(|| none("return probes"))?;
    }
    // No name (config1 stays zero): the address alone counts.
    event.__bindgen_anon_4.kprobe_addr = address;
    open(&mut event, -1, 0)
}

/// One mapped buffer of records of one CPU.
pub struct Buffer {
    event: OwnedFd,
    start: *mut u8,
    page: usize,
    size: usize,
    counts_lost: bool,
    pub cpu: u32,
}

// SAFETY: the pointer is to a shared kernel mapping that belongs to this value alone; head and tail are accessed
// atomically, and the value is used by one thread at a time (no Sync).
unsafe impl Send for Buffer {}

impl Buffer {
    pub(crate) fn new(mut attribute: sys::perf_event_attr, cpu: u32, pages: usize) -> Result<Self> {
        attribute.read_format |= FORMAT_LOST;
        let event = open(&mut attribute, -1, cpu as i32)?;
        let page = os::page_size();
        let size = page * pages.next_power_of_two();
        let start = map_shared(event.as_fd(), page + size, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        Ok(Self { event, start, page, size, counts_lost: attribute.read_format & FORMAT_LOST != 0, cpu })
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Bytes that it can hold.
    pub fn size(&self) -> u64 {
        self.size as u64
    }

    /// Bytes waiting.
    pub fn occupied(&self) -> u64 {
        self.position(HEAD).load(Ordering::Acquire) - self.position(TAIL).load(Ordering::Relaxed)
    }

    /// Calls `each` with type and body of every waiting record, until it says no or `limit` bytes are read; then gives
    /// the room of those it took back to the kernel. True when nothing was left.
    pub fn read(&mut self, limit: u64, scratch: &mut Vec<u8>, mut each: impl FnMut(u32, &[u8]) -> bool) -> bool {
        let head = self.position(HEAD).load(Ordering::Acquire);
        let start = self.position(TAIL).load(Ordering::Relaxed);
        let mut tail = start;
        let mut header = Vec::with_capacity(8);
        while tail < head && tail - start < limit {
            self.copy(tail, 8, &mut header);
            let kind = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]);
            let length = u64::from(u16::from_ne_bytes([header[6], header[7]]));
            if length < 8 || tail + length > head {
                // A broken buffer: skip to its head rather than loop for ever.
                tail = head;
                break;
            }
            self.copy(tail + 8, length as usize - 8, scratch);
            if !each(kind, scratch) {
                break;
            }
            tail += length;
        }
        self.position(TAIL).store(tail, Ordering::Release);
        tail == head
    }

    /// How many records found no room since the event was opened, by the kernel's own count; none before 6.0.
    pub fn lost(&self) -> Option<u64> {
        if !self.counts_lost {
            return None;
        }
        let mut values = [0_u64; 2];
        // SAFETY: the buffer has room for the two values that this read format yields (value, lost).
        let read = unsafe { libc::read(self.event.as_raw_fd(), values.as_mut_ptr().cast(), size_of_val(&values)) };
        (read == size_of_val(&values) as isize).then_some(values[1])
    }

    fn copy(&self, position: u64, length: usize, into: &mut Vec<u8>) {
        into.clear();
        let offset = position as usize & (self.size - 1);
        let first = length.min(self.size - offset);
        // SAFETY: both parts lie inside the data area (offset < size, lengths cut at its end); the kernel does not write
        // there until the tail passes.
        unsafe {
            let data = self.start.add(self.page);
            into.extend_from_slice(std::slice::from_raw_parts(data.add(offset), first));
            into.extend_from_slice(std::slice::from_raw_parts(data, length - first));
        }
    }

    fn position(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: head and tail are 8-byte aligned fields of the mapped first page.
        unsafe { &*self.start.add(offset).cast::<AtomicU64>() }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping made in `new`.
        unsafe { libc::munmap(self.start.cast(), self.page + self.size) };
    }
}

/// Opens a buffer of `pages` pages on every online CPU, as [`open_bpf_output_on`] does.
pub fn open_bpf_output(map: BorrowedFd<'_>, pages: usize) -> Result<Vec<Buffer>> {
    cpus::online().into_iter().map(|cpu| open_bpf_output_on(map, cpu, pages)).collect()
}

/// Opens a buffer of `pages` pages on one CPU and puts it into a BPF_MAP_TYPE_PERF_EVENT_ARRAY under that CPU's number
/// (which has gaps where CPUs are offline).
pub fn open_bpf_output_on(map: BorrowedFd<'_>, cpu: u32, pages: usize) -> Result<Buffer> {
    let mut event = attribute(TYPE_SOFTWARE, SW_BPF_OUTPUT);
    event.sample_type = SAMPLE_TIME | SAMPLE_RAW;
    // The clock of bpf_ktime_get_ns(), the same on all CPUs: the client puts their samples in order by it.
    event.set_use_clockid(1);
    event.clockid = libc::CLOCK_MONOTONIC;
    event.__bindgen_anon_1.sample_period = 1;
    // Nobody waits for it: it is read on a timer, so no wake-up costs the traced program anything.
    event.__bindgen_anon_2.wakeup_events = u32::MAX;
    let buffer = Buffer::new(event, cpu, pages)?;
    let fd = buffer.event.as_raw_fd();
    // SAFETY: key and value of this map type are 4 bytes each.
    let result =
        unsafe { sys::bpf_map_update_elem(map.as_raw_fd(), (&raw const cpu).cast(), (&raw const fd).cast(), 0) };
    if result != 0 {
        return Err(Error::last(format!("cannot put the perf buffer of CPU {cpu} into its map")));
    }
    Ok(buffer)
}

/// A sample of [`open_bpf_output`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample<'a> {
    /// When the program wrote it, by CLOCK_MONOTONIC.
    pub monotonic_ns: u64,
    /// What it wrote (padded by the kernel).
    pub raw: &'a [u8],
}

/// The sample in the body of a SAMPLE record.
pub fn sample_of(body: &[u8]) -> Option<Sample<'_>> {
    let (time, rest) = body.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let raw = rest.get(..u32::from_ne_bytes(*length) as usize)?;
    Some(Sample { monotonic_ns: u64::from_ne_bytes(*time), raw })
}

/// The count in the body of a LOST record (id, lost).
pub fn lost_of(body: &[u8]) -> u64 {
    body.get(8..16).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

/// Where the tracing file system is mounted, if it is.
pub fn tracefs() -> Option<String> {
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (_, place, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "tracefs").then(|| place.to_owned())
    })
}
