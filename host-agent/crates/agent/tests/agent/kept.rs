//! A run that is kept goes on without its client, is found, taken over and ended by others, and leaves nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Agent, call_getpid, object, only_me, program_exists, wait_until, while_switching};
use ringside_proto::framing::{FrameType, Head};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

const FOLDER: &str = "/run/ringside/kept";

fn keep(agent: &mut Agent, object_id: u32, seconds: u32) -> pb::RunKept {
    let details_blob = agent.upload(b"what the client wants back");
    let (name, by) = ("exec\nsnoop".into(), "ana from 192.0.2.7".into());
    match agent.request(Request::KeepRun(pb::KeepRun { object_id, seconds, name, by, details_blob })) {
        Response::RunKept(kept) => kept,
        other => panic!("not kept: {other:?}"),
    }
}

fn list(agent: &mut Agent) -> Vec<pb::KeptRun> {
    match agent.request(Request::ListKept(pb::ListKept {})) {
        Response::KeptList(list) => list.runs,
        other => panic!("no list: {other:?}"),
    }
}

fn describe(agent: &mut Agent) -> pb::RunDescription {
    match agent.request(Request::DescribeRun(pb::DescribeRun {})) {
        Response::RunDescription(description) => description,
        other => panic!("no description: {other:?}"),
    }
}

fn attached() -> (Agent, pb::LoadResult, u16) {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("ring"), only_me());
    let stream = agent.open_stream(loaded.object_id, "events", 0, "");
    agent.attach_all(loaded.object_id);
    (agent, loaded, stream)
}

fn gone(program: u32, run: &str) {
    wait_until("the program to go", || !program_exists(program));
    wait_until("the record to go", || !Path::new(FOLDER).join(run).exists());
}

fn numbers(agent: &Agent, stream: u16) -> Vec<u64> {
    agent.records(stream).iter().map(|record| u64::from_ne_bytes(record[..8].try_into().expect("a number"))).collect()
}

#[test]
fn a_kept_run_goes_on_without_its_client_and_another_one_gets_every_record() {
    let (mut agent, loaded, stream) = attached();
    call_getpid(10);
    agent.listen_until("the first records", |agent| agent.records(stream).len() == 9);
    let kept = keep(&mut agent, loaded.object_id, 60);
    let pid = agent.hello.pid;
    agent.leave();
    std::thread::sleep(Duration::from_millis(300));
    call_getpid(100);

    let mut other = Agent::start();
    let runs = list(&mut other);
    let found = runs.iter().find(|one| one.run == kept.run).expect("found again");
    assert_eq!((found.name.as_str(), found.by.as_str(), found.pid), ("exec snoop", "ana from 192.0.2.7", pid));
    assert_eq!(found.expires_ns, kept.expires_ns);

    let mut adopter = Agent::adopt(&kept.run);
    assert_eq!(adopter.hello.pid, pid, "the same worker");
    let description = describe(&mut adopter);
    assert_eq!(adopter.blobs[&description.details_blob], b"what the client wants back");
    assert_eq!(description.attachments.len(), 1);
    assert_eq!(description.programs.iter().map(|one| one.id).collect::<Vec<_>>(), {
        loaded.programs.iter().map(|one| one.id).collect::<Vec<_>>()
    });
    assert_eq!(description.streams[0].map, "events");
    assert_eq!(description.limits.expect("limits").time_seconds, Some(0));
    let stream = description.streams[0].stream.as_ref().expect("a stream").stream as u16;
    assert!(adopter.records(stream).is_empty(), "nothing comes before it is asked for");
    adopter.grant(stream, 1 << 20);
    adopter.listen_until("what was made meanwhile", |agent| agent.records(stream).len() == 90);
    call_getpid(10);
    adopter.listen_until("what is made now", |agent| agent.records(stream).len() == 99);
    let expected: Vec<u64> = (10..120).filter(|number| number % 10 != 9).collect();
    assert_eq!(numbers(&adopter, stream), expected);

    // Its end is the ordinary one.
    let stats = adopter.detach(description.object_id);
    assert_eq!(stats.streams[0].records_read, 108);
    adopter.request(Request::CloseObject(pb::CloseObject { object_id: description.object_id }));
    adopter.close_stdin();
    assert!(adopter.wait().success());
    gone(loaded.programs[0].id, &kept.run);
    assert_eq!(list(&mut other), runs.into_iter().filter(|one| one.run != kept.run).collect::<Vec<_>>());
}

