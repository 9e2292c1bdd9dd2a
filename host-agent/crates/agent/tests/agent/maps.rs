//! Reading, writing and watching every type of map.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use crate::support::{Agent, object};
use ringside_proto::messages as pb;
use ringside_proto::messages::map_ref::Ref;
use ringside_proto::messages::request::Request;
use ringside_proto::messages::response::Response;

/// A client with the object of all maps loaded.
struct Maps {
    agent: Agent,
    object_id: u32,
    loaded: pb::LoadResult,
}

impl Maps {
    fn load(name: &str) -> Self {
        let mut agent = Agent::start();
        let loaded = agent.load(&object(name), pb::ObjectOptions::default());
        Self { agent, object_id: loaded.object_id, loaded }
    }

    fn id(&self, map: &str) -> u32 {
        self.loaded.maps.iter().find(|one| one.name == map).expect(map).id
    }

    fn by_name(&self, map: &str) -> Option<pb::MapRef> {
        let loaded = pb::LoadedMapRef { object_id: self.object_id, map: map.into() };
        Some(pb::MapRef { r#ref: Some(Ref::Loaded(loaded)) })
    }

    fn read(&mut self, request: pb::ReadMap) -> Result<(pb::MapPage, Vec<u8>), pb::Error> {
        match self.agent.request(Request::ReadMap(request)) {
            Response::MapPage(page) => {
                let bytes = self.agent.blobs.remove(&page.blob).unwrap_or_default();
                assert_eq!(bytes.len(), page.entries as usize * (page.key_size + page.value_bytes) as usize);
                Ok((page, bytes))
            }
            Response::Error(error) => Err(error),
            other => panic!("no page: {other:?}"),
        }
    }

    fn page(&mut self, map: &str) -> (pb::MapPage, Vec<u8>) {
        let request = pb::ReadMap { map: self.by_name(map), ..Default::default() };
        self.read(request).expect(map)
    }

    fn refused(&mut self, map: &str) -> pb::Error {
        let request = pb::ReadMap { map: self.by_name(map), ..Default::default() };
        self.read(request).expect_err(map)
    }

    fn write(&mut self, map: &str, operations: Vec<pb::MapOperation>) -> Vec<pb::MapOutcome> {
        let request = pb::WriteMap { map: self.by_name(map), operations };
        match self.agent.request(Request::WriteMap(request)) {
            Response::MapWritten(written) => written.outcomes,
            other => panic!("not written: {other:?}"),
        }
    }

    fn one(&mut self, map: &str, operation: pb::MapOperation) -> Result<Vec<u8>, pb::Error> {
        let outcome = self.write(map, vec![operation]).remove(0);
        if outcome.done { Ok(outcome.value) } else { Err(outcome.error.expect("a reason")) }
    }

    fn set(&mut self, map: &str, key: &[u8], value: &[u8]) {
        self.one(map, operation("set", key, value)).expect(map);
    }

    /// The whole map by pages of `limit`, each key as often as it came.
    fn walk(&mut self, map: &str, limit: u32, mut between: impl FnMut(&mut Self, usize)) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let mut cursor = Vec::new();
        for pages in 0.. {
            assert!(pages < 10_000, "the walk ends");
            let request = pb::ReadMap { map: self.by_name(map), cursor, limit, keys: vec![] };
            let (page, bytes) = self.read(request).expect(map);
            let entry = (page.key_size + page.value_bytes) as usize;
            keys.extend(bytes.chunks_exact(entry).map(|entry| entry[..page.key_size as usize].to_vec()));
            if page.next.is_empty() {
                break;
            }
            cursor = page.next;
            between(self, pages);
        }
        keys
    }
}

fn operation(name: &str, key: &[u8], value: &[u8]) -> pb::MapOperation {
    pb::MapOperation { operation: name.into(), key: key.into(), value: value.into(), ..Default::default() }
}

fn sets(range: std::ops::Range<u32>) -> Vec<pb::MapOperation> {
    range.map(|key| operation("set", &key.to_ne_bytes(), &u64::from(key * 2).to_ne_bytes())).collect()
}

#[test]
fn a_walk_sees_every_entry_once_while_others_come_and_go() {
    let mut maps = Maps::load("every_map");
    for start in (0..50_000).step_by(10_000) {
        let outcomes = maps.write("hash", sets(start..start + 10_000));
        assert!(outcomes.iter().all(|outcome| outcome.done));
    }
    // Even keys stay; odd ones are deleted, and new ones added, while the walk goes on.
    let keys = maps.walk("hash", 1000, |maps, page| {
        let at = page as u32 * 500;
        let odd = (at..at + 500).map(|key| operation("delete", &(key * 2 + 1).to_ne_bytes(), &[])).collect();
        maps.write("hash", odd);
        maps.write("hash", sets(60_000 + at..60_000 + at + 100));
    });
    let even: Vec<u32> = keys
        .iter()
        .map(|key| u32::from_ne_bytes(key[..].try_into().expect("four bytes")))
        .filter(|key| key % 2 == 0 && *key < 50_000)
        .collect();
    assert_eq!(even.len(), 25_000, "exactly once");
    assert_eq!(even.into_iter().collect::<BTreeSet<_>>().len(), 25_000);
}

#[test]
fn a_walk_from_key_to_key_survives_the_loss_of_its_place() {
    let mut maps = Maps::load("every_map");
    let key = |n: u32| (32_u64 | u64::from(n.swap_bytes()) << 32).to_ne_bytes();
    let all: Vec<_> = (0..1000).map(|n| operation("set", &key(n), &n.to_ne_bytes())).collect();
    assert!(maps.write("trie", all).iter().all(|outcome| outcome.done));
    assert_eq!(maps.walk("trie", 90, |_, _| {}).len(), 1000);
    // The last key of each page goes: the walk goes on from one before it, without seeing one twice or missing any.
    let mut last = 0;
    let seen = maps.walk("trie", 100, |maps, page| {
        last = page as u32 * 100 + 99;
        maps.write("trie", vec![operation("delete", &key(last), &[])]);
    });
    assert_eq!(seen.len(), seen.iter().collect::<BTreeSet<_>>().len());
    assert!(seen.len() >= 990, "{}", seen.len());
    // All that it remembers goes: it begins anew and ends all the same.
    maps.walk("trie", 100, |maps, _| {
        let all = (0..1000).map(|n| operation("delete", &key(n), &[])).collect();
        maps.write("trie", all);
    });
}

#[test]
fn a_cursor_of_another_map_is_refused() {
    let mut maps = Maps::load("every_map");
    for cursor in [&b"nonsense"[..], b"B", b"K12345678abc"] {
        let request = pb::ReadMap { map: maps.by_name("trie"), cursor: cursor.to_vec(), ..Default::default() };
        assert_eq!(maps.read(request).expect_err("refused").code, "bad-value");
    }
}

#[test]
fn keys_are_looked_up_and_missing_ones_left_out() {
    let mut maps = Maps::load("every_map");
    maps.write("hash", sets(0..20));
    let keys: Vec<Vec<u8>> = [3_u32, 77, 5].iter().map(|key| key.to_ne_bytes().to_vec()).collect();
    let (page, bytes) = maps.read(pb::ReadMap { map: maps.by_name("hash"), keys, ..Default::default() }).expect("page");
    assert_eq!((page.entries, page.content.as_str()), (2, "entries"));
    assert_eq!(bytes[..4], 3_u32.to_ne_bytes());
    assert_eq!(bytes[16..24], 10_u64.to_ne_bytes());
    let request = pb::ReadMap { map: maps.by_name("hash"), keys: vec![vec![1]], ..Default::default() };
    assert_eq!(maps.read(request).expect_err("a short key").code, "bad-value");
}

#[test]
fn each_operation_has_its_own_outcome() {
    let mut maps = Maps::load("every_map");
    let key = 1_u32.to_ne_bytes();
    let value = 7_u64.to_ne_bytes();
    let operations = vec![
        operation("replace", &key, &value),
        operation("add", &key, &value),
        operation("add", &key, &value),
        operation("get", &key, &[]),
        operation("delete", &key, &[]),
        operation("delete", &key, &[]),
        operation("set", &key, &[1, 2]),
        operation("push", &[], &value),
        operation("juggle", &key, &value),
    ];
    let outcomes = maps.write("hash", operations);
    let codes: Vec<String> =
        outcomes.iter().map(|o| o.error.as_ref().map_or("done".into(), |e| e.code.clone())).collect();
    let expected =
        ["no-such-key", "done", "key-exists", "done", "done", "no-such-key", "bad-value", "map-access", "protocol"];
    assert_eq!(codes, expected);
    assert_eq!(outcomes[3].value, value);
    // A batch goes on behind the one that fails.
    let outcomes = maps.write("four", sets(0..10));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.done).count(), 4);
    let full = outcomes[9].error.as_ref().expect("full");
    assert_eq!((full.code.as_str(), full.message.contains("4 entries")), ("map-full", true), "{full:?}");
    let deletes = (0..10_u32).map(|key| operation("delete", &key.to_ne_bytes(), &[])).collect();
    assert_eq!(maps.write("four", deletes).iter().filter(|outcome| outcome.done).count(), 4);
}

