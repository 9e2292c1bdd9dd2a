//! Guards: what is asked about, what is refused, and what the host takes back. On an interface of this test's own, over
//! which an ssh connection is said to come.

use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{Agent, failed, object, object_with, wait_until};
use ringside_proto::messages::{self as pb, event::Event, request::Request, response::Response};

static COUNTER: AtomicU32 = AtomicU32::new(0);

fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("ip (iproute2)");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// An interface by which the network of its own is reached.
struct Interface {
    name: String,
    net: u32,
}

impl Interface {
    fn new() -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let net = (std::process::id() * 7 + number) % 200 + 20;
        let name = format!("rsg{}x{number}", std::process::id() % 1_000_000);
        ip(&format!("link add {name} type veth peer name {name}p"));
        ip(&format!("addr add 198.18.{net}.1/24 dev {name}"));
        ip(&format!("link set {name} up"));
        Self { name, net }
    }

    fn ssh(&self) -> String {
        format!("198.18.{net}.2 50000 198.18.{net}.1 22", net = self.net)
    }

    fn has_xdp(&self) -> bool {
        ip(&format!("-details link show dev {}", self.name)).contains("prog/xdp")
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "del", &self.name]).status();
    }
}

fn on(program: &str, iface: &str) -> pb::AttachProgram {
    let target: HashMap<String, String> =
        if iface.is_empty() { HashMap::new() } else { [("iface".into(), iface.into())].into() };
    pb::AttachProgram { program: program.into(), target, ..Default::default() }
}

fn confirmed(rules: &[&str]) -> Vec<String> {
    rules.iter().map(|rule| (*rule).to_owned()).collect()
}

fn attached(response: Response) -> pb::AttachResult {
    match response {
        Response::Attach(result) => result,
        other => panic!("not attached: {other:?}"),
    }
}