#[test]
fn who_comes_later_takes_the_run_over_and_the_one_before_is_told() {
    let (mut agent, loaded, _) = attached();
    let kept = keep(&mut agent, loaded.object_id, 60);
    let mut adopter = Agent::adopt(&kept.run);
    agent.listen_until("to be told", |agent| agent.bye.is_some());
    assert_eq!(agent.bye.as_ref().map(|bye| bye.code.as_str()), Some("adopted"));
    let mut third = Agent::adopt(&kept.run);
    adopter.listen_until("to be told", |agent| agent.bye.is_some());
    assert!(adopter.wait().success(), "its process goes");
    assert_eq!(describe(&mut third).object_id, loaded.object_id);
    // A client that is killed leaves the run as it was.
    third.child.kill().expect("killed");
    third.child.wait().expect("reaped");
    let mut last = Agent::adopt(&kept.run);
    assert_eq!(describe(&mut last).attachments.len(), 1);
    // Not kept any more, it ends with its client.
    let not_kept = pb::KeepRun { object_id: loaded.object_id, ..Default::default() };
    assert_eq!(last.request(Request::KeepRun(not_kept)), Response::RunKept(pb::RunKept::default()));
    last.send(Head::new(FrameType::Bye), b"");
    assert!(last.wait().success());
    gone(loaded.programs[0].id, &kept.run);
}

#[test]
fn a_kept_run_ends_when_its_time_is_over() {
    let (mut agent, loaded, _) = attached();
    let kept = keep(&mut agent, loaded.object_id, 2);
    let begin = Instant::now();
    agent.send(Head::new(FrameType::Bye), b"");
    agent.listen_until("a goodbye", |agent| agent.bye.is_some());
    assert_eq!(agent.bye.as_ref().map(|bye| bye.code.as_str()), Some("kept"));
    assert!(program_exists(loaded.programs[0].id));
    gone(loaded.programs[0].id, &kept.run);
    assert!(begin.elapsed() >= Duration::from_millis(1_900), "{:?}", begin.elapsed());
    assert!(agent.wait().success());
}

#[test]
fn others_can_end_a_kept_run_and_its_limits_do() {
    let mut other = Agent::start();
    let (mut agent, loaded, _) = attached();
    let kept = keep(&mut agent, loaded.object_id, 60);
    agent.leave();
    other.request(Request::EndKept(pb::EndKept { run: kept.run.clone() }));
    gone(loaded.programs[0].id, &kept.run);
    let error = other.error(Request::EndKept(pb::EndKept { run: kept.run }));
    assert_eq!(error.code, "run-not-kept");
    assert_eq!(other.error(Request::DescribeRun(pb::DescribeRun {})).code, "bad-value");

    let mut agent = Agent::start();
    let loaded = agent.load(&object("slow"), Default::default());
    let limits = pb::RunLimits { cpu_percent: Some(0), ..Default::default() };
    let attach = pb::Attach { object_id: loaded.object_id, limits: Some(limits), ..Default::default() };
    agent.request(Request::Attach(attach));
    let kept = keep(&mut agent, loaded.object_id, 60);
    let limits = pb::RunLimits { cpu_percent: Some(1), ..Default::default() };
    agent.request(Request::SetLimits(pb::SetLimits { object_id: loaded.object_id, limits: Some(limits) }));
    agent.leave();
    while_switching(|| gone(loaded.programs[0].id, &kept.run));
}

#[test]
fn a_killed_agent_of_a_kept_run_leaves_nothing_attached_and_its_record_goes_with_the_next() {
    let (mut agent, loaded, _) = attached();
    let kept = keep(&mut agent, loaded.object_id, 60);
    let (pid, supervisor) = (agent.hello.pid, agent.child.id());
    agent.leave();
    std::thread::sleep(Duration::from_millis(300));
    // The worker first: it would end in order when its supervisor is gone.
    let victims = [pid, supervisor].map(|pid| pid.to_string());
    assert!(std::process::Command::new("kill").arg("-9").args(victims).status().expect("kill").success());
    wait_until("the program to go", || !program_exists(loaded.programs[0].id));
    let mut next = Agent::start();
    wait_until("the run to be off the list", || list(&mut next).iter().all(|one| one.run != kept.run));
    gone(loaded.programs[0].id, &kept.run);
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let (mut agent, loaded, _) = attached();
    let object_id = loaded.object_id;
    let too_long = pb::KeepRun { object_id, seconds: u32::MAX, ..Default::default() };
    assert_eq!(agent.error(Request::KeepRun(too_long)).code, "bad-value");
    agent.detach(object_id);
    let nothing = pb::KeepRun { object_id, seconds: 60, ..Default::default() };
    assert_eq!(agent.error(Request::KeepRun(nothing)).code, "bad-value");
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_ringside-agent"))
        .args(["--adopt", "../../../etc"])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("it starts");
    assert_eq!(status.status.code(), Some(3));
}
