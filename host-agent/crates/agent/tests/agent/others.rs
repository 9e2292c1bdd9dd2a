//! What other tools have attached is shown, and never touched: by no run, and by no end of one.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Agent, agent_file, failed, object, object_with, only, only_me, program_exists, wait_until};
use ringside_proto::messages::{self as pb, request::Request, response::Response, take_away::What};

const RUNS: usize = 100;

/// Runs the command, which has to succeed, and gives what it said.
fn run(command: &str) -> String {
    let ran = Command::new("sh").args(["-c", command]).output().expect("sh");
    assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("text")
}

/// Another tool's programs of four kinds on an interface and a control group. They go with the test.
struct Theirs {
    interface: String,
    group: String,
    pins: PathBuf,
    /// Holds the tcx link: Debian's bpftool cannot make one.
    colleague: Agent,
    tcx: u32,
}

impl Theirs {
    fn attach() -> Self {
        let unique = std::process::id();
        let interface = format!("rso{}", unique % 100_000);
        let mounts = std::fs::read_to_string("/proc/mounts").expect("mounts");
        let root = mounts.lines().find_map(|line| line.split(' ').nth(1).filter(|_| line.contains(" cgroup2 ")));
        let group = format!("{}/ringside-others-{unique}", root.expect("cgroup2 is mounted"));
        let pins = PathBuf::from(format!("/sys/fs/bpf/ringside-others-{unique}"));
        let mut theirs = Self { interface, group, pins, colleague: Agent::start(), tcx: 0 };
        let Self { interface, group, pins, .. } = &theirs;
        let pins = pins.display();
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("theirs-{unique}.o"));
        std::fs::write(&file, object_with("theirs", &["-DWITHOUT_TCX"])).expect("written");
        std::fs::create_dir(group).expect("a group");
        run(&format!("ip link add {interface} type veth peer name {interface}p"));
        run(&format!("ip link set {interface} up && ip link set {interface}p up"));
        run(&format!("bpftool prog loadall {} {pins}", file.display()));
        std::fs::remove_file(file).expect("removed");
        run(&format!("ip link set dev {interface} xdp pinned {pins}/theirs_xdp"));
        run(&format!("tc qdisc add dev {interface} clsact"));
        run(&format!("tc filter add dev {interface} ingress bpf da pinned {pins}/theirs_tc"));
        run(&format!("bpftool cgroup attach {group} cgroup_inet_ingress pinned {pins}/theirs_group multi"));
        let id = theirs.colleague.load(&object("theirs"), only(&["theirs_tcx"])).object_id;
        match theirs.colleague.attach(id, "theirs_tcx", &[("iface", &theirs.interface)]) {
            Response::Attach(made) => theirs.tcx = made.attachments[0].link_id,
            other => panic!("{other:?}"),
        }
        theirs
    }

    /// All that tells whether they are as they were.
    fn state(&self) -> Vec<String> {
        let Self { interface, group, pins, tcx, .. } = self;
        vec![
            run(&format!("ip -details -json link show {interface} | grep -o '\"xdp\":{{[^}}]*}}'")),
            run(&format!("tc qdisc show dev {interface}; tc filter show dev {interface} ingress")),
            run(&format!("bpftool -j link show id {tcx} | grep -o '\"prog_id\":[0-9]*'")),
            run(&format!("bpftool cgroup show {group}")),
            run(&format!("ls {}", pins.display())),
        ]
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let Self { interface, group, pins, .. } = self;
        let script = format!(
            "ip link delete {interface}; \
             bpftool cgroup detach {group} cgroup_inet_ingress pinned {}/theirs_group; rmdir {group}; rm -rf {}",
            pins.display(),
            pins.display()
        );
        let _ = Command::new("sh").args(["-c", &script]).output();
    }
}

/// Attaches beside them whatever goes; ids of the programs.
fn attach_beside(agent: &mut Agent, object: &[u8], theirs: &Theirs) -> (u32, Vec<u32>) {
    let options = pb::ObjectOptions { globals: only_me().globals, ..only(&["on_tc", "on_group_skb", "other_xdp"]) };
    let loaded = agent.load(object, options);
    let id = loaded.object_id;
    let tc = agent.attach(id, "on_tc", &[("iface", &theirs.interface)]);
    assert!(matches!(tc, Response::Attach(_)), "{tc:?}");
    let group = agent.attach(id, "on_group_skb", &[("cgroup", &theirs.group)]);
    assert!(matches!(group, Response::Attach(_)), "{group:?}");
    // An interface takes one XDP program.
    let taken = failed(agent.attach(id, "other_xdp", &[("iface", &theirs.interface)]));
    assert!(taken.code == "attach-failed" && taken.message.contains("theirs_xdp"), "{taken:?}");
    (id, loaded.programs.iter().map(|program| program.id).filter(|id| *id != 0).collect())
}

