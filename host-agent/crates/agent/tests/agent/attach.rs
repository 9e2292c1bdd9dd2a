//! Each kind that this kernel can attach: attached, triggered, its record read back, detached, and nothing left.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::support::{Agent, call_getpid, global_u32, object, object_with, only_me, program_exists, wait_until};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

const PORT: u16 = 4343;

/// Something for probes to sit on.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn ringside_attach_probe_one(number: u32) -> u32 {
    std::hint::black_box(number) + 1
}

#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn ringside_attach_probe_two(number: u32) -> u32 {
    std::hint::black_box(number) + 2
}

/// An agent with some programs of attach.bpf.c, and their records.
struct Run {
    agent: Agent,
    id: u32,
    stream: u16,
    programs: Vec<u32>,
}

impl Run {
    fn new(programs: &[&str]) -> Self {
        Self::try_new(programs).expect("loaded")
    }

    fn try_new(programs: &[&str]) -> Result<Self, pb::Error> {
        let mut agent = Agent::start();
        let mut options = only_me();
        options.globals.push(global_u32("wanted_pid", std::process::id()));
        options.programs = programs.iter().map(|name| (*name).to_owned()).collect();
        let loaded = match agent.try_load(&object("attach"), options) {
            Response::Load(loaded) => loaded,
            Response::Error(error) => return Err(error),
            other => panic!("neither loaded nor refused: {other:?}"),
        };
        let stream = agent.open_stream(loaded.object_id, "hits", 0, "");
        let ids = loaded.programs.iter().map(|program| program.id).filter(|id| *id != 0).collect();
        Ok(Self { agent, id: loaded.object_id, stream, programs: ids })
    }

    fn attach(&mut self, program: &str, target: &[(&str, &str)]) -> pb::Attachment {
        match self.agent.attach(self.id, program, target) {
            Response::Attach(result) => result.attachments[0].clone(),
            other => panic!("{program}: {other:?}"),
        }
    }

    fn refused(&mut self, program: &str, target: &[(&str, &str)]) -> pb::Error {
        match self.agent.attach(self.id, program, target) {
            Response::Error(error) => error,
            other => panic!("{program} was to be refused: {other:?}"),
        }
    }

    /// Values of the records of one program.
    fn hits(&self, program: &str) -> Vec<u64> {
        let records = self.agent.records(self.stream);
        let of = |record: &&Vec<u8>| {
            let name = &record[..16];
            name[..program.len()] == *program.as_bytes() && name[program.len()..].iter().all(|byte| *byte == 0)
        };
        records
            .iter()
            .filter(of)
            .map(|record| u64::from_le_bytes(record[16..24].try_into().expect("a value")))
            .collect()
    }

    /// Triggers until the program has said that it ran.
    fn wait_for(&mut self, program: &str, mut trigger: impl FnMut()) -> u64 {
        let deadline = std::time::Instant::now() + crate::support::PATIENCE;
        loop {
            trigger();
            self.agent.listen(std::time::Duration::from_millis(20));
            if let Some(value) = self.hits(program).first() {
                return *value;
            }
            assert!(std::time::Instant::now() < deadline, "{program} never ran");
        }
    }

    /// Detached, the trigger makes no record; closed, the kernel has none of the programs any more.
    fn end(mut self, trigger: impl FnOnce()) {
        self.agent.detach(self.id);
        let before = self.agent.records(self.stream).len();
        trigger();
        self.agent.listen(std::time::Duration::from_millis(60));
        assert_eq!(self.agent.records(self.stream).len(), before, "a detached program does not run");
        let closed = self.agent.request(Request::CloseObject(pb::CloseObject { object_id: self.id }));
        assert!(matches!(closed, Response::Empty(_)), "{closed:?}");
        wait_until("the programs' end", || !self.programs.iter().any(|id| program_exists(*id)));
    }
}

fn own_path() -> String {
    std::env::current_exe().expect("own path").display().to_string()
}

fn send_datagram() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("socket");
    socket.send_to(b"ringside", ("127.0.0.1", PORT)).expect("send");
}

