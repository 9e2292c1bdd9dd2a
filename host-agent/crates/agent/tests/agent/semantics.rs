//! What libbpf's semantics give to an object, and what the agent decides about its maps.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::{Agent, call_getpid, failed, first_u64, object, object_with, only, only_me};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

fn map<'r>(result: &'r pb::LoadResult, name: &str) -> &'r pb::LoadedMap {
    result.maps.iter().find(|map| map.name == name).unwrap_or_else(|| panic!("no map {name}: {:?}", result.maps))
}

#[test]
fn everything_that_libbpf_does_is_done() {
    let mut agent = Agent::start();
    let result = agent.load(&object("semantics"), only_me());
    let loaded = |name: &str| result.programs.iter().any(|one| one.name == name && one.loaded);
    assert!(loaded("entry") && loaded("last") && !loaded("optional_program"));
    let id = result.object_id;
    agent.attach_all(id);
    call_getpid(5);
    agent.detach(id);
    let results = agent.globals(id, ".bss");
    assert!(results[0] >= 5 << 16, "LINUX_KERNEL_VERSION is {:#x}", results[0]);
    assert_eq!((results[1], results[2]), (0, 1), "a weak value is 0, a weak symbol null, a strong one is not");
    assert_eq!(results[3], 22 + 13 + 6, "own sections, a static and a global subprogram");
    assert_eq!(results[4], 0, "a missing kernel function is not called");
    let known = std::fs::read_to_string("/proc/kallsyms").expect("kallsyms").contains(" bpf_task_from_pid\n");
    assert_eq!(results[5], u64::from(known), "a weak kernel function that there is is called");
    assert_eq!(results[6], 0, "the tail call does not return");
    assert!(results[7] >= 5);
    assert!(agent.globals(id, ".bss.own")[0] >= 5);
    let value = |agent: &mut Agent, map: &str| first_u64(&agent.dump(id, map).1[4..]);
    assert_eq!((value(&mut agent, "first"), value(&mut agent, "second")), (0, 17));
    assert_eq!(value(&mut agent, "optional_map"), 19);
    assert_eq!(map(&result, "arena").r#type, "arena");
    assert_ne!(map(&result, "arena").id, 0);
}

#[test]
fn usdt_programs_load_with_their_maps() {
    let mut agent = Agent::start();
    let target = if cfg!(target_arch = "aarch64") { "-D__TARGET_ARCH_arm64" } else { "-D__TARGET_ARCH_x86" };
    let result = agent.load(&object_with("usdt", &[target]), Default::default());
    assert!(result.programs[0].loaded && map(&result, "__bpf_usdt_specs").id != 0);
}

#[test]
fn structs_of_operations_that_the_kernel_lacks_are_left_out_with_their_programs() {
    let mut agent = Agent::start();
    let bytes = object("struct_ops");
    let error = failed(agent.try_load(&bytes, Default::default()));
    assert_eq!(error.code, "unsupported-by-kernel");
    assert!(error.message.contains("no_such_ops"), "{error:?}");
    let result = agent.load(&bytes, pb::ObjectOptions { leave_out: true, ..Default::default() });
    let left =
        |name: &str| result.left_out.iter().find(|left| left.program == name).and_then(|left| left.reason.clone());
    assert_eq!(left("unknown_act").expect("left out").code, "unsupported-by-kernel");
    assert_eq!(map(&result, "unknown").id, 0);
    let loaded = |name: &str| result.programs.iter().any(|one| one.name == name && one.loaded);
    assert!(loaded("plain"));
    match left("quiet_ssthresh") {
        None => assert!(loaded("quiet_ssthresh") && loaded("quiet_undo") && map(&result, "quiet").id != 0),
        // A kernel that has no such type, or lets nobody fill it in.
        Some(reason) => assert!(!reason.message.is_empty() && map(&result, "quiet").id == 0, "{reason:?}"),
    }
}

#[test]
fn sizes_that_are_left_open_are_chosen_and_told() {
    let mut agent = Agent::start();
    let result = agent.load(&object("sizes"), Default::default());
    let chosen = |name: &str| map(&result, name).chosen.as_str();
    assert_eq!((chosen("counts"), map(&result, "counts").max_entries), ("max_entries 10240", 10240));
    assert_eq!(chosen("recent"), "");
    assert!(chosen("stacks").starts_with("max_entries 10240, value_size "), "{}", chosen("stacks"));
    assert_eq!(chosen("events"), format!("max_entries {}", agent.hello.possible_cpus));
    assert_eq!((chosen("ring"), map(&result, "ring").max_entries), ("max_entries 262144", 262144));
    assert_eq!(chosen("outer"), "of its inner maps max_entries 10240");
    let sum: u64 = result.maps.iter().map(|map| map.memory_bytes).sum();
    assert_eq!(result.map_memory_bytes, sum);
    // 64 entries of 8 bytes on each possible CPU, and what is around them.
    let per_cpu = u64::from(agent.hello.possible_cpus) * 64 * 8;
    assert!(map(&result, "recent").memory_bytes > per_cpu && map(&result, "recent").memory_bytes < per_cpu + 64 * 200);
    let smaller = pb::MapSize { map: "counts".into(), max_entries: 7, value_size: 0 };
    let result = agent.load(&object("sizes"), pb::ObjectOptions { map_sizes: vec![smaller], ..Default::default() });
    assert_eq!((map(&result, "counts").chosen.as_str(), map(&result, "counts").max_entries), ("", 7));
}

#[test]
fn the_estimate_is_what_the_kernel_says() {
    let mut agent = Agent::start();
    let result = agent.load(&object("sizes"), Default::default());
    for name in ["counts", "recent", "stacks", "ring"] {
        let map = map(&result, name);
        let shown = std::process::Command::new("bpftool")
            .args(["-j", "map", "show", "id", &map.id.to_string()])
            .output()
            .expect("bpftool");
        let text = String::from_utf8(shown.stdout).expect("text");
        let locked =
            text.split("\"bytes_memlock\":").nth(1).expect("memlock").split([',', '}']).next().expect("a number");
        let locked: u64 = locked.parse().expect("a number");
        let ratio = map.memory_bytes as f64 / locked as f64;
        assert!((0.8..1.25).contains(&ratio), "{name}: estimated {}, the kernel says {locked}", map.memory_bytes);
    }
}

#[test]
fn a_terabyte_is_refused_with_the_figure_before_the_kernel_is_asked() {
    let mut agent = Agent::start();
    let bytes = object("terabyte");
    let error = failed(agent.try_load(&bytes, Default::default()));
    assert_eq!((error.code.as_str(), error.errno), ("maps-too-large", 0));
    assert!(error.message.contains("TiB") && error.message.contains("huge (hash, 2147483647 entries"), "{error:?}");
    let verdicts = agent.upload(&bytes);
    let request = pb::VerifyObject { object_blob: verdicts, options: None };
    assert_eq!(agent.error(Request::VerifyObject(request)).code, "maps-too-large");
    let small = pb::MapSize { map: "huge".into(), max_entries: 16, value_size: 0 };
    let options = pb::ObjectOptions { map_sizes: vec![small], ..Default::default() };
    assert_ne!(map(&agent.load(&bytes, options.clone()), "huge").id, 0);
    let tight = pb::ObjectOptions { map_memory_limit_bytes: 1000, ..options };
    let error = failed(agent.try_load(&bytes, tight));
    assert_eq!(error.code, "maps-too-large");
    assert!(error.message.contains("the limit is 1000 bytes"), "{error:?}");
}

#[test]
fn five_thousand_programs_load() {
    // Compiling takes a while, in which nobody would talk to an agent.
    let bytes = object("many");
    let mut agent = Agent::start();
    let result = agent.load(&bytes, pb::ObjectOptions { leave_out: true, ..Default::default() });
    assert_eq!(result.programs.iter().filter(|program| program.loaded).count(), 5000);
    let resident = agent.resident_bytes();
    assert!(resident < 64 << 20, "{resident} bytes");
    // And once more beside them.
    agent.load(&object("ring"), only_me());
}

#[test]
fn configuration_is_given_where_the_host_has_none() {
    let mut agent = Agent::start();
    let bytes = object("configured");
    let error = failed(agent.try_load(&bytes, Default::default()));
    assert_eq!(error.code, "kconfig-missing");
    assert!(error.message.contains("CONFIG_RINGSIDE_NUMBER") && !error.hint.is_empty(), "{error:?}");
    let given = |kconfig: &str| pb::ObjectOptions { kconfig: kconfig.into(), ..only_me() };
    let result = agent.load(&bytes, given("CONFIG_RINGSIDE_NUMBER=250\nCONFIG_RINGSIDE_NAME=\"tick\"\n"));
    agent.attach_all(result.object_id);
    call_getpid(3);
    agent.detach(result.object_id);
    assert_eq!(agent.globals(result.object_id, ".bss")[..2], [250, u64::from(b't')]);
    assert_eq!(failed(agent.try_load(&bytes, given("CONFIG_RINGSIDE_NUMBER"))).code, "bad-value");
    assert_eq!(failed(agent.try_load(&bytes, given("CONFIG_RINGSIDE_NUMBER=many"))).code, "bad-value");
}

#[test]
fn types_of_the_kernel_may_be_given() {
    let mut agent = Agent::start();
    let bytes = object("core_missing");
    let types = std::fs::read("/sys/kernel/btf/vmlinux").expect("types");
    let mut with = |types: &[u8], object: &[u8]| {
        let kernel_btf_blob = agent.upload(types);
        agent.try_load(object, pb::ObjectOptions { kernel_btf_blob, ..Default::default() })
    };
    assert_eq!(failed(with(b"no types", &bytes)).code, "btf-malformed");
    assert_eq!(failed(with(&types[..types.len() / 2], &bytes)).code, "btf-malformed");
    assert_eq!(failed(with(&types, &bytes)).code, "core-relocation");
    // Types that have the field make the object load: its own are such.
    match with(&bytes, &bytes) {
        Response::Load(result) => assert!(result.programs[0].loaded),
        other => panic!("{other:?}"),
    }
}

/// A folder for pins, gone with everything in it at the end of a test.
struct Folder(String);

impl Folder {
    fn new(name: &str) -> Self {
        let path = format!("/sys/fs/bpf/ringside-test-{name}-{}", std::process::id());
        std::fs::create_dir(&path).expect("bpffs is mounted");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let _ = std::fs::remove_file(entry.path());
        }
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn pinned_device_maps_fit_although_the_kernel_adds_a_flag_and_a_verdict_pins_nothing() {
    let folder = Folder::new("devices");
    let pins = ["ports", "ports_by_key"]
        .map(|map| pb::MapPin { map: map.into(), path: format!("{}/{map}", folder.0) })
        .to_vec();
    let options = pb::ObjectOptions { pins, ..Default::default() };
    let ids = |agent: &mut Agent| {
        let result = agent.load(&object("devices"), options.clone());
        ["ports", "ports_by_key"].map(|name| map(&result, name).id)
    };
    let there = || std::fs::read_dir(&folder.0).expect("the folder").count();
    assert!(Agent::start().verify(&object("devices"), options.clone()).iter().all(|one| one.verdict == "accepted"));
    assert_eq!(there(), 0, "a verdict pins nothing");
    let first = ids(&mut Agent::start());
    assert_eq!(there(), 2);
    assert_eq!(ids(&mut Agent::start()), first, "the same maps");
    assert!(Agent::start().verify(&object("devices"), options.clone()).iter().all(|one| one.verdict == "accepted"));
    assert_eq!(there(), 2, "a verdict takes no pin away");
}

#[test]
fn maps_are_pinned_used_again_and_refused_when_they_do_not_fit() {
    let folder = Folder::new("counts");
    let path = format!("{}/counts", folder.0);
    let pinned = |path: &str, entries: u32| pb::ObjectOptions {
        pins: vec![pb::MapPin { map: "counts".into(), path: path.into() }],
        map_sizes: vec![pb::MapSize { map: "counts".into(), max_entries: entries, value_size: 0 }],
        ..Default::default()
    };
    let bytes = object("sizes");
    let id = {
        let mut agent = Agent::start();
        let result = agent.load(&bytes, pinned(&path, 100));
        let counts = map(&result, "counts");
        assert_eq!((counts.pinned.as_str(), counts.memory_bytes > 0), (path.as_str(), true));
        assert!(Path::new(&path).exists());
        counts.id
    };
    assert!(std::fs::metadata(&path).expect("it outlives the agent").ino() > 0);
    let mut agent = Agent::start();
    let again = agent.load(&bytes, pinned(&path, 100));
    assert_eq!((map(&again, "counts").id, map(&again, "counts").memory_bytes), (id, 0), "the same map");
    let error = failed(agent.try_load(&bytes, pinned(&path, 200)));
    assert_eq!(error.code, "map-pin-mismatch");
    assert!(error.message.contains("max_entries is 100 there and 200 in the object"), "{error:?}");
    let mut code = |path: &str| failed(agent.try_load(&bytes, pinned(path, 100))).code;
    assert_eq!(code("counts"), "bad-value");
    assert_eq!(code("/dev/null"), "map-pin-mismatch");
    assert_eq!(code(&format!("{}/no/such/folder/counts", folder.0)), "map-pin-failed");
    assert_eq!(code("/proc/ringside-counts"), "map-pin-failed");
    let unknown = pb::MapPin { map: "nowhere".into(), path };
    let options = pb::ObjectOptions { pins: vec![unknown], ..only(&["on_call"]) };
    assert_eq!(failed(agent.try_load(&bytes, options)).code, "unknown-map");
}
