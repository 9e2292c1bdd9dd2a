//! What the agent may do: at its start, while a run goes on, and that it is enough and not more than that.

use std::collections::BTreeMap;
use std::fs;

use crate::support::{Agent, object};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

const NAMES: [(&str, u8); 11] = [
    ("dac_read_search", 2),
    ("setpcap", 8),
    ("net_admin", 12),
    ("net_raw", 13),
    ("sys_ptrace", 19),
    ("sys_admin", 21),
    ("sys_resource", 24),
    ("syslog", 34),
    ("perfmon", 38),
    ("bpf", 39),
    ("checkpoint_restore", 40),
];

fn set(names: &[&str]) -> u64 {
    let bit = |name: &&str| 1 << NAMES.iter().find(|(known, _)| known == name).expect("a known name").1;
    names.iter().map(bit).fold(0, |all, one: u64| all | one)
}

/// Lines of /proc/PID/status of every thread of the worker and of its supervisor, all of which must be alike.
fn status(agent: &Agent) -> BTreeMap<String, String> {
    let threads = [agent.hello.pid, agent.hello.supervisor_pid]
        .map(|pid| fs::read_dir(format!("/proc/{pid}/task")).expect("threads"));
    let mut all: Vec<BTreeMap<String, String>> = threads
        .into_iter()
        .flatten()
        .map(|thread| fs::read_to_string(thread.expect("a thread").path().join("status")).expect("its status"))
        .map(|text| {
            let wanted = |name: &str| name.starts_with("Cap") || matches!(name, "NoNewPrivs" | "Seccomp");
            let fields = text.lines().filter_map(|line| line.split_once(':'));
            fields.filter(|(name, _)| wanted(name)).map(|(name, value)| (name.into(), value.trim().into())).collect()
        })
        .collect();
    assert!(all.len() >= 4, "{} threads", all.len());
    all.dedup();
    assert_eq!(all.len(), 1, "all threads have the same rights: {all:?}");
    all.remove(0)
}

fn mask(status: &BTreeMap<String, String>, field: &str) -> u64 {
    u64::from_str_radix(&status[field], 16).expect(field)
}

thread_local! {
    /// What this test has, and so could give: a container's root lacks some.
    static OWN: u64 = {
        let text = fs::read_to_string("/proc/self/status").expect("status");
        let line = text.lines().find_map(|line| line.strip_prefix("CapPrm:")).expect("CapPrm");
        u64::from_str_radix(line.trim(), 16).expect("a mask")
    };
}

fn assert_has(agent: &Agent, rights: &[&str]) {
    let status = status(agent);
    for field in ["CapPrm", "CapEff", "CapBnd"] {
        assert_eq!(mask(&status, field), set(rights) & OWN.with(|own| *own), "{field} for {rights:?}");
    }
    for field in ["CapInh", "CapAmb"] {
        assert_eq!(status[field], "0000000000000000", "{field}");
    }
    assert_eq!((&*status["NoNewPrivs"], &*status["Seccomp"]), ("1", "2"));
}

/// Kinds that this kernel can attach, with what each asks for.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);
const TRACING: &[&str] = &["bpf", "perfmon"];
const NETWORK: &[&str] = &["bpf", "net_admin"];
const CGROUP: &[(&str, &str)] = &[("cgroup", "GROUP")];
const CASES: &[Case] = &[
    ("on_tracepoint", &[], TRACING),
    ("on_raw_tp", &[], TRACING),
    ("on_tp_btf", &[], TRACING),
    ("on_uprobe", &[], &["bpf", "perfmon", "sys_admin"]),
    ("on_uprobe_multi", &[], TRACING),
    ("on_sample", &[], TRACING),
    ("on_task", &[], TRACING),
    ("on_syscall", &[], &["bpf"]),
    ("on_socket", &[("iface", "lo")], &["bpf", "net_raw"]),
    ("on_tc", &[("iface", "lo"), ("direction", "ingress")], NETWORK),
    ("on_xdp", &[("iface", "lo"), ("xdp-mode", "generic")], NETWORK),
    ("on_egress", CGROUP, NETWORK),
    ("on_sock_create", CGROUP, NETWORK),
    ("on_dev", CGROUP, NETWORK),
    ("on_sockops", CGROUP, NETWORK),
    ("on_lookup", &[], &["bpf"]),
    ("on_flow", &[], NETWORK),
    ("on_netfilter", &[("pf", "ipv4"), ("hook", "output"), ("priority", "100")], NETWORK),
    ("xdp_prints", &[("iface", "lo"), ("xdp-mode", "generic")], &["bpf", "net_admin", "perfmon", "syslog"]),
];

struct Group(String);

impl Group {
    fn new() -> Self {
        let mounts = fs::read_to_string("/proc/mounts").expect("mounts");
        let root = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2")).expect("cgroup2 is mounted");
        let path = format!("{}/ringside-rights-{}", root.split(' ').nth(1).expect("a path"), crate::support::own_tid());
        fs::create_dir(&path).expect("a group");
        Self(path)
    }

