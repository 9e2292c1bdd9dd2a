//! Ten thousand runs in one agent leave it, and the kernel, as they were.

use std::process::Command;
use std::time::Instant;

use crate::support::{Agent, object, say, wait_until};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

const CYCLES: usize = 10_000;
/// Until then caches fill: functions of the kernel, the allocator's arenas.
const WARM_UP: usize = 500;
/// What the resident memory may differ by: the allocator gives pages back as it sees fit. A leak of one byte in a hundred of
/// what a cycle allocates would be far more.
const SLACK_BYTES: u64 = 512 << 10;

/// What grows when something is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Figures {
    resident: u64,
    descriptors: usize,
    mappings: usize,
    threads: usize,
    programs: usize,
    maps: usize,
    links: usize,
}

impl Figures {
    fn of(agent: &Agent) -> Self {
        let process = format!("/proc/{}", agent.worker());
        let entries = |folder: &str| std::fs::read_dir(format!("{process}/{folder}")).expect("procfs").count();
        let mapped = std::fs::read_to_string(format!("{process}/maps")).expect("procfs");
        Self {
            resident: agent.resident_bytes(),
            descriptors: entries("fd"),
            mappings: mapped.lines().count(),
            threads: entries("task"),
            programs: held(&process, "prog_id:"),
            maps: held(&process, "map_id:"),
            links: held(&process, "link_id:"),
        }
    }
}

/// Descriptors of that kind.
fn held(process: &str, label: &str) -> usize {
    let infos = std::fs::read_dir(format!("{process}/fdinfo")).expect("procfs").flatten();
    infos.filter(|info| std::fs::read_to_string(info.path()).is_ok_and(|text| text.contains(label))).count()
}

/// Ids of the kernel's programs with the name of ours: whoever holds them.
fn in_the_kernel(name: &str) -> usize {
    let listed = Command::new("bpftool").args(["-j", "prog", "list", "name", name]).output().expect("bpftool");
    String::from_utf8_lossy(&listed.stdout).matches("\"id\":").count()
}

/// Closing an object detaches it. To detach it first waits, in the kernel, for programs that are running, which is as long as
/// all the rest together: every tenth cycle does.
fn cycle(agent: &mut Agent, object_blob: u32, number: usize) {
    let load = pb::LoadObject { object_blob, options: Some(pb::ObjectOptions::default()) };
    let id = match agent.request(Request::LoadObject(load)) {
        Response::Load(loaded) => loaded.object_id,
        other => panic!("not loaded: {other:?}"),
    };
    assert_eq!(agent.attach_all(id).len(), 1);
    if number.is_multiple_of(10) {
        agent.detach(id);
    }
    let closed = agent.request(Request::CloseObject(pb::CloseObject { object_id: id }));
    assert!(matches!(closed, Response::Empty(_)), "{closed:?}");
}

#[test]
fn ten_thousand_cycles_leave_everything_as_it_was() {
    let mut agent = Agent::start();
    // Two other runs on the same tracepoint: with the first and the second program of one the kernel waits for every CPU,
    // which would be all that is measured here.
    for _ in 0..2 {
        let other = agent.load(&object("ring"), pb::ObjectOptions::default()).object_id;
        agent.attach_all(other);
    }
    let blob = agent.upload(&object("pinned"));
    (0..WARM_UP).for_each(|number| cycle(&mut agent, blob, number));
    let before = Figures::of(&agent);
    let begin = Instant::now();
    (0..CYCLES).for_each(|number| cycle(&mut agent, blob, number));
    let after = Figures::of(&agent);
    say(&format!("{CYCLES} cycles of load, attach, detach, close in {:.1} s", begin.elapsed().as_secs_f64()));
    say(&format!("before: {before:?}\nafter:  {after:?}"));
    assert_eq!(Figures { resident: 0, ..after }, Figures { resident: 0, ..before });
    assert!(after.resident <= before.resident + SLACK_BYTES, "{} bytes more", after.resident - before.resident);
    wait_until("the last program's end", || in_the_kernel("ringside_count") == 0);
    agent.close_stdin();
    assert!(agent.wait().success());
}
