//! What costs too much, and what nobody watches any more, is detached by the agent itself, with the reason.

use std::time::{Duration, Instant};

use crate::support::{
    Agent, call_getpid, object, only, only_me, program_exists, say, wait_until, while_choking, while_switching,
};
use ringside_proto::messages::{self as pb, event::Event, request::Request, response::Response};

fn attach_with(agent: &mut Agent, object_id: u32, limits: pb::RunLimits) -> pb::RunLimits {
    let attach = pb::Attach { object_id, limits: Some(limits), ..Default::default() };
    match agent.request(Request::Attach(attach)) {
        Response::Attach(result) => result.limits.expect("limits"),
        other => panic!("not attached: {other:?}"),
    }
}

fn stopped(agent: &mut Agent) -> pb::Stopped {
    let mut found = None;
    agent.listen_until("the agent to stop it", |agent| {
        let events = std::mem::take(&mut agent.events).into_iter();
        found =
            events.filter_map(|event| if let Event::Stopped(stopped) = event { Some(stopped) } else { None }).next();
        found.is_some()
    });
    found.expect("found")
}

fn links() -> usize {
    let shown = std::process::Command::new("bpftool").args(["-j", "link", "show"]).output().expect("bpftool");
    String::from_utf8_lossy(&shown.stdout).matches("\"id\"").count()
}

#[test]
fn a_slow_program_on_every_context_switch_is_detached() {
    let before = links();
    let mut agent = Agent::start();
    let loaded = agent.load(&object("slow"), Default::default());
    let limits = attach_with(&mut agent, loaded.object_id, pb::RunLimits::default());
    assert_eq!(limits.cpu_percent, Some(30));
    let begin = Instant::now();
    let stopped = while_switching(|| stopped(&mut agent));
    let seconds = begin.elapsed().as_secs_f64();
    say(&format!("detached after {seconds:.1} s: {}", stopped.message));
    assert_eq!((stopped.object_id, stopped.code.as_str()), (loaded.object_id, "cpu-limit"));
    assert_eq!(stopped.program, "on_switch");
    assert!(stopped.message.contains("% of a processor") && stopped.message.contains("30 %"), "{}", stopped.message);
    assert!(stopped.hint.contains("cpu="), "{}", stopped.hint);
    assert_eq!(links(), before, "nothing is attached any more");
    // The account can still be closed, and says what it came to.
    let stats = agent.detach(loaded.object_id);
    let program = stats.programs.iter().find(|program| program.name == "on_switch").expect("the program");
    assert!(program.run_count > 0 && program.run_nanos > 500_000_000, "{program:?}");
    agent.request(Request::CloseObject(pb::CloseObject { object_id: loaded.object_id }));
    wait_until("the program to go", || !program_exists(loaded.programs[0].id));
}

/// Names of the worker's threads with real-time priority: field 18 of their stat is below 0.
fn real_time_threads(agent: &Agent) -> Vec<String> {
    let supervisor = agent.child.id();
    let workers = std::fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).expect("procfs");
    let worker = workers.split_whitespace().next().expect("a worker");
    let threads = std::fs::read_dir(format!("/proc/{worker}/task")).expect("procfs");
    let found = threads.filter_map(|thread| {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        fields.split_whitespace().nth(15)?.starts_with('-').then(|| name.to_owned())
    });
    found.collect()
}

#[test]
fn nothing_but_the_watchdog_is_real_time_on_a_host_that_is_well() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("ring"), only_me());
    attach_with(&mut agent, loaded.object_id, pb::RunLimits::default());
    let found = real_time_threads(&agent);
    // None where a control group has no share of real-time (CONFIG_RT_GROUP_SCHED).
    assert!(found.is_empty() || found == ["watchdog"], "{found:?}");
}

/// With more to do than there are processors, each tick takes the processor away from a thread that has not yet run: only
/// what is real-time gets on.
#[test]
fn a_host_that_a_program_chokes_is_freed() {
    let before = links();
    let mut agent = Agent::start();
    let loaded = agent.load(&object("slow"), Default::default());
    let begin = Instant::now();
    let stopped = while_choking(|| {
        let attach = pb::Attach { object_id: loaded.object_id, drop_capabilities: true, ..Default::default() };
        match agent.request(Request::Attach(attach)) {
            Response::Attach(_) => stopped(&mut agent),
            other => panic!("not attached: {other:?}"),
        }
    });
    say(&format!("freed after {:.1} s: {}", begin.elapsed().as_secs_f64(), stopped.message));
    assert_eq!((stopped.code.as_str(), stopped.program.as_str()), ("cpu-limit", "on_switch"));
    assert_eq!(links(), before, "nothing is attached any more");
}

#[test]
fn a_stream_above_its_rate_is_detached_and_what_it_carried_is_accounted_for() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("slow"), only(&["on_switch_flood"]));
    let stream = agent.open_stream(loaded.object_id, "flood", 0, "");
    let limits = pb::RunLimits { records_per_second: Some(1_000), ..Default::default() };
    attach_with(&mut agent, loaded.object_id, limits);
    let busy = std::thread::spawn(|| {
        let until = Instant::now() + Duration::from_secs(4);
        while Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let stopped = stopped(&mut agent);
    assert_eq!((stopped.code.as_str(), stopped.program.as_str()), ("rate-limit", ""));
    assert!(stopped.message.starts_with("Stream flood carried "), "{}", stopped.message);
    let stats = agent.detach(loaded.object_id);
    assert_eq!(agent.records(stream).len() as u64, stats.streams[0].records_sent);
    assert!(stats.streams[0].records_sent > 1_000, "{stats:?}");
    busy.join().expect("join");
}

#[test]
fn a_run_that_nobody_renews_ends_and_one_that_is_renewed_goes_on() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("ring"), only_me());
    let limits = pb::RunLimits { time_seconds: Some(2), ..Default::default() };
    attach_with(&mut agent, loaded.object_id, limits);
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(4) {
        let renew = pb::SetLimits { object_id: loaded.object_id, limits: Some(limits) };
        assert_eq!(
            agent.request(Request::SetLimits(renew)),
            Response::Limits(pb::RunLimits {
                cpu_percent: Some(30),
                records_per_second: Some(2_000_000),
                time_seconds: Some(2)
            })
        );
        call_getpid(1);
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(agent.events.iter().all(|event| !matches!(event, Event::Stopped(_))), "{:?}", agent.events);
    let stopped = stopped(&mut agent);
    assert_eq!(stopped.code, "time-limit");
    assert!(stopped.message.contains("2 s"), "{}", stopped.message);
}
