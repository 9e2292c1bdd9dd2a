//! The other side: taking back what a dead process has left.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use libbpf_sys as sys;

use super::journal::{self, FILE, UNFINISHED};
use super::kept::{Identity, Kept, SocketOf};
use crate::link::{self, SocketOption};
use crate::sharing::Group;
use crate::socket::ProcessSocket;
use crate::{Error, Result, map, os, process, stats, tc};

/// A journal is far smaller (see journal.rs); what is larger was not written by us.
const MOST_BYTES: u64 = 1 << 20;

/// What became of a folder's entries.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// In words, each.
    pub undone: Vec<String>,
    /// What could not be taken back, and why: the folder stays.
    pub left: Vec<String>,
    /// The process still lives.
    pub busy: bool,
}

/// Folders of processes that may be dead; replaying that of a living one does nothing.
pub fn orphans() -> Vec<PathBuf> {
    let folders = |place: PathBuf| {
        let ours = journal::private(&place).is_ok();
        let entries = ours.then(|| fs::read_dir(&place).ok()).flatten();
        entries.into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| is_folder(path))
    };
    journal::places().into_iter().flat_map(folders).collect()
}

/// Whether the process that the folder is named after lives: it will do what is to be done.
pub fn is_supervised(folder: &Path) -> bool {
    named_after(folder).is_some_and(|(pid, started)| journal::started(pid) == Some(started))
}

fn named_after(folder: &Path) -> Option<(u32, u64)> {
    let (pid, started) = folder.file_name()?.to_str()?.split_once('-')?;
    Some((pid.parse().ok()?, started.parse().ok()?))
}

/// "PID-TICKS", with a journal in it or without its process: one that is alive may be about to write its first entry.
fn is_folder(path: &Path) -> bool {
    named_after(path).is_some() && (path.join(FILE).is_file() || !is_supervised(path))
}

/// Takes back what is left of the process that wrote the journal in this folder, if it ends within `patience`, and removes
/// the folder. A folder that is gone has nothing in it.
pub fn replay(folder: &Path, patience: Duration) -> Report {
    let mut report = Report::default();
    if journal::private(folder).is_err() {
        return report;
    }
    let Some(mut file) = open_when_free(&folder.join(FILE), patience, &mut report) else {
        if !report.busy {
            remove(folder);
        }
        return report;
    };
    let mut text = String::new();
    let read = file.by_ref().take(MOST_BYTES).read_to_string(&mut text);
    match (read, Head::parse(text.lines().next().unwrap_or_default())) {
        (Ok(_), Some(head)) => take_back(&head, &text, &mut report),
        // Not even its first line was written: the kernel was asked for nothing.
        (Ok(_), None) => {}
        (Err(error), _) => report.left.push(format!("{}: {error}", folder.display())),
    }
    if report.left.is_empty() {
        remove(folder);
    }
    report
}

fn remove(folder: &Path) {
    let _ = fs::remove_file(folder.join(FILE));
    let _ = fs::remove_file(folder.join(FILE).with_extension(UNFINISHED));
    let _ = fs::remove_dir(folder);
    // Goes only when no other process has a folder in it.
    let _ = folder.parent().map(fs::remove_dir);
}

