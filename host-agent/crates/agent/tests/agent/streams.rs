//! Rings, perf buffers, credits and the ledger, against the running kernel (needs root, tracefs, clang, bpftool).

use std::time::{Duration, Instant};

use crate::support::{Agent, call_getpid, first_u32, first_u64, object, only_me};
use ringside_proto::messages::{self as pb, event};

/// Moves the calling thread.
fn stay_on_cpu(cpu: u32) {
    let thread = std::fs::read_link("/proc/thread-self").expect("proc");
    let thread = thread.file_name().and_then(|name| name.to_str()).expect("a number");
    let moved = std::process::Command::new("taskset").args(["-pc", &cpu.to_string(), thread]).output();
    assert!(moved.expect("taskset (of util-linux)").status.success(), "two CPUs are needed");
}

/// Every tenth record of ring.bpf.c is discarded.
fn kept(made: u64) -> Vec<u64> {
    (0..made).filter(|number| number % 10 != 9).collect()
}

fn with_ring(bytes: u32) -> pb::ObjectOptions {
    let size = pb::MapSize { map: "events".into(), max_entries: bytes, value_size: 0 };
    pb::ObjectOptions { map_sizes: vec![size], ..only_me() }
}

#[test]
fn every_record_of_a_ring_arrives_once_and_in_order() {
    let mut agent = Agent::start();
    // Large enough for all of them: on a busy machine the agent may not run for a while.
    let loaded = agent.load(&object("ring"), with_ring(4 << 20));
    let stream = agent.open_stream(loaded.object_id, "events", 0, "");
    let attachments = agent.attach_all(loaded.object_id);
    assert_eq!(attachments[0].target, "syscalls:sys_enter_getpid");
    assert_eq!(attachments[0].link_kind, "perf_event");
    assert_ne!(attachments[0].link_id, 0);
    for _ in 0..100 {
        call_getpid(200);
        agent.listen(Duration::from_millis(1));
    }
    let stats = agent.detach(loaded.object_id);
    let numbers: Vec<u64> = agent.records(stream).iter().map(|record| first_u64(record)).collect();
    let sent = kept(agent.seen(loaded.object_id, 20_000));
    assert_eq!(numbers, sent);
    let figures = &stats.streams[0];
    assert_eq!((figures.records_read, figures.records_sent), (sent.len() as u64, sent.len() as u64));
    assert_eq!((figures.records_dropped, figures.kernel_lost, figures.kernel_lost_known), (0, 0, true));
    assert_eq!(figures.bytes_sent, agent.data[&stream].iter().map(|payload| payload.len() as u64).sum::<u64>());
    let program = &stats.programs[0];
    // At this rate runs may be sampled, and then come near (runs.rs).
    let least = if program.sampled { sent.len() / 2 } else { sent.len() };
    assert!(program.stats_enabled && program.run_count >= least as u64 && program.run_nanos > 0, "{program:?}");
}

#[test]
fn a_stream_without_credits_pauses_and_resumes_with_nothing_lost() {
    let mut agent = Agent::start();
    agent.refill = false;
    let loaded = agent.load(&object("ring"), only_me());
    let stream = agent.open_stream(loaded.object_id, "events", 4096, "block");
    agent.attach_all(loaded.object_id);
    call_getpid(5000);
    agent.listen(Duration::from_millis(300));
    let early = agent.records(stream).len();
    assert!(early > 0 && early * 64 < 3 * 4096, "{early} records for 4096 bytes of credits");
    let paused = agent.stats(loaded.object_id).streams[0].paused_nanos;
    assert!(paused > 200_000_000, "paused for {paused} ns");
    agent.refill = true;
    agent.grant(stream, 4 << 20);
    let stats = agent.detach(loaded.object_id);
    let numbers: Vec<u64> = agent.records(stream).iter().map(|record| first_u64(record)).collect();
    assert_eq!(numbers, kept(agent.seen(loaded.object_id, 5000)));
    assert!(stats.streams[0].high_water_bytes > 4900 * 60);
    assert!(stats.streams[0].kernel_lost_known, "the ring never was too full for a record");
}

