//! New versions taking the place of old ones, against the running kernel (needs root, tracefs, clang).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::{Agent, first_u64, global_u32, object_with, own_tid};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

fn version(macros: &[&str]) -> Vec<u8> {
    let arch = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86" };
    let mut flags = vec![format!("-D__TARGET_ARCH_{arch}")];
    flags.extend(macros.iter().map(|one| format!("-D{one}")));
    object_with("swap", &flags.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A thread that seeks in a file, each time to another place.
struct Generator {
    tid: u32,
    made: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    go: std::sync::mpsc::Sender<()>,
}

impl Generator {
    /// Waits for [`Generator::go`] with its first system call of this kind.
    fn new() -> Self {
        let (made, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (tell, told) = std::sync::mpsc::channel();
        let (go, wait) = std::sync::mpsc::channel();
        let (count, ends) = (Arc::clone(&made), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut file = File::open("/proc/self/stat").expect("procfs");
            tell.send(own_tid()).expect("asked for");
            if wait.recv().is_err() {
                return;
            }
            while !ends.load(Ordering::Relaxed) {
                for _ in 0..50 {
                    file.seek(SeekFrom::Start(count.load(Ordering::Relaxed))).expect("a file that can seek");
                    count.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let tid = told.recv().expect("a thread number");
        Self { tid, made, stop, thread: Some(thread), go }
    }

    fn go(&self) {
        self.go.send(()).expect("it waits");
    }

    /// Ends it and says how many places it went to.
    fn end(&mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("once").join().expect("it ends well");
        self.made.load(Ordering::Relaxed)
    }

    fn options(&self, name: &str) -> pb::ObjectOptions {
        pb::ObjectOptions { name: name.into(), globals: vec![global_u32("wanted_tid", self.tid)], ..Default::default() }
    }
}

fn swap_request(
    agent: &mut Agent,
    object_id: u32,
    object: &[u8],
    options: pb::ObjectOptions,
    maps: &[&str],
) -> Request {
    let object_blob = agent.upload(object);
    let stream = |map: &&str| pb::OpenStream { map: (*map).into(), ..Default::default() };
    let streams = maps.iter().map(stream).collect();
    let options = Some(options);
    Request::SwapObject(pb::SwapObject { object_id, object_blob, options, streams, ..Default::default() })
}

fn swap(agent: &mut Agent, object_id: u32, object: &[u8], options: pb::ObjectOptions, maps: &[&str]) -> pb::SwapResult {
    let request = swap_request(agent, object_id, object, options, maps);
    match agent.request(request) {
        Response::Swap(result) => result,
        other => panic!("not swapped: {other:?}"),
    }
}

fn fate<'a>(result: &'a pb::SwapResult, map: &str) -> &'a pb::MapFate {
    result.map_fates.iter().find(|fate| fate.map.ends_with(map)).expect("a map of this name")
}

/// Every place from 0 on was seen. (A list of all that were would fill the screen.)
fn assert_whole(seen: &BTreeSet<u64>, places: u64) {
    let missing: Vec<u64> = (0..places).filter(|place| !seen.contains(place)).collect();
    let few = &missing[..missing.len().min(10)];
    assert!(missing.is_empty(), "{} of {places} are missing: {few:?}", missing.len());
    assert_eq!(seen.len() as u64, places);
}

/// The first version, attached, with the number of its stream.
fn first_version() -> (Agent, Generator, u32, u16) {
    let (mut agent, generator) = (Agent::start(), Generator::new());
    let id = agent.load(&version(&["VERSION=1"]), generator.options("test")).object_id;
    let stream = agent.open_stream(id, "events", 0, "");
    agent.attach_all(id);
    (agent, generator, id, stream)
}

/// Keys of `counts` with how often each was counted.
fn counts(agent: &mut Agent, object_id: u32) -> BTreeMap<u32, u64> {
    let (_, bytes) = agent.dump(object_id, "counts");
    let entry = |bytes: &[u8]| (u32::from_le_bytes(bytes[..4].try_into().expect("a key")), first_u64(&bytes[4..]));
    bytes.chunks_exact(20).map(entry).collect()
}

#[test]
fn twenty_swaps_under_load_lose_no_event_and_no_entry() {
    let (one, two) = (version(&["VERSION=1"]), version(&["VERSION=2"]));
    let (mut agent, mut generator, id, stream) = first_version();
    generator.go();
    agent.listen(Duration::from_millis(50));
    for round in 0..20 {
        let object = if round % 2 == 0 { &two } else { &one };
        // Another name, so that maps of globals are called otherwise.
        let name = if round % 2 == 0 { "second" } else { "first" };
        let result = swap(&mut agent, id, object, generator.options(name), &["events"]);
        for map in ["events", "counts", ".bss"] {
            assert_eq!((fate(&result, map).fate.as_str(), fate(&result, map).reason.as_str()), ("kept", ""), "{map}");
        }
        assert_eq!(fate(&result, ".rodata").fate, "reset");
        let (new, gone) =
            if round % 2 == 0 { ("only_in_others", "only_in_one") } else { ("only_in_one", "only_in_others") };
        assert_eq!((fate(&result, new).fate.as_str(), fate(&result, gone).fate.as_str()), ("new", "gone"));
        assert!(result.ended_streams.is_empty() && result.opened_streams.is_empty());
        assert!(result.overlap_nanos > 0, "attached beside the old one");
        assert_eq!((result.object_id, result.attachments.len()), (id, 1));
        assert!(result.old.expect("last figures").programs[0].run_count > 0);
        agent.listen(Duration::from_millis(5));
    }
    let places = generator.end();
    let stats = agent.detach(id);
    let figures = &stats.streams[0];
    assert_eq!((figures.kernel_lost, figures.kernel_lost_known, figures.records_dropped), (0, true, 0), "{figures:?}");
    let records = agent.records(stream);
    let seen: BTreeSet<u64> = records.iter().map(|record| first_u64(record)).collect();
    assert!(places > 1000);
    assert_whole(&seen, places);
    let versions: BTreeSet<u8> = records.iter().map(|record| record[8]).collect();
    assert_eq!(versions, BTreeSet::from([1, 2]));
    let counted = counts(&mut agent, id);
    assert_eq!(counted.len(), 16);
    assert_eq!(counted.values().sum::<u64>(), records.len() as u64, "the map's count equals the ledger's");
    assert_eq!(agent.globals(id, ".bss")[0], records.len() as u64);
    assert_eq!(figures.records_read, records.len() as u64);
}

#[test]
fn what_changed_its_layout_starts_anew_and_says_why() {
    let (mut agent, mut generator, id, stream) = first_version();
    generator.go();
    agent.listen(Duration::from_millis(30));
    let changed = version(&["VERSION=2", "COUNT_TYPE=__u32", "RING_BYTES=(1<<21)", "MORE_GLOBALS"]);
    let result = swap(&mut agent, id, &changed, generator.options("test"), &["events"]);
    let reason = |map: &str| (fate(&result, map).fate.clone(), fate(&result, map).reason.clone());
    let (what, why) = reason("counts");
    assert_eq!(what, "reset");
    assert!(why.contains("`times: u64 at 0`, it is `times: u32 at 0`"), "{why}");
    let (what, why) = reason(".bss");
    assert!(what == "reset" && why.contains("16") && why.contains("24"), "{what}: {why}");
    let (what, why) = reason("events");
    assert!(what == "reset" && why.contains("1048576") && why.contains("2097152"), "{what}: {why}");
    assert_eq!(result.ended_streams, [u32::from(stream)]);
    let opened = result.opened_streams[0].stream.clone().expect("a stream");
    assert_eq!((opened.ring_bytes, result.opened_streams[0].map.as_str()), (2 << 20, "events"));
    agent.listen(Duration::from_millis(30));
    let places = generator.end();
    let stats = agent.detach(id);
    assert_eq!(stats.streams.len(), 1);
    let mut seen: BTreeSet<u64> = agent.records(stream).iter().map(|record| first_u64(record)).collect();
    let old = result.old.expect("last figures").streams[0].clone();
    assert_eq!(old.records_sent, agent.records(stream).len() as u64, "the old ring was read to its end");
    seen.extend(agent.records(opened.stream as u16).iter().map(|record| first_u64(record)));
    assert_whole(&seen, places);
}

#[test]
fn a_ring_that_the_client_wants_anew_is_read_to_its_end_first() {
    let (mut agent, mut generator, id, stream) = first_version();
    generator.go();
    agent.listen(Duration::from_millis(20));
    let two = version(&["VERSION=2"]);
    let Request::SwapObject(request) = swap_request(&mut agent, id, &two, generator.options("test"), &["events"])
    else {
        panic!("a swap")
    };
    let request = pb::SwapObject { reset_maps: vec!["events".into()], ..request };
    let Response::Swap(result) = agent.request(Request::SwapObject(request)) else { panic!("not swapped") };
    assert_eq!((fate(&result, "events").fate.as_str(), fate(&result, "counts").fate.as_str()), ("reset", "kept"));
    let second = result.opened_streams[0].stream.as_ref().expect("a stream").stream as u16;
    let places = generator.end();
    agent.detach(id);
    let versions = |stream| agent.records(stream).iter().map(|record| record[8]).collect::<BTreeSet<u8>>();
    assert_eq!((versions(stream), versions(second)), (BTreeSet::from([1]), BTreeSet::from([2])));
    let both = agent.records(stream).into_iter().chain(agent.records(second));
    assert_whole(&both.map(|record| first_u64(&record)).collect(), places);
}

#[test]
fn a_map_of_another_size_gets_a_copy_of_the_entries() {
    let mut agent = Agent::start();
    let mut generator = Generator::new();
    let loaded = agent.load(&version(&["VERSION=1"]), generator.options("test"));
    let id = loaded.object_id;
    agent.attach_all(id);
    generator.go();
    agent.listen(Duration::from_millis(30));
    generator.end();
    let before = counts(&mut agent, id);
    assert_eq!(before.len(), 16);
    let result = swap(&mut agent, id, &version(&["VERSION=2", "ENTRIES=128"]), generator.options("test"), &[]);
    assert_eq!((fate(&result, "counts").fate.as_str(), fate(&result, "counts").entries), ("resized", 16));
    assert_eq!(counts(&mut agent, id), before);
    let result = swap(&mut agent, id, &version(&["VERSION=3", "ENTRIES=4"]), generator.options("test"), &[]);
    let entries = fate(&result, "counts").entries;
    assert!((4..16).contains(&entries), "{entries} of 16 found room");
    assert!(counts(&mut agent, id).iter().all(|(key, times)| before[key] == *times));
}

#[test]
fn a_version_that_fails_leaves_the_old_one_as_it_was() {
    let mut agent = Agent::start();
    let mut generator = Generator::new();
    let loaded = agent.load(&version(&["VERSION=1"]), generator.options("test"));
    let id = loaded.object_id;
    let stream = agent.open_stream(id, "events", 0, "");
    let attachments = agent.attach_all(id);
    generator.go();
    let request = swap_request(&mut agent, id, &version(&["VERSION=2", "REFUSED"]), generator.options("test"), &[]);
    assert_eq!(agent.error(request).code, "verifier-rejected");
    // Loads, but its second program has nowhere to go.
    let two = version(&["VERSION=2", "NETWORK", "RING_BYTES=(1<<21)"]);
    let request = swap_request(&mut agent, id, &two, generator.options("test"), &["events"]);
    assert_eq!(agent.error(request).code, "target-needed");
    agent.listen(Duration::from_millis(20));
    let places = generator.end();
    let stats = agent.detach(id);
    assert_eq!(stats.programs.iter().map(|program| program.name.as_str()).collect::<Vec<_>>(), ["on_lseek"]);
    let seen: Vec<u64> = agent.records(stream).iter().map(|record| first_u64(record)).collect();
    assert!(seen.iter().copied().eq(0..places), "once each: nothing of the others ever ran");
    assert_eq!(attachments.len(), 1);
}

#[test]
fn a_perf_buffer_goes_on_through_swaps() {
    let (one, two) = (version(&["VERSION=1", "PERF"]), version(&["VERSION=2", "PERF"]));
    let mut agent = Agent::start();
    let mut generator = Generator::new();
    let loaded = agent.load(&one, generator.options("test"));
    let id = loaded.object_id;
    let stream = agent.open_stream(id, "samples", 0, "");
    agent.attach_all(id);
    generator.go();
    for object in [&two, &one, &two] {
        agent.listen(Duration::from_millis(10));
        let result = swap(&mut agent, id, object, generator.options("test"), &["samples"]);
        assert_eq!(fate(&result, "samples").fate, "kept");
        assert!(result.ended_streams.is_empty() && result.opened_streams.is_empty());
    }
    let places = generator.end();
    let stats = agent.detach(id);
    let seen: BTreeSet<u64> = agent.records(stream).iter().map(|record| first_u64(record)).collect();
    assert_eq!(stats.streams[0].kernel_lost, 0);
    assert_whole(&seen, places);
}

#[test]
fn a_link_gets_its_new_program_in_one_step() {
    let mut agent = Agent::start();
    let generator = Generator::new();
    let network = |number: &str| version(&[&format!("VERSION={number}"), "NETWORK"]);
    let options = pb::ObjectOptions { programs: vec!["on_packet".into()], ..generator.options("test") };
    let loaded = agent.load(&network("1"), options.clone());
    let id = loaded.object_id;
    let target: std::collections::HashMap<String, String> =
        [("iface", "lo"), ("xdp-mode", "skb")].map(|(key, value)| (key.into(), value.into())).into();
    let Response::Attach(before) = agent.attach(id, "on_packet", &[("iface", "lo"), ("xdp-mode", "skb")]) else {
        panic!("not attached")
    };
    let ping = || {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.send_to(b"x", "127.0.0.1:9").expect("sent");
    };
    ping();
    let object_blob = agent.upload(&network("2"));
    let programs = vec![pb::AttachProgram { program: "on_packet".into(), target, ..Default::default() }];
    let options = Some(options);
    let request = pb::SwapObject { object_id: id, object_blob, options, programs, ..Default::default() };
    let Response::Swap(result) = agent.request(Request::SwapObject(request)) else { panic!("not swapped") };
    assert_eq!(result.overlap_nanos, 0, "no moment with both");
    assert_eq!(result.attachments[0].link_id, before.attachments[0].link_id);
    ping();
    let counted = counts(&mut agent, id);
    assert!(counted[&1001] > 0 && counted[&1002] > 0, "{counted:?}");
    agent.detach(id);
    let counted = counts(&mut agent, id);
    ping();
    assert_eq!(counts(&mut agent, id), counted, "the link went with the detach");
}

#[test]
fn prints_are_told_apart_before_and_after() {
    let speaks = |number: &str| version(&[&format!("VERSION={number}"), "SPEAKS"]);
    let mut agent = Agent::start();
    let mut generator = Generator::new();
    let options = pb::ObjectOptions { programs: vec!["on_exit".into()], ..generator.options("test") };
    let loaded = agent.load(&speaks("1"), options.clone());
    let id = loaded.object_id;
    assert!(matches!(agent.request(Request::OpenPrints(pb::OpenPrints { object_id: id })), Response::Empty(_)));
    agent.attach_all(id);
    generator.go();
    agent.listen(Duration::from_millis(20));
    swap(&mut agent, id, &speaks("2"), options, &[]);
    agent.listen(Duration::from_millis(20));
    generator.end();
    agent.detach(id);
    let texts: BTreeSet<String> = agent.prints().into_iter().map(|print| print.text).collect();
    assert_eq!(texts, BTreeSet::from(["version 1".to_owned(), "version 2".to_owned()]));
}
