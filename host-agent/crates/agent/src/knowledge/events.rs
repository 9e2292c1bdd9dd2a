//! Tracepoints, as tracefs lists them.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::functions::for_each_line;

/// "category:name" of each event, sorted.
pub fn all(tracefs: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(list) = File::open(Path::new(tracefs).join("available_events")) {
        for_each_line(BufReader::new(list), |line| found.push(line.to_owned()));
    }
    found.sort();
    found
}

/// The format file of an event; none where the event does not exist or its name is no plain name.
pub fn format(tracefs: &str, category: &str, name: &str) -> Option<String> {
    fs::read_to_string(folder(tracefs, category, name)?.join("format")).ok()
}

/// False for users that tracefs is closed to: all but root, as it is mounted.
pub fn readable(tracefs: &str) -> bool {
    fs::read_dir(Path::new(tracefs).join("events")).is_ok()
}

pub fn exists(tracefs: &str, category: &str, name: &str) -> bool {
    folder(tracefs, category, name).is_some_and(|folder| folder.join("format").exists())
}

fn folder(tracefs: &str, category: &str, name: &str) -> Option<PathBuf> {
    let plain = |part: &str| !part.is_empty() && !part.contains('/') && !part.starts_with('.');
    (plain(category) && plain(name)).then(|| Path::new(tracefs).join("events").join(category).join(name))
}
