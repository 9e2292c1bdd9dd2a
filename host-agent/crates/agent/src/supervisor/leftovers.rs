//! What dead agents have left is taken back: by their supervisor, by the shell that started it (`--undo`), or by the next
//! agent on the host, whoever is there first.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ringside_bpf::{log, undo as journal_of};

use crate::audit;
use crate::journal;

/// How long a worker that has just lost its supervisor may take to end in order.
const ENDING: Duration = Duration::from_secs(4);

/// Of a worker that has ended, in the folder of its supervisor: this process.
pub fn of_worker() {
    let name = journal_of::folder_name(std::process::id());
    for place in journal_of::places() {
        replay(&place.join(&name), Duration::from_secs(1));
    }
}

/// Of agents that nobody has cleaned up after. Those that live are left alone.
pub fn of_others() {
    for folder in journal_of::orphans() {
        // A worker that was killed holds its journal until its last thread is gone.
        let patience = if journal_of::is_supervised(&folder) { Duration::ZERO } else { ENDING };
        replay(&folder, patience);
    }
}

/// `--undo [FOLDER]`: that one or all, waiting for workers that are about to end. Agents that live are left alone. Fails when
/// something is left.
pub fn undo(folder: Option<OsString>) -> ExitCode {
    let folders = folder.map_or_else(journal_of::orphans, |folder| vec![PathBuf::from(folder)]);
    let dead = folders.iter().filter(|folder| !journal_of::is_supervised(folder));
    match dead.filter(|folder| !replay(folder, ENDING)).count() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn replay(folder: &Path, patience: Duration) -> bool {
    log::install();
    let report = journal_of::replay(folder, patience);
    for entry in &report.undone {
        journal::info("undone", entry);
    }
    for entry in &report.left {
        journal::error("undo-failed", entry);
    }
    audit::took_back(folder, &report.undone, &report.left);
    report.left.is_empty() && !report.busy
}
