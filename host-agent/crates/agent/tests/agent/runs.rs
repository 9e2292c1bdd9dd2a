//! Runs are counted exactly while programs run rarely, and sampled, and said to be, while they run often.

use std::time::{Duration, Instant};

use crate::support::{Agent, call_getpid, object, only_me};
use ringside_proto::messages as pb;

fn figures(stats: &pb::Stats) -> pb::ProgramStats {
    stats.programs.iter().find(|program| program.name == "on_getpid").expect("the program").clone()
}

#[test]
fn rare_runs_are_counted_one_by_one() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("ring"), only_me());
    agent.open_stream(loaded.object_id, "events", 0, "");
    agent.attach_all(loaded.object_id);
    for _ in 0..100 {
        call_getpid(10);
        std::thread::sleep(Duration::from_millis(10));
    }
    let runs = figures(&agent.detach(loaded.object_id));
    assert!(runs.stats_enabled && !runs.sampled);
    // Other processes ask for their number too, but not that often.
    assert!((1000 - runs.recursion_misses..3000).contains(&runs.run_count), "{runs:?}");
}

#[test]
fn frequent_runs_are_sampled_and_come_out_right() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("ring"), only_me());
    // Nobody reads the ring: what is measured is the program.
    agent.attach_all(loaded.object_id);
    let begin = Instant::now();
    let mut calls = 0_u64;
    while begin.elapsed() < Duration::from_secs(4) {
        call_getpid(10_000);
        calls += 10_000;
    }
    let runs = figures(&agent.stats(loaded.object_id));
    assert!(runs.sampled, "{runs:?}");
    let share = runs.run_count as f64 / calls as f64;
    // Eight looks of 50 ms stand for four seconds, on a machine that does other things too.
    assert!((0.6..1.6).contains(&share), "{} of {calls} runs", runs.run_count);
    assert!((20..20_000).contains(&(runs.run_nanos / runs.run_count)), "{runs:?}");
    // What does not run any more is not concluded from how often it ran.
    let last = figures(&agent.detach(loaded.object_id));
    std::thread::sleep(Duration::from_millis(700));
    let later = figures(&agent.stats(loaded.object_id));
    assert_eq!((later.run_count, later.run_nanos), (last.run_count, last.run_nanos));
    assert!(last.run_count as f64 / calls as f64 > 0.6);
}
