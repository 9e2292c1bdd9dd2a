//! What the fuzzers of `host-agent/fuzz` call, and the test that replays what they found. Not used by the agent.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ringside_bpf::{btf, log, sandbox};
use ringside_proto::framing::{FrameType, HEADER, Head};
use ringside_proto::{Message, PROTOCOL_MAJOR, messages as pb};

use crate::binary::elf::Elf;
use crate::binary::{symbols, usdt};
use crate::confine;
use crate::connection::{Connection, End};
use crate::knowledge::types::Types;
use crate::output::Output;

/// How long the agent may think about one input.
const PATIENCE: Duration = Duration::from_secs(90);

/// The kinds of target that requests can name.
pub use crate::rpc::targets::kinds as target_kinds;

/// A whole connection whose client sends what the bytes say. The kernel's BPF and everything that changes the host are out
/// of reach. With an even first byte the rest is sent as it is; with an odd one the rest are frames in the short form of
/// [`frames`], so that requests get past the framing.
pub fn protocol(bytes: &[u8]) {
    log::install();
    let sent = match bytes.split_first() {
        Some((mode, rest)) if mode % 2 == 1 => frames(rest),
        Some((_, rest)) => rest.to_vec(),
        None => return,
    };
    // A thread of its own, because it cannot give back what it gives up.
    let connection = thread::spawn(move || serve(&sent).expect("pipes and threads"));
    connection.join().expect("the agent does not panic");
}

/// Opens the object like the agent and its confined child.
pub fn object(bytes: &[u8]) {
    confine::read_checked(bytes);
}

/// Reads types like those of a kernel or a client's object: libbpf's reader and the agent's own, the latter also as a
/// module's on top of a kernel's.
pub fn btf(bytes: &[u8]) {
    std::hint::black_box(btf::globals_of(bytes));
    let names = |types: Types<'_>| {
        types.for_each(|kind, name| {
            std::hint::black_box((kind, name));
        })
    };
    let (kernel, module) = bytes.split_at(bytes.len() / 2);
    Types::parse(bytes, None).into_iter().for_each(names);
    let base = Types::parse(kernel, None);
    Types::parse(module, base.as_ref()).into_iter().for_each(names);
}

/// Reads a program or library of the host as the targets of uprobes and USDT are.
pub fn binary(bytes: &[u8]) {
    let file = sandbox::memory_file(c"binary", bytes).expect("a file in memory");
    let Ok(elf) = Elf::open(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd()))) else { return };
    for section in &elf.sections {
        std::hint::black_box((elf.data(section).is_ok(), elf.file_offset(section.address), elf.notes(&section.name)));
    }
    let mut count = 0_usize;
    let _ = symbols::functions(&elf, &mut |_| count += 1);
    std::hint::black_box((count, usdt::probes(&elf), elf.build_id()));
}

fn serve(sent: &[u8]) -> io::Result<()> {
    let output = Arc::new(Output::new(std::fs::File::options().write(true).open("/dev/null")?));
    // Neither is read from: the bytes are handed over, and no signal comes.
    let (stdin, signals) = (std::fs::File::open("/dev/null")?, std::fs::File::open("/dev/null")?);
    sandbox::look_but_do_not_touch()?;
    let mut connection = Connection::open(stdin, signals.into(), Arc::clone(&output), None, Arc::default())?;
    let end = connection.take_bytes(sent).err();
    if end.is_none() {
        wait_until("a request is never answered", || connection.is_idle());
    }
    connection.finish(end.unwrap_or(End::StdinClosed));
    output.close();
    wait_until("a thread of the connection does not end", || Arc::strong_count(&output) == 1);
    Ok(())
}

fn wait_until(complaint: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "{complaint}");
        thread::sleep(Duration::from_micros(20));
    }
}

/// HELLO_ACK, then one frame for each `kind | flags | stream | aux | u16 length | payload`, numbered as they must be.
fn frames(short: &[u8]) -> Vec<u8> {
    let ack = pb::HelloAck { protocol_major: PROTOCOL_MAJOR, ..Default::default() }.encode_to_vec();
    let mut sent = Head::new(FrameType::HelloAck).encode(ack.len(), 0).to_vec();
    sent.extend(ack);
    let (mut rest, mut sequence) = (short, 0_u32);
    while let Some(([kind, flags, stream, aux, low, high], behind)) = rest.split_first_chunk::<6>() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(behind.len());
        sequence += 1;
        let head = Head { kind: FrameType::Request, flags: *flags, stream: (*stream).into(), aux: (*aux).into() };
        let mut header: [u8; HEADER] = head.encode(length, sequence);
        header[4] = *kind;
        sent.extend(header);
        sent.extend(&behind[..length]);
        rest = &behind[length..];
    }
    sent
}