fn rules(error: &pb::Error) -> Vec<&str> {
    error.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

fn notices(agent: &Agent) -> Vec<pb::Stopped> {
    let of = |event: &Event| match event {
        Event::Stopped(stopped) => Some(stopped.clone()),
        _ => None,
    };
    agent.events.iter().filter_map(of).collect()
}

#[test]
fn everything_that_is_asked_about_is_told_at_once_and_nothing_is_attached() {
    let interface = Interface::new();
    let mut agent = Agent::start_over(&interface.ssh());
    let object_id = agent.load(&object("guards"), pb::ObjectOptions::default()).object_id;
    let programs = vec![on("on_packet", &interface.name), on("signalling", ""), on("passing", &interface.name)];
    let request = |rules: &[&str]| {
        Request::Attach(pb::Attach {
            object_id,
            programs: programs.clone(),
            confirmed: confirmed(rules),
            ..Default::default()
        })
    };
    let error = failed(agent.request(request(&[])));
    assert_eq!(
        (error.code.as_str(), rules(&error)),
        ("guard-confirmation-needed", vec!["ssh-interface", "send-signal"])
    );
    let cutting: Vec<bool> = error.findings.iter().map(|finding| finding.cutting).collect();
    assert_eq!(cutting, [true, false]);
    assert!(error.findings[0].reason.contains("XDP_DROP") && error.findings[0].target == interface.name);
    assert!(error.hint.contains("--confirm ssh-interface,send-signal"), "{}", error.hint);
    assert!(!interface.has_xdp());
    let rest = failed(agent.request(request(&["ssh-interface"])));
    assert_eq!(rules(&rest), ["send-signal"]);
    assert!(!interface.has_xdp());
    let result = attached(agent.request(request(&["ssh-interface", "send-signal"])));
    assert_eq!((result.attachments.len(), result.commit_within_ms), (3, 25_000));
    let to_commit: Vec<&str> = result.to_commit.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(to_commit, ["ssh-interface"]);
}

#[test]
fn what_is_not_committed_is_taken_back_by_the_host() {
    let interface = Interface::new();
    let mut agent = Agent::start_over(&interface.ssh());
    let object_id = agent.load(&object("guards"), crate::support::only(&["on_packet"])).object_id;
    let programs = vec![on("on_packet", &interface.name)];
    let request = pb::Attach {
        object_id,
        programs,
        confirmed: confirmed(&["ssh-interface"]),
        commit_within_ms: 700,
        ..Default::default()
    };
    assert_eq!(attached(agent.request(Request::Attach(request))).commit_within_ms, 700);
    assert!(interface.has_xdp());
    agent.listen_until("the notice", |agent| !notices(agent).is_empty());
    assert!(!interface.has_xdp());
    let notice = &notices(&agent)[0];
    assert_eq!((notice.code.as_str(), notice.object_id), ("guard-rolled-back", object_id));
    assert!(notice.message.contains("on_packet on "), "{}", notice.message);
    let late = agent.error(Request::CommitAttach(pb::CommitAttach { object_id }));
    assert!(late.message.contains("nothing to commit"), "{}", late.message);
    // The agent and the object live on: it can be tried again.
    agent.stats(object_id);
}

#[test]
fn what_is_committed_stays() {
    let interface = Interface::new();
    let mut agent = Agent::start_over(&interface.ssh());
    let object_id = agent.load(&object("guards"), crate::support::only(&["on_packet"])).object_id;
    let programs = vec![on("on_packet", &interface.name)];
    let request = pb::Attach {
        object_id,
        programs,
        confirmed: confirmed(&["ssh-interface"]),
        commit_within_ms: 700,
        ..Default::default()
    };
    attached(agent.request(Request::Attach(request)));
    let committed = agent.request(Request::CommitAttach(pb::CommitAttach { object_id }));
    assert!(matches!(committed, Response::Empty(_)), "{committed:?}");
    agent.listen(Duration::from_millis(1200));
    assert!(interface.has_xdp() && notices(&agent).is_empty());
    agent.detach(object_id);
    wait_until("the detach", || !interface.has_xdp());
}

#[test]
fn what_lets_everything_pass_is_not_asked_about() {
    let interface = Interface::new();
    let mut agent = Agent::start_over(&interface.ssh());
    let object_id = agent.load(&object_with("guards", &["-DPASS"]), pb::ObjectOptions::default()).object_id;
    let programs = vec![on("on_packet", &interface.name), on("passing", &interface.name)];
    let result = attached(agent.request(Request::Attach(pb::Attach { object_id, programs, ..Default::default() })));
    assert_eq!((result.attachments.len(), result.commit_within_ms), (2, 0));
}

#[test]
fn other_interfaces_and_hosts_without_ssh_are_free() {
    let (of_ssh, other) = (Interface::new(), Interface::new());
    let mut agent = Agent::start_over(&of_ssh.ssh());
    let object_id = agent.load(&object("guards"), crate::support::only(&["on_packet", "dropping"])).object_id;
    let programs = vec![on("on_packet", &other.name), on("dropping", &other.name)];
    let result = attached(agent.request(Request::Attach(pb::Attach { object_id, programs, ..Default::default() })));
    assert_eq!(result.commit_within_ms, 0);
    let mut without = Agent::start_over("none");
    let object_id = without.load(&object("guards"), crate::support::only(&["on_packet"])).object_id;
    let programs = vec![on("on_packet", &of_ssh.name)];
    attached(without.request(Request::Attach(pb::Attach { object_id, programs, ..Default::default() })));
}

#[test]
fn a_new_version_is_asked_about_and_the_old_one_stays_meanwhile() {
    let interface = Interface::new();
    let mut agent = Agent::start_over(&interface.ssh());
    let only = crate::support::only(&["on_packet"]);
    let object_id = agent.load(&object_with("guards", &["-DPASS"]), only.clone()).object_id;
    let programs = vec![on("on_packet", &interface.name)];
    attached(agent.request(Request::Attach(pb::Attach {
        object_id,
        programs: programs.clone(),
        ..Default::default()
    })));
    let new = object("guards");
    let swap = |agent: &mut Agent, rules: &[&str]| {
        let options = pb::ObjectOptions { confirmed: confirmed(rules), ..only.clone() };
        let request = pb::SwapObject {
            object_id,
            object_blob: agent.upload(&new),
            options: Some(options),
            programs: programs.clone(),
            commit_within_ms: 700,
            ..Default::default()
        };
        agent.request(Request::SwapObject(request))
    };
    let error = failed(swap(&mut agent, &[]));
    assert_eq!((error.code.as_str(), rules(&error)), ("guard-confirmation-needed", vec!["ssh-interface"]));
    assert!(interface.has_xdp(), "the old version stays");
    let Response::Swap(result) = swap(&mut agent, &["ssh-interface"]) else { panic!("not swapped") };
    assert_eq!((result.commit_within_ms, result.to_commit.len()), (700, 1));
    agent.listen_until("the notice", |agent| !notices(agent).is_empty());
    assert!(!interface.has_xdp());
}

#[test]
fn large_maps_are_asked_about_before_they_are_made() {
    let mut agent = Agent::start();
    let meminfo = std::fs::read_to_string("/proc/meminfo").expect("meminfo");
    let available = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:")).expect("a figure");
    let kib: u64 = available.trim().trim_end_matches(" kB").parse().expect("a number");
    // A fifth of what is available: below the limit of half of it.
    let max_entries = (kib * 1024 / 5 / 8) as u32;
    let large = pb::ObjectOptions {
        map_sizes: vec![pb::MapSize { map: "table".into(), max_entries, value_size: 0 }],
        ..crate::support::only(&["passing"])
    };
    let error = failed(agent.try_load(&object("guards"), large.clone()));
    assert_eq!((error.code.as_str(), rules(&error)), ("guard-confirmation-needed", vec!["map-memory"]));
    assert_eq!(error.findings[0].program, "table");
    // A limit of one's own is an answer in advance.
    let with_limit = pb::ObjectOptions { map_memory_limit_bytes: u64::from(max_entries), ..large };
    assert_eq!(failed(agent.try_load(&object("guards"), with_limit)).code, "maps-too-large");
}
