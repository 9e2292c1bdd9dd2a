//! What others made is read in a child first: the agent's own executable, which gives everything away, reads the file and
//! ends. A reader that crashes, hangs or eats memory over it does so there, and the agent lives on.

mod damaged_types;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ringside_bpf::object::Object;
use ringside_bpf::sandbox::{self, Limits};
use ringside_bpf::{log, os};

use crate::failure::{Answer, Failure};
use crate::journal;
use crate::knowledge::modules;
use crate::rpc::explain;

/// The argument that makes the agent such a child.
pub const CHECK_OBJECT: &str = "--check-object";
/// The argument before the symbols that such a child looks for in a packed kernel module.
pub const SEARCH_MODULE: &str = "--search-module";

const CPU_SECONDS: u64 = 5;
/// Longer than the processor time: the host may be busy.
const PATIENCE: Duration = Duration::from_secs(15);
/// What a reader may take: a base, and so many times the file.
const MEMORY_BASE: u64 = 96 << 20;
const MEMORY_FACTOR: u64 = 16;
/// Objects that were found readable are remembered by their hash, up to so many.
const MOST_REMEMBERED: usize = 4096;

static READABLE: Mutex<Option<HashSet<[u8; 32]>>> = Mutex::new(None);

/// Has a child open the object of this SHA-256 with libbpf, unless one did before. A reader that refuses the object in an orderly way is
/// no failure here: the agent's own will say the same, with its reason.
pub fn check_object(bytes: &[u8], hash: [u8; 32]) -> Answer<()> {
    let remembered = |work: &dyn Fn(&mut HashSet<[u8; 32]>) -> bool| {
        let mut known = READABLE.lock().unwrap_or_else(PoisonError::into_inner);
        work(known.get_or_insert_default())
    };
    if remembered(&|known| known.contains(&hash)) {
        return Ok(());
    }
    if let Some(damage) = damaged_types::damage(bytes) {
        return Err(malformed(damage));
    }
    let status = match run(CHECK_OBJECT, bytes) {
        Ok(status) => status,
        // Without a child (no memory, no process left) nothing is known about the object, which most likely is harmless.
        Err(error) => {
            journal::error("no-confined-reader", &error.to_string());
            return Ok(());
        }
    };
    if let Some(fate) = fate(status, bytes.len()) {
        return Err(malformed(format!("libbpf's reader {fate}. It ran in a process of its own.")));
    }
    remembered(&|known| {
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(hash)
    });
    Ok(())
}

/// Has a child unpack a kernel module and look for one of the symbols. None where that could not be told in time.
pub fn module_defines(bytes: &[u8], wanted: &[&str], patience: Duration) -> Option<bool> {
    let mut reader = own_executable();
    reader.arg(SEARCH_MODULE).args(wanted);
    match run_reader(reader, bytes, patience).ok()??.code()? {
        0 => Some(true),
        code if code == REFUSED.into() => Some(false),
        _ => None,
    }
}

fn malformed(message: String) -> Failure {
    Failure::new("object-malformed", message).hint(
        "The file is damaged, or made to do this: compile its source again. If a compiler made it as it is, please report it with the file.",
    )
}

/// What became of a reader that did not end by itself.
fn fate(status: Option<ExitStatus>, bytes: usize) -> Option<String> {
    let Some(status) = status else {
        return Some(format!("hung on it and was ended after {} s", PATIENCE.as_secs()));
    };
    let megabytes = memory(bytes) >> 20;
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) if code == REFUSED.into() => None,
        (Some(code), _) if code == OUT_OF_MEMORY.into() => {
            Some(format!("wanted more than {megabytes} MiB of memory for it"))
        }
        (_, Some(signals::XCPU)) => Some(format!("hung on it and was ended after {CPU_SECONDS} s of work")),
        (_, Some(signals::KILL)) => Some("was killed while it read it; the host may be out of memory".into()),
        (_, Some(signal)) => Some(format!("crashed on it ({})", signals::name(signal))),
        (code, None) => Some(format!("failed on it (code {})", code.unwrap_or_default())),
    }
}

fn memory(bytes: usize) -> u64 {
    MEMORY_BASE + MEMORY_FACTOR * bytes as u64
}

/// Runs the child on a file with these bytes.
fn run(what: &str, bytes: &[u8]) -> io::Result<Option<ExitStatus>> {
    let mut reader = own_executable();
    reader.arg(what);
    run_reader(reader, bytes, PATIENCE)
}

/// By its inode: the file of that name may be another by now, or gone.
fn own_executable() -> Command {
    Command::new("/proc/self/exe")
}

