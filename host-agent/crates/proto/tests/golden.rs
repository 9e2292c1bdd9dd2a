//! Golden frames, shared with the TypeScript side: test/fixtures/frames/NAME.bin is the stream of bytes, NAME.json says
//! what it holds. `RINGSIDE_WRITE_FIXTURES=1 cargo test -p ringside-proto` writes them anew after a change of the protocol.

use std::fs;
use std::path::{Path, PathBuf};

use ringside_proto::Message;
use ringside_proto::framing::{Decoder, Frame, FrameError, FrameType, HEADER, Head, LAST_CHUNK, MAGIC, MAX_PAYLOAD};
use ringside_proto::messages::{self as pb, event, request, response};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../test/fixtures/frames")
}

fn frame(head: Head, payload: Vec<u8>) -> Frame {
    Frame { head, payload }
}

fn message(kind: FrameType, aux: u32, message: &impl Message) -> Frame {
    frame(Head::new(kind).aux(aux), message.encode_to_vec())
}

/// What an agent says in a short run.
fn from_agent() -> Vec<Frame> {
    let hello = pb::Hello {
        protocol_major: 1,
        protocol_minor: 0,
        version: "0.1.0".into(),
        arch: "x86_64".into(),
        kernel: "6.12.0".into(),
        page_size: 4096,
        online_cpus: 2,
        possible_cpus: 4,
        euid: 0,
        pid: 4242,
        realtime_minus_monotonic_ns: 1_790_000_000_000_000_123,
        realtime_minus_boottime_ns: -5,
        ..Default::default()
    };
    let error = pb::Error {
        code: "verifier-rejected".into(),
        errno: 13,
        message: "Program on_exec was rejected by the verifier: R0 invalid mem access 'scalar'".into(),
        hint: "The log tells.".into(),
        log_blob: 1,
        findings: Vec::new(),
    };
    let stats = pb::Stats {
        streams: vec![pb::StreamStats {
            stream: 1,
            records_read: 2,
            records_sent: 2,
            kernel_lost_known: true,
            ring_bytes: 1 << 20,
            high_water_bytes: u64::MAX,
            map: "events".into(),
            ..Default::default()
        }],
        agent_rss_bytes: 2 << 20,
        ..Default::default()
    };
    let print = pb::Print {
        time_ns: 1_790_000_000_000_000_999,
        cpu: 1,
        pid: 7,
        tid: 8,
        program: "on_exec".into(),
        text: "grüße".into(),
        ..Default::default()
    };
    let prints = pb::PrintBatch { object_id: 1, prints: vec![print], lost: 3 };
    let answer = |answer| pb::Response { response: Some(answer) };
    vec![
        message(FrameType::Hello, 0, &hello),
        frame(Head::new(FrameType::Blob).aux(1), b"0: (79) r1 = *(u64 *)(r0 +0)\n".to_vec()),
        frame(Head::new(FrameType::Blob).aux(1).flags(LAST_CHUNK), b"R0 invalid mem access 'scalar'\n".to_vec()),
        message(FrameType::Response, 1, &answer(response::Response::Error(error))),
        message(FrameType::Progress, 2, &pb::Progress { step: "verify on_exec".into(), done: 0, total: 2 }),
        frame(Head::new(FrameType::Data).stream(1), span()),
        message(FrameType::Event, 0, &pb::Event { event: Some(event::Event::Prints(prints)) }),
        frame(Head::new(FrameType::Pong).aux(u32::MAX), Vec::new()),
        message(
            FrameType::Response,
            u32::MAX,
            &answer(response::Response::Detach(pb::DetachResult { stats: Some(stats) })),
        ),
        message(FrameType::Bye, 0, &pb::Bye { code: "client".into(), message: "As asked.".into() }),
    ]
}

