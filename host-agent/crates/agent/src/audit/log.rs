//! Where entries go: journald's own socket, which keeps fields apart, else the socket of any syslog daemon. Nothing that
//! writes here waits for a daemon that hangs; what could not be handed over is kept for the next time, up to a number.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::entry::Entry;
use crate::journal;

const JOURNALD: &str = "/run/systemd/journal/socket";
const SYSLOG: &str = "/dev/log";
/// How long a daemon may take to make room.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long one that made none is left alone.
const REST: Duration = Duration::from_secs(5);
const MOST_WAITING: usize = 64;

struct Waiting {
    since: Instant,
    entry: Entry,
}

#[derive(Default)]
struct Log {
    waiting: VecDeque<Waiting>,
    /// Since the last entry that could be handed over.
    lost: u64,
    /// Until when nothing is tried, after it failed.
    rests_until: Option<Instant>,
    told: bool,
}

static LOG: Mutex<Log> = Mutex::new(Log { waiting: VecDeque::new(), lost: 0, rests_until: None, told: false });

/// "journald", "syslog", or "" where nobody listens: then nothing is written down.
pub fn place() -> &'static str {
    let listens = |path| UnixDatagram::unbound().and_then(|socket| socket.connect(path)).is_ok();
    match () {
        () if listens(JOURNALD) => "journald",
        () if listens(SYSLOG) => "syslog",
        () => "",
    }
}

pub fn write(entry: Entry) {
    locked().write(entry, &mut hand_over);
}

/// From time to time: tries once more what could not be handed over before.
pub fn retry() {
    locked().flush_unless_resting(&mut hand_over);
}

/// Before the process ends.
pub fn flush() {
    locked().flush(&mut hand_over);
}

fn locked() -> MutexGuard<'static, Log> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

type HandOver<'a> = &'a mut dyn FnMut(&Entry) -> io::Result<()>;

impl Log {
    fn write(&mut self, entry: Entry, hand_over: HandOver<'_>) {
        self.waiting.push_back(Waiting { since: Instant::now(), entry });
        self.flush_unless_resting(hand_over);
        while self.waiting.len() > MOST_WAITING {
            self.waiting.pop_front();
            self.lost += 1;
        }
    }

    fn flush_unless_resting(&mut self, hand_over: HandOver<'_>) {
        if self.rests_until.is_none_or(|until| Instant::now() >= until) {
            self.flush(hand_over);
        }
    }

    /// In order, until one does not go.
    fn flush(&mut self, hand_over: HandOver<'_>) {
        while let Some(Waiting { since, entry }) = self.waiting.front() {
            let late = since.elapsed().as_secs();
            let number = |number: u64| if number == 0 { String::new() } else { number.to_string() };
            let entry = entry.clone().with("seconds-late", number(late)).with("lost-before", number(self.lost));
            match hand_over(&entry) {
                Ok(()) => (self.lost, self.rests_until) = (0, None),
                // Nobody keeps a log here, which `ringside doctor` says; or one entry is too large for its reader.
                Err(error) if is_final(&error) => self.tell(&error),
                Err(error) => {
                    self.rests_until = Some(Instant::now() + REST);
                    return self.tell(&error);
                }
            }
            self.waiting.pop_front();
        }
    }

    fn tell(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.told, true) {
            journal::info("no-audit-log", &format!("{JOURNALD}, {SYSLOG}: {error}"));
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory)
}

fn is_final(error: &io::Error) -> bool {
    const EMSGSIZE: i32 = 90;
    is_absent(error) || error.raw_os_error() == Some(EMSGSIZE)
}

fn hand_over(entry: &Entry) -> io::Result<()> {
    let pid = std::process::id();
    match send(JOURNALD, &entry.journald(pid)) {
        Err(error) if is_absent(&error) => send(SYSLOG, &entry.syslog(pid)),
        other => other,
    }
}

/// By its path each time: daemons are started anew.
fn send(path: &str, text: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to(text.as_bytes(), path).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(entries: &[Entry]) -> Vec<String> {
        entries.iter().map(Entry::text).collect()
    }

    #[test]
    fn what_could_not_be_handed_over_comes_later_in_order_and_what_was_lost_is_counted() {
        let mut log = Log::default();
        let mut busy = |_: &Entry| Err(ErrorKind::WouldBlock.into());
        for number in 0..MOST_WAITING + 3 {
            log.write(Entry::new("load").with("run", number.to_string()), &mut busy);
        }
        assert_eq!((log.waiting.len(), log.lost), (MOST_WAITING, 3));
        let mut taken = Vec::new();
        let mut takes = |entry: &Entry| {
            taken.push(entry.clone());
            Ok(())
        };
        log.write(Entry::new("detach"), &mut takes);
        assert_eq!(log.lost, 4, "a daemon that hangs is left alone for a while");
        log.flush(&mut takes);
        assert_eq!((taken.len(), log.waiting.len(), log.lost), (MOST_WAITING, 0, 0));
        let taken = texts(&taken);
        assert_eq!(taken[..2], ["load run=4 lost-before=4", "load run=5"]);
        assert_eq!(taken.last().map(String::as_str), Some("detach"));
    }

    #[test]
    fn where_nobody_listens_nothing_is_kept() {
        let mut log = Log::default();
        for kind in [ErrorKind::NotFound, ErrorKind::ConnectionRefused] {
            log.write(Entry::new("load"), &mut |_| Err(kind.into()));
        }
        assert!(log.waiting.is_empty() && log.lost == 0);
    }
}
