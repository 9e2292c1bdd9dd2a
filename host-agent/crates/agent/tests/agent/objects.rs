//! Verdicts, loading, attaching and what can go wrong with each.

use crate::support::{Agent, call_getpid, failed, global_u32, object, object_with, only, only_me, wait_until};
use ringside_proto::framing::{FrameType, Head};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

#[test]
fn the_host_is_described() {
    let mut agent = Agent::start();
    assert_eq!(agent.hello.arch, std::env::consts::ARCH);
    let Response::HostFacts(facts) = agent.request(Request::GetHostFacts(pb::GetHostFacts {})) else { panic!("facts") };
    assert_eq!(facts.kernel, agent.hello.kernel);
    assert!(facts.capabilities.contains(&"CAP_BPF".to_owned()), "{:?}", facts.capabilities);
    assert!(facts.btf && facts.btf_sha256.len() == 64 && facts.mem_available_bytes > 0);
    let Response::Btf(types) = agent.request(Request::GetBtf(pb::GetBtf::default())) else { panic!("types") };
    let blob = &agent.blobs[&types.blob];
    assert_eq!((blob.len() as u64, types.bytes), (facts.btf_bytes, facts.btf_bytes));
    assert_eq!(blob[..2], [0x9f, 0xeb], "BTF's magic");
}

#[test]
fn features_are_found_by_trying() {
    let mut agent = Agent::start();
    let Response::Features(features) = agent.request(Request::ProbeFeatures(pb::ProbeFeatures {})) else {
        panic!("features")
    };
    assert!(features.program_types["raw_tracepoint"] && features.program_types["xdp"]);
    assert!(features.map_types["ringbuf"] && features.map_types["hash"]);
    let of = |kind: &str| features.attach.iter().find(|feature| feature.kind == kind).expect(kind);
    let everywhere = "tracepoint raw_tracepoint tp_btf iter iter.task uprobe uprobe.multi perf_event xdp tcx clsact cgroup_skb sockops \
                      sk_lookup flow_dissector netfilter socket sk_reuseport sk_msg sk_skb syscall struct_ops";
    for kind in everywhere.split_whitespace() {
        assert!(of(kind).ok, "{:?}", of(kind));
    }
    // What was tried is gone again.
    let registered = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control").expect("sysctl");
    assert!(!registered.contains("ringside_probe"));
    let stream = features.other.iter().find(|feature| feature.kind == "prog_stream").expect("prog_stream");
    let symbols = std::fs::read_to_string("/proc/kallsyms").expect("kallsyms");
    let has_streams = symbols.contains(" bpf_prog_stream_read\n");
    assert_eq!((stream.ok, stream.reason.is_empty()), (has_streams, has_streams), "{stream:?}");
    assert!(features.attach.iter().all(|feature| feature.ok == feature.reason.is_empty()), "{:?}", features.attach);
    // A kernel without kprobes says so, one with them attaches.
    let kprobes = std::path::Path::new("/sys/bus/event_source/devices/kprobe").exists();
    assert_eq!(of("kprobe").ok, kprobes, "{:?}", of("kprobe"));
}

#[test]
fn addresses_get_names() {
    let mut agent = Agent::start();
    let text = std::fs::read_to_string("/proc/kallsyms").expect("kallsyms");
    let line = text.lines().find(|line| line.ends_with(" T vfs_read")).expect("vfs_read");
    let start = u64::from_str_radix(&line[..16], 16).expect("an address");
    let mut ask =
        |pid, address| match agent.request(Request::Symbolize(pb::Symbolize { pid, addresses: vec![address] })) {
            Response::Symbolize(result) => result.symbols[0].clone(),
            other => panic!("no symbols: {other:?}"),
        };
    let found = ask(0, start + 4);
    assert_eq!((found.name.as_str(), found.offset), ("vfs_read", 4));
    let own = ringside_test_probe_here as extern "C" fn(u32) -> u32 as usize as u64;
    let found = ask(std::process::id(), own + 1);
    assert_eq!((found.name.as_str(), found.offset), ("ringside_test_probe_here", 1));
    assert!(found.file.ends_with("objects.rs") && found.line > 0, "{found:?}");
}