#[test]
fn a_hundred_runs_leave_the_programs_of_others_as_they_were() {
    let mut theirs = Theirs::attach();
    let before = theirs.state();
    assert!(before[1].contains("clsact") && before[1].contains("theirs_tc"), "{before:?}");
    assert!(before[2].contains("prog_id") && before[3].contains("theirs_group"), "{before:?}");
    let bytes = object("attach");
    let signal = |pids: &[u32]| {
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        assert!(Command::new("kill").arg("-9").args(pids).status().expect("kill").success());
    };
    for number in 0..RUNS {
        // Pongs, or its lease would end on a slow machine.
        theirs.colleague.listen(std::time::Duration::from_millis(1));
        let mut agent = Agent::start_by(Command::new(agent_file()), 3000);
        let (id, programs) = attach_beside(&mut agent, &bytes, &theirs);
        let (worker, supervisor) = (agent.worker(), agent.hello.supervisor_pid);
        match number % 5 {
            0 => drop(agent.detach(id)),
            1 => drop(agent.request(Request::CloseObject(pb::CloseObject { object_id: id }))),
            2 => signal(&[worker]),
            3 => signal(&[supervisor]),
            _ => signal(&[supervisor, worker]),
        }
        if number % 5 < 2 {
            agent.close_stdin();
        }
        agent.wait();
        wait_until("the run's end", || !programs.iter().any(|id| program_exists(*id)));
        if number % 10 == 0 {
            assert_eq!(theirs.state(), before, "after run {number}");
        }
    }
    assert_eq!(theirs.state(), before);
}

fn hooks(agent: &mut Agent, interface: &str) -> Vec<pb::NetAttachment> {
    match agent.request(Request::ListNetAttachments(pb::ListNetAttachments {})) {
        Response::NetAttachmentList(list) => {
            list.attachments.into_iter().filter(|one| one.iface == interface).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn take(what: What, kind: &str, id: u32) -> Request {
    Request::TakeAway(pb::TakeAway { what: Some(what), kind: kind.into(), id })
}

#[test]
fn what_a_person_names_is_taken_away_and_nothing_else() {
    let mut theirs = Theirs::attach();
    let before = theirs.state();
    let mut agent = Agent::start();
    let found = hooks(&mut agent, &theirs.interface);
    let hook = |kind: &str| found.iter().find(|one| one.kind == kind).expect(kind).clone();
    let (xdp, tc, tcx) = (hook("xdp"), hook("tc"), hook("tcx"));
    let pin = format!("{}/theirs_tc", theirs.pins.display());

    // Another program by now, another kind, another place.
    let stale = [
        take(What::Hook(pb::NetAttachment { program_id: tc.program_id, ..xdp.clone() }), "", 0),
        take(What::Hook(pb::NetAttachment { program_id: xdp.program_id, ..tc.clone() }), "", 0),
        take(What::Hook(pb::NetAttachment { mode: "egress".into(), ..tc.clone() }), "", 0),
        take(What::Hook(pb::NetAttachment { handle: tc.handle + 1, ..tc.clone() }), "", 0),
        take(What::Pin(pin.clone()), "program", xdp.program_id),
        take(What::Pin(pin.clone()), "map", tc.program_id),
        take(What::Pin(format!("{pin}x")), "program", tc.program_id),
        take(What::LinkId(u32::MAX - 1), "", 1),
    ];
    for request in stale {
        let error = agent.error(request.clone());
        assert_eq!(error.code, "not-there", "{request:?}: {error:?}");
    }
    // A colleague's run is ended, not robbed.
    let error = agent.error(take(What::LinkId(theirs.tcx), "", tcx.program_id));
    assert!(error.code == "bad-value" && error.message.contains("Ringside"), "{error:?}");
    assert_eq!(theirs.state(), before);

    agent.request(take(What::Hook(xdp.clone()), "", 0));
    agent.request(take(What::Hook(tc.clone()), "", 0));
    let kinds: Vec<String> = hooks(&mut agent, &theirs.interface).into_iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["tcx"]);
    for again in [xdp, tc.clone()] {
        assert_eq!(agent.error(take(What::Hook(again), "", 0)).code, "not-there");
    }
    agent.request(take(What::Pin(pin.clone()), "program", tc.program_id));
    assert!(!std::path::Path::new(&pin).exists());
    theirs.colleague.listen(std::time::Duration::from_millis(1));
}

#[test]
fn a_link_of_another_tool_is_taken_away_by_force_where_the_kernel_can_and_its_holder_named_where_not() {
    let theirs = Theirs::attach();
    // The same program under a name that is not ours stands for another tool.
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("another-tool-{}", std::process::id()));
    std::fs::copy(agent_file(), &file).expect("copied");
    let mut tool = Agent::start_by(Command::new(&file), 30_000);
    std::fs::remove_file(&file).expect("removed");
    let group = tool.load(&object("theirs"), only(&["theirs_group"]));
    let Response::Attach(made) = tool.attach(group.object_id, "theirs_group", &[("cgroup", &theirs.group)]) else {
        panic!("not attached")
    };
    let (link, program) = (made.attachments[0].link_id, group.programs.iter().find(|one| one.loaded).expect("one").id);
    let traced = tool.load(&object("rights"), only(&["on_raw_tp"]));
    let held = tool.attach_all(traced.object_id)[0].link_id;
    let holder = traced.programs.iter().find(|one| one.loaded).expect("one").id;

    let mut agent = Agent::start();
    assert_eq!(agent.error(take(What::LinkId(link), "", program + 1)).code, "not-there");
    agent.request(take(What::LinkId(link), "", program));
    let shown = run(&format!("bpftool -j cgroup show {}", theirs.group));
    assert!(!shown.contains(&format!("\"id\":{program},")), "{shown}");

    let error = agent.error(take(What::LinkId(held), "", holder));
    assert_eq!(error.code, "held-by-process");
    assert!(error.hint.contains(&format!("`kill {}`", tool.worker())), "{error:?}");
    tool.leave();
    wait_until("its end", || !program_exists(holder));
    assert_eq!(agent.error(take(What::LinkId(held), "", holder)).code, "not-there");
}
