//! A running agent and a client that asks for anything, in any order, with any numbers: it answers each request, keeps its
//! memory and its descriptors, and does honest work afterwards.

use std::cell::RefCell;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::support::{Agent, call_getpid, object, only_me, wait_until};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ringside_proto::Message;
use ringside_proto::framing::{FrameType, Head, LAST_CHUNK};
use ringside_proto::messages::{self as pb, map_ref::Ref, request::Request, response::Response};

/// Names that exist, names that do not, and what breaks paths and formats.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "events", "counted", "counted_lost", ".bss", ".rodata", "on_getpid", "on_getpid_counted", "wanted_tid",
        ])
        .prop_map(str::to_owned),
        1 => prop::sample::select(vec!["", "%s%n", "../../etc/passwd", "lo", "\u{0}", "a\u{0}b", "é", "/dev/zero", "*"])
            .prop_map(str::to_owned),
        1 => "[ -~]{0,40}",
        1 => Just("x".repeat(70_000)),
    ]
}

/// Numbers at their ends, and such that name what is there.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0_u32..4, 1 => Just(u32::MAX), 1 => Just(1 << 31), 1 => any::<u32>()]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => prop::collection::vec(any::<u8>(), 0..40), 1 => Just(vec![0; 4]), 1 => Just(vec![0xff; 60_000])]
}

