//! `bpf_printk` through a perf event on bpf_trace:bpf_trace_printk: nothing of the host's own trace pipe is touched, and
//! the call chain tells whose program printed.

use std::fs;

use crate::perf::{self, Buffer, RECORD_LOST, RECORD_SAMPLE};
use crate::{Error, Result};

const SAMPLE_TID: u64 = 1 << 1;
const SAMPLE_TIME: u64 = 1 << 2;
const SAMPLE_CALLCHAIN: u64 = 1 << 5;
const SAMPLE_CPU: u64 = 1 << 7;
const SAMPLE_RAW: u64 = 1 << 10;

/// Pages of each CPU's buffer: about 1,500 lines between two drains.
const PAGES: usize = 64;

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
    /// Kernel addresses from the innermost frame outwards, with the kernel's context markers in between.
    pub fn callchain(&self) -> impl Iterator<Item = u64> + '_ {
        self.callchain.as_chunks::<8>().0.iter().map(|address| u64::from_ne_bytes(*address))
    }
}

/// All prints of the host, from the moment it is opened.
pub struct Prints {
    buffers: Vec<Buffer>,
    text_offset: usize,
    scratch: Vec<u8>,
    lost_seen: u64,
}

impl Prints {
    /// ENOENT means that tracefs is not mounted or the kernel lacks the event.
    pub fn open() -> Result<Self> {
        let tracefs = perf::tracefs().ok_or_else(|| Error::new("tracefs is not mounted", libc::ENOENT))?;
        let event = format!("{tracefs}/events/bpf_trace/bpf_trace_printk");
        let id = read(&format!("{event}/id"))?;
        let id = id.trim().parse().map_err(|_| Error::new(format!("{event}/id holds no number"), libc::EINVAL))?;
        // The text is a dynamic string: a u32 of offset and length somewhere behind the common fields.
        let format = read(&format!("{event}/format"))?;
        let text_offset = field_offset(&format, "bpf_string")
            .ok_or_else(|| Error::new(format!("{event}/format lacks bpf_string"), libc::EINVAL))?;
        let sample = SAMPLE_TID | SAMPLE_TIME | SAMPLE_CALLCHAIN | SAMPLE_CPU | SAMPLE_RAW;
        let buffers = perf::open_tracepoint(id, sample, PAGES)?;
        Ok(Self { buffers, text_offset, scratch: Vec::new(), lost_seen: 0 })
    }

    /// Hands every waiting print to `each`, CPU by CPU. Returns how many were lost since the last call.
    pub fn drain(&mut self, mut each: impl FnMut(Print<'_>)) -> u64 {
        let mut lost = 0;
        let text_offset = self.text_offset;
        for buffer in &mut self.buffers {
            buffer.read(u64::MAX, &mut self.scratch, |kind, body| {
                match kind {
                    RECORD_SAMPLE => {
                        if let Some(print) = parse(body, text_offset) {
                            each(print);
                        }
                    }
                    RECORD_LOST => lost += perf::lost_of(body),
                    _ => {}
                }
                true
            });
        }
        self.lost_seen += lost;
        // The kernel writes a LOST record only with the next line that finds room; its own count is complete.
        let counted: u64 = self.buffers.iter().filter_map(Buffer::lost).sum();
        let late = counted.saturating_sub(self.lost_seen);
        self.lost_seen += late;
        lost + late
    }
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| Error::new(format!("cannot read {path}"), error.raw_os_error().unwrap_or(libc::EIO)))
}

/// The `offset` of a line like `field:__data_loc char[] bpf_string; offset:8; size:4;`.
fn field_offset(format: &str, name: &str) -> Option<usize> {
    let line = format.lines().find(|line| line.contains(&format!(" {name};")))?;
    line.split("offset:").nth(1)?.split(';').next()?.parse().ok()
}

/// Body of a sample in the order of the perf ABI: tid, time, cpu, callchain, raw.
fn parse(body: &[u8], text_offset: usize) -> Option<Print<'_>> {
    let u32_at = |at: usize| Some(u32::from_ne_bytes(body.get(at..at + 4)?.try_into().ok()?));
    let u64_at = |at: usize| Some(u64::from_ne_bytes(body.get(at..at + 8)?.try_into().ok()?));
    let (pid, tid, monotonic_ns, cpu) = (u32_at(0)?, u32_at(4)?, u64_at(8)?, u32_at(16)?);
    let frames = usize::try_from(u64_at(24)?).ok()?;
    let chain_end = 32_usize.checked_add(frames.checked_mul(8)?)?;
    let callchain = body.get(32..chain_end)?;
    let raw = body.get(chain_end + 4..)?.get(..u32_at(chain_end)? as usize)?;
    let location = u32::from_ne_bytes(raw.get(text_offset..text_offset + 4)?.try_into().ok()?);
    let (start, length) = ((location & 0xffff) as usize, (location >> 16) as usize);
    let text = raw.get(start..start + length)?;
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    Some(Print { monotonic_ns, cpu, pid, tid, text, callchain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_found_by_the_event_format() {
        let format = "name: bpf_trace_printk\n\tfield:int common_pid;\toffset:4;\tsize:4;\n\
                      \tfield:__data_loc char[] bpf_string;\toffset:8;\tsize:4;\tsigned:0;\n";
        assert_eq!(field_offset(format, "bpf_string"), Some(8));
        assert_eq!(field_offset(format, "other"), None);
    }

    #[test]
    fn a_sample_is_taken_apart_and_a_short_one_refused() {
        let mut body = Vec::new();
        for word in [7_u32, 8] {
            body.extend_from_slice(&word.to_ne_bytes());
        }
        body.extend_from_slice(&99_u64.to_ne_bytes());
        body.extend_from_slice(&3_u64.to_ne_bytes());
        body.extend_from_slice(&1_u64.to_ne_bytes());
        body.extend_from_slice(&0xffff_ffff_c000_1234_u64.to_ne_bytes());
        body.extend_from_slice(&18_u32.to_ne_bytes());
        body.extend_from_slice(&[0; 8]);
        body.extend_from_slice(&(12_u32 | 6 << 16).to_ne_bytes());
        body.extend_from_slice(b"hello\0");
        let print = parse(&body, 8).expect("sample");
        assert_eq!((print.pid, print.tid, print.cpu, print.monotonic_ns), (7, 8, 3, 99));
        assert_eq!(print.text, b"hello");
        assert_eq!(print.callchain().collect::<Vec<_>>(), [0xffff_ffff_c000_1234]);
        for length in 0..body.len() {
            assert_eq!(parse(&body[..length], 8), None, "{length}");
        }
    }
}
