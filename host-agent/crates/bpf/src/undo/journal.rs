//! The writing side: one journal a process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use super::kept::Kept;
use crate::error::NO_JOURNAL;
use crate::{Error, Result, os, process};

pub(super) const FILE: &str = "journal";
/// Extension of a journal that is being written.
pub(super) const UNFINISHED: &str = "new";
/// A journal with more than this is written anew without what is crossed out.
const MOST_BYTES: u64 = 64 << 10;

static JOURNAL: Mutex<Journal> = Mutex::new(Journal::none());

struct Journal {
    /// Name of the folder in one of the places; none: nothing is journaled.
    folder: Option<OsString>,
    written: Option<Written>,
    /// What is not crossed out.
    open: BTreeMap<u64, String>,
    last: u64,
}

/// The file, once there was something to write.
struct Written {
    file: File,
    path: PathBuf,
    bytes: u64,
}

/// One entry. Dropping it crosses it out.
pub struct Receipt {
    /// None where nothing is journaled.
    number: Option<u64>,
}

/// Where folders of processes are, best first.
pub fn places() -> Vec<PathBuf> {
    if os::effective_uid() == 0 {
        return vec!["/run/ringside".into(), "/var/lib/ringside/run".into()];
    }
    let below = |variable: &str, rest: &str| Some(PathBuf::from(std::env::var_os(variable)?).join(rest));
    let own = [below("XDG_RUNTIME_DIR", "ringside"), below("HOME", ".cache/ringside/run")];
    own.into_iter().flatten().filter(|place| place.is_absolute()).collect()
}

/// The folder of a process: its number, and when it started, in clock ticks since boot.
pub fn folder_name(pid: u32) -> OsString {
    format!("{pid}-{}", started(pid).unwrap_or(0)).into()
}

/// Of a process that is dead, too, as long as its parent has not asked.
pub(super) fn started(pid: u32) -> Option<u64> {
    Some(process::stat(pid)?.started)
}

/// From now on this process journals what outlives it, in a folder of this name that is made when it is needed.
pub fn keep_in(folder: OsString) {
    locked().folder = Some(folder);
}

/// Writes the entry down. The kernel may be asked once this has answered; without room for the entry it must not be.
pub fn announce(kept: &Kept) -> Result<Receipt> {
    let mut journal = locked();
    let Some(folder) = journal.folder.clone() else { return Ok(Receipt { number: None }) };
    let failed = |error: io::Error| Error::new(format!("cannot write down how to undo it ({error})"), NO_JOURNAL);
    if journal.written.is_none() {
        journal.written = Some(create(&folder).map_err(failed)?);
    }
    let (number, line) = (journal.last + 1, kept.line());
    journal.append(&format!("+ {number} {line}\n")).map_err(failed)?;
    journal.last = number;
    journal.open.insert(number, line);
    Ok(Receipt { number: Some(number) })
}

impl Receipt {
    /// It could not be taken back here: the entry stays, for whoever finds the journal.
    pub fn leave_open(mut self) {
        self.number = None;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            locked().cross_out(number);
        }
    }
}

impl Journal {
    const fn none() -> Self {
        Self { folder: None, written: None, open: BTreeMap::new(), last: 0 }
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        let Some(written) = &mut self.written else { return Ok(()) };
        match written.file.write_all(line.as_bytes()) {
            Ok(()) => {
                written.bytes += line.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would swallow the next one.
                let _ = written.file.set_len(written.bytes);
                Err(error)
            }
        }
    }

    /// Without room for it the line is missing, which harms nothing: what is gone will not be found.
    fn cross_out(&mut self, number: u64) {
        self.open.remove(&number);
        let head = header().len() as u64;
        match &mut self.written {
            Some(written) if self.open.is_empty() && written.file.set_len(head).is_ok() => written.bytes = head,
            Some(written) if written.bytes > MOST_BYTES => self.write_anew(),
            _ => {
                let _ = self.append(&format!("- {number}\n"));
            }
        }
    }

    fn write_anew(&mut self) {
        let Some(written) = &self.written else { return };
        let entries = self.open.iter().map(|(number, line)| format!("+ {number} {line}\n"));
        let text = entries.fold(header(), |text, line| text + &line);
        // Where that fails the old one goes on.
        if let Ok(anew) = Written::put(written.path.clone(), &text) {
            self.written = Some(anew);
        }
    }
}

/// Version, boot and process that the entries are about, and the network namespace in which its interfaces are.
fn header() -> String {
    let pid = std::process::id();
    format!("ringside-undo 1 {} {pid} {} {}\n", boot_id(), started(pid).unwrap_or(0), network_namespace())
}

pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

pub(super) fn network_namespace() -> u64 {
    fs::metadata("/proc/self/ns/net").map_or(0, |namespace| namespace.ino())
}

/// In the first place that can be used.
fn create(folder: &OsString) -> io::Result<Written> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for place in places() {
        match create_in(&place, &place.join(folder)) {
            Ok(written) => return Ok(written),
            Err(error) => {
                let _ = fs::remove_file(place.join(folder).join(FILE));
                let _ = fs::remove_dir(place.join(folder));
                last = error;
            }
        }
    }
    Err(last)
}

fn create_in(place: &Path, folder: &Path) -> io::Result<Written> {
    DirBuilder::new().recursive(true).mode(0o700).create(place)?;
    private(place)?;
    DirBuilder::new().mode(0o700).create(folder)?;
    Written::put(folder.join(FILE), &header())
}

/// Ours alone, and no link: nobody else may say what is undone by us.
pub(super) fn private(folder: &Path) -> io::Result<()> {
    let about = fs::symlink_metadata(folder)?;
    match about.is_dir() && about.uid() == os::effective_uid() && about.mode() & 0o022 == 0 {
        true => Ok(()),
        false => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} is not ours alone", folder.display())))
        }
    }
}

impl Written {
    /// Locked as long as this process lives: that is how others tell that it does. So it gets its name only then.
    fn put(path: PathBuf, text: &str) -> io::Result<Self> {
        let beside = path.with_extension(UNFINISHED);
        let _ = fs::remove_file(&beside);
        let mut file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&beside)?;
        let put = os::lock(file.as_fd())
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&beside, &path));
        if let Err(error) = put {
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        Ok(Self { file, path, bytes: text.len() as u64 })
    }
}

fn locked() -> MutexGuard<'static, Journal> {
    JOURNAL.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