#[test]
fn a_full_ring_is_never_called_lossless() {
    let mut agent = Agent::start();
    agent.refill = false;
    let loaded = agent.load(&object("ring"), with_ring(4096));
    let stream = agent.open_stream(loaded.object_id, "events", 1, "block");
    agent.attach_all(loaded.object_id);
    call_getpid(1000);
    agent.listen(Duration::from_millis(100));
    agent.refill = true;
    agent.grant(stream, 1 << 20);
    let stats = agent.detach(loaded.object_id);
    let made = agent.seen(loaded.object_id, 1000);
    let failed = agent.globals(loaded.object_id, ".bss")[1];
    assert!(failed > 0);
    let figures = &stats.streams[0];
    assert!(!figures.kernel_lost_known, "{figures:?}");
    // Discarded records are made but never sent.
    let discarded = (0..made).filter(|number| number % 10 == 9).count() as u64;
    assert!(figures.records_sent + failed <= made && figures.records_sent + failed + discarded >= made);
    assert_eq!(agent.records(stream).len() as u64, figures.records_sent);
}

#[test]
fn the_programs_own_count_of_losses_is_exact() {
    let mut agent = Agent::start();
    agent.refill = false;
    let options = pb::ObjectOptions { programs: vec!["on_getpid_counted".into()], ..only_me() };
    let loaded = agent.load(&object("ring"), options);
    let stream = agent.open_stream(loaded.object_id, "counted", 1, "block");
    agent.attach_all(loaded.object_id);
    call_getpid(3000);
    agent.listen(Duration::from_millis(50));
    agent.refill = true;
    agent.grant(stream, 1 << 20);
    let stats = agent.detach(loaded.object_id);
    let figures = &stats.streams[0];
    assert!(figures.kernel_lost_known && figures.kernel_lost > 0, "{figures:?}");
    assert_eq!(figures.records_sent + figures.kernel_lost, agent.seen(loaded.object_id, 3000));
    assert_eq!(agent.records(stream).len() as u64, figures.records_sent);
}

#[test]
fn a_dropping_stream_counts_what_it_throws_away() {
    let mut agent = Agent::start();
    agent.refill = false;
    let loaded = agent.load(&object("ring"), with_ring(4 << 20));
    let stream = agent.open_stream(loaded.object_id, "events", 4096, "drop-newest");
    agent.attach_all(loaded.object_id);
    for _ in 0..10 {
        call_getpid(1000);
        agent.listen(Duration::from_millis(20));
    }
    let stats = agent.detach(loaded.object_id);
    let figures = &stats.streams[0];
    assert_eq!(figures.records_read, kept(agent.seen(loaded.object_id, 10_000)).len() as u64);
    assert!(figures.records_dropped > 8000, "{figures:?}");
    assert_eq!(figures.records_read, figures.records_sent + figures.records_dropped);
    assert_eq!(agent.records(stream).len() as u64, figures.records_sent);
    assert_eq!((figures.kernel_lost, figures.kernel_lost_known), (0, true));
}

#[test]
fn a_stream_that_drops_the_oldest_still_has_the_newest() {
    let mut agent = Agent::start();
    agent.refill = false;
    let loaded = agent.load(&object("ring"), with_ring(256 << 10));
    let stream = agent.open_stream(loaded.object_id, "events", 4096, "drop-oldest");
    agent.attach_all(loaded.object_id);
    for _ in 0..20 {
        call_getpid(500);
        agent.listen(Duration::from_millis(30));
    }
    agent.refill = true;
    agent.grant(stream, 4 << 20);
    let stats = agent.detach(loaded.object_id);
    let figures = &stats.streams[0];
    let made = agent.seen(loaded.object_id, 10_000);
    assert_eq!(figures.records_read, kept(made).len() as u64, "{figures:?}");
    assert_eq!(figures.records_read, figures.records_sent + figures.records_dropped);
    assert!(figures.records_dropped > 5000, "{figures:?}");
    let numbers: Vec<u64> = agent.records(stream).iter().map(|record| first_u64(record)).collect();
    assert_eq!(numbers.len() as u64, figures.records_sent);
    let (all, last) = (kept(made), numbers.len() / 2);
    assert_eq!(numbers[last..], all[all.len() - (numbers.len() - last)..], "the newest are all there");
    assert_eq!((figures.kernel_lost, figures.kernel_lost_known), (0, true));
}

#[test]
fn a_sample_sends_one_of_so_many() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("ring"), with_ring(4 << 20));
    let (object_id, map) = (loaded.object_id, "events".to_owned());
    let stream = agent.open(pb::OpenStream { object_id, map, sample: 7, ..Default::default() }).stream as u16;
    agent.attach_all(object_id);
    call_getpid(3000);
    let stats = agent.detach(object_id);
    let all = kept(agent.seen(object_id, 3000));
    let numbers: Vec<u64> = agent.records(stream).iter().map(|record| first_u64(record)).collect();
    assert_eq!(numbers, all.iter().copied().step_by(7).collect::<Vec<_>>());
    let figures = &stats.streams[0];
    assert_eq!(figures.records_read, all.len() as u64);
    assert_eq!(figures.records_read, figures.records_sent + figures.records_filtered);
}

