//! What the agent writes to the host's log. A daemon of the test's own listens in the place of syslog or journald.

use std::process::Command;
use std::time::Duration;

use crate::support::private::{self, Daemon};
use crate::support::{Agent, agent_file, object, only, only_me, program_exists, wait_until, while_switching};
use ringside_proto::messages::{self as pb, request::Request, response::Response};
use sha2::{Digest, Sha256};

const SSH: &str = "192.0.2.7 51234 198.51.100.1 22";
/// Root for ana, over ssh. The login that the kernel notes is that of whoever runs the test.
const WHO: &str = "uid=0 user=root sudo-user=ana sudo-uid=1000";

fn as_ana(mut command: Command) -> Command {
    command.env("RINGSIDE_SSH_CONNECTION", SSH).env("SUDO_USER", "ana").env("SUDO_UID", "1000");
    command
}

fn start(daemon: &Daemon) -> Agent {
    start_for(daemon, 30_000)
}

fn start_for(daemon: &Daemon, lease_ms: u32) -> Agent {
    Agent::start_by(as_ana(private::command(&daemon.as_syslog())), lease_ms)
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The line without what differs from host to host, checked for the rest: priority, process.
fn said(line: &str, priority: u8, pid: u32) -> String {
    let text = line.strip_prefix(&format!("<{priority}>ringside-agent[{pid}]: ")).unwrap_or_else(|| panic!("{line}"));
    let words: Vec<&str> = text.split(' ').filter(|word| !word.starts_with("login-uid=")).collect();
    words.join(" ")
}

#[test]
fn loads_attachments_and_their_end_are_told_with_who_and_what() {
    let daemon = Daemon::start();
    let mut agent = start(&daemon);
    let (bytes, worker) = (object("rights"), agent.worker());
    let options = pb::ObjectOptions { name: "ri ghts\n<85>x[1]: load".into(), ..only(&["on_raw_tp", "on_tp_btf"]) };
    let id = agent.load(&bytes, options).object_id;
    let run = format!("run={}-{id}", agent.hello.supervisor_pid);
    let subject =
        format!("{run} name=\"ri ghts\\u{{a}}<85>x[1]: load\" sha256={} {WHO} from=192.0.2.7 port=51234", hash(&bytes));
    assert_eq!(said(&daemon.next(), 85, worker), format!("load {subject} programs=on_raw_tp,on_tp_btf"));

    let limits = Some(pb::RunLimits { cpu_percent: Some(50), time_seconds: Some(0), ..Default::default() });
    let confirmed = vec!["send-signal".to_owned()];
    let attach = pb::Attach { object_id: id, limits, confirmed, ..Default::default() };
    let answer = agent.request(Request::Attach(attach));
    assert!(matches!(answer, Response::Attach(_)), "{answer:?}");
    let line = said(&daemon.next(), 85, worker);
    let expected = format!("attach {subject} confirmed=send-signal limits=cpu:50,rate:2000000,time:none attached=\"");
    let attached = line.strip_prefix(&expected).unwrap_or_else(|| panic!("{line}"));
    let mut attached: Vec<&str> = attached.trim_end_matches('"').split("; ").collect();
    attached.sort_unstable();
    assert_eq!(attached, ["on_raw_tp raw_tracepoint sys_enter", "on_tp_btf raw_tracepoint sys_enter"]);

    // Renewing the time is nothing new; another limit is.
    let set = |cpu| {
        Request::SetLimits(pb::SetLimits {
            object_id: id,
            limits: Some(pb::RunLimits { cpu_percent: Some(cpu), time_seconds: Some(0), ..Default::default() }),
        })
    };
    agent.request(set(50));
    agent.request(set(60));
    let line = said(&daemon.next(), 85, worker);
    assert_eq!(
        line,
        format!("limits {subject} before=cpu:50,rate:2000000,time:none limits=cpu:60,rate:2000000,time:none")
    );

    agent.detach(id);
    assert_eq!(said(&daemon.next(), 85, worker), format!("detach {subject} reason=asked"));
    agent.request(Request::CloseObject(pb::CloseObject { object_id: id }));
    daemon.says_nothing_for(Duration::from_millis(200));
}

#[test]
fn what_is_refused_and_what_fails_is_told() {
    let daemon = Daemon::start();
    let mut agent = start(&daemon);
    let worker = agent.worker();
    let id = agent.load(&object("guards"), only(&["signalling"])).object_id;
    daemon.next();
    agent.error(Request::Attach(pb::Attach { object_id: id, ..Default::default() }));
    let line = said(&daemon.next(), 84, worker);
    assert!(line.starts_with("refused what=attach code=guard-confirmation-needed run="), "{line}");
    assert!(
        line.contains(" rules=send-signal detail=\"This needs your confirmation. send-signal: signalling"),
        "{line}"
    );
    agent.try_load(b"no object", pb::ObjectOptions { name: "nothing".into(), ..Default::default() });
    let line = said(&daemon.next(), 85, worker);
    let expected =
        format!("failed what=load code=not-elf name=nothing sha256={} {WHO} from=192.0.2.7", hash(b"no object"));
    assert!(line.starts_with(&expected), "{line}");

    let looking = Daemon::start();
    let ack = pb::HelloAck { read_only: true, ..Default::default() };
    let mut agent = Agent::start_saying(as_ana(private::command(&looking.as_syslog())), &ack);
    agent.try_load(&object("guards"), pb::ObjectOptions::default());
    let line = said(&looking.next(), 84, agent.worker());
    assert!(line.starts_with("refused what=load code=read-only sha256="), "{line}");
}

#[test]
fn the_breaker_says_its_figures() {
    let daemon = Daemon::start();
    let mut agent = start(&daemon);
    let id = agent.load(&object("slow"), Default::default()).object_id;
    agent.attach_all(id);
    assert!(daemon.next().contains(": load ") && daemon.next().contains(": attach "));
    let line = said(&while_switching(|| daemon.next()), 85, agent.worker());
    assert!(
        line.starts_with("detach run=") && line.contains(" reason=cpu-limit detail=\"Program on_switch took "),
        "{line}"
    );
    assert!(line.ends_with(" s; the limit of this run is 30 % over 2 s.\""), "{line}");
}

#[test]
fn whoever_ends_a_run_it_is_told_and_the_supervisor_speaks_for_a_killed_worker() {
    let daemon = Daemon::start();
    let attach = |agent: &mut Agent, name: &str, programs: &[&str]| {
        let options = pb::ObjectOptions { name: name.into(), ..only(programs) };
        let id = agent.load(&object(name), options).object_id;
        agent.attach_all(id);
        assert!(daemon.next().contains(": load ") && daemon.next().contains(": attach "));
    };
    // The client goes.
    let mut agent = start(&daemon);
    attach(&mut agent, "rights", &["on_raw_tp"]);
    agent.close_stdin();
    let line = said(&daemon.next(), 85, agent.worker());
    assert!(line.ends_with(" reason=stdin-closed detail=\"Standard input has ended.\""), "{line}");
    // It is silent for the length of its lease.
    let mut agent = start_for(&daemon, 3_000);
    attach(&mut agent, "rights", &["on_raw_tp"]);
    let line = said(&daemon.next(), 85, agent.worker());
    assert!(line.contains(" reason=lease-expired detail=\"Nothing was heard from the client for 3000 ms.\""), "{line}");
    // The worker is killed: the supervisor tells what it was, and what it has taken back.
    let mut agent = start(&daemon);
    attach(&mut agent, "rights", &["on_raw_tp"]);
    attach(&mut agent, "operations", &[]);
    let supervisor = agent.hello.supervisor_pid;
    let worker = agent.worker().to_string();
    assert!(Command::new("kill").args(["-9", &worker]).status().expect("kill").success());
    let line = said(&daemon.next(), 85, supervisor);
    assert!(
        line.starts_with(&format!("undone agent={supervisor}-")) && line.contains(WHO) && line.contains(" what="),
        "{line}"
    );
    let mut ends = Vec::new();
    while ends.len() < 2 {
        let line = daemon.next();
        match line.contains(": undone ") {
            true => {}
            false => ends.push(said(&line, 84, supervisor)),
        }
    }
    for (index, (line, name)) in ends.iter().zip(["rights", "operations"]).enumerate() {
        let subject = format!("detach run={supervisor}-{} name={name} sha256={} {WHO}", index + 1, hash(&object(name)));
        assert!(line.starts_with(&subject), "{line}");
        assert!(line.ends_with(" reason=worker-killed detail=\"The worker was killed by signal 9.\""), "{line}");
    }
    agent.wait();
}

#[test]
fn a_kept_run_names_who_has_it_now() {
    let daemon = Daemon::start();
    let mut agent = start(&daemon);
    let loaded = agent.load(&object("ring"), only_me());
    agent.attach_all(loaded.object_id);
    let keep = pb::KeepRun { object_id: loaded.object_id, seconds: 60, by: "ana".into(), ..Default::default() };
    let Response::RunKept(kept) = agent.request(Request::KeepRun(keep)) else { panic!("not kept") };
    let worker = agent.worker();
    assert!(daemon.next().contains(": load ") && daemon.next().contains(": attach "));
    let line = said(&daemon.next(), 85, worker);
    assert!(
        line.starts_with("keep run=") && line.ends_with(&format!(" seconds=60 by=ana kept={}", kept.run)),
        "{line}"
    );
    // Bob, in the same view of the host, takes it over and detaches.
    let mut command = Command::new("nsenter");
    command.args([&format!("--mount=/proc/{worker}/ns/mnt"), "--", &agent_file(), "--adopt", &kept.run]);
    command
        .env("RINGSIDE_SSH_CONNECTION", "198.51.100.9 40000 198.51.100.1 22")
        .env("SUDO_USER", "bob")
        .env_remove("SUDO_UID");
    let mut other = Agent::start_by(command, 30_000);
    let line = said(&daemon.next(), 85, worker);
    let bob = "uid=0 user=root sudo-user=bob from=198.51.100.9 port=40000";
    assert!(line.starts_with("adopt run=") && line.ends_with(&format!(" {bob} kept={}", kept.run)), "{line}");
    other.detach(loaded.object_id);
    let line = said(&daemon.next(), 85, worker);
    assert!(line.starts_with("detach run=") && line.ends_with(&format!(" {bob} reason=asked")), "{line}");
    other.close_stdin();
    wait_until("the program to go", || !program_exists(loaded.programs[0].id));
}

#[test]
fn journald_gets_fields_and_is_preferred() {
    let (daemon, syslog) = (Daemon::start(), Daemon::start());
    let view = format!("{}; {}", daemon.as_journald(), syslog.as_syslog());
    let mut agent = Agent::start_by(as_ana(private::command(&view)), 30_000);
    let options = pb::ObjectOptions { name: "a\nMESSAGE=forged".into(), ..only(&["on_raw_tp"]) };
    let (bytes, worker) = (object("rights"), agent.worker());
    agent.load(&bytes, options);
    let entry = daemon.next();
    let fields: Vec<(&str, &str)> = entry.lines().map(|line| line.split_once('=').expect("a field")).collect();
    let of = |wanted: &str| {
        let found: Vec<&str> = fields.iter().filter(|(key, _)| *key == wanted).map(|(_, value)| *value).collect();
        assert_eq!(found.len(), 1, "{wanted} in {entry}");
        found[0].to_owned()
    };
    assert!(of("MESSAGE").starts_with("load run="), "{entry}");
    assert_eq!((of("PRIORITY"), of("SYSLOG_FACILITY")), ("5".into(), "10".into()));
    assert_eq!((of("SYSLOG_IDENTIFIER"), of("SYSLOG_PID")), ("ringside-agent".into(), worker.to_string()));
    assert_eq!((of("RINGSIDE_EVENT"), of("RINGSIDE_SHA256")), ("load".into(), hash(&bytes)));
    assert_eq!((of("RINGSIDE_NAME"), of("RINGSIDE_SUDO_USER")), ("a\\u{a}MESSAGE=forged".into(), "ana".into()));
    assert_eq!((of("RINGSIDE_FROM"), of("RINGSIDE_PORT")), ("192.0.2.7".into(), "51234".into()));
    syslog.says_nothing_for(Duration::from_millis(100));
}

#[test]
fn where_nobody_listens_everything_works_and_the_facts_say_so() {
    let mut agent = Agent::start_by(private::command(""), 30_000);
    let id = agent.load(&object("rights"), only(&["on_raw_tp"])).object_id;
    agent.attach_all(id);
    let facts = |agent: &mut Agent| match agent.request(Request::GetHostFacts(pb::GetHostFacts {})) {
        Response::HostFacts(facts) => facts.audit_log,
        other => panic!("no facts: {other:?}"),
    };
    assert_eq!(facts(&mut agent), "");
    let daemon = Daemon::start();
    assert_eq!(facts(&mut start(&daemon)), "syslog");
    assert_eq!(facts(&mut Agent::start_by(private::command(&daemon.as_journald()), 30_000)), "journald");
}