/// No status when the reader had to be ended for want of one.
fn run_reader(mut reader: Command, bytes: &[u8], patience: Duration) -> io::Result<Option<ExitStatus>> {
    let file = sandbox::memory_file(c"ringside-foreign", bytes)?;
    let (ended, ending) = io::pipe()?;
    let mut child = reader.env_clear().stdin(Stdio::from(file)).stdout(ending).stderr(Stdio::null()).spawn()?;
    // With the command goes this side's end of the pipe. The child holds the only other one, and can start no process that
    // would keep it: it closes when the child is gone.
    drop(reader);
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if os::poll_readable(&[ended.as_fd()], Some(left))?[0].hung_up {
            return child.wait().map(Some);
        }
        if left.is_zero() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
    }
}

/// Exit code of a reader to which memory was refused, and of one that refused the file in an orderly way (or did not find
/// what it was to look for).
const OUT_OF_MEMORY: u8 = 3;
const REFUSED: u8 = 4;

/// The life of the child that reads an object.
pub fn object_reader() -> ExitCode {
    reader(read_object)
}

/// The life of the child that looks for symbols in a module: whether one of them is there is its exit code.
pub fn module_reader(wanted: Vec<String>) -> ExitCode {
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    reader(|bytes| match modules::packed_defines(bytes, &wanted) {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::from(REFUSED),
        None => ExitCode::FAILURE,
    })
}

fn reader(work: impl FnOnce(&[u8]) -> ExitCode) -> ExitCode {
    let file = os::take_stdio(0);
    let length = file.metadata().map_or(0, |facts| facts.len() as usize);
    let entered = sandbox::enter(Limits { memory: memory(length), cpu_seconds: CPU_SECONDS });
    if entered.is_err() {
        return ExitCode::FAILURE;
    }
    match read(file, length) {
        Ok(bytes) => work(&bytes),
        Err(_) => ExitCode::FAILURE,
    }
}

fn read(file: File, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the agent does with an object before it trusts its own reader with it, in one process: for the fuzzer.
pub fn read_checked(bytes: &[u8]) {
    if explain::check_elf(bytes).is_ok() && damaged_types::damage(bytes).is_none() {
        read_object(bytes);
    }
}

/// Opens the object and looks at all that the agent would look at.
pub fn read_object(bytes: &[u8]) -> ExitCode {
    log::install();
    match Object::open(bytes, Default::default()) {
        Err(error) if error.errno == crate::failure::libc_errno::ENOMEM => ExitCode::from(OUT_OF_MEMORY),
        Err(_) => ExitCode::from(REFUSED),
        Ok(object) => {
            for program in object.programs() {
                std::hint::black_box((program.name(), program.section(), program.insns().len()));
            }
            for map in object.maps() {
                std::hint::black_box((map.name(), map.type_name(), map.value_size()));
            }
            std::hint::black_box(object.globals());
            ExitCode::SUCCESS
        }
    }
}

/// The same numbers on x86_64 and aarch64.
mod signals {
    pub const KILL: i32 = 9;
    pub const XCPU: i32 = 24;

    pub fn name(signal: i32) -> String {
        match signal {
            4 => "SIGILL".into(),
            6 => "SIGABRT".into(),
            7 => "SIGBUS".into(),
            8 => "SIGFPE".into(),
            11 => "SIGSEGV".into(),
            31 => "SIGSYS".into(),
            other => format!("signal {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fate_of_a_reader_in_words() {
        let of = |raw| fate(Some(ExitStatus::from_raw(raw)), 1 << 20);
        assert_eq!(of(0), None);
        assert_eq!(of(11).as_deref(), Some("crashed on it (SIGSEGV)"));
        assert_eq!(of(24).as_deref(), Some("hung on it and was ended after 5 s of work"));
        assert_eq!(of(3 << 8).as_deref(), Some("wanted more than 112 MiB of memory for it"));
        assert_eq!(of(4 << 8), None, "an orderly refusal is the agent's own reader's to explain");
        assert_eq!(fate(None, 0).as_deref(), Some("hung on it and was ended after 15 s"));
    }

    #[test]
    fn readers_that_crash_or_hang_are_outlived() {
        let shell = |script: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            command
        };
        let run = |script| run_reader(shell(script), b"the file", Duration::from_millis(300)).expect("a shell");
        assert!(run("read line; test \"$line\" = 'the file'").expect("ended").success());
        assert_eq!(run("kill -SEGV $$").expect("ended").signal(), Some(11));
        let begin = Instant::now();
        assert_eq!(run("exec sleep 60"), None);
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
}
