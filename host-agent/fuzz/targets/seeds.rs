//! Writes what the fuzzer `protocol` starts from: one file for each kind of request, in the short form that
//! `ringside_agent::fuzzing` reads, and some whole connections. `seeds FOLDER [OBJECT]`
use std::path::Path;

use ringside_proto::framing::{FrameType, Head};
use ringside_proto::messages::{self as pb, map_ref::Ref, request::Request};
use ringside_proto::{Message, PROTOCOL_MAJOR};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().expect("usage: seeds FOLDER [OBJECT]");
    let object = arguments.next().map(std::fs::read).transpose()?.unwrap_or_default();
    std::fs::create_dir_all(&folder)?;
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(Path::new(&folder).join(name), bytes);
    let mut all = vec![1];
    for (index, request) in requests().into_iter().enumerate() {
        let frame = short(FrameType::Request, 0, index as u8 + 1, &encoded(request));
        all.extend(&frame);
        write(&format!("request-{index}"), [vec![1], frame].concat())?;
    }
    write("every-request", all)?;
    let blob = short(FrameType::Blob, 1, 1, &object);
    for (name, request) in [
        ("verify", Request::VerifyObject(pb::VerifyObject { object_blob: 1, options: Some(options()) })),
        ("load", Request::LoadObject(pb::LoadObject { object_blob: 1, options: Some(options()) })),
    ] {
        write(name, [vec![1], blob.clone(), short(FrameType::Request, 0, 1, &encoded(request))].concat())?;
    }
    let others = [FrameType::Cancel, FrameType::Ping, FrameType::Pong, FrameType::Credit, FrameType::Bye];
    write("others", [vec![1], others.iter().flat_map(|kind| short(*kind, 0, 1, b"")).collect()].concat())?;
    write("raw", raw())
}

fn short(kind: FrameType, flags: u8, aux: u8, payload: &[u8]) -> Vec<u8> {
    let [low, high] = u16::try_from(payload.len()).expect("a small seed").to_le_bytes();
    [&[kind as u8, flags, 1, aux, low, high], payload].concat()
}

/// The same with whole headers, behind an even byte.
fn raw() -> Vec<u8> {
    let ack =
        pb::HelloAck { protocol_major: PROTOCOL_MAJOR, heartbeat_ms: 5000, lease_ms: 30_000, ..Default::default() };
    let frames = [
        (FrameType::HelloAck, ack.encode_to_vec()),
        (FrameType::Request, encoded(Request::GetHostFacts(pb::GetHostFacts {}))),
        (FrameType::Bye, pb::Bye { code: "client".into(), message: String::new() }.encode_to_vec()),
    ];
    let mut bytes = vec![0];
    for (sequence, (kind, payload)) in frames.into_iter().enumerate() {
        bytes.extend(Head::new(kind).aux(1).encode(payload.len(), sequence as u32));
        bytes.extend(payload);
    }
    bytes
}

fn encoded(request: Request) -> Vec<u8> {
    pb::Request { request: Some(request) }.encode_to_vec()
}

fn options() -> pb::ObjectOptions {
    pb::ObjectOptions {
        name: "seed".into(),
        programs: vec!["on_getpid".into()],
        globals: vec![pb::GlobalValue { variable: "wanted_tid".into(), value: vec![1, 0, 0, 0] }],
        map_sizes: vec![pb::MapSize { map: "events".into(), max_entries: 4096, value_size: 0 }],
        log_level: 1,
        log_limit_bytes: 65536,
        program_options: vec![pb::ProgramOption {
            program: "on_getpid".into(),
            r#type: "xdp".into(),
            attach_type: "xdp".into(),
            target: [("func".to_owned(), "vfs_read".to_owned())].into(),
        }],
        kconfig: "CONFIG_HZ=250\n".into(),
        kernel_btf_blob: 2,
        pins: vec![pb::MapPin { map: "events".into(), path: "/sys/fs/bpf/seed".into() }],
        map_memory_limit_bytes: 1 << 20,
        leave_out: true,
    }
}

