//! What others can read of a kept run: lines of a word and a text, for the agent and for a shell alike.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ringside_bpf::process;
use ringside_proto::messages as pb;

use super::FOLDER;

const RECORD: &str = "record";

pub fn root() -> PathBuf {
    PathBuf::from(FOLDER)
}

/// Of a run's name, which is checked: it comes from clients.
pub fn folder(run: &str) -> PathBuf {
    root().join(run)
}

fn is_name(run: &str) -> bool {
    run.len() == 8 && run.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// One line without control characters, short enough for a list.
pub fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(120).collect()
}

/// Replaces the record in one step.
pub fn write(folder: &Path, about: &pb::KeptRun) -> io::Result<()> {
    let pb::KeptRun { run, name, by, since_ns, expires_ns, pid, uid } = about;
    let start = start_time(*pid).unwrap_or_default();
    let text = format!(
        "version 1\nrun {run}\nname {name}\nby {by}\nsince {since_ns}\nexpires {expires_ns}\npid {pid}\nstart {start}\nuid {uid}\n"
    );
    let part = folder.join("record.part");
    let mut file = fs::File::create(&part)?;
    file.write_all(text.as_bytes())?;
    fs::rename(part, folder.join(RECORD))
}

fn parse(text: &str) -> Option<(pb::KeptRun, u64)> {
    let value = |word: &str| text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    let number = |word: &str| value(word)?.parse::<u64>().ok();
    if value("version") != Some("1") {
        return None;
    }
    let about = pb::KeptRun {
        run: value("run").filter(|run| is_name(run))?.to_owned(),
        name: plain(value("name")?),
        by: plain(value("by")?),
        since_ns: number("since")?,
        expires_ns: number("expires")?,
        pid: u32::try_from(number("pid")?).ok()?,
        uid: u32::try_from(number("uid")?).ok()?,
    };
    Some((about, number("start")?))
}

/// Of a process that lives: one that is dead and that nobody has asked for its end is dead.
fn start_time(pid: u32) -> Option<u64> {
    process::stat(pid).filter(|stat| !matches!(stat.state, 'Z' | 'X')).map(|stat| stat.started)
}

/// Runs that are kept now, by agents that live.
pub fn all() -> Vec<pb::KeptRun> {
    let mut found: Vec<pb::KeptRun> = folders().iter().filter_map(|folder| living(folder)).collect();
    found.sort_by_key(|about| about.since_ns);
    found
}

pub fn find(run: &str) -> Option<pb::KeptRun> {
    is_name(run).then(|| living(&folder(run))).flatten()
}

fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(root()).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn living(folder: &Path) -> Option<pb::KeptRun> {
    let (about, start) = parse(&fs::read_to_string(folder.join(RECORD)).ok()?)?;
    (start_time(about.pid) == Some(start)).then_some(about)
}

/// Removes what dead agents have left. Never a folder that is no run's, and never one that is just being made.
pub fn sweep() {
    for folder in folders() {
        let record = fs::read_to_string(folder.join(RECORD)).ok().and_then(|text| parse(&text));
        if let Some((about, start)) = record
            && start_time(about.pid) != Some(start)
        {
            let _ = fs::remove_dir_all(&folder);
        }
    }
    remove_empty();
}

/// The folders around, unless something else is in them.
pub fn remove_empty() {
    let _ = fs::remove_dir(root());
    if let Some(parent) = root().parent() {
        let _ = fs::remove_dir(parent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn about(name: &str) -> pb::KeptRun {
        pb::KeptRun {
            run: "0123abcd".into(),
            name: plain(name),
            by: plain("ana from 192.0.2.7"),
            since_ns: 1,
            expires_ns: 2,
            pid: std::process::id(),
            uid: 0,
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_while_its_process_lives() {
        let folder = std::env::temp_dir().join(format!("ringside-record-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let one = about("exec\nsnoop\u{1b}[31m");
        write(&folder, &one).expect("written");
        assert_eq!(living(&folder), Some(one.clone()));
        assert_eq!(one.name, "exec snoop [31m");
        // A process that has the number of a dead one.
        let text = fs::read_to_string(folder.join(RECORD)).expect("text");
        let start = start_time(std::process::id()).expect("ours");
        fs::write(folder.join(RECORD), text.replace(&format!("start {start}"), "start 1")).expect("written");
        assert_eq!(living(&folder), None);
        fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["", "../../etc", "0123abcg", "0123abcd0", "."] {
            assert_eq!(find(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_record_is_read_or_refused(text in "\\PC*", lines in prop::collection::vec("(version|run|name|pid|start) .{0,20}", 0..9)) {
            let _ = parse(&text);
            if let Some((about, _)) = parse(&lines.join("\n")) {
                prop_assert!(is_name(&about.run));
            }
        }
    }
}
