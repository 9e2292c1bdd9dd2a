//! Which file a name stands for: as libbpf looks for it, and as a process sees it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Answer, Failure};

/// A file to read, and the name that it is shown under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub path: PathBuf,
    pub shown: String,
}

const LIBRARY_FOLDERS: [&str; 8] = [
    "/lib64",
    "/usr/lib64",
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib",
    "/usr/lib",
];

/// Where programs are looked for besides the agent's own PATH.
const PROGRAM_FOLDERS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `binary` as a path, a program or a library; in the mount namespace of process `pid` unless that is 0. Without a binary:
/// everything that the process has mapped as code.
pub fn find(binary: &str, pid: u32) -> Answer<Vec<Place>> {
    if pid != 0 && !Path::new(&format!("/proc/{pid}")).exists() {
        return Err(Failure::new("target-not-found", format!("There is no process {pid}.")));
    }
    match (binary, pid) {
        ("", 0) => Err(Failure::new("target-needed", "Functions and probes of which binary?")
            .hint("Name it with --binary, or a process that uses it with --pid.")),
        ("", pid) => mapped(pid),
        (binary, pid) => one(binary, pid).map(|place| vec![place]),
    }
}

fn one(binary: &str, pid: u32) -> Answer<Place> {
    let root = if pid == 0 { String::new() } else { format!("/proc/{pid}/root") };
    let at = |path: &str| Place { path: PathBuf::from(format!("{root}{path}")), shown: path.to_owned() };
    if binary.starts_with('/') {
        return match at(binary) {
            place if place.path.exists() => Ok(place),
            _ => Err(missing(binary, pid)),
        };
    }
    if binary.contains('/') {
        return Err(Failure::new(
            "bad-value",
            format!("{binary} is a relative path, which means nothing on the host."),
        )
        .hint("Write the whole path, or only the name."));
    }
    // What the process has mapped is what it runs: that library and no other.
    if pid != 0
        && let Some(place) = mapped(pid)?.into_iter().find(|place| names_file(&place.shown, binary))
    {
        return Ok(place);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let programs = path.split(':').chain(PROGRAM_FOLDERS.split(':')).filter(|folder| folder.starts_with('/'));
    let folders: Vec<&str> = match is_library(binary) {
        true => LIBRARY_FOLDERS.to_vec(),
        false => programs.collect(),
    };
    let found = folders.iter().map(|folder| at(&format!("{folder}/{binary}"))).find(|place| place.path.is_file());
    found.ok_or_else(|| missing(binary, pid))
}

/// `libssl` and `libssl.so` stand for `/usr/lib/libssl.so.3`.
fn names_file(path: &str, wanted: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    file == wanted || is_library(file) && file.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'))
}

fn is_library(name: &str) -> bool {
    name.ends_with(".so") || name.contains(".so.")
}

fn missing(binary: &str, pid: u32) -> Failure {
    let whose = if pid == 0 { "This host".to_owned() } else { format!("Process {pid}") };
    let failure = Failure::new("target-not-found", format!("{whose} has no file {binary}."));
    match pid {
        0 => failure.hint("A binary in a container is named together with a process that runs there: --pid."),
        _ => failure.hint("Paths are looked up as the process sees them."),
    }
}

/// Files that the process has mapped as code, the program first.
fn mapped(pid: u32) -> Answer<Vec<Place>> {
    let maps = fs::read(format!("/proc/{pid}/maps")).map_err(|error| {
        Failure::new("no-permission", format!("The memory map of process {pid} cannot be read: {error}."))
    })?;
    let mut seen = BTreeSet::new();
    let mut places = Vec::new();
    for line in String::from_utf8_lossy(&maps).lines() {
        let Some((range, path)) = code_mapping(line) else { continue };
        if !seen.insert(path.to_owned()) {
            continue;
        }
        // The file that is mapped, even if another stands at its path by now.
        let by_range = PathBuf::from(format!("/proc/{pid}/map_files/{range}"));
        let path_seen = PathBuf::from(format!("/proc/{pid}/root{path}"));
        let path_to_read = if fs::metadata(&by_range).is_ok() { by_range } else { path_seen };
        places.push(Place { path: path_to_read, shown: path.to_owned() });
    }
    Ok(places)
}

/// The range as map_files names it (without leading zeros), and the file, of an executable mapping of a file.
fn code_mapping(line: &str) -> Option<(String, &str)> {
    let mut words = line.splitn(6, ' ');
    let (range, rights) = (words.next()?, words.next()?);
    let path = words.nth(3)?.trim_start().trim_end_matches(" (deleted)");
    if !rights.contains('x') || !path.starts_with('/') {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let number = |hex: &str| u64::from_str_radix(hex, 16).ok();
    Some((format!("{:x}-{:x}", number(start)?, number(end)?), path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_programs_and_libraries() {
        assert_eq!(find("/bin/true", 0).expect("a path")[0].shown, "/bin/true");
        assert!(find("true", 0).expect("a program")[0].shown.ends_with("/true"));
        assert!(find("libc.so.6", 0).expect("a library")[0].shown.ends_with("/libc.so.6"));
        assert_eq!(find("true", std::process::id()).expect("a program").len(), 1);
        assert_eq!(find("", 0).expect_err("nothing named").code, "target-needed");
        assert_eq!(find("/no/such", 0).expect_err("no file").code, "target-not-found");
        assert_eq!(find("a/b", 0).expect_err("relative").code, "bad-value");
        assert_eq!(find("", u32::MAX).expect_err("no process").code, "target-not-found");
    }

    #[test]
    fn what_a_process_runs_is_found() {
        let own = find("", std::process::id()).expect("own mappings");
        assert!(own.len() > 1 && own[0].path.exists(), "{own:?}");
        let libc = find("libc", std::process::id()).expect("libc");
        assert!(libc[0].shown.contains("libc.so"), "{libc:?}");
    }

    #[test]
    fn only_code_of_files_counts() {
        let code = "00400000-00401000 r-xp 00000000 08:01 42                         /usr/lib/a b.so (deleted)";
        assert_eq!(code_mapping(code), Some(("400000-401000".to_owned(), "/usr/lib/a b.so")));
        assert_eq!(code_mapping("7ff0-7ff1 r-xp 00000000 00:00 0 [vdso]"), None);
        assert_eq!(code_mapping("7ff0-7ff1 r--p 00000000 08:01 1 /bin/true"), None);
    }
}