#[test]
fn arrays_and_frozen_maps_say_why_not() {
    let mut maps = Maps::load("every_map");
    let outside = maps.one("array", operation("set", &9_u32.to_ne_bytes(), &[0; 8])).expect_err("outside");
    assert_eq!((outside.code.as_str(), outside.message.contains("ends at 4")), ("bad-value", true), "{outside:?}");
    assert_eq!(maps.one("array", operation("delete", &[0; 4], &[])).expect_err("never").code, "map-access");
    let frozen = maps.one(".rodata", operation("set", &[0; 4], &[0; 8])).expect_err("frozen");
    assert_eq!(frozen.code, "map-frozen", "{frozen:?}");
    let (page, _) = maps.page(".rodata");
    assert!(page.map.expect("the map").frozen);
}

#[test]
fn a_part_of_a_section_is_written_and_the_rest_left_as_it_is() {
    let mut maps = Maps::load("variables");
    let before = maps.page(".bss").1.split_off(4);
    let patch = |offset: u32, value: &[u8]| pb::MapOperation { offset, ..operation("patch", &[0; 4], value) };
    for (offset, value) in [(0, vec![1]), (2, vec![2, 3]), (4, vec![4, 5, 6, 7]), (1, vec![8, 9, 10])] {
        maps.one(".bss", patch(offset, &value)).expect("written");
        let after = maps.page(".bss").1.split_off(4);
        assert_eq!(after[offset as usize..][..value.len()], value);
    }
    let after = maps.page(".bss").1.split_off(4);
    assert_eq!(after[8..], before[8..]);
    let beyond = before.len() as u32 - 1;
    assert_eq!(maps.one(".bss", patch(beyond, &[1, 2])).expect_err("beyond").code, "bad-value");
    assert_eq!(maps.one(".bss", patch(u32::MAX, &[1])).expect_err("far beyond").code, "bad-value");
    assert_eq!(maps.one(".rodata", patch(0, &[1])).expect_err("frozen").code, "map-frozen");
    let mut others = Maps::load("every_map");
    assert_eq!(others.one("hash", patch(0, &[1])).expect_err("a hash").code, "map-access");
    assert_eq!(others.one("array", patch(0, &[1])).expect_err("not mapped").code, "map-access");
}