/// Maps of this object only: ids would be those of other people's maps.
fn map() -> impl Strategy<Value = Option<pb::MapRef>> {
    let loaded = (number(), name()).prop_map(|(object_id, map)| Ref::Loaded(pb::LoadedMapRef { object_id, map }));
    let id = (0x7000_0000_u32..).prop_map(Ref::Id);
    let pinned = name().prop_map(Ref::Pinned);
    prop::option::of(prop_oneof![4 => loaded, 1 => id, 1 => pinned].prop_map(|r#ref| pb::MapRef { r#ref: Some(r#ref) }))
}

fn options() -> impl Strategy<Value = pb::ObjectOptions> {
    let globals = prop::collection::vec((name(), bytes()), 0..3);
    let sizes = prop::collection::vec((name(), number(), number()), 0..3);
    (name(), prop::collection::vec(name(), 0..3), globals, sizes, number(), any::<u64>(), name(), any::<bool>())
        .prop_map(|(name, programs, globals, sizes, log_level, log_limit_bytes, kconfig, leave_out)| {
            pb::ObjectOptions {
                name,
                programs,
                globals: globals.into_iter().map(|(variable, value)| pb::GlobalValue { variable, value }).collect(),
                map_sizes: sizes
                    .into_iter()
                    .map(|(map, max_entries, value_size)| pb::MapSize { map, max_entries, value_size })
                    .collect(),
                log_level,
                log_limit_bytes,
                kconfig,
                leave_out,
                ..Default::default()
            }
        })
}

fn targets() -> impl Strategy<Value = Vec<pb::AttachProgram>> {
    let key = prop_oneof![name(), Just("func".to_owned()), Just("pid".to_owned()), Just("freq".to_owned())];
    // Nothing here may attach to what is not ours: the object has tracepoint programs of this very thread only.
    let target = prop::collection::hash_map(key, name(), 0..3);
    prop::collection::vec((name(), target, any::<bool>()), 0..3).prop_map(|all| {
        all.into_iter()
            .map(|(program, target, leave_out)| pb::AttachProgram {
                program,
                target: target.into_iter().collect(),
                leave_out,
            })
            .collect()
    })
}

fn condition() -> impl Strategy<Value = pb::FilterCondition> {
    (
        number(),
        number(),
        name(),
        any::<bool>(),
        prop::sample::select(vec!["==", "<", "prefix", "?"]),
        any::<i64>(),
        bytes(),
    )
        .prop_map(|(offset, size, kind, big_endian, operator, number, text)| pb::FilterCondition {
            offset,
            size,
            kind: if size % 2 == 0 { "unsigned".into() } else { kind },
            big_endian,
            operator: operator.into(),
            number,
            text,
            mask: number as u64,
        })
}

fn about_objects() -> impl Strategy<Value = Request> {
    prop_oneof![
        (number(), options()).prop_map(|(object_blob, options)| {
            Request::LoadObject(pb::LoadObject { object_blob, options: Some(options) })
        }),
        (number(), options()).prop_map(|(object_blob, options)| {
            Request::VerifyObject(pb::VerifyObject { object_blob, options: Some(options) })
        }),
        (number(), number(), options(), targets()).prop_map(|(object_id, object_blob, options, programs)| {
            Request::SwapObject(pb::SwapObject {
                object_id,
                object_blob,
                options: Some(options),
                programs,
                ..Default::default()
            })
        }),
        (number(), targets()).prop_map(|(object_id, programs)| Request::Attach(pb::Attach {
            object_id,
            programs,
            ..Default::default()
        })),
        number().prop_map(|object_id| Request::CommitAttach(pb::CommitAttach { object_id })),
        number().prop_map(|object_id| Request::Detach(pb::Detach { object_id })),
        number().prop_map(|object_id| Request::CloseObject(pb::CloseObject { object_id })),
        number().prop_map(|object_id| Request::GetStats(pb::GetStats { object_id })),
        number().prop_map(|object_id| Request::OpenPrints(pb::OpenPrints { object_id })),
        (number(), name(), bytes(), bytes(), number()).prop_map(|(object_id, program, data_in, context_in, repeat)| {
            Request::RunProgram(pb::RunProgram { object_id, program, data_in, context_in, repeat })
        }),
        (number(), name(), any::<u64>()).prop_map(|(object_id, program, limit_bytes)| {
            Request::ReadIterator(pb::ReadIterator { object_id, program, limit_bytes })
        }),
    ]
}

fn about_streams() -> impl Strategy<Value = Request> {
    let policy = prop::sample::select(vec!["", "block", "drop-newest", "drop-oldest", "?"]);
    prop_oneof![
        (number(), name(), any::<u64>(), number(), number(), policy, number()).prop_map(
            |(object_id, map, credits, perf_pages, drain_ms, policy, sample)| Request::OpenStream(pb::OpenStream {
                object_id,
                map,
                credits,
                perf_pages,
                drain_ms,
                policy: policy.into(),
                sample
            })
        ),
        (number(), prop::collection::vec(prop::collection::vec(condition(), 0..4), 0..4)).prop_map(|(stream, all)| {
            let alternatives = all.into_iter().map(|conditions| pb::FilterAlternative { conditions }).collect();
            Request::SetStreamFilter(pb::SetStreamFilter { stream, alternatives })
        }),
        (number(), name(), prop::collection::vec(bytes(), 0..4)).prop_map(|(object_id, map, records)| {
            Request::WriteUserRing(pb::WriteUserRing { object_id, map, records })
        }),
    ]
}

fn about_maps() -> impl Strategy<Value = Request> {
    let word = prop::sample::select(vec!["set", "add", "replace", "delete", "push", "pop", "peek", "patch", "?"]);
    let operation = (word, bytes(), bytes(), number(), number(), name(), number()).prop_map(
        |(operation, key, value, owner_pid, owner_fd, owner_path, offset)| pb::MapOperation {
            operation: operation.into(),
            key,
            value,
            owner_pid,
            owner_fd,
            owner_path,
            offset,
        },
    );
    prop_oneof![
        (number(), name(), number()).prop_map(|(object_id, map, limit)| Request::DumpMap(pb::DumpMap {
            object_id,
            map,
            limit
        })),
        (map(), bytes(), number(), prop::collection::vec(bytes(), 0..4))
            .prop_map(|(map, cursor, limit, keys)| Request::ReadMap(pb::ReadMap { map, cursor, limit, keys })),
        (map(), prop::collection::vec(operation, 0..4))
            .prop_map(|(map, operations)| Request::WriteMap(pb::WriteMap { map, operations })),
        (map(), number()).prop_map(|(map, limit)| Request::WatchMap(pb::WatchMap { map, limit })),
        number().prop_map(|watch| Request::PollWatch(pb::PollWatch { watch })),
        number().prop_map(|watch| Request::CloseWatch(pb::CloseWatch { watch })),
    ]
}

fn about_the_host() -> impl Strategy<Value = Request> {
    let kinds = prop::sample::select(ringside_agent::fuzzing::target_kinds().chain(["?"]).collect::<Vec<_>>());
    prop_oneof![
        name().prop_map(|module| Request::GetBtf(pb::GetBtf { module })),
        (number(), prop::collection::vec(any::<u64>(), 0..50))
            .prop_map(|(pid, addresses)| Request::Symbolize(pb::Symbolize { pid, addresses })),
        (kinds, name(), name(), number(), number(), any::<bool>()).prop_map(
            |(kind, pattern, binary, pid, limit, as_text)| {
                Request::ListTargets(pb::ListTargets { kind: kind.into(), pattern, binary, pid, limit, as_text })
            }
        ),
        prop::collection::vec(number(), 0..4).prop_map(|ids| Request::ListPrograms(pb::ListPrograms { ids })),
        prop::collection::vec(number(), 0..4).prop_map(|ids| Request::ListMaps(pb::ListMaps { ids })),
        prop::collection::vec(number(), 0..4).prop_map(|ids| Request::ListLinks(pb::ListLinks { ids })),
        Just(Request::ListBtfs(pb::ListBtfs {})),
        Just(Request::ListNetAttachments(pb::ListNetAttachments {})),
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    prop_oneof![4 => about_objects(), 3 => about_streams(), 4 => about_maps(), 2 => about_the_host()]
}

fn descriptors(agent: &Agent) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", agent.worker())).expect("procfs").count()
}

/// The object, compiled once.
fn ring() -> &'static [u8] {
    static RING: LazyLock<Vec<u8>> = LazyLock::new(|| object("ring"));
    &RING
}

/// The agent does what it is for.
fn works(agent: &mut Agent) {
    let loaded = agent.load(ring(), only_me());
    let stream = agent.open_stream(loaded.object_id, "events", 0, "");
    agent.attach_all(loaded.object_id);
    call_getpid(100);
    agent.detach(loaded.object_id);
    assert!(!agent.records(stream).is_empty());
    agent.data.clear();
    agent.request(Request::CloseObject(pb::CloseObject { object_id: loaded.object_id }));
}

#[test]
fn whatever_is_asked_is_answered() {
    let mut runner =
        TestRunner::new(Config { cases: 24, max_shrink_iters: 30, failure_persistence: None, ..Config::default() });
    let requests = prop::collection::vec(any_request(), 1..40);
    runner
        .run(&requests, |requests| {
            let mut agent = Agent::start();
            // Object 1 and blob 1 are there, and attached.
            let loaded = agent.load(ring(), only_me());
            agent.open_stream(loaded.object_id, "events", 0, "");
            agent.attach_all(loaded.object_id);
            for request in requests {
                let begin = Instant::now();
                agent.request(request);
                prop_assert!(begin.elapsed() < Duration::from_secs(15));
                call_getpid(3);
            }
            prop_assert!(agent.bye.is_none());
            works(&mut agent);
            prop_assert!(agent.resident_bytes() < 160 << 20, "{} bytes", agent.resident_bytes());
            agent.close_stdin();
            prop_assert!(agent.wait().success());
            Ok(())
        })
        .expect("every request is answered");
}

#[test]
fn requests_that_cannot_be_read_are_errors_and_no_end() {
    let agent = RefCell::new(Agent::start());
    let mut runner = TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    runner
        .run(&prop::collection::vec(any::<u8>(), 0..200), |payload| {
            // A payload that happens to be a request is one.
            prop_assume!(pb::Request::decode(&payload[..]).map_or(true, |request| request.request.is_none()));
            let mut agent = agent.borrow_mut();
            let id = agent.ask_raw(&payload);
            match agent.answer(id) {
                Response::Error(error) => prop_assert_eq!(error.code, "protocol"),
                other => prop_assert!(false, "{:?}", other),
            }
            Ok(())
        })
        .expect("errors");
    works(&mut agent.into_inner());
}

#[test]
fn what_is_opened_and_closed_again_costs_nothing() {
    let mut agent = Agent::start();
    works(&mut agent);
    let (memory, files) = (agent.resident_bytes(), descriptors(&agent));
    for _ in 0..60 {
        works(&mut agent);
    }
    // A look at /proc that is under way has one open.
    wait_until("as many descriptors as before", || descriptors(&agent) == files);
    assert!(agent.resident_bytes() < memory + (4 << 20), "{} and then {}", memory, agent.resident_bytes());
}

#[test]
fn blobs_that_nobody_needs_are_bounded() {
    let mut agent = Agent::start();
    let chunk = vec![7_u8; 256 << 10];
    for id in 0..1000_u32 {
        agent.send(Head::new(FrameType::Blob).aux(1000 + id).flags(LAST_CHUNK), &chunk);
    }
    for id in 0..20_000_u32 {
        agent.send(Head::new(FrameType::Blob).aux(100_000 + id).flags(LAST_CHUNK), b"");
    }
    works(&mut agent);
    assert!(agent.resident_bytes() < 100 << 20, "{} bytes", agent.resident_bytes());
    // One that never ends is too much.
    for _ in 0..257 {
        agent.send(Head::new(FrameType::Blob).aux(1), &chunk);
    }
    assert_eq!(agent.wait().code(), Some(2));
}

#[test]
fn a_client_that_asks_and_never_reads_is_bounded() {
    let mut agent = Agent::spawn(false);
    let ack =
        pb::HelloAck { protocol_major: 1, protocol_minor: 0, heartbeat_ms: 100, lease_ms: 4000, ..Default::default() };
    agent.send(Head::new(FrameType::HelloAck), &ack.encode_to_vec());
    // Answers of hundreds of kilobytes, for nobody.
    let list = pb::ListTargets { kind: "tracepoint".into(), limit: 100_000, ..Default::default() };
    for _ in 0..200 {
        agent.ask(Request::ListTargets(list.clone()));
    }
    let mut most = 0;
    wait_until("the end of the lease", || {
        if agent.child.try_wait().expect("wait").is_some() {
            return true;
        }
        // It may end between the two looks.
        let status = std::fs::read_to_string(format!("/proc/{}/status", agent.worker())).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
        most = most.max(resident.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10);
        false
    });
    assert!((1 << 20..160 << 20).contains(&most), "{most} bytes");
}

#[test]
fn an_object_with_five_thousand_programs_is_loaded() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("many"), Default::default());
    assert_eq!(loaded.programs.iter().filter(|program| program.loaded).count(), 5000);
    assert!(descriptors(&agent) > 5000);
    agent.request(Request::CloseObject(pb::CloseObject { object_id: loaded.object_id }));
    wait_until("the descriptors to be given back", || descriptors(&agent) < 100);
}
