//! Programs of sockets: of socket maps, of a packet socket on an interface, of sockets that a process has.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use ringside_bpf::link::{self, SocketOption};
use ringside_bpf::socket::{self, ProcessSocket};
use ringside_bpf::{Error, map};

use super::{Made, Target, candidates, interface, owner, process};
use crate::failure::libc_errno::{EBADF, EBUSY, EEXIST, EINVAL, ENOENT, ENOTSOCK, EPERM, ESRCH};
use crate::failure::{Answer, Failure};
use crate::rpc::object::no_map;

const SOCKMAP: u32 = 15;
const SOCKHASH: u32 = 18;

/// The map of `map`.
pub struct ChosenMap {
    pub fd: OwnedFd,
    pub name: String,
    /// What stands behind the name's colon.
    pub index: Option<u32>,
}

/// `map` is a name of the object (with `:INDEX`), an id, or a path in bpffs. Without it the object's only fitting one.
pub fn map(target: &Target<'_>, fits: impl Fn(u32) -> bool + Copy) -> Answer<ChosenMap> {
    let Some(chosen) = target.choice("map") else {
        let fitting: Vec<_> =
            target.scope.object.maps().into_iter().filter(|map| fits(map.kind()) && map.fd().is_some()).collect();
        // An iterator, which takes any map, is never guessed.
        let guessed = !fits(0) && fitting.len() == 1;
        return match fitting.first() {
            Some(map) if guessed => of_object(target, map.name(), None),
            _ => Err(target.needed(&["map"], &maps(target, fits))),
        };
    };
    let (name, index) = match chosen.rsplit_once(':') {
        Some((name, index)) => match index.parse() {
            Ok(index) => (name, Some(index)),
            Err(_) => return Err(Failure::new("bad-value", format!("map={chosen}: {index} is no index."))),
        },
        None => (chosen, None),
    };
    let missing = || target.not_found(&format!("map {name}"), &maps(target, fits));
    if name.starts_with('/') || name.bytes().all(|byte| byte.is_ascii_digit()) {
        let opened = match name.parse() {
            Ok(id) => map::open_by_id(id),
            Err(_) => map::open_pinned(name),
        };
        let fd = opened.map_err(|error| if error.errno == ENOENT { missing() } else { error.into() })?;
        return Ok(ChosenMap { fd, name: name.to_owned(), index });
    }
    of_object(target, name, index)
}

fn of_object(target: &Target<'_>, name: &str, index: Option<u32>) -> Answer<ChosenMap> {
    let object = target.scope.object;
    let found = object.map(name).ok_or_else(|| no_map(object, name))?;
    let fd = found.fd().ok_or_else(|| Failure::new("unknown-map", format!("Map {name} was not created.")))?;
    let fd = fd.try_clone_to_owned().map_err(|error| Failure::new("agent-internal", error.to_string()))?;
    Ok(ChosenMap { fd, name: found.name().to_owned(), index })
}

/// Names of the object's maps that can be chosen.
pub fn maps(target: &Target<'_>, fits: impl Fn(u32) -> bool) -> Vec<String> {
    let maps = target.scope.object.maps().into_iter().filter(|map| fits(map.kind()) && map.fd().is_some());
    maps.map(|map| format!("map={}", map.name())).collect()
}

pub fn sk_msg(target: &Target<'_>) -> Answer<Made> {
    const MESSAGE: u32 = 7;
    to_socket_map(target, MESSAGE, "message verdict")
}

/// `hook` for programs whose section does not tell: SEC("sk_skb").
pub fn sk_skb(target: &Target<'_>) -> Answer<Made> {
    const PARSER: u32 = 4;
    const STREAM_VERDICT: u32 = 5;
    const VERDICT: u32 = 38;
    let known = [("stream_verdict", STREAM_VERDICT), ("stream_parser", PARSER), ("verdict", VERDICT)];
    let written = Some(target.program.expected_attach_type()).filter(|kind| *kind != 0);
    let kind = target.word("hook", &known)?.or(written).unwrap_or(STREAM_VERDICT);
    let name = known.iter().find(|(_, number)| *number == kind).map_or("verdict", |(name, _)| name);
    to_socket_map(target, kind, &name.replace('_', " "))
}

fn to_socket_map(target: &Target<'_>, kind: u32, what: &str) -> Answer<Made> {
    let chosen = map(target, |kind| matches!(kind, SOCKMAP | SOCKHASH))?;
    let words = format!("{what} of socket map {}", chosen.name);
    let info = map::info(chosen.fd.as_fd())?;
    if !matches!(info.kind, SOCKMAP | SOCKHASH) {
        let message = format!("Program {}: {} is no socket map.", target.program.name(), chosen.name);
        return Err(Failure::new("bad-value", message).hint("It attaches to a map of type sockmap or sockhash."));
    }
    link::sockmap(target.program, chosen.fd.as_fd(), kind).map(|link| target.made(link, &words)).map_err(|error| {
        match error.errno {
            EBUSY | EEXIST => {
                let owners = link::queried(chosen.fd.as_fd(), kind);
                target.taken(&words, &owner::of_programs("program", &owners), error.errno).hint(
                    "A socket map has one program of each sort; a stream verdict and a verdict exclude each other.",
                )
            }
            _ => target.failed(&error, &words),
        }
    })
}