#[test]
fn per_cpu_values_are_one_for_all_or_one_for_each() {
    let mut maps = Maps::load("every_map");
    let cpus = maps.agent.hello.possible_cpus as usize;
    for map in ["percpu_hash", "percpu_array"] {
        maps.set(map, &1_u32.to_ne_bytes(), &5_u32.to_ne_bytes());
        let all = maps.one(map, operation("get", &1_u32.to_ne_bytes(), &[])).expect(map);
        assert_eq!(all.len(), cpus * 8);
        assert!(all.chunks(8).all(|slot| slot[..4] == 5_u32.to_ne_bytes()));
        let each: Vec<u8> = (0..cpus as u64).flat_map(|cpu| (cpu + 1).to_ne_bytes()).collect();
        maps.set(map, &1_u32.to_ne_bytes(), &each);
        assert_eq!(maps.one(map, operation("get", &1_u32.to_ne_bytes(), &[])).expect(map), each);
        let wrong = maps.one(map, operation("set", &1_u32.to_ne_bytes(), &[0; 5])).expect_err("five bytes");
        assert!(wrong.message.contains(&format!("{} with a slot", cpus * 8)), "{wrong:?}");
    }
}

#[test]
fn queues_stacks_and_bloom_filters() {
    let mut maps = Maps::load("every_map");
    for (map, order) in [("queue", [1_u32, 2]), ("stack", [2, 1])] {
        assert_eq!(maps.one(map, operation("pop", &[], &[])).expect_err("empty").code, "no-such-key");
        for value in [1_u32, 2] {
            maps.one(map, operation("push", &[], &value.to_ne_bytes())).expect("pushed");
        }
        let (page, bytes) = maps.page(map);
        assert_eq!((page.content.as_str(), page.entries, bytes), ("next", 1, order[0].to_ne_bytes().to_vec()));
        for value in order {
            assert_eq!(maps.one(map, operation("pop", &[], &[])).expect("a value"), value.to_ne_bytes());
        }
        assert_eq!(maps.page(map).0.entries, 0);
    }
    maps.one("bloom", operation("push", &[], &9_u32.to_ne_bytes())).expect("put in");
    assert!(maps.one("bloom", operation("peek", &[], &9_u32.to_ne_bytes())).is_ok());
    assert_eq!(
        maps.one("bloom", operation("peek", &[], &10_u32.to_ne_bytes())).expect_err("not in").code,
        "no-such-key"
    );
    assert_eq!(maps.refused("bloom").code, "map-access");
}