    fn target(&self, target: &[(&str, &str)]) -> std::collections::HashMap<String, String> {
        target.iter().map(|(key, value)| ((*key).into(), value.replace("GROUP", &self.0))).collect()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn only(program: &str) -> pb::ObjectOptions {
    pb::ObjectOptions { programs: vec![program.into()], ..Default::default() }
}

/// Loads and attaches one program.
fn run(
    agent: &mut Agent,
    bytes: &[u8],
    group: &Group,
    case: &Case,
    drop: bool,
) -> Result<(u32, Vec<String>), pb::Error> {
    let (program, target, _) = *case;
    let object_id = match agent.try_load(bytes, only(program)) {
        Response::Load(loaded) => loaded.object_id,
        Response::Error(error) => return Err(error),
        other => panic!("{other:?}"),
    };
    let programs =
        vec![pb::AttachProgram { program: program.into(), target: group.target(target), ..Default::default() }];
    let attach = pb::Attach { object_id, programs, drop_capabilities: drop, ..Default::default() };
    match agent.request(Request::Attach(attach)) {
        Response::Attach(result) => Ok((object_id, result.capabilities)),
        Response::Error(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_agent_keeps_only_what_a_feature_needs() {
    let agent = Agent::start();
    assert_has(&agent, &NAMES.map(|(name, _)| name));
}

#[test]
fn attached_it_keeps_what_its_object_needs_and_goes_on_with_that() {
    let bytes = object("rights");
    let group = Group::new();
    for case in CASES {
        let mut agent = Agent::start();
        let (id, kept) =
            run(&mut agent, &bytes, &group, case, true).unwrap_or_else(|error| panic!("{case:?}: {error:?}"));
        assert_has(&agent, case.2);
        let mut names: Vec<String> = case.2.iter().map(|name| format!("CAP_{}", name.to_uppercase())).collect();
        let mut kept = kept.clone();
        names.sort();
        kept.sort();
        assert_eq!(names, kept);
        // Everything that a run does from here on.
        let stats = agent.stats(id);
        assert!(stats.programs.iter().any(|program| program.name == case.0 && program.stats_enabled), "{stats:?}");
        // Two of one priority have no place beside each other.
        if case.0 != "on_netfilter" {
            swap(&mut agent, &bytes, &group, case, id);
        }
        agent.detach(id);
        let closed = agent.request(Request::CloseObject(pb::CloseObject { object_id: id }));
        assert!(matches!(closed, Response::Empty(_)), "{closed:?}");
    }
}

/// A new version of the same kind in the old one's place.
fn swap(agent: &mut Agent, bytes: &[u8], group: &Group, (program, target, _): &Case, object_id: u32) {
    let object_blob = agent.upload(bytes);
    let programs =
        vec![pb::AttachProgram { program: (*program).into(), target: group.target(target), ..Default::default() }];
    let options = Some(only(program));
    let swap = pb::SwapObject { object_id, object_blob, options, programs, ..Default::default() };
    let swapped = agent.request(Request::SwapObject(swap));
    assert!(matches!(swapped, Response::Swap(_)), "{program}: {swapped:?}");
}

#[test]
fn what_is_announced_is_enough_and_each_of_it_is_needed() {
    let bytes = object("rights");
    let group = Group::new();
    for case in CASES {
        let mut agent = Agent::start_as(&["setpriv", &bounded_to(case.2)]);
        let done = run(&mut agent, &bytes, &group, case, false);
        assert!(done.is_ok(), "{case:?}: {done:?}");
        drop(agent);
        // CAP_SYS_ADMIN stands for both of these as well.
        let implied = |name: &&&str| !case.2.contains(&"sys_admin") || !TRACING.contains(name);
        // Without CAP_SYSLOG prints come without the name of their program.
        for one in case.2.iter().filter(implied).filter(|name| **name != "syslog") {
            let rest: Vec<&str> = case.2.iter().filter(|name| *name != one).copied().collect();
            let mut agent = Agent::start_as(&["setpriv", &bounded_to(&rest)]);
            let refused = run(&mut agent, &bytes, &group, case, false);
            assert!(refused.is_err(), "{case:?} needs {one}");
        }
    }
}

fn bounded_to(names: &[&str]) -> String {
    names.iter().fold("--bounding-set=-all".to_owned(), |all, name| format!("{all},+{name}"))
}

#[test]
fn what_was_given_up_is_named() {
    let bytes = object("rights");
    let group = Group::new();
    let mut agent = Agent::start();
    let (id, _) = run(&mut agent, &bytes, &group, &CASES[1], true).expect("attached");
    let object_blob = agent.upload(&bytes);
    let options = Some(only("on_xdp"));
    let swap = pb::SwapObject { object_id: id, object_blob, options, ..Default::default() };
    let error = agent.error(Request::SwapObject(swap));
    assert_eq!(error.code, "capability-dropped");
    assert!(error.message.contains("CAP_NET_ADMIN") && error.hint.contains("anew"), "{error:?}");
    let error = agent.error(Request::ListPrograms(pb::ListPrograms::default()));
    assert_eq!(error.code, "capability-dropped", "{error:?}");
}

#[test]
fn read_only_it_looks_and_loads_nothing() {
    let mut agent = Agent::start_read_only();
    let listed = agent.request(Request::ListPrograms(pb::ListPrograms::default()));
    assert!(matches!(listed, Response::ProgramList(_)), "{listed:?}");
    let object_blob = agent.upload(&object("rights"));
    let options = Some(only("on_raw_tp"));
    let refused = [
        Request::LoadObject(pb::LoadObject { object_blob, options: options.clone() }),
        Request::VerifyObject(pb::VerifyObject { object_blob, options }),
        Request::WriteMap(pb::WriteMap::default()),
        Request::ProbeFeatures(pb::ProbeFeatures::default()),
    ];
    for request in refused {
        let error = agent.error(request);
        assert!(error.code == "read-only" && !error.hint.is_empty(), "{error:?}");
    }
}