/// On a packet socket of our own that sees what the interface sees (`iface`), or on a socket of a process (`pid`, `fd`).
pub fn filter(target: &Target<'_>) -> Answer<Made> {
    if let Some(process) = process::chosen(target)? {
        return to_process_socket(target, process.pid, SocketOption::Filter);
    }
    if target.choice("iface") == Some("any") {
        return packet_socket(target, "every interface", 0);
    }
    let (name, index) = interface::chosen(target).map_err(|failure| match failure.code {
        "target-needed" => {
            let mut known = candidates::interfaces();
            known.push("any".to_owned());
            target.needed(&["iface"], &known)
        }
        _ => failure,
    })?;
    packet_socket(target, name, index)
}

fn packet_socket(target: &Target<'_>, name: &str, index: i32) -> Answer<Made> {
    let words = format!("a packet socket on {name}");
    match link::bound_packet_socket(target.program, index) {
        Ok(link) => Ok(target.made(link, words)),
        Err(error) => Err(interface::vanished(target, &error, name).unwrap_or_else(|| target.failed(&error, &words))),
    }
}

/// On a socket with SO_REUSEPORT of a process: `pid` and, if it has several, `fd`.
pub fn reuseport(target: &Target<'_>) -> Answer<Made> {
    match process::chosen(target)? {
        Some(process) => to_process_socket(target, process.pid, SocketOption::Reuseport),
        None => {
            let failure = target.needed(&["pid", "fd"], &[]);
            let hint = format!("A process with sockets that share a port (SO_REUSEPORT) is needed. {}", sharing());
            Err(failure.hint(hint.trim_end()))
        }
    }
}

fn to_process_socket(target: &Target<'_>, pid: u32, option: SocketOption) -> Answer<Made> {
    let number = match target.number::<u32>("fd")? {
        Some(number) => number,
        None => only_socket(target, pid, option)?,
    };
    let words = format!("socket {number} of process {pid}");
    let attached =
        ProcessSocket::of(pid, number).and_then(|socket| link::socket_option(target.program, socket, option));
    attached.map(|link| target.made(link, &words)).map_err(|error| socket_failure(target, &error, pid, option, &words))
}

fn socket_failure(target: &Target<'_>, error: &Error, pid: u32, option: SocketOption, words: &str) -> Failure {
    match error.errno {
        ESRCH => process::gone(target, pid),
        EBADF | ENOTSOCK => {
            let known: Vec<String> = fitting(pid, option).iter().map(|number| format!("fd={number}")).collect();
            target.not_found(&format!("{words} ({})", error.what), &known).errno(error.errno)
        }
        EINVAL if option == SocketOption::Reuseport => {
            let message =
                format!("Program {} cannot be attached to {words}: it does not share its port.", target.program.name());
            Failure::new("attach-failed", message)
                .errno(EINVAL)
                .hint("The process must set SO_REUSEPORT before it binds the socket.")
        }
        EPERM => {
            let message =
                format!("Program {} cannot reach {words}: the kernel refuses its descriptor.", target.program.name());
            Failure::new("no-permission", message).errno(EPERM).hint(
                "Taking a descriptor of another process needs CAP_SYS_PTRACE, and Yama (kernel.yama.ptrace_scope) may forbid it. A socket with SO_LOCK_FILTER takes no other filter.",
            )
        }
        _ => target.failed(error, words),
    }
}

/// The socket that can only be meant.
fn only_socket(target: &Target<'_>, pid: u32, option: SocketOption) -> Answer<u32> {
    let fitting = fitting(pid, option);
    match fitting[..] {
        [only] => Ok(only),
        _ => {
            let known: Vec<String> = fitting.iter().map(|number| format!("fd={number}")).collect();
            Err(target.needed(&["fd"], &known))
        }
    }
}

fn fitting(pid: u32, option: SocketOption) -> Vec<u32> {
    let sockets = socket::of_process(pid).into_iter();
    match option {
        SocketOption::Filter => sockets.collect(),
        SocketOption::Reuseport => {
            sockets.filter(|number| ProcessSocket::of(pid, *number).is_ok_and(|socket| socket.shares_port())).collect()
        }
    }
}

/// Processes with sockets that share a port.
fn sharing() -> String {
    const MOST: usize = 10;
    let Ok(entries) = fs::read_dir("/proc") else { return String::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let found: Vec<String> = pids
        .flat_map(|pid| fitting(pid, SocketOption::Reuseport).into_iter().map(move |fd| format!("pid={pid} fd={fd}")))
        .take(MOST)
        .collect();
    match found.is_empty() {
        true => "None has one now.".to_owned(),
        false => format!("There are: {}.", found.join("; ")),
    }
}