#[test]
fn ids_stand_for_programs_and_maps() {
    let mut maps = Maps::load("every_map");
    let (inner_one, inner_two) = (maps.id("inner_one"), maps.id("inner_two"));
    let (_, bytes) = maps.page("outer_array");
    assert_eq!(bytes[..8], [0_u32.to_ne_bytes(), inner_one.to_ne_bytes()].concat());
    for map in ["outer_array", "outer_hash"] {
        maps.set(map, &1_u32.to_ne_bytes(), &inner_two.to_ne_bytes());
        assert_eq!(maps.one(map, operation("get", &1_u32.to_ne_bytes(), &[])).expect(map), inner_two.to_ne_bytes());
        maps.one(map, operation("delete", &1_u32.to_ne_bytes(), &[])).expect(map);
    }
    let unfit = maps.id("hash").to_ne_bytes();
    assert_eq!(
        maps.one("outer_hash", operation("set", &[0; 4], &unfit)).expect_err("of another kind").code,
        "bad-value"
    );
    let program = maps.loaded.programs[0].id.to_ne_bytes();
    maps.set("programs", &2_u32.to_ne_bytes(), &program);
    assert_eq!(maps.one("programs", operation("get", &2_u32.to_ne_bytes(), &[])).expect("a program"), program);
    assert_eq!(maps.page("programs").1, [2_u32.to_ne_bytes(), program].concat());
    let gone = maps.one("programs", operation("set", &[0; 4], &u32::MAX.to_ne_bytes())).expect_err("none");
    assert_eq!(gone.code, "unknown-program");
}

#[test]
fn what_nobody_may_read_says_so() {
    let mut maps = Maps::load("every_map");
    for map in ["perf", "cgroups"] {
        let error = maps.refused(map);
        assert_eq!(error.code, "map-access", "{error:?}");
    }
    let (page, bytes) = maps.page("ring");
    assert_eq!((page.content.as_str(), page.entries), ("positions", 1));
    assert_eq!(bytes, [0_u64, 0, 4096].iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>());
    for empty in ["stacks", "sockets", "sockhash", "devices", "cpus"] {
        assert_eq!(maps.page(empty).0.entries, 0, "{empty}");
    }
    maps.set("devices", &[0; 4], &1_u32.to_ne_bytes());
    assert_eq!(maps.page("devices").1[4..], 1_u32.to_ne_bytes());
}

#[test]
fn sockets_by_their_descriptor_in_another_process() {
    let mut maps = Maps::load("every_map");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let _near = TcpStream::connect(listener.local_addr().expect("address")).expect("connected");
    let (far, _) = listener.accept().expect("accepted");
    let of = |name: &str, fd: i32, key: &[u8], value: &[u8]| pb::MapOperation {
        owner_pid: std::process::id(),
        owner_fd: fd as u32,
        ..operation(name, key, value)
    };
    for map in ["sockets", "sockhash"] {
        maps.one(map, of("set", far.as_raw_fd(), &1_u32.to_ne_bytes(), &[])).expect(map);
        let (page, bytes) = maps.page(map);
        assert_eq!(page.entries, 1, "{map}");
        assert_ne!(bytes[4..], [0; 8], "a cookie");
        maps.one(map, operation("delete", &1_u32.to_ne_bytes(), &[])).expect(map);
    }
    let value = 77_u64.to_ne_bytes();
    maps.one("of_socket", of("set", far.as_raw_fd(), &[], &value)).expect("stored");
    assert_eq!(maps.one("of_socket", of("get", far.as_raw_fd(), &[], &[])).expect("stored"), value);
    let (page, bytes) = maps.page("of_socket");
    assert_eq!((page.content.as_str(), bytes), ("owners", value.to_vec()));
    assert_eq!((page.owners[0].pid, page.owners[0].fd), (std::process::id(), far.as_raw_fd() as u32));
    maps.one("of_socket", of("delete", far.as_raw_fd(), &[], &[])).expect("deleted");
    assert_eq!(maps.one("of_socket", of("get", far.as_raw_fd(), &[], &[])).expect_err("gone").code, "no-such-key");
    assert_eq!(maps.one("of_socket", of("get", 9999, &[], &[])).expect_err("no such").code, "target-not-found");
    assert_eq!(maps.one("of_socket", operation("get", &[], &[])).expect_err("whose").code, "bad-value");
}