#[test]
fn each_program_gets_a_verdict_and_a_whole_log() {
    let mut agent = Agent::start();
    // BPF_LOG_LEVEL2: only then the kernel keeps the path of a program that it accepts.
    let verdicts = agent.verify(&object("verdicts"), pb::ObjectOptions { log_level: 2 | 4, ..Default::default() });
    let of = |name: &str| verdicts.iter().find(|verdict| verdict.name == name).expect("a verdict").clone();
    let accepted = of("accepted");
    assert_eq!((accepted.verdict.as_str(), accepted.section.as_str()), ("accepted", "raw_tp/sys_enter"));
    assert!(accepted.instructions > 0 && accepted.verify_micros > 0);
    let log = |blob: u32| String::from_utf8_lossy(&agent.blobs[&blob]).into_owned();
    assert!(log(accepted.log_blob).contains("processed "));
    let rejected = of("rejected");
    assert_eq!(rejected.verdict, "rejected");
    let error = rejected.error.clone().expect("a reason");
    assert_eq!(error.code, "verifier-rejected");
    assert!(error.message.contains("invalid mem access"), "{}", error.message);
    assert!(log(rejected.log_blob).contains("invalid mem access"));
    let long = of("long_way");
    assert_eq!((long.verdict.as_str(), long.log_truncated), ("accepted", false));
    let log = log(long.log_blob);
    assert!(log.len() > 4 << 20, "{} bytes", log.len());
    // From the first instruction to the last line: nothing is cut.
    assert!(log.contains("0: R1=ctx") && log.trim_end().lines().last().is_some_and(|line| line.contains("processed")));
    let skipped = of("not_by_default");
    assert_eq!(skipped.verdict, "skipped");
    assert_eq!(agent.progress.len(), 4);
}

#[test]
fn a_log_over_the_limit_is_cut_and_the_verdict_still_right() {
    let mut agent = Agent::start();
    let options = pb::ObjectOptions { log_limit_bytes: 100_000, ..only(&["long_way"]) };
    let verdicts = agent.verify(&object("verdicts"), options);
    let verdict = verdicts.iter().find(|verdict| verdict.name == "long_way").expect("a verdict");
    assert_eq!((verdict.verdict.as_str(), verdict.log_truncated), ("accepted", true));
    assert!(agent.blobs[&verdict.log_blob].len() <= 102_400);
}

#[test]
fn a_rejected_object_leaves_its_log_and_nothing_else() {
    let mut agent = Agent::start();
    let error = failed(agent.try_load(&object("verdicts"), only(&["rejected"])));
    assert_eq!(error.code, "verifier-rejected");
    assert!(error.message.contains("Program rejected"), "{}", error.message);
    let log = String::from_utf8_lossy(&agent.blobs[&error.log_blob]).into_owned();
    assert!(log.contains("invalid mem access"), "{log}");
}

#[test]
fn wrong_objects_have_codes() {
    let mut agent = Agent::start();
    let mut code = |bytes: &[u8]| failed(agent.try_load(bytes, Default::default())).code;
    assert_eq!(code(b""), "not-elf");
    assert_eq!(code(b"#!/bin/sh\n"), "not-elf");
    let own = std::fs::read("/bin/true").expect("a program");
    assert_eq!(code(&own), "not-bpf");
    let whole = object("ring");
    assert_eq!(code(&whole[..whole.len() / 2]), "object-malformed");
    assert_eq!(code(&object_with("ring", &["-g0"])), "object-without-btf");
    assert_eq!(code(&object("legacy_maps")), "legacy-maps");
    assert_eq!(code(&object("core_missing")), "core-relocation");
    assert_eq!(code(&object("impossible_map")), "map-create-failed");
    // None of that has hurt the agent.
    agent.load(&whole, only_me());
}

#[test]
fn what_this_kernel_cannot_do_has_codes() {
    let mut agent = Agent::start();
    let bytes = object("refused");
    let missing = failed(agent.try_load(&bytes, only(&["on_nothing"])));
    assert_eq!(missing.code, "target-not-found", "{missing:?}");
    let Response::Features(features) = agent.request(Request::ProbeFeatures(pb::ProbeFeatures {})) else {
        panic!("features")
    };
    let fentry = features.attach.iter().find(|feature| feature.kind == "fentry").expect("fentry");
    match agent.try_load(&bytes, only(&["on_idle_function"])) {
        Response::Load(_) => assert!(fentry.ok, "{fentry:?}"),
        other => {
            let error = failed(other);
            assert!(["no-permission", "lockdown", "unsupported-by-kernel"].contains(&error.code.as_str()), "{error:?}");
            assert!(!fentry.ok && !error.hint.is_empty(), "{error:?}");
        }
    }
    let kprobe = features.attach.iter().find(|feature| feature.kind == "kprobe").expect("kprobe");
    let loaded = agent.load(&bytes, only(&["on_read"]));
    match agent.attach(loaded.object_id, "on_read", &[]) {
        Response::Attach(_) => assert!(kprobe.ok),
        other => assert_eq!(failed(other).code, "unsupported-by-kernel"),
    }
}

