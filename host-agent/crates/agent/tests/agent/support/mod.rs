//! A client of the agent for tests: objects compiled on the spot, the agent as a child process, frames by hand.

pub mod private;

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ringside_proto::Message;
use ringside_proto::framing::{Decoder, Frame, FrameType, Head, LAST_CHUNK, MAGIC, MAX_CHUNK};
use ringside_proto::messages::{self as pb, event, request::Request, response::Response};

/// Which ssh connection the agent is started over: none, unless a test says otherwise.
const SSH: &str = "RINGSIDE_SSH_CONNECTION";
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Prints a figure into the log of every run: the test harness keeps back what the macros of passing tests print.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Objects that were compiled already, by name and flags.
static OBJECTS: Mutex<BTreeMap<Vec<String>, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// host-agent/tests/objects/NAME.bpf.c as compiled, with `flags` for objects that are wrong on purpose.
pub fn object_with(name: &str, flags: &[&str]) -> Vec<u8> {
    let key = [name].iter().chain(flags).map(|word| (*word).to_owned()).collect();
    let mut objects = OBJECTS.lock().unwrap_or_else(PoisonError::into_inner);
    objects.entry(key).or_insert_with(|| compile(name, flags)).clone()
}

fn compile(name: &str, flags: &[&str]) -> Vec<u8> {
    let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = agent.join("tests/objects").join(format!("{name}.bpf.c"));
    let unique = format!("{name}-{}-{:?}.o", std::process::id(), std::thread::current().id());
    let object = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(unique);
    let clang = std::env::var("CLANG").unwrap_or_else(|_| "clang-19".into());
    let system = format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let libbpf = format!("-I{}", agent.join("../core/resources/libbpf").display());
    let compiled = Command::new(clang)
        .args(["-target", "bpf", "-g", "-O2", &libbpf, &system])
        .args(flags)
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(&object)
        .status()
        .expect("clang runs (set CLANG to choose one)");
    assert!(compiled.success(), "{name} compiles");
    let bytes = std::fs::read(&object).expect("object");
    let _ = std::fs::remove_file(object);
    bytes
}

pub fn object(name: &str) -> Vec<u8> {
    object_with(name, &[])
}

/// The calling thread, as BPF programs see it.
pub fn own_tid() -> u32 {
    let link = std::fs::read_link("/proc/thread-self").expect("procfs");
    link.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()).expect("a thread number")
}

/// One getpid system call a time: glibc does not cache the answer.
pub fn call_getpid(times: usize) {
    for _ in 0..times {
        std::hint::black_box(std::process::id());
    }
}

