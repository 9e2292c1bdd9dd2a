//! Names that exist on this host, for messages about one that does not.

use std::fs;
use std::path::Path;

const MOST: usize = 5;

pub fn interfaces() -> Vec<String> {
    entries(Path::new("/sys/class/net"))
}

/// The events of tracefs that are spelled most like `wanted` (category:event).
pub fn nearest_tracepoints(tracefs: &str, wanted: &str) -> Vec<String> {
    let events = Path::new(tracefs).join("events");
    let known = entries(&events).into_iter().flat_map(|category| {
        let names = entries(&events.join(&category));
        names.into_iter().map(move |event| format!("{category}:{event}"))
    });
    nearest(wanted, known)
}

/// Most alike first; nothing that shares less than half of its letters.
pub fn nearest(wanted: &str, known: impl Iterator<Item = String>) -> Vec<String> {
    let mut scored: Vec<(usize, String)> = known.map(|name| (distance(wanted, &name), name)).collect();
    scored.retain(|(distance, _)| *distance <= wanted.len() / 2);
    scored.sort();
    scored.into_iter().take(MOST).map(|(_, name)| name).collect()
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

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first() {
        let known = ["syscalls:sys_enter_execve", "syscalls:sys_exit_execve", "sched:sched_switch"];
        let found = nearest("syscalls:sys_enter_exceve", known.into_iter().map(str::to_owned));
        assert_eq!(found.first().map(String::as_str), Some("syscalls:sys_enter_execve"));
        assert!(!found.contains(&"sched:sched_switch".to_owned()));
    }
}