fn output_of(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output().unwrap_or_else(|error| panic!("{command}: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A control group of this test's own in the unified hierarchy.
struct Group(PathBuf);

impl Group {
    fn new(name: &str) -> Self {
        let mounts = std::fs::read_to_string("/proc/mounts").expect("mounts");
        let root =
            mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2")).expect("the unified hierarchy");
        let path =
            Path::new(root.split(' ').nth(1).expect("a path")).join(format!("ringside-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a control group");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }

    fn enter(&self) {
        std::fs::write(self.0.join("cgroup.procs"), std::process::id().to_string()).expect("enter");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let root = self.0.parent().expect("a root").join("cgroup.procs");
        let _ = std::fs::write(root, std::process::id().to_string());
        for _ in 0..50 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

#[test]
fn tracepoints_of_both_raw_kinds() {
    let mut run = Run::new(&["raw_enter", "btf_enter"]);
    assert_eq!(run.attach("raw_enter", &[("event", "raw_syscalls:sys_enter")]).target, "sys_enter");
    let made = run.attach("btf_enter", &[]);
    assert_eq!((made.target.as_str(), made.link_kind.as_str(), made.links), ("sys_enter", "raw_tracepoint", 1));
    for program in ["raw_enter", "btf_enter"] {
        run.wait_for(program, || call_getpid(3));
    }
    run.end(|| call_getpid(3));
}

#[test]
fn user_probes_by_symbol_process_and_pattern() {
    let mut run = Run::new(&["on_entry", "on_exit", "on_many", "in_libc"]);
    let own = own_path();
    let pid = std::process::id().to_string();
    // Without a binary, that of the process.
    let made = run.attach("on_entry", &[("pid", &pid), ("symbol", "ringside_attach_probe_one")]);
    assert!(made.target.contains(&format!("of process {pid}:ringside_attach_probe_one")), "{}", made.target);
    run.attach("on_exit", &[("binary", &own), ("symbol", "ringside_attach_probe_one")]);
    let many = run.attach("on_many", &[("binary", &own), ("symbol", "ringside_attach_probe_*")]);
    assert_eq!((many.link_kind.as_str(), many.links), ("uprobe_multi", 2));
    run.attach("in_libc", &[]);
    for program in ["on_entry", "on_exit", "on_many"] {
        run.wait_for(program, || assert_eq!(ringside_attach_probe_one(1) + ringside_attach_probe_two(1), 5));
    }
    run.end(|| assert_eq!(ringside_attach_probe_one(1), 2));
}

#[test]
fn wrong_user_targets_are_answered_in_words() {
    let mut run = Run::new(&["on_entry", "on_many"]);
    let gone = run.refused("on_entry", &[("pid", "4194303"), ("symbol", "main")]);
    assert!(gone.code == "target-not-found" && gone.message.contains("process 4194303"), "{gone:?}");
    let missing = run.refused("on_entry", &[("binary", "/no/such/file"), ("symbol", "main")]);
    assert!(missing.code == "target-not-found" && missing.message.contains("/no/such/file"), "{missing:?}");
    let symbol = run.refused("on_entry", &[("binary", &own_path()), ("symbol", "no_such_symbol_here")]);
    assert_eq!(symbol.code, "target-not-found", "{symbol:?}");
    let pattern = run.refused("on_many", &[("binary", &own_path()), ("symbol", "no_such_*_here")]);
    assert_eq!(pattern.code, "target-not-found", "{pattern:?}");
    let container = run.refused("on_entry", &[("container", "0123456789ab"), ("binary", "sh"), ("symbol", "main")]);
    assert!(container.code == "target-not-found" && container.message.contains("container"), "{container:?}");
    assert_eq!(run.refused("on_entry", &[("comm", "no-such-command"), ("symbol", "main")]).code, "target-not-found");
    run.end(|| {});
}

#[test]
fn static_probes_give_their_argument() {
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("usdt-{}", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/objects/usdt_target.c");
    assert!(Command::new("cc").arg("-O1").arg("-o").arg(&program).arg(source).status().expect("cc").success());
    let mut child = Piped::start(Command::new(&program));
    let arch = if cfg!(target_arch = "x86_64") { "-D__TARGET_ARCH_x86" } else { "-D__TARGET_ARCH_arm64" };
    let mut agent = Agent::start();
    let id = agent.load(&object_with("usdt_probe", &[arch]), Default::default()).object_id;
    let path = program.display().to_string();
    let wrong = agent.attach(id, "on_line", &[("binary", &path), ("provider", "ringside"), ("probe", "nowhere")]);
    assert!(matches!(&wrong, Response::Error(error) if error.code == "target-not-found"), "{wrong:?}");
    let made = agent.attach(id, "on_line", &[("binary", &path), ("provider", "ringside"), ("probe", "line")]);
    assert!(matches!(&made, Response::Attach(_)), "{made:?}");
    for _ in 0..3 {
        child.say("go");
    }
    assert_eq!(agent.globals(id, ".bss")[..2], [3, 3]);
    agent.detach(id);
    child.say("go");
    assert_eq!(agent.globals(id, ".bss")[..2], [3, 3]);
    std::fs::remove_file(program).expect("remove");
}

/// A child that answers a line with a line.
struct Piped {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Piped {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the child starts");
        let (input, output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Self { child, input, output: BufReader::new(output) }
    }

    fn say(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").expect("write");
        self.hear()
    }

    fn hear(&mut self) -> String {
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("read");
        answer.trim_end().to_owned()
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn perf_events_of_one_process() {
    let mut run = Run::new(&["on_sample"]);
    let pid = std::process::id().to_string();
    let wrong = run.refused("on_sample", &[("event", "page-fautls")]);
    assert!(wrong.code == "target-not-found" && wrong.hint.contains("page-faults"), "{wrong:?}");
    assert_eq!(run.refused("on_sample", &[("freq", "10"), ("period", "10")]).code, "bad-value");
    let made = run.attach("on_sample", &[("event", "page-faults"), ("period", "1"), ("pid", &pid)]);
    assert_eq!(made.target, format!("page-faults every 1 of process {pid}"));
    assert!(made.links > 1, "each thread has its own: {made:?}");
    let touch = || {
        let mut pages = vec![0_u8; 1 << 20];
        for page in pages.chunks_mut(4096) {
            page[0] = std::hint::black_box(1);
        }
    };
    run.wait_for("on_sample", touch);
    run.end(touch);
}

#[test]
fn hardware_counters_attach_or_say_that_there_are_none() {
    let mut run = Run::new(&["on_sample"]);
    let here = Path::new("/sys/bus/event_source/devices/cpu").exists();
    match run.agent.attach(run.id, "on_sample", &[("event", "cycles"), ("cpu", "0")]) {
        Response::Attach(_) => assert!(here),
        Response::Error(error) => {
            assert_eq!(error.code, "unsupported-by-kernel", "{error:?}");
            assert!(error.message.contains("hardware") && error.hint.contains("cpu-clock"), "{error:?}");
        }
        other => panic!("{other:?}"),
    }
    run.end(|| {});
}

fn iterate(run: &mut Run, program: &str) -> String {
    let request =
        Request::ReadIterator(pb::ReadIterator { object_id: run.id, program: program.into(), limit_bytes: 0 });
    match run.agent.request(request) {
        Response::IteratorText(text) => {
            String::from_utf8(run.agent.blobs.remove(&text.blob).unwrap_or_default()).expect("text")
        }
        other => panic!("{program}: {other:?}"),
    }
}

#[test]
fn iterators_are_confined_to_a_process_or_a_group() {
    let mut run = Run::new(&["each_task", "each_group"]);
    let pid = std::process::id();
    assert_eq!(run.attach("each_task", &[("pid", &pid.to_string())]).target, format!("task of process {pid}"));
    let tasks = iterate(&mut run, "each_task");
    assert!(tasks.lines().count() >= 1, "{tasks}");
    assert!(tasks.lines().all(|line| line.starts_with(&format!("{pid}/"))), "{tasks}");
    let group = Group::new("iter");
    let inner = group.0.join("inner");
    std::fs::create_dir(&inner).expect("a group");
    assert_eq!(run.attach("each_group", &[("cgroup", group.path())]).target, format!("cgroup from {}", group.path()));
    assert_eq!(iterate(&mut run, "each_group").lines().count(), 2);
    std::fs::remove_dir(inner).expect("remove");
    run.end(|| {});
}

/// Whether the kernel takes the programs of an object from somebody else.
fn bpftool_loads(name: &str) -> bool {
    let file = std::env::temp_dir().join(format!("ringside-{name}-{}.bpf.o", std::process::id()));
    let pin = format!("/sys/fs/bpf/ringside-{name}-{}", std::process::id());
    std::fs::write(&file, object(name)).expect("a file");
    let loaded = Command::new("bpftool").args(["prog", "load"]).arg(&file).arg(&pin).output().expect("bpftool");
    std::fs::remove_file(file).expect("remove");
    let _ = std::fs::remove_file(pin);
    loaded.status.success()
}

/// Such an iterator may write to the map: a hardened kernel refuses it to everybody, others take it.
#[test]
fn an_iterator_over_entries_needs_their_map_or_a_kernel_that_allows_it() {
    let mut run = match Run::try_new(&["each_entry"]) {
        Ok(run) => run,
        Err(error) => {
            assert!(["lockdown", "no-permission"].contains(&error.code.as_str()), "{error:?}");
            assert!(error.message.contains("Program each_entry cannot be loaded"), "{error:?}");
            return assert!(!bpftool_loads("map_iterator"), "the kernel takes one of bpftool: {error:?}");
        }
    };
    let needed = run.refused("each_entry", &[]);
    assert!(needed.code == "target-needed" && needed.hint.contains("map=walked"), "{needed:?}");
    assert_eq!(run.attach("each_entry", &[("map", "walked")]).target, "bpf_map_elem of map walked");
    assert_eq!(iterate(&mut run, "each_entry"), "");
    run.end(|| {});
}

#[test]
fn a_socket_filter_sees_an_interface() {
    let mut run = Run::new(&["on_socket"]);
    assert_eq!(run.attach("on_socket", &[("iface", "lo")]).target, "a packet socket on lo");
    assert_eq!(run.wait_for("on_socket", send_datagram), u64::from(PORT));
    run.end(send_datagram);
}

#[test]
fn traffic_control_in_both_directions() {
    for direction in ["ingress", "egress"] {
        let mut run = Run::new(&["on_tc"]);
        let made = run.attach("on_tc", &[("iface", "lo"), ("direction", direction)]);
        assert_eq!(made.target, format!("lo {direction}"));
        run.wait_for("on_tc", send_datagram);
        run.end(send_datagram);
    }
    assert!(!output_of("tc", &["qdisc", "show", "dev", "lo"]).contains("clsact"), "no qdisc of ours is left");
}

#[test]
fn xdp_names_who_is_there_already() {
    let mut run = Run::new(&["to_cpu", "other_xdp", "on_cpu", "on_device"]);
    let needed = run.refused("on_device", &[]);
    assert!(needed.code == "target-needed" && needed.message.contains("iface"), "{needed:?}");
    assert_eq!(run.attach("on_device", &[("iface", "lo")]).target, "map devices entry 1 to lo");
    assert_eq!(run.attach("on_cpu", &[("map", "cpus:0")]).target, "map cpus for CPU 0");
    let first = run.attach("to_cpu", &[("iface", "lo"), ("xdp-mode", "skb")]);
    let taken = run.refused("other_xdp", &[("iface", "lo"), ("xdp-mode", "generic")]);
    let owner = format!("(to_cpu) by link {} of ", first.link_id);
    assert!(taken.code == "attach-failed" && taken.message.contains(&owner), "{taken:?}");
    assert!(taken.message.contains("ringside-agent") || taken.message.contains("pid"), "{taken:?}");
    assert!(taken.hint.contains("choose other_xdp or to_cpu by name"), "{taken:?}");
    assert!(run.wait_for("on_cpu", send_datagram) > 0);
    let entries = output_of("bpftool", &["map", "dump", "name", "cpus"]);
    assert!(!entries.contains("Error"), "{entries}");
    run.end(send_datagram);
}

#[test]
fn netfilter_needs_a_hook() {
    let mut run = Run::new(&["on_netfilter"]);
    let needed = run.refused("on_netfilter", &[]);
    assert!(needed.code == "target-needed" && needed.hint.contains("hook=input"), "{needed:?}");
    assert_eq!(run.refused("on_netfilter", &[("hook", "middle")]).code, "bad-value");
    let made = run.attach("on_netfilter", &[("hook", "input"), ("priority", "-100"), ("pf", "both")]);
    assert_eq!((made.target.as_str(), made.links), ("IPv4 and IPv6 input at priority -100", 2));
    let taken = run.refused("on_netfilter", &[("hook", "input"), ("priority", "-100")]);
    assert_eq!(taken.code, "attach-failed", "{taken:?}");
    run.wait_for("on_netfilter", send_datagram);
    run.agent.detach(run.id);
    run.end(send_datagram);
}

#[test]
fn a_namespace_has_its_lookups_and_its_dissector() {
    let mut run = Run::new(&["on_lookup", "on_flow"]);
    run.attach("on_lookup", &[]);
    run.wait_for("on_lookup", send_datagram);
    let name = format!("ringside-{}", std::process::id());
    assert!(Command::new("ip").args(["netns", "add", &name]).status().expect("ip").success());
    let made = run.attach("on_flow", &[("netns", &name)]);
    assert_eq!(made.target, format!("/run/netns/{name}"));
    let taken = run.refused("on_flow", &[("netns", &name)]);
    assert!(taken.code == "attach-failed" && taken.message.contains("(on_flow)"), "{taken:?}");
    let missing = run.refused("on_flow", &[("netns", "no-such-namespace")]);
    assert!(missing.code == "target-not-found" && missing.hint.contains(&name), "{missing:?}");
    run.end(send_datagram);
    assert!(Command::new("ip").args(["netns", "delete", &name]).status().expect("ip").success());
}

#[test]
fn control_groups_and_the_connections_of_a_socket_map() {
    let group = Group::new("attach");
    let at = [("cgroup", group.path())];
    let mut run = Run::new(&["on_connect", "on_create", "on_group_skb", "fill", "on_message", "on_stream"]);
    let needed = run.refused("on_connect", &[]);
    assert!(needed.code == "target-needed" && needed.message.contains("cgroup"), "{needed:?}");
    let wrong = run.refused("on_connect", &[("cgroup", "/sys/kernel")]);
    assert!(wrong.code == "target-not-found" && wrong.message.contains("unified"), "{wrong:?}");
    for program in ["on_connect", "on_create", "fill"] {
        assert_eq!(run.attach(program, &at).target, group.path());
    }
    let skb = run.attach("on_group_skb", &[("cgroup", group.path()), ("direction", "egress")]);
    assert_eq!(skb.target, format!("{} egress", group.path()));
    // The object has one socket map, so nothing has to be chosen.
    assert_eq!(run.attach("on_message", &[]).target, "message verdict of socket map connections");
    assert_eq!(run.attach("on_stream", &[("map", "connections")]).target, "stream verdict of socket map connections");
    group.enter();
    assert_eq!(run.wait_for("on_group_skb", send_datagram), u64::from(PORT));
    run.wait_for("on_create", send_datagram);
    let listener = TcpListener::bind(("127.0.0.1", PORT)).expect("listen");
    let mut talk = || {
        let mut client = TcpStream::connect(("127.0.0.1", PORT)).expect("connect");
        let (mut server, _) = listener.accept().expect("accept");
        client.write_all(b"over the map").expect("write");
        let mut heard = [0; 12];
        server.read_exact(&mut heard).expect("read");
        assert_eq!(&heard, b"over the map");
    };
    assert_eq!(run.wait_for("on_message", &mut talk), 12);
    assert_eq!(run.wait_for("on_stream", &mut talk), 12);
    assert_eq!(run.wait_for("on_connect", &mut talk), u64::from(PORT));
    run.wait_for("fill", &mut talk);
    run.end(send_datagram);
}

#[test]
fn a_group_of_sockets_gets_its_chooser() {
    // perl is on every Debian; std cannot set SO_REUSEPORT.
    let script = format!(
        "use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; setsockopt($s, SOL_SOCKET, 15, 1) or die; \
         bind($s, sockaddr_in({PORT}, INADDR_LOOPBACK)) or die; $| = 1; print fileno($s), \"\\n\"; <STDIN>;"
    );
    let mut perl = Command::new("perl");
    perl.args(["-e", &script]);
    let mut child = Piped::start(perl);
    let fd = child.hear();
    let pid = child.child.id().to_string();
    let mut run = Run::new(&["on_reuseport"]);
    let needed = run.refused("on_reuseport", &[]);
    assert!(needed.code == "target-needed" && needed.hint.contains(&format!("pid={pid} fd={fd}")), "{needed:?}");
    // It has one such socket only.
    assert_eq!(run.attach("on_reuseport", &[("pid", &pid)]).target, format!("socket {fd} of process {pid}"));
    assert_eq!(run.wait_for("on_reuseport", send_datagram), 16, "UDP header and eight bytes");
    let own = UdpSocket::bind("127.0.0.1:0").expect("socket");
    let number = own.as_raw_fd().to_string();
    let lonely = run.refused("on_reuseport", &[("pid", &std::process::id().to_string()), ("fd", &number)]);
    assert!(lonely.code == "attach-failed" && lonely.hint.contains("SO_REUSEPORT"), "{lonely:?}");
    run.end(send_datagram);
}

/// A process with two sockets that share the port; it prints the number of the first one, and closes it at a line.
fn two_that_share() -> Piped {
    let script = format!(
        "use Socket; $| = 1; sub sharing {{ socket(my $s, AF_INET, SOCK_DGRAM, 0) or die; setsockopt($s, SOL_SOCKET, 15, 1) or die; \
         bind($s, sockaddr_in({PORT}, INADDR_LOOPBACK)) or die; return $s; }} \
         my ($one, $other) = (sharing(), sharing()); print fileno($one), \"\\n\"; <STDIN>; close $one; print \"closed\\n\"; <STDIN>;"
    );
    let mut perl = Command::new("perl");
    perl.args(["-e", &script]);
    Piped::start(perl)
}

#[test]
fn a_group_of_sockets_loses_its_chooser_also_when_the_socket_is_closed_that_it_came_by() {
    let mut child = two_that_share();
    let fd = child.hear();
    let pid = child.child.id().to_string();
    let mut run = Run::new(&["on_reuseport"]);
    run.attach("on_reuseport", &[("pid", &pid), ("fd", &fd)]);
    assert_eq!(child.say(""), "closed");
    // The other socket of the group still has it.
    assert_eq!(run.wait_for("on_reuseport", send_datagram), 16);
    run.end(send_datagram);
}

#[test]
fn syscall_programs_run_once_and_by_request() {
    let mut run = Run::new(&["on_call", "with_context"]);
    let made = run.attach("on_call", &[]);
    assert_eq!((made.target.as_str(), made.links, made.link_id), ("nothing: ran once, returned 7", 0, 0));
    run.wait_for("on_call", || {});
    let made = run.attach("with_context", &[]);
    assert_eq!(made.target, "nothing: ran once with a context of zeroes, returned 0");
    let context_in: Vec<u8> = [1_u64, 2, 3, 4].iter().flat_map(|word| word.to_le_bytes()).collect();
    let request =
        pb::RunProgram { object_id: run.id, program: "with_context".into(), context_in, ..Default::default() };
    let Response::ProgramOutcome(outcome) = run.agent.request(Request::RunProgram(request)) else {
        panic!("an outcome")
    };
    assert_eq!((outcome.return_value, &outcome.context_out[..8]), (0, &5_u64.to_le_bytes()[..]));
    run.agent.listen(std::time::Duration::from_millis(100));
    assert_eq!(run.hits("with_context"), [0, 4]);
    run.end(|| {});
}

#[test]
fn packet_programs_run_on_packets_of_ours() {
    let mut run = Run::new(&["other_xdp", "raw_enter", "on_sample"]);
    let mut ask = |program: &str, data: &[u8], repeat| {
        let request = pb::RunProgram {
            object_id: run.id,
            program: program.into(),
            data_in: data.into(),
            repeat,
            ..Default::default()
        };
        run.agent.request(Request::RunProgram(request))
    };
    let Response::ProgramOutcome(outcome) = ask("other_xdp", &[7; 64], 100) else { panic!("an outcome") };
    assert_eq!((outcome.return_value, outcome.data_out), (2, vec![7; 64]));
    let failed = |response| match response {
        Response::Error(error) => error,
        other => panic!("an error was due, not {other:?}"),
    };
    let short = failed(ask("other_xdp", &[7; 3], 1));
    assert!(short.code == "bad-value" && short.hint.contains("14 bytes"), "{short:?}");
    let cannot = failed(ask("on_sample", &[], 0));
    assert_eq!(cannot.code, "unsupported-by-kernel", "{cannot:?}");
    assert_eq!(failed(ask("nobody", &[], 0)).code, "unknown-program");
    run.end(|| {});
}

fn congestion_controls() -> String {
    std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control").expect("sysctl")
}

#[test]
fn operations_are_registered_with_and_without_a_link() {
    let mut agent = Agent::start();
    let id = agent.load(&object("operations"), Default::default()).object_id;
    let made = agent.attach_all(id);
    let of = |map: &str| made.iter().find(|made| made.map == map).expect(map).clone();
    assert_eq!(made.len(), 2, "{made:?}");
    let (linked, plain) = (of("by_link"), of("without_link"));
    assert_eq!((linked.program.as_str(), linked.target.as_str()), ("", "by_link (tcp_congestion_ops)"));
    assert_eq!((linked.section.as_str(), linked.link_kind.as_str()), (".struct_ops.link", "struct_ops"));
    assert!(linked.link_id != 0 && plain.link_id == 0 && plain.section == ".struct_ops", "{made:?}");
    assert!(congestion_controls().contains("ringside_link") && congestion_controls().contains("ringside_plain"));
    let script = "use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0) or die; setsockopt($s, 6, 13, 'ringside_link') or die $!; \
                  connect($s, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die $!;";
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
    let port = listener.local_addr().expect("address").port().to_string();
    assert!(Command::new("perl").args(["-e", script, &port]).status().expect("perl").success());
    assert!(agent.globals(id, ".bss")[0] > 0, "the connection took the control");
    agent.detach(id);
    wait_until("the operations' end", || !congestion_controls().contains("ringside_"));
    // One program of a set stands for its map; it takes no target.
    let refused = agent.attach(id, "cc_init", &[("iface", "lo")]);
    assert!(matches!(&refused, Response::Error(error) if error.code == "target-unknown"), "{refused:?}");
    let again = agent.attach(id, "cc_init", &[]);
    assert!(matches!(&again, Response::Attach(result) if result.attachments[0].map == "by_link"), "{again:?}");
    let once = agent.attach(id, "without_link", &[]);
    assert!(matches!(&once, Response::Error(error) if error.hint.contains(".struct_ops.link")), "{once:?}");
    agent.request(Request::CloseObject(pb::CloseObject { object_id: id }));
    let id = agent.load(&object("operations"), Default::default()).object_id;
    agent.attach_all(id);
    assert!(congestion_controls().contains("ringside_plain"));
    // Also when the client goes without a word.
    agent.close_stdin();
    agent.wait();
    wait_until("the operations' end", || !congestion_controls().contains("ringside_"));
}

#[test]
fn what_cannot_be_attached_is_left_out_when_that_is_wanted() {
    let mut run = Run::new(&["raw_enter", "on_tc", "on_netfilter"]);
    let one = |program: &str, leave_out| pb::AttachProgram { program: program.into(), leave_out, ..Default::default() };
    let mut ask = |programs: Vec<pb::AttachProgram>| {
        run.agent.request(Request::Attach(pb::Attach { object_id: run.id, programs, ..Default::default() }))
    };
    let Response::Attach(result) = ask(vec![one("on_tc", true), one("raw_enter", false), one("on_netfilter", true)])
    else {
        panic!("an answer")
    };
    assert_eq!(result.attachments.iter().map(|made| made.program.as_str()).collect::<Vec<_>>(), ["raw_enter"]);
    let left: Vec<(&str, &str)> = result
        .left_out
        .iter()
        .map(|left| (left.program.as_str(), left.reason.as_ref().expect("a reason").code.as_str()))
        .collect();
    assert_eq!(left, [("on_tc", "target-needed"), ("on_netfilter", "target-needed")]);
    assert_eq!(result.left_out[0].section, "tc");
    let Response::Error(none) = ask(vec![one("on_tc", true)]) else { panic!("nothing is attached") };
    assert_eq!(none.code, "target-needed");
    let Response::Error(unknown) = ask(vec![one("nobody", true), one("raw_enter", true)]) else {
        panic!("no such program")
    };
    assert_eq!(unknown.code, "unknown-program");
    run.wait_for("raw_enter", || call_getpid(3));
    run.end(|| call_getpid(3));
}