#[test]
fn tasks_and_cgroups_own_what_is_stored_for_them() {
    let mut maps = Maps::load("every_map");
    let value = 5_u64.to_ne_bytes();
    let task = |name: &str| pb::MapOperation { owner_pid: std::process::id(), ..operation(name, &[], &value) };
    maps.one("of_task", task("set")).expect("stored");
    let (page, bytes) = maps.page("of_task");
    assert_eq!((page.owners.len(), page.owners[0].pid, bytes), (1, std::process::id(), value.to_vec()));
    let gone = pb::MapOperation { owner_pid: 4_000_000, ..operation("get", &[], &[]) };
    assert_eq!(maps.one("of_task", gone).expect_err("no process").code, "target-not-found");
    let mounts = std::fs::read_to_string("/proc/mounts").expect("mounts");
    let root = mounts.lines().find(|line| line.contains(" cgroup2 ")).and_then(|line| line.split(' ').nth(1));
    let path = root.expect("a mounted cgroup2").to_owned();
    let cgroup = |name: &str| pb::MapOperation { owner_path: path.clone(), ..operation(name, &[], &value) };
    maps.one("of_cgroup", cgroup("set")).expect("stored");
    let (page, _) = maps.page("of_cgroup");
    assert_eq!(page.owners.iter().map(|owner| owner.path.as_str()).collect::<Vec<_>>(), [path.as_str()]);
    maps.one("of_cgroup", cgroup("delete")).expect("deleted");
}

#[test]
fn pages_of_an_arena() {
    let mut maps = Maps::load("arena");
    assert_eq!(maps.page("pages").0.entries, 0, "none was asked for");
    let keys = vec![3_u64.to_ne_bytes().to_vec()];
    let (page, bytes) =
        maps.read(pb::ReadMap { map: maps.by_name("pages"), keys, ..Default::default() }).expect("page");
    assert_eq!((page.content.as_str(), page.entries), ("pages", 1));
    assert_eq!(bytes.len(), 8 + maps.agent.hello.page_size as usize);
    assert!(bytes[8..].iter().all(|byte| *byte == 0));
    let keys = vec![99_u64.to_ne_bytes().to_vec()];
    let outside = pb::ReadMap { map: maps.by_name("pages"), keys, ..Default::default() };
    assert_eq!(maps.read(outside).expect_err("outside").code, "map-access");
}

