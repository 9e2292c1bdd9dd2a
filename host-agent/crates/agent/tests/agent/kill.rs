//! Whatever of an agent dies or stops: what the kernel would keep without it is taken back, and what others have put there
//! is left alone.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Agent, agent_file, object, only, only_me, program_exists, wait_until};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

const PORT: u16 = 4359;
const LEASE_MS: u32 = 1500;
const BY_NAME: &str = "/sys/fs/bpf/ringside_by_name";

/// The way in which the start script runs the agent (core/src/deploy/scripts.ts).
fn by_shell() -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\"; c=$?; \"$0\" --undo </dev/null; exit $c", &agent_file()]);
    shell
}

fn signal(name: &str, pids: &[u32]) {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    assert!(Command::new("kill").args(["-s", name]).args(&pids).status().expect("kill").success());
}

/// A process of others with a socket for filters and one that shares its port. It dies with the test.
struct Neighbour {
    child: Child,
    plain: String,
    sharing: String,
}

impl Neighbour {
    fn start() -> Self {
        let script = format!(
            "use Socket; $| = 1; socket(my $p, AF_INET, SOCK_DGRAM, 0) or die; \
             socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; setsockopt($s, SOL_SOCKET, 15, 1) or die; \
             bind($s, sockaddr_in({PORT}, INADDR_LOOPBACK)) or die; print fileno($p), ' ', fileno($s), \"\\n\"; <STDIN>;"
        );
        let mut perl = Command::new("perl");
        let mut child =
            perl.args(["-e", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("perl starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("two numbers");
        let (plain, sharing) = line.trim().split_once(' ').expect("two numbers");
        Self { child, plain: plain.to_owned(), sharing: sharing.to_owned() }
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A CPU map in bpffs that belongs to nobody's run, and goes with the test.
struct Pinned(PathBuf);

impl Pinned {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(format!("/sys/fs/bpf/ringside-kill-{name}-{}", std::process::id()));
        let made = Command::new("bpftool")
            .args(["map", "create"])
            .arg(&path)
            .args(["type", "cpumap", "key", "4", "value", "8", "entries", "64", "name", "cpus"])
            .status()
            .expect("bpftool");
        assert!(made.success());
        Self(path)
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }

    /// What the first entry holds: length of the queue and id of the program. None for no entry.
    fn first(&self) -> Option<(u32, u32)> {
        let shown = Command::new("bpftool")
            .args(["-j", "map", "lookup", "pinned", &self.path(), "key", "0", "0", "0", "0"])
            .output()
            .expect("bpftool");
        let text = String::from_utf8(shown.stdout).expect("text");
        let bytes: Vec<u8> = text
            .split_once("\"value\":[")?
            .1
            .split('"')
            .filter_map(|word| u8::from_str_radix(word.strip_prefix("0x")?, 16).ok())
            .collect();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        (bytes.len() == 8).then(|| (word(0), word(4)))
    }

    /// Somebody else's entry, without a program.
    fn put(&self, length: u8) {
        let value = [length, 0, 0, 0, 0, 0, 0, 0].map(|byte| byte.to_string());
        let put = Command::new("bpftool")
            .args(["map", "update", "pinned", &self.path(), "key", "0", "0", "0", "0", "value"])
            .args(value)
            .status()
            .expect("bpftool");
        assert!(put.success());
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// As /proc/PID/stat says; None once it is reaped.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 2..].chars().next()
}

fn congestion_controls() -> String {
    std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control").expect("sysctl")
}

/// Folders of running agents, ours and others'.
fn folders() -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir("/run/ringside").into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Everything that the kernel of this machine would keep, of one agent.
struct Attached {
    agent: Agent,
    programs: Vec<u32>,
    journal: PathBuf,
}

impl Attached {
    fn everything(mut agent: Agent, cpus: &Pinned, neighbour: &Neighbour) -> Self {
        let mut programs = Vec::new();
        let mut load = |agent: &mut Agent, name: &str, options: pb::ObjectOptions| {
            let loaded = agent.load(&object(name), options);
            programs.extend(loaded.programs.iter().map(|program| program.id).filter(|id| *id != 0));
            loaded.object_id
        };
        let options = pb::ObjectOptions {
            pins: vec![pb::MapPin { map: "cpus".into(), path: cpus.path() }],
            ..only(&["raw_enter", "on_cpu", "on_socket", "on_reuseport"])
        };
        let options = pb::ObjectOptions { globals: only_me().globals, ..options };
        let id = load(&mut agent, "attach", options);
        let pid = neighbour.pid();
        let mut attach = |program: &str, target: &[(&str, &str)]| {
            let answer = agent.attach(id, program, target);
            assert!(matches!(answer, Response::Attach(_)), "{program}: {answer:?}");
        };
        attach("raw_enter", &[]);
        attach("on_cpu", &[("map", "cpus:0")]);
        attach("on_socket", &[("pid", &pid), ("fd", &neighbour.plain)]);
        attach("on_reuseport", &[("pid", &pid), ("fd", &neighbour.sharing)]);
        let operations = load(&mut agent, "operations", pb::ObjectOptions::default());
        agent.attach_all(operations);
        let counting = load(&mut agent, "pinned", pb::ObjectOptions::default());
        agent.attach_all(counting);
        let journal = folder_of(&agent).join("journal");
        let attached = Self { agent, programs, journal };
        assert!(cpus.first().is_some_and(|(_, program)| attached.programs.contains(&program)));
        assert!(congestion_controls().contains("ringside_plain") && Path::new(BY_NAME).exists());
        assert!(std::fs::read_to_string(&attached.journal).expect("a journal").lines().count() > 5);
        attached
    }

    fn worker(&self) -> u32 {
        self.agent.worker()
    }

    fn supervisor(&self) -> u32 {
        self.agent.hello.supervisor_pid
    }

    fn is_gone(&self, cpus: &Pinned) -> bool {
        !self.programs.iter().any(|id| program_exists(*id))
            && cpus.first().is_none()
            && !congestion_controls().contains("ringside_")
            && !Path::new(BY_NAME).exists()
            && !self.journal.parent().is_some_and(Path::exists)
    }
}

fn folder_of(agent: &Agent) -> PathBuf {
    let supervisor = agent.hello.supervisor_pid;
    let stat = std::fs::read_to_string(format!("/proc/{supervisor}/stat")).expect("stat");
    let started = stat.rsplit_once(") ").expect("stat").1.split(' ').nth(19).expect("field 22").to_owned();
    PathBuf::from(format!("/run/ringside/{supervisor}-{started}"))
}

type Fault = (&'static str, fn(&Attached));

const FAULTS: [Fault; 6] = [
    ("kill -9 of the worker", |attached| signal("KILL", &[attached.worker()])),
    ("kill -9 of the supervisor", |attached| signal("KILL", &[attached.supervisor()])),
    ("kill -9 of both", |attached| signal("KILL", &[attached.supervisor(), attached.worker()])),
    ("SIGSTOP of the worker", |attached| signal("STOP", &[attached.worker()])),
    ("SIGSTOP of the supervisor", |attached| signal("STOP", &[attached.supervisor()])),
    ("SIGSTOP of the worker and kill -9 of the supervisor", |attached| {
        signal("STOP", &[attached.worker()]);
        signal("KILL", &[attached.supervisor()]);
    }),
];

#[test]
fn nothing_is_left_whatever_of_the_pair_dies_or_stops() {
    let cpus = Pinned::new("cpus");
    for (name, fault) in FAULTS {
        let neighbour = Neighbour::start();
        let before = folders();
        let mut attached = Attached::everything(Agent::start_by(by_shell(), LEASE_MS), &cpus, &neighbour);
        fault(&attached);
        wait_until(name, || {
            // Pongs: it is not the client that has gone.
            attached.agent.listen(Duration::from_millis(20));
            attached.is_gone(&cpus)
        });
        assert!(!attached.agent.wait().success(), "{name}: the shell tells that it was no orderly end");
        let left: Vec<PathBuf> = folders().difference(&before).cloned().collect();
        assert!(left.iter().all(|folder| *folder != attached.journal), "{name}: {left:?}");
    }
}

#[test]
fn an_agent_that_lives_is_left_alone() {
    let (cpus, neighbour) = (Pinned::new("alive"), Neighbour::start());
    let mut attached = Attached::everything(Agent::start(), &cpus, &neighbour);
    let undo = Command::new(agent_file()).arg("--undo").status().expect("it runs");
    assert!(undo.success(), "nothing is left that nobody looks after");
    attached.agent.listen(Duration::from_millis(300));
    assert!(attached.journal.exists() && congestion_controls().contains("ringside_plain"));
    assert!(cpus.first().is_some_and(|(_, program)| attached.programs.contains(&program)));
    attached.agent.close_stdin();
    assert!(attached.agent.wait().success());
    wait_until("the programs' end", || attached.is_gone(&cpus));
}

#[test]
fn an_orderly_end_leaves_nothing_for_others_to_do() {
    let (cpus, neighbour) = (Pinned::new("orderly"), Neighbour::start());
    let agent = Agent::start_by(Command::new(agent_file()), LEASE_MS);
    let mut attached = Attached::everything(agent, &cpus, &neighbour);
    attached.agent.close_stdin();
    assert!(attached.agent.wait().success());
    wait_until("the programs' end", || attached.is_gone(&cpus));
}

#[test]
fn the_next_agent_cleans_up_and_touches_nothing_of_others() {
    let (cpus, neighbour) = (Pinned::new("orphan"), Neighbour::start());
    let agent = Agent::start_by(Command::new(agent_file()), LEASE_MS);
    let mut attached = Attached::everything(agent, &cpus, &neighbour);
    signal("KILL", &[attached.supervisor(), attached.worker()]);
    attached.agent.wait();
    // Of a worker that is not dead yet the next agent takes nothing away.
    let worker = attached.worker();
    wait_until("the worker's end", || state(worker).is_none_or(|state| state == 'Z'));
    assert!(
        congestion_controls().contains("ringside_plain"),
        "the kernel keeps it, and nobody is there to take it back"
    );
    // Meanwhile somebody has put another entry and another map into our places.
    cpus.put(77);
    std::fs::remove_file(BY_NAME).expect("the pin");
    let theirs = Command::new("bpftool")
        .args(["map", "create", BY_NAME, "type", "array", "key", "4", "value", "8", "entries", "1"])
        .args(["name", "ringside_by_nam"])
        .status()
        .expect("bpftool");
    assert!(theirs.success());
    let mut next = Agent::start();
    wait_until("what it had left", || !congestion_controls().contains("ringside_") && !attached.journal.exists());
    assert_eq!(cpus.first(), Some((77, 0)), "the entry is somebody else's now");
    assert!(Path::new(BY_NAME).exists(), "the map, too");
    std::fs::remove_file(BY_NAME).expect("the pin");
    wait_until("the programs' end", || !attached.programs.iter().any(|id| program_exists(*id)));
    next.close_stdin();
    assert!(next.wait().success());
}

#[test]
fn without_room_for_the_journal_only_what_needs_one_is_refused() {
    let cpus = Pinned::new("full");
    // In a mount namespace of its own both places of journals are as large as a page.
    let mut shell = Command::new("unshare");
    let script = "mkdir -p /run/ringside /var/lib/ringside && \
                  mount -t tmpfs -o size=4k,mode=700 none /run/ringside && \
                  mount -t tmpfs -o size=4k,mode=700 none /var/lib/ringside && \
                  head -c 4096 /dev/zero >/var/lib/ringside/full && exec \"$0\"";
    shell.args(["-m", "sh", "-c", script, &agent_file()]);
    let mut agent = Agent::start_by(shell, LEASE_MS);
    let options = pb::ObjectOptions {
        pins: vec![pb::MapPin { map: "cpus".into(), path: cpus.path() }],
        ..only(&["on_cpu", "raw_enter"])
    };
    let id = agent.load(&object("attach"), pb::ObjectOptions { globals: only_me().globals, ..options }).object_id;
    let filler = PathBuf::from(format!("/proc/{}/root", agent.worker())).join("run/ringside/filler");
    std::fs::write(&filler, [0; 4096]).expect("it fills up");
    let Response::Error(refused) = agent.attach(id, "on_cpu", &[("map", "cpus:0")]) else {
        panic!("attached without a journal")
    };
    assert_eq!(refused.code, "journal-full", "{refused:?}");
    assert!(refused.message.contains("No space left") && refused.hint.contains("/run/ringside"), "{refused:?}");
    assert_eq!(cpus.first(), None);
    assert!(matches!(agent.attach(id, "raw_enter", &[]), Response::Attach(_)), "a link needs no journal");
    // With room again it is attached, and an entry that does not fit later on costs nothing that is there.
    std::fs::remove_file(filler).expect("room again");
    assert!(matches!(agent.attach(id, "on_cpu", &[("map", "cpus:0")]), Response::Attach(_)));
    agent.detach(id);
    assert_eq!(cpus.first(), None);
    agent.request(Request::CloseObject(pb::CloseObject { object_id: id }));
    agent.close_stdin();
    assert!(agent.wait().success());
}

#[test]
fn a_pin_that_an_object_makes_goes_with_the_last_version_that_uses_it() {
    let mut agent = Agent::start();
    let bytes = object("pinned");
    let id = agent.load(&bytes, pb::ObjectOptions::default()).object_id;
    assert!(Path::new(BY_NAME).exists());
    let object_blob = agent.upload(&bytes);
    let swap = pb::SwapObject { object_id: id, object_blob, ..Default::default() };
    let swapped = agent.request(Request::SwapObject(swap));
    assert!(matches!(swapped, Response::Swap(_)), "{swapped:?}");
    assert!(Path::new(BY_NAME).exists(), "the new version has the map of the old one");
    agent.request(Request::CloseObject(pb::CloseObject { object_id: id }));
    assert!(!Path::new(BY_NAME).exists());
    // Where the user named the place, it stays.
    let path = format!("/sys/fs/bpf/ringside-kill-chosen-{}", std::process::id());
    let pins = vec![pb::MapPin { map: "ringside_by_name".into(), path: path.clone() }];
    let id = agent.load(&bytes, pb::ObjectOptions { pins, ..Default::default() }).object_id;
    agent.request(Request::CloseObject(pb::CloseObject { object_id: id }));
    assert!(Path::new(&path).exists());
    std::fs::remove_file(&path).expect("the pin");
}
