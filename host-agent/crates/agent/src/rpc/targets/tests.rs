//! Against this machine's kernel and tools.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::*;

fn ask(kind: &str, pattern: &str, binary: &str, pid: u32) -> Answer<pb::TargetList> {
    let request = pb::ListTargets {
        kind: kind.into(),
        pattern: pattern.into(),
        binary: binary.into(),
        pid,
        limit: 200_000,
        ..Default::default()
    };
    list_with(&request, &|| Ok(()))
}

fn names(list: &pb::TargetList) -> BTreeSet<&str> {
    list.targets.iter().map(|target| target.name.as_str()).collect()
}

fn tool(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect(program);
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn tracepoints_are_those_of_tracefs() {
    let listed = ask("tracepoint", "", "", 0).expect("tracefs");
    let tracefs = ringside_bpf::perf::tracefs().expect("tracefs");
    let known = fs::read_to_string(format!("{tracefs}/available_events")).expect("events");
    assert_eq!(names(&listed), known.lines().collect());
    assert_eq!(listed.total, listed.targets.len() as u64);
    assert!(listed.targets.iter().filter(|target| !target.arguments.is_empty()).count() > 1_000);
    let sched = ask("tracepoint", "sched*", "", 0).expect("events");
    let switch = sched.targets.iter().find(|target| target.name == "sched:sched_switch").expect("sched_switch");
    let comm = switch.arguments.iter().find(|field| field.name == "prev_comm").expect("prev_comm");
    assert_eq!((comm.r#type.as_str(), comm.offset, comm.size), ("char[16]", 8, 16));
    // The category may be left out, and libbpf's slash is as good as a colon.
    for pattern in ["sched_switch", "sched/sched_switch", "sched:sched_switc?"] {
        assert_eq!(names(&ask("tracepoint", pattern, "", 0).expect(pattern)), BTreeSet::from(["sched:sched_switch"]));
    }
    let refused = ask("tracepoint", "sched:sched_swich", "", 0).expect_err("no such event");
    assert_eq!(refused.code, "target-not-found");
    assert!(refused.hint.contains("sched:sched_switch"), "{refused:?}");
}

#[test]
fn kernel_functions_are_those_of_kallsyms() {
    let symbols = fs::read_to_string("/proc/kallsyms").expect("kallsyms");
    let known: BTreeSet<&str> = symbols.lines().filter_map(|line| line.split_ascii_whitespace().nth(2)).collect();
    for kind in ["kprobe", "fentry"] {
        let listed = ask(kind, "", "", 0).expect(kind);
        assert!(listed.total > 10_000, "{kind}: {}", listed.total);
        let usable = listed.targets.iter().filter(|target| target.unusable != "inlined");
        let unknown: Vec<&str> =
            usable.map(|target| target.name.as_str()).filter(|name| !known.contains(name)).collect();
        assert!(unknown.is_empty(), "{kind}: {unknown:?}");
        assert!(names(&listed).contains("vfs_read"), "{kind}");
        let refused = ask(kind, "vfs_raed", "", 0).expect_err("no such function");
        assert!(refused.hint.contains("vfs_read"), "{refused:?}");
        assert!(ask(kind, "vfs_raed*", "", 0).expect("a pattern may match nothing").targets.is_empty());
    }
}

#[test]
fn hooks_and_raw_tracepoints_come_from_the_kernels_types() {
    assert!(names(&ask("lsm", "file_*", "", 0).expect("hooks")).contains("file_open"));
    let raw = ask("raw_tp", "", "", 0).expect("raw tracepoints");
    assert!(names(&raw).contains("sched_switch") && names(&raw).contains("sys_enter"));
    // Every event of tracefs that is no system call's own has one; TRACE_EVENT_FN names of classes may differ.
    let events = ask("tracepoint", "sched:*", "", 0).expect("events");
    let missing: Vec<&str> = names(&events)
        .iter()
        .filter_map(|event| event.strip_prefix("sched:"))
        .filter(|event| !names(&raw).contains(event))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn functions_of_a_library_are_those_that_nm_shows() {
    let listed = ask("uprobe", "", "libc.so.6", 0).expect("libc");
    let path = &listed.targets[0].module;
    // ADDRESS TYPE NAME@VERSION; T and W are functions, i are indirect ones.
    let text = tool("nm", &["-D", "--defined-only", path]);
    let shown: BTreeSet<String> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            let (kind, name) = (words.next()?, words.next()?);
            matches!(kind, "T" | "W" | "i" | "t" | "w").then_some(name)
        })
        .map(|name| match name.split_once("@@") {
            Some((plain, _)) => plain.to_owned(),
            None => name.to_owned(),
        })
        .collect();
    let ours: BTreeSet<String> = names(&listed).iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(ours.difference(&shown).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(shown.difference(&ours).collect::<Vec<_>>(), Vec::<&String>::new());
    let malloc = listed.targets.iter().find(|target| target.name == "malloc").expect("malloc");
    assert!(malloc.details["version"].starts_with("GLIBC_") && malloc.details["offset"].starts_with("0x"));
    let id = tool("readelf", &["-n", path]);
    assert!(id.contains(&malloc.details["build_id"]));
}

#[test]
fn functions_of_a_binary_stand_where_readelf_says() {
    let own = std::env::current_exe().expect("the test");
    let own = own.to_str().expect("a path");
    let listed = ask("uprobe", "*functions_of_a_binary_stand*", own, 0).expect("own functions");
    let text = tool("readelf", &["-sW", own]);
    let listed_names = names(&listed);
    let shown: BTreeSet<&str> = text
        .lines()
        .filter(|line| line.contains(" FUNC ") && line.contains("functions_of_a_binary_stand"))
        .filter_map(|line| line.split_ascii_whitespace().nth(7))
        .collect();
    assert!(!shown.is_empty());
    assert_eq!(listed_names, shown);
    let refused = ask("uprobe", "mallok", "libc.so.6", 0).expect_err("no such function");
    assert!(refused.hint.contains("malloc"), "{refused:?}");
}

#[test]
fn probes_are_those_that_readelf_shows() {
    let folder = std::env::temp_dir().join(format!("ringside-usdt-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let source = folder.join("probes.S");
    let binary = folder.join("probes");
    fs::write(&source, include_str!("testdata/probes.S")).expect("source");
    tool("gcc", &["-nostdlib", "-o", binary.to_str().expect("path"), source.to_str().expect("path")]);
    let path = binary.to_str().expect("path");
    let listed = ask("usdt", "", path, 0).expect("probes");
    let text = tool("readelf", &["-nW", path]);
    fs::remove_dir_all(&folder).expect("clean up");
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    let mut provider = "";
    for line in text.lines().map(str::trim) {
        if let Some((_, value)) = line.split_once("Provider: ") {
            provider = value;
        } else if let Some(name) = line.strip_prefix("Name: ") {
            *shown.entry(format!("{provider}:{name}")).or_default() += 1;
        }
    }
    let ours: BTreeMap<String, usize> = listed
        .targets
        .iter()
        .map(|target| (target.name.clone(), target.details["sites"].parse().expect("sites")))
        .collect();
    assert_eq!(ours, shown);
    let of = |name: &str| listed.targets.iter().find(|target| target.name == name).expect(name);
    let request = of("shop:request");
    let types: Vec<(&str, u32)> =
        request.arguments.iter().map(|argument| (argument.r#type.as_str(), argument.size)).collect();
    assert_eq!(types, [("s32", 4), ("u64", 8)]);
    assert!(text.contains(&format!("Arguments: {}", request.details["operands"])));
    assert!(!request.details.contains_key("semaphore") && of("shop:reply").details["semaphore"].starts_with("0x"));
    assert_eq!(request.unusable, "");
}

#[test]
fn processes_and_interfaces_of_this_machine() {
    let pid = std::process::id();
    let own = ask("process", &pid.to_string(), "", 0).expect("processes");
    let found = own.targets.iter().find(|target| target.details["pid"] == pid.to_string()).expect("this process");
    assert_eq!(found.details["user"], tool("id", &["-un"]).trim());
    assert!(std::path::Path::new(&found.details["binary"]).exists());
    let interfaces = ask("iface", "", "", 0).expect("interfaces");
    let known = fs::read_dir("/sys/class/net").expect("interfaces").count();
    assert_eq!(interfaces.targets.len(), known);
    let lo = interfaces.targets.iter().find(|target| target.name == "lo").expect("lo");
    assert_eq!((lo.details["type"].as_str(), lo.details["state"].as_str()), ("loopback", "up"));
    assert!(lo.details["addresses"].contains("127.0.0.1"));
    ask("container", "", "", 0).expect("containers");
    let groups = ask("cgroup", "", "", 0).expect("cgroups");
    assert_eq!(groups.targets[0].name, "/");
    assert!(groups.targets.iter().all(|group| std::path::Path::new(&group.details["path"]).is_dir()));
}

#[test]
fn a_whole_list_as_text_has_the_same_names_and_arguments() {
    for kind in ["kprobe", "tracepoint"] {
        let entries = ask(kind, "", "", 0).expect(kind);
        let request = pb::ListTargets { kind: kind.into(), limit: 200_000, as_text: true, ..Default::default() };
        let listed = list_with(&request, &|| Ok(())).expect(kind);
        assert!(listed.targets.is_empty() && listed.total == entries.total);
        let lines: Vec<Vec<&str>> = listed.text.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(lines.len(), entries.targets.len());
        for (line, entry) in lines.iter().zip(&entries.targets) {
            assert_eq!((line[0], line.len()), (entry.name.as_str(), 1 + 4 * entry.arguments.len()));
        }
    }
    let request = pb::ListTargets {
        kind: "tracepoint".into(),
        pattern: "sched:sched_switch".into(),
        as_text: true,
        ..Default::default()
    };
    let text = list_with(&request, &|| Ok(())).expect("sched_switch").text;
    assert!(text.starts_with("sched:sched_switch\tprev_comm\tchar[16]\t8\t16\t"), "{text}");
    assert!(text.ends_with('\n'));
}

#[test]
fn limits_hold_and_a_cancelled_listing_ends() {
    let request = pb::ListTargets { kind: "kprobe".into(), limit: 3, ..Default::default() };
    let listed = list_with(&request, &|| Ok(())).expect("functions");
    assert!(listed.targets.len() == 3 && listed.total > 10_000);
    assert_eq!(list_with(&request, &|| Err(Failure::cancelled())), Err(Failure::cancelled()));
    let request = pb::ListTargets { kind: "kprobes".into(), ..Default::default() };
    assert!(list_with(&request, &|| Ok(())).expect_err("no such kind").hint.contains("tracepoint"));
}
