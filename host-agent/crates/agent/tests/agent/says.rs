//! Iterators, user ring buffers and BPF streams, against the running kernel (needs root, tracefs, clang).

use crate::support::{Agent, call_getpid, object, only_me};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

fn only(program: &str) -> pb::ObjectOptions {
    pb::ObjectOptions { programs: vec![program.into()], ..only_me() }
}

fn iterate(object_id: u32, limit_bytes: u64) -> Request {
    Request::ReadIterator(pb::ReadIterator { object_id, program: "every_map".into(), limit_bytes })
}

#[test]
fn an_iterator_is_read_from_its_beginning_to_its_end() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("says"), only("every_map"));
    assert_eq!(agent.error(iterate(loaded.object_id, 0)).code, "bad-value", "not attached yet");
    agent.attach_all(loaded.object_id);
    for _ in 0..2 {
        let Response::IteratorText(read) = agent.request(iterate(loaded.object_id, 0)) else { panic!("no text") };
        let text = String::from_utf8(agent.blobs.remove(&read.blob).expect("a blob")).expect("text");
        assert_eq!((text.len() as u64, read.truncated), (read.bytes, false));
        for map in loaded.maps.iter().filter(|map| map.id != 0) {
            assert!(text.lines().any(|line| line == format!("map {}", map.id)), "{} in {text}", map.id);
        }
    }
    let Response::IteratorText(read) = agent.request(iterate(loaded.object_id, 7)) else { panic!("no text") };
    assert_eq!((read.bytes, read.truncated, agent.blobs[&read.blob].len()), (7, true, 7));
}

#[test]
fn records_reach_a_program_through_its_user_ring() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("says"), only("is_told"));
    agent.attach_all(loaded.object_id);
    let object_id = loaded.object_id;
    let write =
        |records: Vec<Vec<u8>>| Request::WriteUserRing(pb::WriteUserRing { object_id, map: "told".into(), records });
    let mut expected = 0;
    // Several times around the ring of 256 records of 16 bytes.
    for round in 0..5_u64 {
        let records: Vec<Vec<u8>> =
            (0..200).map(|number: u64| (round * 1000 + number).to_le_bytes().to_vec()).collect();
        expected += (0..200).map(|number| round * 1000 + number).sum::<u64>();
        let Response::UserRingWritten(answer) = agent.request(write(records)) else { panic!("not written") };
        assert_eq!(answer.written, 200);
        call_getpid(1);
        assert_eq!(agent.globals(object_id, ".bss")[..2], [200 * (round + 1), expected]);
    }
    let Response::UserRingWritten(answer) = agent.request(write(vec![vec![0; 8]; 300])) else { panic!("not written") };
    assert_eq!(answer.written, 256, "what finds no room is said");
    assert_eq!(agent.error(write(vec![vec![0; 4090]])).code, "bad-value");
    let nowhere = pb::WriteUserRing { object_id, map: ".bss".into(), records: vec![] };
    assert_eq!(agent.error(Request::WriteUserRing(nowhere)).code, "bad-value");
}

/// Kernels refuse a line when they find no room for it, some virtual machines' always: what counts is what was taken.
#[test]
fn what_programs_say_by_their_streams_arrives_in_lines() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("says"), only("says"));
    let object_id = loaded.object_id;
    assert!(matches!(agent.request(Request::OpenPrints(pb::OpenPrints { object_id })), Response::Empty(_)));
    agent.attach_all(object_id);
    call_getpid(50);
    let said = |agent: &mut Agent| {
        let globals = agent.globals(object_id, ".bss");
        assert!(globals[0] >= 50, "the program runs: {globals:?}");
        (globals[2], globals[3])
    };
    let (stdout, stderr) = said(&mut agent);
    agent.listen_until("what was said", |agent| agent.prints().len() as u64 == stdout + stderr);
    call_getpid(1);
    agent.detach(object_id);
    let (stdout, stderr) = said(&mut agent);
    let prints = agent.prints();
    let of = |source: &str, begin: &str, end: &str| {
        let line = |print: &&pb::Print| print.text.starts_with(begin) && print.text.ends_with(end);
        prints.iter().filter(|print| print.source == source).filter(line).count() as u64
    };
    assert_eq!((of("stdout", "said ", ""), of("stderr", "complained ", " about it")), (stdout, stderr), "{prints:?}");
    assert_eq!(prints.len() as u64, stdout + stderr);
    assert!(prints.iter().all(|print| print.program == "says" && print.time_ns > 0));
    assert_eq!(agent.stats(object_id).prints, stdout + stderr);
}