fn requests() -> Vec<Request> {
    let name = |text: &str| text.to_owned();
    let map = || Some(pb::MapRef { r#ref: Some(Ref::Id(1)) });
    let loaded = pb::LoadedMapRef { object_id: 1, map: name("events") };
    let pinned = Some(pb::MapRef { r#ref: Some(Ref::Pinned(name("/sys/fs/bpf/seed"))) });
    let programs = vec![pb::AttachProgram {
        program: name("on_getpid"),
        target: [("iface".to_owned(), "lo".to_owned()), ("binary".to_owned(), "/bin/true".to_owned())].into(),
        leave_out: true,
    }];
    let target = |kind: &str| {
        let (pattern, binary) = (name("*a?"), name("/proc/self/exe"));
        Request::ListTargets(pb::ListTargets { kind: name(kind), pattern, binary, pid: 1, limit: 3 })
    };
    let condition = pb::FilterCondition {
        offset: 8,
        size: 4,
        kind: name("unsigned"),
        operator: name("=="),
        number: 7,
        text: b"x".to_vec(),
        mask: 255,
        ..Default::default()
    };
    let operation = pb::MapOperation {
        operation: name("set"),
        key: vec![0; 4],
        value: vec![0; 8],
        owner_pid: 1,
        owner_path: name("/sys/fs/cgroup"),
        ..Default::default()
    };
    let mut requests = vec![
        Request::GetHostFacts(pb::GetHostFacts {}),
        Request::GetBtf(pb::GetBtf { module: name("xfs") }),
        Request::VerifyObject(pb::VerifyObject { object_blob: 1, options: Some(options()) }),
        Request::LoadObject(pb::LoadObject { object_blob: 1, options: Some(options()) }),
        Request::OpenStream(pb::OpenStream {
            object_id: 1,
            map: name("events"),
            credits: 4096,
            perf_pages: 8,
            drain_ms: 5,
            policy: name("drop-oldest"),
            sample: 2,
        }),
        Request::OpenPrints(pb::OpenPrints { object_id: 1 }),
        Request::Attach(pb::Attach { object_id: 1, programs: programs.clone(), ..Default::default() }),
        Request::GetStats(pb::GetStats { object_id: 0 }),
        Request::DumpMap(pb::DumpMap { object_id: 1, map: name("events"), limit: 9 }),
        Request::Detach(pb::Detach { object_id: 1 }),
        Request::Symbolize(pb::Symbolize { pid: 1, addresses: vec![0, 0x40_0000, u64::MAX] }),
        Request::CloseObject(pb::CloseObject { object_id: 1 }),
        Request::SwapObject(pb::SwapObject {
            object_id: 1,
            object_blob: 1,
            options: Some(options()),
            programs,
            ..Default::default()
        }),
        Request::RunProgram(pb::RunProgram {
            object_id: 1,
            program: name("on_getpid"),
            data_in: vec![0; 14],
            context_in: vec![0; 8],
            repeat: 2,
        }),
        Request::ReadIterator(pb::ReadIterator { object_id: 1, program: name("walk"), limit_bytes: 4096 }),
        Request::SetStreamFilter(pb::SetStreamFilter {
            stream: 1,
            alternatives: vec![pb::FilterAlternative { conditions: vec![condition] }],
        }),
        Request::WriteUserRing(pb::WriteUserRing { object_id: 1, map: name("commands"), records: vec![vec![1; 8]] }),
        Request::ReadMap(pb::ReadMap { map: map(), cursor: vec![1], limit: 10, keys: vec![vec![0; 4]] }),
        Request::WriteMap(pb::WriteMap { map: pinned.clone(), operations: vec![operation] }),
        Request::WatchMap(pb::WatchMap { map: Some(pb::MapRef { r#ref: Some(Ref::Loaded(loaded)) }), limit: 5 }),
        Request::PollWatch(pb::PollWatch { watch: 1 }),
        Request::CloseWatch(pb::CloseWatch { watch: 1 }),
        Request::ListPrograms(pb::ListPrograms { ids: vec![1] }),
        Request::ListMaps(pb::ListMaps { ids: vec![] }),
        Request::ListLinks(pb::ListLinks { ids: vec![2] }),
        Request::ListBtfs(pb::ListBtfs {}),
        Request::ListNetAttachments(pb::ListNetAttachments {}),
    ];
    requests.extend(ringside_agent::fuzzing::target_kinds().map(target));
    requests
}