#[test]
fn wrong_options_have_codes() {
    let mut agent = Agent::start();
    let whole = object("ring");
    let mut error = |options: pb::ObjectOptions| failed(agent.try_load(&whole, options));
    let unknown = error(only(&["nobody"]));
    assert_eq!(unknown.code, "unknown-program");
    assert!(unknown.hint.contains("on_getpid_counted"));
    let globals = |global| pb::ObjectOptions { globals: vec![global], ..Default::default() };
    let unknown = error(globals(global_u32("wanted_pid", 1)));
    assert_eq!(unknown.code, "unknown-variable");
    assert!(unknown.hint.contains("wanted_tid"));
    let short = pb::GlobalValue { variable: "wanted_tid".into(), value: vec![1] };
    assert_eq!(error(globals(short)).code, "bad-value");
    let size = pb::MapSize { map: "nowhere".into(), max_entries: 1, value_size: 0 };
    assert_eq!(error(pb::ObjectOptions { map_sizes: vec![size], ..Default::default() }).code, "unknown-map");
}

#[test]
fn a_missing_or_wrong_target_names_what_there_is() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("kinds"), Default::default());
    let mut error = |program: &str, target: &[(&str, &str)]| failed(agent.attach(loaded.object_id, program, target));
    let needed = error("count_packets", &[]);
    assert_eq!(needed.code, "target-needed");
    assert!(needed.message.contains("iface") && needed.hint.contains("lo"), "{needed:?}");
    assert_eq!(error("anywhere", &[]).code, "target-needed");
    assert_eq!(error("on_call", &[]).code, "target-needed");
    assert_eq!(error("on_egress", &[]).code, "target-needed");
    let unknown = error("count_packets", &[("interface", "lo")]);
    assert_eq!(unknown.code, "target-unknown");
    assert!(unknown.hint.contains("iface"));
    assert_eq!(error("count_packets", &[("iface", "none0")]).code, "target-not-found");
    assert_eq!(error("count_packets", &[("iface", "lo"), ("xdp-mode", "warp")]).code, "bad-value");
    assert_eq!(error("sample", &[("freq", "0")]).code, "bad-value");
    assert_eq!(error("sample", &[("cpu", "9999")]).code, "target-not-found");
    let misspelt = error("misspelt", &[]);
    assert_eq!(misspelt.code, "target-not-found");
    assert!(misspelt.hint.contains("syscalls:sys_enter_getpid"), "{misspelt:?}");
    let needed = error("any_socket", &[]);
    assert!(needed.code == "target-needed" && needed.hint.contains("lo") && needed.hint.contains("any"), "{needed:?}");
    let explained = error("on_route", &[]);
    assert_eq!(explained.code, "attach-unsupported");
    assert!(explained.hint.contains("ip route add PREFIX encap bpf out"), "{explained:?}");
    assert_eq!(error("nobody", &[]).code, "unknown-program");
    // All or nothing: one that cannot be attached takes the others with it.
    let programs =
        ["on_syscall", "misspelt"].map(|name| pb::AttachProgram { program: name.into(), ..Default::default() });
    let both =
        Request::Attach(pb::Attach { object_id: loaded.object_id, programs: programs.to_vec(), ..Default::default() });
    assert_eq!(agent.error(both).code, "target-not-found");
    let before = agent.globals(loaded.object_id, ".bss");
    call_getpid(10);
    assert_eq!(agent.globals(loaded.object_id, ".bss"), before, "nothing is attached");
}