/// `number` within, or the last ones of all: `number >= low && number < high || number >= last`.
fn numbers_filter(stream: u16, low: i64, high: i64, last: i64) -> pb::request::Request {
    let condition = |operator: &str, number| pb::FilterCondition {
        size: 8,
        kind: "unsigned".into(),
        operator: operator.into(),
        number,
        ..Default::default()
    };
    let alternatives = vec![
        pb::FilterAlternative { conditions: vec![condition(">=", low), condition("<", high)] },
        pb::FilterAlternative { conditions: vec![condition(">=", last)] },
    ];
    pb::request::Request::SetStreamFilter(pb::SetStreamFilter { stream: stream.into(), alternatives })
}

#[test]
fn a_filter_lets_the_right_records_through_and_counts_the_others() {
    for (name, credits) in [("ring", 0), ("ring", 1), ("perf", 0)] {
        let mut agent = Agent::start();
        agent.refill = credits == 0;
        let options = if name == "ring" { with_ring(256 << 10) } else { only_me() };
        let loaded = agent.load(&object(name), options);
        let stream = agent.open_stream(loaded.object_id, "events", credits, "");
        assert!(matches!(agent.request(numbers_filter(stream, 100, 120, 9990)), pb::response::Response::Empty(_)));
        agent.attach_all(loaded.object_id);
        for _ in 0..20 {
            call_getpid(500);
            agent.listen(Duration::from_millis(20));
        }
        agent.refill = true;
        agent.grant(stream, 1 << 20);
        let stats = agent.detach(loaded.object_id);
        let made = agent.seen(loaded.object_id, 10_000);
        let all = if name == "ring" { kept(made) } else { (0..made).collect() };
        let wanted = |number: &u64| (100..120).contains(number) || *number >= 9990;
        let mut numbers: Vec<u64> = agent.records(stream).iter().map(|record| first_u64(record)).collect();
        numbers.sort_unstable();
        let figures = &stats.streams[0];
        if credits == 0 {
            assert_eq!(numbers, all.iter().copied().filter(wanted).collect::<Vec<_>>());
            assert_eq!(figures.records_read, all.len() as u64, "{figures:?}");
        } else {
            // Without credits the ring is full of what is wanted and of what came behind it, never of what is not.
            assert!(numbers.iter().all(wanted) && numbers.contains(&100), "{numbers:?}");
        }
        assert_eq!(figures.records_read, figures.records_sent + figures.records_filtered, "{figures:?}");
        assert_eq!(figures.records_sent, numbers.len() as u64);
    }
}

#[test]
fn a_filter_for_no_stream_or_of_no_sense_is_refused() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("ring"), only_me());
    let stream = agent.open_stream(loaded.object_id, "events", 0, "");
    assert_eq!(agent.error(numbers_filter(stream + 1, 0, 1, 2)).code, "protocol");
    let condition = pb::FilterCondition { size: 3, kind: "signed".into(), operator: "<".into(), ..Default::default() };
    let alternatives = vec![pb::FilterAlternative { conditions: vec![condition] }];
    let request = pb::SetStreamFilter { stream: stream.into(), alternatives };
    assert_eq!(agent.error(pb::request::Request::SetStreamFilter(request)).code, "bad-value");
}

#[test]
fn a_perf_buffer_is_rewritten_into_ring_records() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("perf"), only_me());
    let stream = agent.open_stream(loaded.object_id, "events", 0, "");
    agent.attach_all(loaded.object_id);
    for _ in 0..20 {
        call_getpid(100);
        agent.listen(Duration::from_millis(2));
    }
    let stats = agent.detach(loaded.object_id);
    let mut numbers = Vec::new();
    for record in agent.records(stream) {
        assert!((24..32).contains(&record.len()), "24 bytes and the kernel's padding, not {}", record.len());
        assert_eq!(first_u64(&record[16..]), 0x0123_4567_89ab_cdef);
        numbers.push(first_u64(&record));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..agent.seen(loaded.object_id, 2000)).collect::<Vec<_>>());
    let spans = agent.data[&stream].iter().filter(|payload| payload.len() > 16);
    assert!(spans.into_iter().all(|span| first_u32(&span[12..]) < agent.hello.possible_cpus));
    assert_eq!((stats.streams[0].kernel_lost, stats.streams[0].kernel_lost_known), (0, true));
}

