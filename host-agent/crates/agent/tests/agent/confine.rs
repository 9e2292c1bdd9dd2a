//! The agent as the child that reads foreign files.

use std::io::{Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Agent, object, only_me};
use ringside_proto::messages::response::Response;

fn check(bytes: &[u8]) -> ExitStatus {
    let mut file = tempfile();
    file.write_all(bytes).and_then(|()| file.rewind()).expect("a file");
    let agent = env!("CARGO_BIN_EXE_ringside-agent");
    Command::new(agent).arg("--check-object").stdin(Stdio::from(file)).status().expect("the agent starts")
}

fn tempfile() -> std::fs::File {
    let name =
        format!("{}/confine-{}-{:?}", env!("CARGO_TARGET_TMPDIR"), std::process::id(), std::thread::current().id());
    let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&name).expect("a file");
    std::fs::remove_file(name).expect("remove");
    file
}

#[test]
fn good_objects_are_read_to_the_end_in_the_sandbox() {
    for name in ["ring", "kinds", "maps", "perf"] {
        assert_eq!(check(&object(name)).code(), Some(0), "{name}");
    }
}

#[test]
fn what_is_no_object_is_refused_in_an_orderly_way() {
    let whole = object("ring");
    for bytes in [&b""[..], b"no ELF", &whole[..64], &whole[..whole.len() / 2]] {
        assert_eq!(check(bytes).code(), Some(4));
    }
}

/// Found by the fuzzer: libbpf follows a typedef of itself for ever.
const ENDLESS: &[u8] = include_bytes!("../../../../tests/hostile/endless-typedef.o");

#[test]
fn a_reader_that_hangs_is_ended() {
    let begin = Instant::now();
    const SIGXCPU: i32 = 24;
    assert_eq!(check(ENDLESS).signal(), Some(SIGXCPU), "the processor time is limited");
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[test]
fn the_agent_outlives_such_an_object() {
    let mut agent = Agent::start();
    for _ in 0..2 {
        match agent.try_load(ENDLESS, Default::default()) {
            Response::Error(error) => {
                assert_eq!(error.code, "object-malformed");
                assert!(error.message.contains("itself"), "{}", error.message);
            }
            other => panic!("loaded: {other:?}"),
        }
    }
    agent.load(&object("ring"), only_me());
}

#[test]
fn an_object_is_checked_once() {
    let mut agent = Agent::start();
    let bytes = object("ring");
    let children = |agent: &Agent| {
        // Field 17 of stat is the time of children that were waited for; their page faults (field 11) tell that there were some.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", agent.worker())).expect("stat");
        stat.rsplit_once(") ").expect("stat").1.split(' ').nth(8).expect("field").parse::<u64>().expect("a number")
    };
    assert_eq!(children(&agent), 0);
    agent.verify(&bytes, only_me());
    let first = children(&agent);
    assert!(first > 0, "a child has read the object");
    agent.load(&bytes, only_me());
    assert_eq!(children(&agent), first, "a known object is not tried again");
}