/// Context switches go on for as long as this takes, also on a machine that does nothing else.
pub fn while_switching<T>(work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Every processor has several threads to choose from, and switches for as long as this takes.
pub fn while_choking<T>(work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..2 * processors {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| while_switching(work)));
        done.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn program_exists(id: u32) -> bool {
    let shown = Command::new("bpftool").args(["prog", "show", "id", &id.to_string()]).output().expect("bpftool");
    shown.status.success()
}

/// The agent's executable.
pub fn agent_file() -> String {
    std::env::var("RINGSIDE_AGENT").unwrap_or_else(|_| env!("CARGO_BIN_EXE_ringside-agent").into())
}

pub struct Agent {
    pub child: Child,
    pub hello: pb::Hello,
    stdin: Option<ChildStdin>,
    frames: Receiver<Frame>,
    sequence: u32,
    next_id: u32,
    pub data: HashMap<u16, Vec<Vec<u8>>>,
    pub blobs: HashMap<u32, Vec<u8>>,
    pub events: Vec<event::Event>,
    pub progress: Vec<pb::Progress>,
    pub bye: Option<pb::Bye>,
    /// Granted back as it comes in, when set.
    pub refill: bool,
}

impl Agent {
    /// Heartbeat and lease in milliseconds, 0 for the agent's defaults.
    pub fn start_with(heartbeat_ms: u32, lease_ms: u32) -> Self {
        let mut agent = Self::spawn(true);
        let ack = pb::HelloAck { protocol_major: 1, protocol_minor: 0, heartbeat_ms, lease_ms, ..Default::default() };
        agent.send(Head::new(FrameType::HelloAck), &ack.encode_to_vec());
        agent
    }

    pub fn start() -> Self {
        Self::start_with(0, 0)
    }

    pub fn start_read_only() -> Self {
        let mut agent = Self::spawn(true);
        let ack = pb::HelloAck { protocol_major: 1, read_only: true, ..Default::default() };
        agent.send(Head::new(FrameType::HelloAck), &ack.encode_to_vec());
        agent
    }

    /// Started by a command that is given the agent's path as its last argument.
    pub fn start_as(command: &[&str]) -> Self {
        let mut starter = Command::new(command[0]);
        starter.args(&command[1..]).arg(agent_file());
        let mut agent = Self::spawn_by(starter, true);
        let ack = pb::HelloAck { protocol_major: 1, ..Default::default() };
        agent.send(Head::new(FrameType::HelloAck), &ack.encode_to_vec());
        agent
    }

    /// How often its threads went to sleep so far.
    pub fn wakes(&self) -> u64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.worker())).unwrap();
        let slept = |status: String| {
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            line.unwrap().trim().parse::<u64>().unwrap()
        };
        threads.map(|thread| slept(std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap())).sum()
    }

    /// With `read` off nobody reads stdout after the HELLO, so that it fills up.
    pub fn spawn(read: bool) -> Self {
        Self::spawn_by(Command::new(agent_file()), read)
    }

    /// A client that takes a kept run over.
    pub fn adopt(run: &str) -> Self {
        let mut command = Command::new(agent_file());
        command.args(["--adopt", run]);
        let mut agent = Self::spawn_by(command, true);
        let ack = pb::HelloAck { protocol_major: 1, protocol_minor: 0, ..Default::default() };
        agent.send(Head::new(FrameType::HelloAck), &ack.encode_to_vec());
        agent
    }

    /// By a command of which the agent gets standard input and output. `child` is that command's process.
    pub fn start_by(command: Command, lease_ms: u32) -> Self {
        let mut agent = Self::spawn_by(command, true);
        let ack = pb::HelloAck {
            protocol_major: 1,
            protocol_minor: 0,
            heartbeat_ms: lease_ms / 6,
            lease_ms,
            ..Default::default()
        };
        agent.send(Head::new(FrameType::HelloAck), &ack.encode_to_vec());
        agent
    }

    /// By a command, with the first words of this client.
    pub fn start_saying(command: Command, ack: &pb::HelloAck) -> Self {
        let mut agent = Self::spawn_by(command, true);
        agent.send(Head::new(FrameType::HelloAck), &pb::HelloAck { protocol_major: 1, ..*ack }.encode_to_vec());
        agent
    }

    /// As if started over this ssh connection (what SSH_CONNECTION says).
    pub fn start_over(ssh: &str) -> Self {
        let mut command = Command::new(agent_file());
        command.env(SSH, ssh);
        let mut agent = Self::spawn_by(command, true);
        let ack = pb::HelloAck { protocol_major: 1, heartbeat_ms: 100, ..Default::default() };
        agent.send(Head::new(FrameType::HelloAck), &ack.encode_to_vec());
        agent
    }

    fn spawn_by(mut command: Command, read: bool) -> Self {
        if command.get_envs().all(|(name, _)| name != SSH) {
            command.env(SSH, "none");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the agent starts");
        let mut stdout = child.stdout.take().expect("piped");
        let (sender, frames) = mpsc::channel();
        let mut magic = [0; MAGIC.len()];
        stdout.read_exact(&mut magic).expect("magic");
        assert_eq!(magic, MAGIC);
        std::thread::spawn(move || {
            let mut decoder = Decoder::default();
            let mut bytes = vec![0; 1 << 16];
            let mut greeted = false;
            loop {
                while let Some(frame) = decoder.next_frame().expect("frames of the agent are valid") {
                    greeted = true;
                    if sender.send(frame).is_err() {
                        return;
                    }
                }
                if greeted && !read {
                    // Keeps the pipe open and full.
                    std::thread::sleep(Duration::from_secs(3600));
                }
                match stdout.read(&mut bytes) {
                    Ok(0) | Err(_) => return,
                    Ok(length) => decoder.push(&bytes[..length]),
                }
            }
        });
        let hello = frames.recv_timeout(PATIENCE).expect("HELLO");
        assert_eq!(hello.head.kind, FrameType::Hello);
        let hello = pb::Hello::decode(&hello.payload[..]).expect("HELLO");
        let stdin = child.stdin.take();
        Self {
            child,
            hello,
            stdin,
            frames,
            sequence: 0,
            next_id: 1,
            data: HashMap::new(),
            blobs: HashMap::new(),
            events: Vec::new(),
            progress: Vec::new(),
            bye: None,
            refill: true,
        }
    }

    pub fn send(&mut self, head: Head, payload: &[u8]) {
        let stdin = self.stdin.as_mut().expect("open");
        let header = head.encode(payload.len(), self.sequence);
        self.sequence += 1;
        stdin.write_all(&header).and_then(|()| stdin.write_all(payload)).expect("the agent reads");
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().expect("open").write_all(bytes).expect("the agent reads");
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Goes away and leaves the agent to itself.
    pub fn leave(mut self) {
        self.close_stdin();
        let ended = Command::new("/bin/true").spawn().expect("true");
        let mut child = std::mem::replace(&mut self.child, ended);
        // Reaped when it ends, which may be after the test.
        std::thread::spawn(move || child.wait());
    }

    pub fn grant(&mut self, stream: u16, bytes: u32) {
        self.send(Head::new(FrameType::Credit).stream(stream).aux(bytes), b"");
    }

    pub fn upload(&mut self, bytes: &[u8]) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        let chunks: Vec<&[u8]> = if bytes.is_empty() { vec![b""] } else { bytes.chunks(MAX_CHUNK).collect() };
        for (index, chunk) in chunks.iter().enumerate() {
            let flags = if index + 1 == chunks.len() { LAST_CHUNK } else { 0 };
            self.send(Head::new(FrameType::Blob).aux(id).flags(flags), chunk);
        }
        id
    }

    /// Sends a request and returns its id.
    pub fn ask(&mut self, request: Request) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        let request = pb::Request { request: Some(request) };
        self.send(Head::new(FrameType::Request).aux(id), &request.encode_to_vec());
        id
    }

    /// Sends bytes as a request and returns its id.
    pub fn ask_raw(&mut self, payload: &[u8]) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(Head::new(FrameType::Request).aux(id), payload);
        id
    }

    /// Takes frames until the answer to `id` is there.
    pub fn answer(&mut self, id: u32) -> Response {
        let until = Instant::now() + PATIENCE;
        loop {
            let frame = self.next(until.saturating_duration_since(Instant::now())).expect("an answer");
            if let Some((found, response)) = self.take(frame) {
                assert_eq!(found, id, "answers come in order");
                return response;
            }
        }
    }

    pub fn request(&mut self, request: Request) -> Response {
        let id = self.ask(request);
        self.answer(id)
    }

    pub fn error(&mut self, request: Request) -> pb::Error {
        failed(self.request(request))
    }

    /// Takes whatever comes within `time`.
    pub fn listen(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(frame) = self.next(until.saturating_duration_since(Instant::now())) {
            assert!(self.take(frame).is_none(), "nothing was asked");
        }
    }

    /// Takes frames until `done`.
    pub fn listen_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        wait_until(what, || {
            self.listen(Duration::from_millis(10));
            done(self)
        });
    }

    fn next(&mut self, time: Duration) -> Result<Frame, RecvTimeoutError> {
        self.frames.recv_timeout(time)
    }

    fn take(&mut self, frame: Frame) -> Option<(u32, Response)> {
        let Frame { head, payload } = frame;
        match head.kind {
            FrameType::Response => {
                let mut response = pb::Response::decode(&payload[..]).expect("a response");
                if let Some(Response::Large(large)) = &response.response {
                    let whole = self.blobs.remove(&large.blob).expect("the blob of a large answer");
                    response = pb::Response::decode(&whole[..]).expect("a large response");
                }
                return Some((head.aux, response.response.expect("a known response")));
            }
            FrameType::Data => {
                if self.refill {
                    self.grant(head.stream, payload.len() as u32);
                }
                self.data.entry(head.stream).or_default().push(payload);
            }
            FrameType::Blob => self.blobs.entry(head.aux).or_default().extend_from_slice(&payload),
            FrameType::Event => {
                self.events.extend(pb::Event::decode(&payload[..]).expect("an event").event);
            }
            FrameType::Progress => self.progress.push(pb::Progress::decode(&payload[..]).expect("progress")),
            FrameType::Ping => self.send(Head::new(FrameType::Pong).aux(head.aux), b""),
            FrameType::Pong => {}
            FrameType::Bye => self.bye = Some(pb::Bye::decode(&payload[..]).expect("bye")),
            other => panic!("{other:?} from the agent"),
        }
        None
    }

    // ---- requests in short -----------------------------------------------------------------------------------------

    pub fn load(&mut self, object: &[u8], options: pb::ObjectOptions) -> pb::LoadResult {
        match self.try_load(object, options) {
            Response::Load(result) => result,
            other => panic!("not loaded: {other:?}"),
        }
    }

    pub fn try_load(&mut self, object: &[u8], options: pb::ObjectOptions) -> Response {
        let object_blob = self.upload(object);
        self.request(Request::LoadObject(pb::LoadObject { object_blob, options: Some(options) }))
    }

    pub fn verify(&mut self, object: &[u8], options: pb::ObjectOptions) -> Vec<pb::ProgramVerdict> {
        let object_blob = self.upload(object);
        match self.request(Request::VerifyObject(pb::VerifyObject { object_blob, options: Some(options) })) {
            Response::Verify(result) => result.programs,
            other => panic!("not verified: {other:?}"),
        }
    }

    pub fn open_stream(&mut self, object_id: u32, map: &str, credits: u64, policy: &str) -> u16 {
        let request =
            pb::OpenStream { object_id, map: map.into(), credits, policy: policy.into(), ..Default::default() };
        self.open(request).stream as u16
    }

    pub fn open(&mut self, request: pb::OpenStream) -> pb::StreamOpened {
        match self.request(Request::OpenStream(request)) {
            Response::StreamOpened(opened) => opened,
            other => panic!("not opened: {other:?}"),
        }
    }

    pub fn attach_all(&mut self, object_id: u32) -> Vec<pb::Attachment> {
        match self.request(Request::Attach(pb::Attach { object_id, ..Default::default() })) {
            Response::Attach(result) => result.attachments,
            other => panic!("not attached: {other:?}"),
        }
    }

    pub fn attach(&mut self, object_id: u32, program: &str, target: &[(&str, &str)]) -> Response {
        let target = target.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let programs = vec![pb::AttachProgram { program: program.into(), target, ..Default::default() }];
        self.request(Request::Attach(pb::Attach { object_id, programs, ..Default::default() }))
    }

    pub fn detach(&mut self, object_id: u32) -> pb::Stats {
        match self.request(Request::Detach(pb::Detach { object_id })) {
            Response::Detach(result) => result.stats.expect("stats"),
            other => panic!("not detached: {other:?}"),
        }
    }

    pub fn stats(&mut self, object_id: u32) -> pb::Stats {
        match self.request(Request::GetStats(pb::GetStats { object_id })) {
            Response::Stats(stats) => stats,
            other => panic!("no stats: {other:?}"),
        }
    }

    pub fn dump(&mut self, object_id: u32, map: &str) -> (pb::MapDump, Vec<u8>) {
        match self.request(Request::DumpMap(pb::DumpMap { object_id, map: map.into(), limit: 0 })) {
            Response::MapDump(dump) => {
                let bytes = self.blobs.remove(&dump.blob).unwrap_or_default();
                (dump, bytes)
            }
            other => panic!("no dump: {other:?}"),
        }
    }

    /// The first u64 of a globals map, and the ones behind it.
    pub fn globals(&mut self, object_id: u32, section: &str) -> Vec<u64> {
        let (dump, bytes) = self.dump(object_id, section);
        bytes[dump.key_size as usize..].as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
    }

    /// How many of `calls` system calls the detached program has seen. The kernel skips a run where another BPF program or
    /// a map call was interrupted on the same CPU (others use this machine too), and counts that.
    pub fn seen(&mut self, object_id: u32, calls: u64) -> u64 {
        let skipped: u64 = self.stats(object_id).programs.iter().map(|program| program.recursion_misses).sum();
        let made = self.globals(object_id, ".bss")[0];
        assert!(made <= calls && made + skipped >= calls, "{made} seen and {skipped} skipped of {calls}");
        made
    }

    /// Records of a stream with their bytes; checks spans on the way.
    pub fn records(&self, stream: u16) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        for payload in self.data.get(&stream).into_iter().flatten() {
            let counted = u32::from_le_bytes(payload[8..12].try_into().expect("span header"));
            let before = records.len();
            let mut rest = &payload[16..];
            while !rest.is_empty() {
                let header = u32::from_le_bytes(rest[..4].try_into().expect("record header"));
                assert_eq!(header >> 31, 0, "no busy record is ever sent");
                let length = (header & 0x3fff_ffff) as usize;
                if header & (1 << 30) == 0 {
                    records.push(rest[8..8 + length].to_vec());
                }
                rest = &rest[(8 + length).next_multiple_of(8)..];
            }
            assert_eq!(records.len() - before, counted as usize, "the span says how many records it holds");
        }
        records
    }

    pub fn prints(&self) -> Vec<pb::Print> {
        let batches = self.events.iter().filter_map(|event| match event {
            event::Event::Prints(batch) => Some(batch.prints.clone()),
            _ => None,
        });
        batches.flatten().collect()
    }

    /// How the process ended.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        let mut status = None;
        wait_until("the agent's end", || {
            status = self.child.try_wait().expect("wait");
            status.is_some()
        });
        status.expect("ended")
    }

    /// The process that holds programs, maps and links; `child` is its supervisor.
    pub fn worker(&self) -> u32 {
        self.hello.pid
    }

    pub fn resident_bytes(&self) -> u64 {
        self.status_kib("VmRSS:") * 1024
    }

    pub fn own_bytes(&self) -> u64 {
        self.status_kib("RssAnon:") * 1024
    }

    fn status_kib(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.worker())).expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("field");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn global_u32(variable: &str, value: u32) -> pb::GlobalValue {
    pb::GlobalValue { variable: variable.into(), value: value.to_ne_bytes().to_vec() }
}

/// The error that an answer should be.
pub fn failed(response: Response) -> pb::Error {
    match response {
        Response::Error(error) => error,
        other => panic!("an error was due, not {other:?}"),
    }
}

/// Options for an object of which only these programs are loaded.
pub fn only(programs: &[&str]) -> pb::ObjectOptions {
    pb::ObjectOptions { programs: programs.iter().map(|name| (*name).to_owned()).collect(), ..Default::default() }
}

/// Options for an object that only looks at the calling thread.
pub fn only_me() -> pb::ObjectOptions {
    pb::ObjectOptions { name: "test".into(), globals: vec![global_u32("wanted_tid", own_tid())], ..Default::default() }
}

pub fn first_u64(record: &[u8]) -> u64 {
    u64::from_le_bytes(record[..8].try_into().expect("eight bytes"))
}

pub fn first_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"))
}
