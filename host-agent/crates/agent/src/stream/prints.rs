//! What the client's own programs say: `bpf_printk`, told apart from everyone else's by the call chain of each print, and
//! BPF streams.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ringside_bpf::os;
use ringside_bpf::prints::Prints;
use ringside_proto::Message;
use ringside_proto::framing::{FrameType, Head};
use ringside_proto::messages::{self as pb, event};

use super::speakers::{Listener, Speaker};
use crate::output::Output;

/// Lines in one EVENT frame; a line has at most one kilobyte.
const MOST_IN_BATCH: usize = 500;

#[derive(Default)]
pub struct PrintCounters {
    pub prints: AtomicU64,
    pub lost: AtomicU64,
    /// Set once prints are read: before, their number is not known.
    pub followed: AtomicBool,
}

/// An object whose prints are wanted.
pub struct Printer {
    pub object: u32,
    pub counters: Arc<PrintCounters>,
    /// Machine code of its programs: start, end, program.
    pub code: Vec<(u64, u64, String)>,
    pub speakers: Vec<Speaker>,
}

#[derive(Default)]
pub struct PrintSource {
    /// None while no program of ours prints.
    prints: Option<Prints>,
    printers: Vec<Printer>,
    listener: Listener,
}

impl PrintSource {
    pub fn follow(&mut self, prints: Prints) {
        self.prints = Some(prints);
    }

    /// The next drain takes everything, also what is not due yet.
    pub fn hear_last_words(&mut self) {
        self.listener.hear_last_words();
    }

    pub fn add(&mut self, printer: Printer) {
        self.remove(printer.object);
        self.printers.push(printer);
    }

    /// False when nobody is left who wants prints.
    pub fn remove(&mut self, object: u32) -> bool {
        self.printers.retain(|printer| printer.object != object);
        !self.printers.is_empty()
    }

    /// Sends all waiting lines of our programs. Lines of others are forgotten at once. True when there were any of ours.
    pub fn drain(&mut self, output: &Output) -> io::Result<bool> {
        let offset = os::realtime_minus_monotonic_ns();
        let mut batches: BTreeMap<u32, Vec<pb::Print>> = BTreeMap::new();
        let printers = &self.printers;
        let lost = self.prints.as_mut().map_or(0, |prints| {
            prints.drain(|print| {
                let Some((object, program)) = print.callchain().find_map(|address| owner(printers, address)) else {
                    return;
                };
                let text = String::from_utf8_lossy(print.text.strip_suffix(b"\n").unwrap_or(print.text)).into_owned();
                batches.entry(object).or_default().push(pb::Print {
                    time_ns: print.monotonic_ns.saturating_add_signed(offset),
                    cpu: print.cpu,
                    pid: print.pid,
                    tid: print.tid,
                    program: program.to_owned(),
                    text,
                    source: String::new(),
                });
            })
        });
        self.listen(&mut batches);
        let mut any = false;
        for printer in &self.printers {
            let mut prints = batches.remove(&printer.object).unwrap_or_default();
            if prints.is_empty() && lost == 0 {
                continue;
            }
            any = true;
            // Buffers are read CPU by CPU; the reader wants lines in the order of time.
            prints.sort_by_key(|print| print.time_ns);
            printer.counters.prints.fetch_add(prints.len() as u64, Ordering::Relaxed);
            printer.counters.lost.fetch_add(lost, Ordering::Relaxed);
            send(output, printer.object, prints, lost)?;
        }
        Ok(any)
    }
}

impl PrintSource {
    /// What the programs wrote to their streams. The kernel notes neither time nor process.
    fn listen(&mut self, batches: &mut BTreeMap<u32, Vec<pb::Print>>) {
        if !self.listener.is_due(self.printers.iter().map(|printer| printer.speakers.len()).sum()) {
            return;
        }
        let time_ns = os::realtime_ns();
        for printer in &mut self.printers {
            let batch = batches.entry(printer.object).or_default();
            self.listener.listen(&mut printer.speakers, |said| {
                let (program, text, source) = (said.program, said.text, said.source.to_owned());
                batch.push(pb::Print { time_ns, program, text, source, ..Default::default() });
            });
        }
        self.listener.rest();
    }
}

/// The program whose machine code holds the address.
fn owner(printers: &[Printer], address: u64) -> Option<(u32, &str)> {
    printers.iter().find_map(|printer| {
        let within = |(start, end, _): &&(u64, u64, String)| (*start..*end).contains(&address);
        printer.code.iter().find(within).map(|(_, _, program)| (printer.object, program.as_str()))
    })
}

fn send(output: &Output, object_id: u32, mut prints: Vec<pb::Print>, lost: u64) -> io::Result<()> {
    let mut lost = lost;
    loop {
        let rest = prints.split_off(prints.len().min(MOST_IN_BATCH));
        let batch = pb::PrintBatch { object_id, prints, lost };
        let event = pb::Event { event: Some(event::Event::Prints(batch)) };
        output.write(Head::new(FrameType::Event), [&event.encode_to_vec(), b""])?;
        if rest.is_empty() {
            return Ok(());
        }
        (prints, lost) = (rest, 0);
    }
}
