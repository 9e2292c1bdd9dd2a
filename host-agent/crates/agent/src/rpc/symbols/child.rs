//! Symbols of processes are looked up by a child: the agent's own executable, for one request. It maps binaries that may be
//! damaged, or replaced while they are read (SIGBUS), and debug information of any size; the agent outlives both, and keeps
//! none of the memory.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ringside_bpf::{os, sandbox};
use ringside_proto::messages::response::Response;
use ringside_proto::{Message, messages as pb};

use super::process;
use crate::failure::{Answer, Failure};
use crate::privilege;

/// The argument that makes the agent such a child.
pub const SYMBOLIZE: &str = "--symbolize";

/// A second argument: names only, without debug information.
const NAMES_ONLY: &str = "--names-only";

const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at whether the client still wants to know.
const TICK: Duration = Duration::from_millis(100);
/// Heap of the child; what it maps of files does not count.
const MEMORY: u64 = 768 << 20;
const CPU_SECONDS: u64 = 20;
/// An answer for the most addresses with long names.
const MOST_BYTES: u64 = 256 << 20;

pub fn symbolize(check: &dyn Fn() -> Answer<()>, request: &pb::Symbolize) -> Answer<pb::SymbolizeResult> {
    let asked = request.encode_to_vec();
    match run(&[SYMBOLIZE], &asked, check)? {
        Ok(answer) => answer,
        // Debug information is what costs time and memory, and where files are odd: names alone are better than nothing.
        Err(_) => match run(&[SYMBOLIZE, NAMES_ONLY], &asked, check)? {
            Ok(answer) => answer,
            Err(fate) => Err(Failure::new(
                "symbols-failed",
                format!("The symbols of process {} cannot be looked up: the reader {fate}.", request.pid),
            )
            .hint("One of the files that the process has mapped is damaged, or was replaced meanwhile. The agent itself is not harmed; try again.")),
        },
    }
}

/// The child's answer, or what became of it without one.
type Outcome = Result<Answer<pb::SymbolizeResult>, String>;

fn run(arguments: &[&str], asked: &[u8], check: &dyn Fn() -> Answer<()>) -> Answer<Outcome> {
    let started = sandbox::memory_file(c"ringside-addresses", asked).and_then(|file| {
        // The own executable by its inode: the file of that name may be another by now, or gone.
        let mut command = Command::new("/proc/self/exe");
        ringside_bpf::privilege::hand_down(&mut command, privilege::of_symbolizer())?;
        command
            .args(arguments)
            .env_clear()
            .stdin(Stdio::from(file))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    });
    let mut child = started.map_err(|error| {
        Failure::new("no-memory", format!("The reader of symbols cannot be started: {error}."))
            .hint("The host may be out of memory or processes.")
    })?;
    let answered = listen(&mut child, check);
    if !matches!(answered, Ok(Ok(_))) {
        let _ = child.kill();
    }
    let status = child.wait();
    let bytes = match answered? {
        Ok(bytes) => bytes,
        Err(fate) => return Ok(Err(fate)),
    };
    let response = pb::Response::decode(&bytes[..]).ok().and_then(|response| response.response);
    Ok(match response {
        Some(Response::Symbolize(result)) => Ok(Ok(result)),
        Some(Response::Error(error)) => Ok(Err(refused(error))),
        _ => Err(match status.ok().and_then(|status| status.signal()) {
            Some(signal) => format!("was ended by signal {signal}"),
            None => "ended without an answer".into(),
        }),
    })
}

/// All that the child writes, unless it takes too long or too much.
fn listen(child: &mut Child, check: &dyn Fn() -> Answer<()>) -> Answer<Result<Vec<u8>, String>> {
    let Some(mut output) = child.stdout.take() else { return Ok(Err("has no output".into())) };
    let until = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        check()?;
        if Instant::now() >= until {
            return Ok(Err(format!("took longer than {} s", PATIENCE.as_secs())));
        }
        let ready = os::poll_readable(&[output.as_fd()], Some(TICK)).map_err(broken)?;
        if !ready.first().is_some_and(|ready| ready.readable || ready.hung_up) {
            continue;
        }
        match output.read(&mut chunk).map_err(broken)? {
            0 => return Ok(Ok(bytes)),
            length if bytes.len() + length > MOST_BYTES as usize => return Ok(Err("answered too much".into())),
            length => bytes.extend(&chunk[..length]),
        }
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::new("agent-internal", format!("The pipe to the reader of symbols: {error}."))
}

/// The child's failure again: codes are known words of this program.
fn refused(error: pb::Error) -> Failure {
    const CODES: [&str; 2] = ["target-not-found", "no-permission"];
    let code = CODES.iter().find(|code| **code == error.code).copied().unwrap_or("agent-internal");
    Failure::new(code, error.message).hint(error.hint).errno(error.errno)
}

/// The life of the child.
pub fn main(names_only: Option<&str>) -> ExitCode {
    if !os::die_with_parent() || sandbox::limit(MEMORY, CPU_SECONDS).is_err() {
        return ExitCode::FAILURE;
    }
    let mut asked = Vec::new();
    if os::take_stdio(0).take(MOST_BYTES).read_to_end(&mut asked).is_err() {
        return ExitCode::FAILURE;
    }
    let Ok(request) = pb::Symbolize::decode(&asked[..]) else { return ExitCode::FAILURE };
    let answer = process::symbolize(request.pid, &request.addresses, names_only != Some(NAMES_ONLY));
    let response = match answer {
        Ok(symbols) => Response::Symbolize(pb::SymbolizeResult { symbols }),
        Err(failure) => Response::Error(failure.into_message(0)),
    };
    let mut output: File = os::take_stdio(1);
    match output.write_all(&pb::Response { response: Some(response) }.encode_to_vec()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