/// What a client knows of a watched map, from deltas alone.
struct Follower {
    watch: u32,
    entry: usize,
    known: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Follower {
    fn open(maps: &mut Maps, map: Option<pb::MapRef>, limit: u32) -> Self {
        match maps.agent.request(Request::WatchMap(pb::WatchMap { map, limit })) {
            Response::WatchOpened(opened) => {
                let entry = (opened.key_size + opened.value_bytes) as usize;
                Self { watch: opened.watch, entry, known: BTreeMap::new() }
            }
            other => panic!("not watched: {other:?}"),
        }
    }

    fn poll(&mut self, maps: &mut Maps) -> pb::MapDelta {
        match maps.agent.request(Request::PollWatch(pb::PollWatch { watch: self.watch })) {
            Response::MapDelta(delta) => {
                let changed = maps.agent.blobs.remove(&delta.changed_blob).unwrap_or_default();
                let deleted = maps.agent.blobs.remove(&delta.deleted_blob).unwrap_or_default();
                assert_eq!(
                    (changed.len(), deleted.len()),
                    (delta.changed as usize * self.entry, delta.deleted as usize * 4)
                );
                for entry in changed.chunks_exact(self.entry) {
                    self.known.insert(entry[..4].to_vec(), entry[4..].to_vec());
                }
                deleted.chunks_exact(4).for_each(|key| drop(self.known.remove(key)));
                delta
            }
            other => panic!("no delta: {other:?}"),
        }
    }
}

#[test]
fn a_watch_sends_only_what_changed() {
    let mut maps = Maps::load("every_map");
    maps.write("hash", sets(0..5000));
    let by_name = maps.by_name("hash");
    let mut follower = Follower::open(&mut maps, by_name, 0);
    let first = follower.poll(&mut maps);
    assert_eq!((first.changed, first.deleted, first.entries, first.truncated), (5000, 0, 5000, false));
    let idle = follower.poll(&mut maps);
    assert_eq!((idle.changed, idle.deleted, idle.changed_blob, idle.entries), (0, 0, 0, 5000));
    maps.set("hash", &7_u32.to_ne_bytes(), &1_u64.to_ne_bytes());
    maps.one("hash", operation("delete", &8_u32.to_ne_bytes(), &[])).expect("deleted");
    maps.set("hash", &9999_u32.to_ne_bytes(), &2_u64.to_ne_bytes());
    let delta = follower.poll(&mut maps);
    assert_eq!((delta.changed, delta.deleted, delta.entries), (2, 1, 5000));
    assert_eq!(follower.known[&7_u32.to_ne_bytes().to_vec()], 1_u64.to_ne_bytes());
    assert_eq!(follower.known.len(), 5000);
    // With a limit it follows so many, and says that there are more.
    let by_name = maps.by_name("hash");
    let mut few = Follower::open(&mut maps, by_name, 10);
    let delta = few.poll(&mut maps);
    assert_eq!((delta.changed, delta.entries, delta.truncated), (10, 5000, true));
    let closed = maps.agent.request(Request::CloseWatch(pb::CloseWatch { watch: few.watch }));
    assert!(matches!(closed, Response::Empty(_)));
    assert_eq!(maps.agent.error(Request::PollWatch(pb::PollWatch { watch: few.watch })).code, "protocol");
    let queue = maps.by_name("queue");
    assert_eq!(maps.agent.error(Request::WatchMap(pb::WatchMap { map: queue, limit: 0 })).code, "map-access");
}

#[test]
fn the_inventory_knows_what_is_loaded_and_whose_it_is() {
    let mut maps = Maps::load("every_map");
    let own = maps.agent.worker();
    let id = maps.loaded.programs[0].id;
    let Response::ProgramList(list) = maps.agent.request(Request::ListPrograms(pb::ListPrograms { ids: vec![id] }))
    else {
        panic!("programs")
    };
    assert!(list.owners_known);
    let program = &list.programs[0];
    assert_eq!(program.name, "filter_with_a_name_that_is_long", "the whole name");
    assert_eq!((program.r#type.as_str(), program.gpl, program.ours), ("socket_filter", true, true));
    assert_eq!(program.owners.iter().map(|owner| owner.pid).collect::<Vec<_>>(), [own]);
    assert!(program.owners[0].ringside && program.memlock_known && program.xlated_bytes > 0);
    let constants = maps.loaded.maps.iter().find(|map| map.name.ends_with(".rodata")).expect("constants").id;
    assert_eq!(program.map_ids, [constants]);
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    assert!((program.loaded_at_ns / 1_000_000_000).abs_diff(seconds) < 60);
    let hash = maps.id("hash");
    let Response::MapList(list) = maps.agent.request(Request::ListMaps(pb::ListMaps { ids: vec![hash] })) else {
        panic!("maps")
    };
    let map = &list.maps[0];
    assert_eq!((map.name.as_str(), map.max_entries, map.ours, map.btf_id > 0), ("hash", 100_000, true, true));
    let Response::Btf(types) = maps.agent.request(Request::GetBtfById(pb::GetBtfById { id: map.btf_id })) else {
        panic!("types")
    };
    assert_eq!((maps.agent.blobs[&types.blob][..2].to_vec(), types.split), (vec![0x9f, 0xeb], false));
    // To another client they are someone else's, also while it watches one.
    let mut other = Maps { agent: Agent::start(), object_id: 0, loaded: pb::LoadResult::default() };
    let by_id = Some(pb::MapRef { r#ref: Some(Ref::Id(hash)) });
    let mut follower = Follower::open(&mut other, by_id, 0);
    assert_eq!(follower.poll(&mut other).entries, 0);
    let Response::MapList(list) = other.agent.request(Request::ListMaps(pb::ListMaps { ids: vec![hash] })) else {
        panic!("maps")
    };
    assert!(!list.maps[0].ours);
    assert_eq!(list.maps[0].owners.iter().map(|owner| owner.pid).collect::<Vec<_>>(), [own]);
    let missing = pb::ReadMap { map: Some(pb::MapRef { r#ref: Some(Ref::Id(u32::MAX)) }), ..Default::default() };
    assert_eq!(other.read(missing).expect_err("no map").code, "unknown-map");
}