#[test]
fn samples_of_all_cpus_have_one_order_and_marks_say_when_none_is_missing() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("perf"), only_me());
    let stream = agent.open_stream(loaded.object_id, "events", 0, "");
    agent.attach_all(loaded.object_id);
    for turn in 0..40 {
        stay_on_cpu(turn % 2);
        call_getpid(25);
        agent.listen(Duration::from_millis(2));
    }
    agent.listen(Duration::from_millis(60));
    let (mut samples, mut marked, mut cpus) = (Vec::new(), 0, Vec::new());
    for span in &agent.data[&stream] {
        let read = first_u64(span);
        if span.len() == 16 {
            assert!(read > marked, "marks rise");
            marked = read;
            continue;
        }
        cpus.push(first_u32(&span[12..]));
        let (mut at, record) = (16, 8 + 32);
        while at < span.len() {
            let age = first_u32(&span[at + 4..]);
            assert!(age < 1 << 31, "a sample of seconds ago");
            let made = read - u64::from(age);
            // The wall clock and the kernel's are compared once a second.
            assert!(made + 1_000_000 > marked, "nothing comes that is older than the mark");
            samples.push((made, first_u64(&span[at + 8..])));
            at += record.min(8 + (first_u32(&span[at..]) as usize).next_multiple_of(8));
        }
    }
    cpus.sort_unstable();
    cpus.dedup();
    assert!(cpus.len() > 1, "samples of one CPU only");
    assert!(samples.iter().all(|(made, _)| *made < marked), "the last mark is behind the last sample");
    samples.sort_unstable();
    let numbers: Vec<u64> = samples.into_iter().map(|(_, number)| number).collect();
    assert_eq!(numbers, (0..agent.seen(loaded.object_id, 1000)).collect::<Vec<_>>());
}

#[test]
fn losses_of_a_perf_buffer_are_counted_to_the_last() {
    let mut agent = Agent::start();
    agent.refill = false;
    let loaded = agent.load(&object("perf"), only_me());
    let request = pb::OpenStream {
        object_id: loaded.object_id,
        map: "events".into(),
        credits: 1,
        perf_pages: 1,
        ..Default::default()
    };
    let stream = agent.open(request).stream as u16;
    agent.attach_all(loaded.object_id);
    call_getpid(2000);
    agent.listen(Duration::from_millis(50));
    agent.refill = true;
    agent.grant(stream, 1 << 20);
    let stats = agent.detach(loaded.object_id);
    let figures = &stats.streams[0];
    let delivered = agent.records(stream).len() as u64;
    assert!(figures.kernel_lost > 0 && figures.kernel_lost_known);
    assert_eq!(delivered + figures.kernel_lost, agent.seen(loaded.object_id, 2000), "{figures:?}");
    let reported = agent.events.iter().map(|event| match event {
        event::Event::StreamLost(lost) => lost.lost,
        _ => 0,
    });
    assert_eq!(reported.sum::<u64>(), figures.kernel_lost);
}

#[test]
fn answers_overtake_a_flood() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("ring"), with_ring(4 << 20));
    let stream = agent.open_stream(loaded.object_id, "events", 1 << 30, "");
    agent.attach_all(loaded.object_id);
    // More than a pipe holds: stdout is blocked, and data waits for it, when the request comes.
    call_getpid(12_000);
    let asked = Instant::now();
    agent.stats(loaded.object_id);
    assert!(asked.elapsed() < Duration::from_millis(500));
    agent.detach(loaded.object_id);
    let seen = agent.seen(loaded.object_id, 12_000);
    assert_eq!(agent.records(stream).len(), kept(seen).len());
}

#[test]
fn an_idle_agent_sleeps() {
    let mut agent = Agent::start();
    agent.stats(0);
    let (before, slept) = (agent.stats(0), agent.wakes());
    std::thread::sleep(Duration::from_secs(2));
    let woken = agent.wakes() - slept;
    let used = agent.stats(0).agent_cpu_ns - before.agent_cpu_ns;
    assert!(used < 5_000_000, "{used} ns in 2 s");
    // It looks after its leases and limits once a second.
    assert!(woken <= 8, "woken {woken} times in 2 s");
    // Without its code, of which a build for tests has more.
    assert!(agent.own_bytes() <= 2 << 20, "{} bytes, woken {woken} times", agent.own_bytes());
}

#[test]
fn a_map_that_is_no_stream_is_refused() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("maps"), only_me());
    let request = |map: &str| pb::OpenStream { object_id: loaded.object_id, map: map.into(), ..Default::default() };
    let code = agent.error(pb::request::Request::OpenStream(request("squares"))).code;
    assert_eq!(code, "bad-value");
    assert_eq!(agent.error(pb::request::Request::OpenStream(request("nowhere"))).code, "unknown-map");
}
