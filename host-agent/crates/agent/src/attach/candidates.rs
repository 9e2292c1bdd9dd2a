//! Names that exist on this host, for messages about one that does not.

use std::fs;
use std::path::Path;

pub fn interfaces() -> Vec<String> {
    entries(Path::new("/sys/class/net"))
}

fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
