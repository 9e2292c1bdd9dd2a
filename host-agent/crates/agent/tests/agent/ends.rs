//! However the agent ends, nothing of it stays in the kernel.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Agent, call_getpid, object, only_me, program_exists, wait_until};
use ringside_proto::Message;
use ringside_proto::framing::{FrameType, Head};
use ringside_proto::messages as pb;

/// An agent with an attached program and an open stream, and the program's id.
fn attached(mut agent: Agent) -> (Agent, u32) {
    let loaded = agent.load(&object("ring"), only_me());
    agent.open_stream(loaded.object_id, "events", 0, "");
    agent.attach_all(loaded.object_id);
    let id = loaded.programs.iter().find(|program| program.loaded).expect("loaded").id;
    assert!(program_exists(id));
    (agent, id)
}

fn gone(id: u32) {
    wait_until("the program's end", || !program_exists(id));
}

fn signal(agent: &Agent, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &agent.child.id().to_string()]).status().expect("kill");
    assert!(sent.success());
}

#[test]
fn the_end_of_stdin_detaches() {
    let (mut agent, id) = attached(Agent::start());
    agent.close_stdin();
    agent.listen_until("the goodbye", |agent| agent.bye.is_some());
    assert_eq!(agent.bye.as_ref().map(|bye| bye.code.as_str()), Some("stdin-closed"));
    assert!(agent.wait().success());
    gone(id);
}

#[test]
fn a_goodbye_detaches_before_it_is_answered() {
    let (mut agent, id) = attached(Agent::start());
    let bye = pb::Bye { code: "client".into(), message: String::new() };
    agent.send(Head::new(FrameType::Bye), &bye.encode_to_vec());
    agent.listen_until("the goodbye", |agent| agent.bye.is_some());
    gone(id);
    assert!(agent.wait().success());
}

#[test]
fn silence_ends_the_lease() {
    let (mut agent, id) = attached(Agent::start_with(100, 600));
    // Pongs keep it alive far beyond the lease's length.
    agent.listen(Duration::from_millis(1500));
    assert!(program_exists(id) && agent.bye.is_none());
    let silent = Instant::now();
    assert_eq!(agent.wait().code(), Some(1));
    assert!(silent.elapsed() < Duration::from_secs(4));
    gone(id);
}

#[test]
fn a_blocked_stdout_keeps_no_lease() {
    let mut agent = Agent::spawn(false);
    let ack =
        pb::HelloAck { protocol_major: 1, protocol_minor: 0, heartbeat_ms: 100, lease_ms: 2000, ..Default::default() };
    agent.send(Head::new(FrameType::HelloAck), &ack.encode_to_vec());
    // Answers cannot be read here, so ids are the first ones, and time tells when things are done.
    let blob = agent.upload(&object("ring"));
    let options = pb::ObjectOptions {
        map_sizes: vec![pb::MapSize { map: "events".into(), max_entries: 16 << 20, value_size: 0 }],
        ..only_me()
    };
    agent.ask(pb::request::Request::LoadObject(pb::LoadObject { object_blob: blob, options: Some(options) }));
    let stream = pb::OpenStream { object_id: 1, map: "events".into(), credits: 1 << 30, ..Default::default() };
    agent.ask(pb::request::Request::OpenStream(stream));
    agent.ask(pb::request::Request::Attach(pb::Attach { object_id: 1, ..Default::default() }));
    let owned = || programs_of(agent.worker());
    wait_until("the program", || !owned().is_empty());
    let ids = owned();
    // Far more than a pipe of one megabyte holds.
    for _ in 0..20 {
        call_getpid(10_000);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(agent.wait().code(), Some(1), "the lease has run out");
    ids.into_iter().for_each(gone);
}

/// Ids of the programs that a process holds, by its descriptors.
fn programs_of(process: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{process}/fdinfo")) else { return Vec::new() };
    let id = |text: String| text.lines().find_map(|line| line.strip_prefix("prog_id:")?.trim().parse().ok());
    entries.flatten().filter_map(|entry| std::fs::read_to_string(entry.path()).ok().and_then(id)).collect()
}

#[test]
fn signals_detach() {
    for name in ["TERM", "INT", "HUP"] {
        let (mut agent, id) = attached(Agent::start());
        signal(&agent, name);
        agent.listen_until("the goodbye", |agent| agent.bye.is_some());
        assert_eq!(agent.bye.as_ref().map(|bye| bye.code.as_str()), Some("signal"));
        assert!(agent.wait().success());
        gone(id);
    }
}

#[test]
fn even_a_kill_leaves_nothing() {
    let (mut agent, id) = attached(Agent::start());
    signal(&agent, "KILL");
    agent.wait();
    gone(id);
}

#[test]
fn the_agent_dies_with_its_parent() {
    // A shell starts it in the background, so that it stays when the shell is killed; stdin stays open in this process.
    let agent = env!("CARGO_BIN_EXE_ringside-agent");
    let mut shell = Command::new("sh")
        .args(["-c", &format!("exec 3<&0; {agent} <&3 & echo $! >&2; wait")])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("sh");
    let mut line = String::new();
    let mut errors = std::io::BufReader::new(shell.stderr.take().expect("piped"));
    std::io::BufRead::read_line(&mut errors, &mut line).expect("a process id");
    let supervisor = line.trim().to_owned();
    // The worker has taken over its signals once it has its threads.
    let mut worker = String::new();
    wait_until("the worker", || {
        let children = format!("/proc/{supervisor}/task/{supervisor}/children");
        worker = std::fs::read_to_string(children).unwrap_or_default().trim().to_owned();
        !worker.is_empty() && std::fs::read_dir(format!("/proc/{worker}/task")).is_ok_and(|tasks| tasks.count() >= 4)
    });
    shell.kill().expect("kill");
    shell.wait().expect("wait");
    for process in [supervisor, worker] {
        let state = || std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        wait_until("its end", || state().is_empty() || state().contains(") Z "));
    }
}

#[test]
fn a_detach_is_complete_and_may_be_followed_by_another_attach() {
    let (mut agent, id) = attached(Agent::start());
    agent.detach(1);
    assert!(program_exists(id), "detached, but still loaded");
    call_getpid(10);
    assert_eq!(agent.globals(1, ".bss")[0], 0, "a detached program does not run");
    agent.attach_all(1);
    call_getpid(10);
    assert!(agent.globals(1, ".bss")[0] > 0, "an attached one does");
    agent.request(pb::request::Request::CloseObject(pb::CloseObject { object_id: 1 }));
    gone(id);
}

#[test]
fn what_is_no_protocol_ends_it() {
    let mut unasked = Agent::spawn(true);
    unasked.send(Head::new(FrameType::Ping), b"");
    assert_eq!(unasked.wait().code(), Some(2));
    let mut noise = Agent::start();
    noise.send_raw(&[0xff; 64]);
    assert_eq!(noise.wait().code(), Some(2));
    let mut foreign = Agent::spawn(true);
    let ack = pb::HelloAck { protocol_major: 99, ..Default::default() };
    foreign.send(Head::new(FrameType::HelloAck), &ack.encode_to_vec());
    foreign.listen_until("the goodbye", |agent| agent.bye.is_some());
    assert_eq!(foreign.bye.as_ref().map(|bye| bye.code.as_str()), Some("protocol"));
    assert_eq!(foreign.wait().code(), Some(2));
}