/// Two records of 5 and 8 bytes with a discarded one in between.
fn span() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&1_790_000_000_000_001_000_u64.to_le_bytes());
    bytes.extend_from_slice(&2_u32.to_le_bytes());
    bytes.extend_from_slice(&u32::MAX.to_le_bytes());
    for (header, body) in [(5_u32, &b"hello"[..]), (1 << 30 | 12, b"thrown away."), (8, b"12345678")] {
        bytes.extend_from_slice(&header.to_le_bytes());
        bytes.extend_from_slice(&[3, 0, 0, 0]);
        bytes.extend_from_slice(body);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

fn from_client() -> Vec<Frame> {
    let ack = pb::HelloAck {
        protocol_major: 1,
        protocol_minor: 0,
        heartbeat_ms: 5000,
        lease_ms: 30_000,
        ..Default::default()
    };
    let options = pb::ObjectOptions {
        name: "execsnoop".into(),
        programs: vec!["on_exec".into()],
        globals: vec![pb::GlobalValue { variable: "wanted".into(), value: vec![1, 0, 0, 0] }],
        map_sizes: vec![pb::MapSize { map: "events".into(), max_entries: 1 << 20, value_size: 0 }],
        log_level: 5,
        log_limit_bytes: 64 << 20,
        ..Default::default()
    };
    let load = request::Request::LoadObject(pb::LoadObject { object_blob: 9, options: Some(options) });
    let target = [("iface".to_owned(), "lo".to_owned())].into();
    let programs = vec![pb::AttachProgram { program: "count".into(), target, ..Default::default() }];
    let attach = request::Request::Attach(pb::Attach { object_id: 1, programs, ..Default::default() });
    let ask = |request| pb::Request { request: Some(request) };
    vec![
        message(FrameType::HelloAck, 0, &ack),
        frame(Head::new(FrameType::Blob).aux(9).flags(LAST_CHUNK), b"\x7fELF".to_vec()),
        message(FrameType::Request, 1, &ask(load)),
        message(FrameType::Request, 2, &ask(attach)),
        frame(Head::new(FrameType::Credit).stream(65535).aux(1 << 20), Vec::new()),
        frame(Head::new(FrameType::Cancel).aux(2), Vec::new()),
        frame(Head::new(FrameType::Ping).aux(7), Vec::new()),
        message(FrameType::Bye, 0, &pb::Bye { code: "client".into(), message: String::new() }),
    ]
}

fn bytes_of(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (sequence, frame) in frames.iter().enumerate() {
        bytes.extend_from_slice(&frame.head.encode(frame.payload.len(), sequence as u32));
        bytes.extend_from_slice(&frame.payload);
    }
    bytes
}

/// `magic` when the agent's magic comes first; `error` when the bytes end in one, with the frames before it.
fn description(magic: bool, frames: &[Frame], error: Option<FrameError>) -> String {
    let lines: Vec<String> = frames
        .iter()
        .enumerate()
        .map(|(sequence, Frame { head, payload })| {
            let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
            format!(
                "    {{ \"type\": {}, \"flags\": {}, \"stream\": {}, \"sequence\": {sequence}, \"aux\": {}, \"payload\": \"{hex}\" }}",
                head.kind as u8, head.flags, head.stream, head.aux
            )
        })
        .collect();
    let frames = if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n  ]", lines.join(",\n")) };
    let error = error.map_or("null".to_owned(), |error| match error {
        FrameError::TooLarge { .. } => "\"too-large\"".into(),
        FrameError::UnknownType { .. } => "\"unknown-type\"".into(),
        FrameError::OutOfSequence { .. } => "\"out-of-sequence\"".into(),
    });
    format!("{{\n  \"magic\": {magic},\n  \"error\": {error},\n  \"frames\": {frames}\n}}\n")
}

fn check(name: &str, magic: bool, bytes: &[u8]) {
    let mut decoder = Decoder::default();
    decoder.push(bytes);
    let mut frames = Vec::new();
    let error = loop {
        match decoder.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let whole = if magic { [&MAGIC, bytes].concat() } else { bytes.to_vec() };
    let (binary, json) = (fixtures().join(format!("{name}.bin")), fixtures().join(format!("{name}.json")));
    if std::env::var_os("RINGSIDE_WRITE_FIXTURES").is_some() {
        fs::create_dir_all(fixtures()).expect("folder");
        fs::write(&binary, &whole).expect("write");
        fs::write(&json, description(magic, &frames, error)).expect("write");
    }
    assert_eq!(fs::read(&binary).expect("fixture"), whole, "{name}.bin");
    assert_eq!(fs::read_to_string(&json).expect("fixture"), description(magic, &frames, error), "{name}.json");
}

#[test]
fn the_agents_frames() {
    check("agent", true, &bytes_of(&from_agent()));
}

#[test]
fn the_clients_frames() {
    check("client", false, &bytes_of(&from_client()));
}

#[test]
fn frames_that_are_refused() {
    let ping = Head::new(FrameType::Ping);
    check("too-large", false, &[ping.encode(0, 0), ping.encode(MAX_PAYLOAD + 1, 1)].concat());
    check("out-of-sequence", false, &[ping.encode(0, 0), ping.encode(0, 2)].concat());
    let mut unknown = ping.encode(0, 0);
    unknown[4] = 99;
    check("unknown-type", false, &unknown);
    let cut = bytes_of(&from_client());
    check("cut", false, &cut[..HEADER + 5]);
}