#[test]
fn kinds_attach_and_run() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("kinds"), Default::default());
    let id = loaded.object_id;
    let mut attach = |program: &str, target: &[(&str, &str)]| match agent.attach(id, program, target) {
        Response::Attach(result) => {
            let made = result.attachments[0].clone();
            assert_ne!(made.link_id, 0, "{program}");
            (made.target, made.link_kind)
        }
        other => panic!("{program}: {other:?}"),
    };
    let words = |target: &str, kind: &str| (target.to_owned(), kind.to_owned());
    assert_eq!(attach("count_packets", &[("iface", "lo"), ("xdp-mode", "skb")]), words("lo", "xdp"));
    assert_eq!(attach("sample", &[("freq", "200"), ("cpu", "0")]), words("200 Hz on 1 CPU", "perf_event"));
    assert_eq!(attach("on_syscall", &[]), words("sys_enter", "raw_tracepoint"));
    assert_eq!(attach("on_fork", &[]), words("sched_process_fork", "raw_tracepoint"));
    assert_eq!(attach("on_ingress", &[("iface", "lo")]), words("lo ingress", "tcx"));
    assert_eq!(attach("on_lookup", &[]).1, "netns");
    assert_eq!(attach("anywhere", &[("event", "sched:sched_switch")]), words("sched:sched_switch", "perf_event"));
    let own = std::env::current_exe().expect("own path").display().to_string();
    attach("on_call", &[("binary", &own), ("symbol", "ringside_test_probe_here")]);
    assert_eq!(ringside_test_probe_here(1), 2);
    // A datagram over lo for XDP, time for the clock.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("socket");
    socket.send_to(b"x", socket.local_addr().expect("address")).expect("send");
    wait_until("all counters", || {
        std::hint::black_box((0..100_000).sum::<u64>());
        agent.globals(id, ".bss").iter().filter(|count| **count > 0).count() == 4
    });
    agent.detach(id);
    let counted = agent.globals(id, ".bss");
    call_getpid(10);
    socket.send_to(b"x", socket.local_addr().expect("address")).expect("send");
    ringside_test_probe_here(1);
    assert_eq!(agent.globals(id, ".bss"), counted, "a detached program does not run");
}

/// Something for the uprobe to sit on.
#[inline(never)]
#[unsafe(no_mangle)]
pub extern "C" fn ringside_test_probe_here(number: u32) -> u32 {
    std::hint::black_box(number) + 1
}

#[test]
fn maps_are_read_whole_and_per_cpu() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("maps"), only_me());
    let id = loaded.object_id;
    agent.attach_all(id);
    call_getpid(3000);
    agent.detach(id);
    let seen = agent.seen(id, 3000);
    let (dump, bytes) = agent.dump(id, "squares");
    assert_eq!((u64::from(dump.entries), dump.truncated, dump.key_size, dump.value_bytes), (seen, false, 4, 8));
    let mut entries: Vec<(u32, u64)> = bytes
        .chunks_exact(12)
        .map(|entry| {
            let (key, value) = entry.split_at(4);
            (u32::from_le_bytes(key.try_into().expect("4")), u64::from_le_bytes(value.try_into().expect("8")))
        })
        .collect();
    entries.sort_unstable();
    assert_eq!(entries, (0..seen).map(|key| (key as u32, key * key)).collect::<Vec<_>>());
    let (dump, bytes) = agent.dump(id, "per_cpu");
    assert_eq!((dump.entries, dump.value_bytes), (3, agent.hello.possible_cpus * 8));
    let slots = &bytes[(4 + dump.value_bytes as usize) + 4..][..dump.value_bytes as usize];
    let sum: u32 = slots.chunks_exact(8).map(|slot| u32::from_le_bytes(slot[..4].try_into().expect("4"))).sum();
    assert_eq!(u64::from(sum), seen);
    assert_eq!(agent.dump(id, "prefixes").0.entries, 3);
    let limited = Request::DumpMap(pb::DumpMap { object_id: id, map: "squares".into(), limit: 10 });
    let Response::MapDump(dump) = agent.request(limited) else { panic!("a dump") };
    assert_eq!((dump.entries, dump.truncated), (10, true));
}