/// The journal, once its process has let go of it. A process that is stopped never would: it is ended.
fn open_when_free(path: &Path, patience: Duration, report: &mut Report) -> Option<File> {
    let until = Instant::now() + patience;
    loop {
        let file = File::open(path).ok()?;
        if os::lock(file.as_fd()).is_ok() {
            let same = file.metadata().ok()?.ino() == fs::metadata(path).ok()?.ino();
            if same {
                return Some(file);
            }
        }
        if Instant::now() >= until {
            if patience.is_zero() || !end_writer(file) {
                report.busy = true;
                return None;
            }
            // What it is attached by descriptors goes with it; its lock, too.
            std::thread::sleep(Duration::from_millis(50));
            let file = File::open(path).ok()?;
            report.busy = os::lock(file.as_fd()).is_err();
            return (!report.busy).then_some(file);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Kills the process that the journal names, if it still is that one and runs the same program as we.
fn end_writer(mut file: File) -> bool {
    let mut text = String::new();
    let _ = file.by_ref().take(MOST_BYTES).read_to_string(&mut text);
    let Some(head) = Head::parse(text.lines().next().unwrap_or_default()) else { return false };
    let executable = |pid: &str| fs::metadata(format!("/proc/{pid}/exe")).map(|file| (file.dev(), file.ino())).ok();
    head.boot == journal::boot_id()
        && journal::started(head.pid) == Some(head.started)
        && executable(&head.pid.to_string()) == executable("self")
        && process::kill(head.pid).is_ok()
}

struct Head {
    boot: String,
    pid: u32,
    started: u64,
    namespace: u64,
}

impl Head {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let ["ringside-undo", "1", boot, pid, started, namespace] = words[..] else { return None };
        let (pid, started) = (pid.parse().ok()?, started.parse().ok()?);
        Some(Self { boot: boot.to_owned(), pid, started, namespace: namespace.parse().ok()? })
    }
}

/// Entries that are not crossed out, last first; a qdisc, which has to be empty, after every filter that may be in it, although
/// it is written down after the first one.
fn open_entries(text: &str) -> Vec<&str> {
    // A last line without its end was cut off while it was written, before the kernel was asked.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut open: BTreeMap<u64, &str> = BTreeMap::new();
    for line in whole.lines().skip(1) {
        let mut parts = line.splitn(3, ' ');
        let (sign, number) = (parts.next(), parts.next().and_then(|number| number.parse().ok()));
        match (sign, number, parts.next()) {
            (Some("+"), Some(number), Some(entry)) => drop(open.insert(number, entry)),
            (Some("-"), Some(number), None) => drop(open.remove(&number)),
            _ => {}
        }
    }
    let mut last_first: Vec<&str> = open.into_values().rev().collect();
    last_first.sort_by_key(|entry| entry.starts_with("qdisc "));
    last_first
}

fn take_back(head: &Head, text: &str, report: &mut Report) {
    // What a machine had attached ended with it.
    if head.boot != journal::boot_id() {
        return;
    }
    for line in open_entries(text) {
        let Some(kept) = Kept::parse(line) else {
            report.left.push(format!("{line}: this version cannot read it"));
            continue;
        };
        let elsewhere = head.namespace != journal::network_namespace();
        if elsewhere && matches!(kept, Kept::Filter { .. } | Kept::Qdisc { .. }) {
            report.left.push(format!("{line}: in another network namespace"));
            continue;
        }
        match undo(&kept) {
            Ok(true) => report.undone.push(line.to_owned()),
            Ok(false) => {}
            Err(error) => report.left.push(format!("{line}: {error}")),
        }
    }
}

/// True when something was there to take back.
fn undo(kept: &Kept) -> Result<bool> {
    match kept {
        Kept::Cgroup { program, kind, inode, path } => {
            let Ok(group) = File::open(path) else { return Ok(false) };
            let same = group.metadata().is_ok_and(|about| about.ino() == *inode);
            if same { detach(program, &group.into(), *kind) } else { Ok(false) }
        }
        Kept::Sockmap { program, kind, map } => match open_map(*map)? {
            Some(map) => detach(program, &map, *kind),
            None => Ok(false),
        },
        Kept::Filter { program, interface, direction } => match open_program(program)? {
            Some(_) => tc::remove_filters(*interface, *direction, program.id),
            None => Ok(false),
        },
        Kept::Qdisc { interface } => Ok(tc::remove_if_empty(*interface)),
        Kept::Entry { program, map, key, before } => match open_map(*map)? {
            Some(map) => restore(program, &map, key, *before),
            None => Ok(false),
        },
        Kept::Socket { program, socket } => match open_program(program)? {
            Some(_) => Ok(detach_socket(*socket, SocketOption::Filter)),
            None => Ok(false),
        },
        Kept::Group { program, socket, namespace, family, protocol, address } => {
            let group = Group::from_parts(namespace.into(), *family, *protocol, address.clone());
            Ok(open_program(program)?.is_some()
                && (detach_socket(*socket, SocketOption::Reuseport)
                    || group.any(|fd| link::detach_option(fd, SocketOption::Reuseport))))
        }
        Kept::Operations { map } => match open_map(*map)? {
            Some(map) => Ok(link::unregister(map.as_fd())),
            None => Ok(false),
        },
        Kept::Pin { kind, name, made, path } => unpin(*kind, name, *made, path),
    }
}

/// The program, as long as somebody holds it: what we attached does, if it is still attached.
fn open_program(program: &Identity) -> Result<Option<OwnedFd>> {
    match link::open_program(program.id) {
        Ok(fd) => Ok((stats::program(fd.as_fd())?.tag == program.tag).then_some(fd)),
        Err(error) if error.errno == libc::ENOENT => Ok(None),
        Err(error) => Err(error),
    }
}

fn open_map(id: u32) -> Result<Option<OwnedFd>> {
    match map::open_by_id(id) {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if error.errno == libc::ENOENT => Ok(None),
        Err(error) => Err(error),
    }
}

/// The kernel compares: only this very program is detached.
fn detach(program: &Identity, target: &OwnedFd, kind: u32) -> Result<bool> {
    let Some(program) = open_program(program)? else { return Ok(false) };
    // SAFETY: open descriptors and a plain integer.
    match unsafe { sys::bpf_prog_detach2(program.as_raw_fd(), target.as_raw_fd(), kind) } {
        0 => Ok(true),
        error if -error == libc::ENOENT => Ok(false),
        error => Err(Error::new("cannot detach the program", error)),
    }
}

/// As long as the entry has our program, which is what its second word reads as.
fn restore(program: &Identity, map: &OwnedFd, key: &[u8; 4], before: Option<[u8; 8]>) -> Result<bool> {
    let info = map::info(map.as_fd())?;
    if (info.key_size, info.value_size) != (4, 8) {
        return Ok(false);
    }
    let there = map::lookup(map.as_fd(), &info, key)?;
    if there.is_none_or(|entry| entry[4..8] != program.id.to_ne_bytes()) {
        return Ok(false);
    }
    link::put_back(map.as_fd(), key, before.as_ref().map(<[u8; 8]>::as_slice)).map(|()| true)
}

fn detach_socket(socket: SocketOf, option: SocketOption) -> bool {
    let found = ProcessSocket::of(socket.pid, socket.number).ok().filter(|found| found.inode() == socket.inode);
    found.and_then(|found| found.open().ok()).is_some_and(|fd| link::detach_option(fd.as_fd(), option))
}

/// Removes the pin if that map, or before it was known which that would be: one like it, is what lies there.
pub(crate) fn unpin(kind: u32, name: &str, made: Option<(u32, u64)>, path: &str) -> Result<bool> {
    let Ok(fd) = map::open_pinned(path) else { return Ok(false) };
    let info = map::info(fd.as_fd())?;
    let inode = fs::symlink_metadata(path).map_or(0, |about| about.ino());
    let ours = match made {
        Some(made) => made == (info.id, inode),
        // Died between the kernel's answer and our note of it: nothing was there before, and this is what was to come.
        None => (info.kind, info.name.as_str()) == (kind, name),
    };
    if !ours {
        return Ok(false);
    }
    fs::remove_file(path)
        .map(|()| true)
        .map_err(|error| Error::new(format!("cannot remove {path}"), error.raw_os_error().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_crossed_out_or_cut_is_not_open() {
        let text = "ringside-undo 1 boot 7 8 9\n+ 1 qdisc 3\n+ 2 operations 5\n- 1\n+ 3 operations 6\n+ 4 operat";
        assert_eq!(open_entries(text), ["operations 6", "operations 5"]);
        let before = &text[..text.find("- 1").expect("crossed out") + 3];
        assert_eq!(open_entries(before), ["operations 5", "qdisc 3"], "the line has no end yet");
        for length in 0..text.len() {
            open_entries(&text[..length]);
        }
    }

    #[test]
    fn journals_of_another_boot_are_about_nothing() {
        let head = Head::parse("ringside-undo 1 another-boot 7 8 9").expect("a head");
        let mut report = Report::default();
        take_back(&head, "ringside-undo 1 another-boot 7 8 9\n+ 1 garbage\n", &mut report);
        assert_eq!(report, Report::default());
    }

    #[test]
    fn only_folders_of_ours_are_read() {
        assert_eq!(replay(Path::new("/nonexistent/ringside"), Duration::ZERO), Report::default());
        assert_eq!(replay(Path::new("/tmp"), Duration::ZERO), Report::default());
        assert!(Path::new("/tmp").is_dir(), "others may write there");
    }

    // What follows needs root, as everything does that the entries are about.

    use crate::probe::attach::{load, loopback};
    use crate::tc::{Direction, Filter};

    const NEXT: i32 = -1;

    fn classifier() -> (OwnedFd, Identity) {
        let program = load(sys::BPF_PROG_TYPE_SCHED_CLS, NEXT, 0, 0).expect("a program");
        let identity = Identity::of(program.as_fd()).expect("its identity");
        (program, identity)
    }

    /// On a thread with a network of its own.
    fn apart(test: impl FnOnce() + Send + 'static) {
        let test = || {
            os::unshare_network().expect("a network namespace");
            test();
        };
        std::thread::spawn(test).join().expect("the test");
    }

    #[test]
    fn a_filter_is_taken_back_and_a_qdisc_only_when_it_is_empty() {
        apart(|| {
            let interface = loopback().expect("lo");
            let (ours, theirs) = (classifier(), classifier());
            let direction = Direction::Ingress;
            let filter = |of: Identity| Kept::Filter { program: of, interface, direction };
            for (program, _) in [&ours, &theirs] {
                // As if the process had died.
                std::mem::forget(Filter::attach(program.as_fd(), interface, direction).expect("a filter"));
            }
            let wrong_tag = Identity { tag: [0; 8], ..ours.1 };
            assert_eq!(undo(&filter(wrong_tag)), Ok(false), "another program with the same id");
            assert_eq!(undo(&Kept::Filter { program: ours.1, interface, direction: Direction::Egress }), Ok(false));
            assert_eq!(undo(&filter(ours.1)), Ok(true));
            assert_eq!(undo(&filter(ours.1)), Ok(false), "it is gone");
            assert_eq!(undo(&Kept::Qdisc { interface }), Ok(false), "somebody has a filter in it");
            assert_eq!(undo(&filter(theirs.1)), Ok(true), "which nobody has taken away");
            assert_eq!(undo(&Kept::Qdisc { interface }), Ok(true));
            assert_eq!(undo(&Kept::Qdisc { interface }), Ok(false));
        });
    }

    #[test]
    fn a_qdisc_of_ours_goes_after_all_filters_of_ours_that_are_in_it() {
        apart(|| {
            let interface = loopback().expect("lo");
            let (one, two) = (classifier(), classifier());
            for (program, _) in [&one, &two] {
                std::mem::forget(Filter::attach(program.as_fd(), interface, Direction::Egress).expect("a filter"));
            }
            let filter = |of: Identity| Kept::Filter { program: of, interface, direction: Direction::Egress }.line();
            // As `Filter::attach` writes it down: a qdisc is ours only once it is made.
            let lines = [filter(one.1), Kept::Qdisc { interface }.line(), filter(two.1)];
            let head = format!("ringside-undo 1 {} 7 8 {}", journal::boot_id(), journal::network_namespace());
            let entries = lines.iter().enumerate().map(|(number, line)| format!("+ {number} {line}\n"));
            let text = entries.fold(head.clone() + "\n", |text, line| text + &line);
            let mut report = Report::default();
            take_back(&Head::parse(&head).expect("a head"), &text, &mut report);
            let all = [&lines[2], &lines[0], &lines[1]].map(Clone::clone).to_vec();
            assert_eq!(report, Report { undone: all, ..Report::default() });
        });
    }

    /// Attached without a link, as kernels before 5.7 and 6.10 know it.
    fn attach(program: &OwnedFd, target: &OwnedFd, kind: u32, flags: u32) {
        // SAFETY: open descriptors and plain integers.
        let result = unsafe { sys::bpf_prog_attach(program.as_raw_fd(), target.as_raw_fd(), kind, flags) };
        assert_eq!(result, 0);
    }

    #[test]
    fn a_program_of_a_control_group_is_taken_back_from_that_very_group() {
        let mounts = fs::read_to_string("/proc/mounts").expect("mounts");
        let root = mounts.lines().find_map(|line| line.split(' ').nth(1).filter(|_| line.contains(" cgroup2 ")));
        let path = format!("{}/ringside-undo-{}", root.expect("cgroup2 is mounted"), std::process::id());
        fs::create_dir(&path).expect("a group");
        let kind = sys::BPF_CGROUP_INET_INGRESS;
        let program = load(sys::BPF_PROG_TYPE_CGROUP_SKB, 1, 0, 0).expect("a program");
        let identity = Identity::of(program.as_fd()).expect("its identity");
        let group: OwnedFd = File::open(&path).expect("the group").into();
        let inode = fs::metadata(&path).expect("the group").ino();
        attach(&program, &group, kind, sys::BPF_F_ALLOW_MULTI);
        let kept = |inode| Kept::Cgroup { program: identity, kind, inode, path: path.clone() };
        assert_eq!(undo(&kept(inode + 1)), Ok(false), "another group of that name");
        assert_eq!(link::queried(group.as_fd(), kind), [identity.id]);
        assert_eq!(undo(&kept(inode)), Ok(true));
        assert!(link::queried(group.as_fd(), kind).is_empty());
        assert_eq!(undo(&kept(inode)), Ok(false));
        fs::remove_dir(&path).expect("removed");
    }

    #[test]
    fn a_program_of_a_socket_map_is_taken_back_unless_another_has_its_place() {
        const SOCKMAP: u32 = 15;
        // SAFETY: a terminated name and default options; the result is a new descriptor or an error.
        let map = os::owned(unsafe { sys::bpf_map_create(SOCKMAP, c"undo".as_ptr(), 4, 4, 1, std::ptr::null()) });
        let map = map.expect("a map");
        let id = map::info(map.as_fd()).expect("its id").id;
        let kind = sys::BPF_SK_SKB_STREAM_VERDICT;
        let program = || load(sys::BPF_PROG_TYPE_SK_SKB, 1, 0, 0).expect("a program");
        let (ours, theirs) = (program(), program());
        let identity = Identity::of(ours.as_fd()).expect("its identity");
        attach(&ours, &map, kind, 0);
        attach(&theirs, &map, kind, 0);
        let kept = Kept::Sockmap { program: identity, kind, map: id };
        assert_eq!(undo(&kept), Ok(false), "another has taken its place");
        attach(&ours, &map, kind, 0);
        assert_eq!(undo(&kept), Ok(true));
        assert!(link::queried(map.as_fd(), kind).is_empty());
    }
}
