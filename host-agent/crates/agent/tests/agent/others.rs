//! What other tools have attached is shown, and never touched: by no run, and by no end of one.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{Agent, agent_file, failed, object, object_with, only, only_me, program_exists, wait_until};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

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