#[test]
fn prints_of_others_are_dropped() {
    let mark = |mark| pb::ObjectOptions {
        globals: vec![only_me().globals.remove(0), global_u32("mark", mark)],
        ..Default::default()
    };
    let (mut mine, mut other) = (Agent::start(), Agent::start());
    let bytes = object("prints");
    let (own, foreign) = (mine.load(&bytes, mark(1)), other.load(&bytes, mark(2)));
    // A second object of the same client, whose prints nobody asked for.
    let silent = mine.load(&bytes, mark(3));
    for (agent, object_id) in [(&mut mine, own.object_id), (&mut other, foreign.object_id)] {
        assert_eq!(agent.request(Request::OpenPrints(pb::OpenPrints { object_id })), Response::Empty(pb::Empty {}));
    }
    mine.attach_all(own.object_id);
    mine.attach_all(silent.object_id);
    other.attach_all(foreign.object_id);
    call_getpid(20);
    let stats = mine.detach(own.object_id);
    other.detach(foreign.object_id);
    for (agent, mark) in [(&mine, 1), (&other, 2)] {
        let prints = agent.prints();
        let texts: Vec<&str> = prints.iter().map(|print| print.text.as_str()).collect();
        let wanted: Vec<String> = (0..texts.len()).map(|line| format!("mark {mark} line {line}")).collect();
        assert_eq!(texts, wanted);
        assert!((15..=20).contains(&texts.len()), "all but what the kernel skipped: {texts:?}");
        assert!(prints.iter().all(|print| print.program == "on_getpid" && print.tid == crate::support::own_tid()));
    }
    assert_eq!((stats.prints, stats.prints_lost), (mine.prints().len() as u64, 0));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("clock").as_nanos() as u64;
    let age = now.abs_diff(mine.prints()[0].time_ns);
    assert!(age < 10_000_000_000, "{age} ns from now");
}

#[test]
fn prints_are_followed_from_the_first_version_that_prints() {
    let mut agent = Agent::start();
    let silent = agent.load(&object_with("prints", &["-DSILENT"]), only_me()).object_id;
    assert_eq!(agent.request(Request::OpenPrints(pb::OpenPrints { object_id: silent })), Response::Empty(pb::Empty {}));
    agent.attach_all(silent);
    let Response::ProgramList(list) = agent.request(Request::ListPrograms(pb::ListPrograms::default())) else {
        panic!("a list")
    };
    let reader = |program: &&pb::ProgramEntry| program.ours && program.r#type == "raw_tracepoint";
    assert_eq!(list.programs.iter().filter(reader).count(), 0, "nothing reads prints that nobody makes");
    let object_blob = agent.upload(&object("prints"));
    let swap = pb::SwapObject { object_id: silent, object_blob, options: Some(only_me()), ..Default::default() };
    assert!(matches!(agent.request(Request::SwapObject(swap)), Response::Swap(_)));
    call_getpid(5);
    let stats = agent.detach(silent);
    assert!(stats.prints >= 4, "all but what the kernel skipped: {}", stats.prints);
    assert_eq!(stats.prints, agent.prints().len() as u64);
}

#[test]
fn a_cancelled_request_says_so() {
    let mut agent = Agent::start();
    let object_blob = agent.upload(&object("verdicts"));
    let request = || Request::VerifyObject(pb::VerifyObject { object_blob, options: None });
    let ids = [agent.ask(request()), agent.ask(request())];
    agent.send(Head::new(FrameType::Cancel).aux(ids[1]), b"");
    assert!(matches!(agent.answer(ids[0]), Response::Verify(_)));
    assert_eq!(failed(agent.answer(ids[1])).code, "cancelled");
}

#[test]
fn unknown_ids_are_errors() {
    let mut agent = Agent::start();
    assert_eq!(agent.error(Request::Detach(pb::Detach { object_id: 7 })).code, "protocol");
    let load = pb::LoadObject { object_blob: 99, options: None };
    assert_eq!(agent.error(Request::LoadObject(load)).code, "protocol");
}

/// libbpf takes any number of entries for the map of `.rodata` and then copies and unmaps as many values as it promises.
#[test]
fn a_map_of_variables_has_one_entry_and_does_not_shrink() {
    let mut agent = Agent::start();
    for (max_entries, value_size) in [(89_442_055, 1_617_739_929), (2, 0), (0, 1)] {
        let size = pb::MapSize { map: ".rodata".into(), max_entries, value_size };
        let error = failed(agent.try_load(&object("ring"), pb::ObjectOptions { map_sizes: vec![size], ..only_me() }));
        assert_eq!(error.code, "bad-value", "{error:?}");
        assert!(error.hint.contains("one entry"), "{error:?}");
    }
    agent.load(&object("ring"), only_me());
}
