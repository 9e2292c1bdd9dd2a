//! Names of addresses: kernel, BPF programs, processes here and in namespaces of their own.

use std::fs;
use std::process::{Child, Command};

use crate::support::{Agent, object, only_me, wait_until};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

fn ask(agent: &mut Agent, pid: u32, addresses: &[u64]) -> Response {
    agent.request(Request::Symbolize(pb::Symbolize { pid, addresses: addresses.to_vec() }))
}

fn symbols(agent: &mut Agent, pid: u32, addresses: &[u64]) -> Vec<pb::Symbol> {
    match ask(agent, pid, addresses) {
        Response::Symbolize(result) => result.symbols,
        other => panic!("no symbols: {other:?}"),
    }
}

/// A process of the test, ended with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the first executable mapping of that file begins.
fn mapped(pid: u32, file: &str) -> Option<u64> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let line = maps.lines().find(|line| line.ends_with(file) && line.contains(" r-xp "))?;
    u64::from_str_radix(line.split('-').next()?, 16).ok()
}

#[test]
fn the_kernels_own_programs_have_their_names() {
    let mut agent = Agent::start();
    let loaded = agent.load(&object("ring"), only_me());
    let program = loaded.programs.iter().find(|program| program.loaded).expect("a program");
    let kallsyms = fs::read_to_string("/proc/kallsyms").expect("kallsyms");
    let own = format!("bpf_prog_{}_", program.tag);
    let line = kallsyms.lines().find(|line| line.contains(&own)).expect("the program's code");
    let address = u64::from_str_radix(&line[..16], 16).expect("an address");
    let found = &symbols(&mut agent, 0, &[address + 2])[0];
    assert_eq!((found.module.as_str(), found.build_id.as_str(), found.offset), ("bpf", program.tag.as_str(), 2));
    assert!(program.name.starts_with(&found.name) || found.name.starts_with(&program.name), "{found:?}");
    // The kernel itself has a build id, and counts from its beginning.
    let line = kallsyms.lines().find(|line| line.ends_with(" T vfs_read")).expect("vfs_read");
    let stext = kallsyms.lines().find(|line| line.ends_with(" T _stext")).expect("_stext");
    let number = |line: &str| u64::from_str_radix(&line[..16], 16).expect("an address");
    let found = &symbols(&mut agent, 0, &[number(line)])[0];
    assert_eq!((found.build_id.len(), found.module_offset), (40, number(line) - number(stext)));
}

#[test]
fn a_binary_that_only_the_process_sees_is_found() {
    let script = "mount -t tmpfs ringside-test /mnt && cp /bin/sleep /mnt/hidden && exec /mnt/hidden 60";
    let process = Running(Command::new("unshare").args(["-m", "sh", "-c", script]).spawn().expect("unshare"));
    let pid = process.0.id();
    wait_until("the hidden program", || mapped(pid, "/mnt/hidden").is_some() && mapped(pid, "/libc.so.6").is_some());
    assert!(!fs::exists("/mnt/hidden").expect("/mnt"), "the mount is the process's own");
    let code = mapped(pid, "/mnt/hidden").expect("code");
    let libc = mapped(pid, "/libc.so.6").expect("libc");
    let mut agent = Agent::start();
    let found = symbols(&mut agent, pid, &[code, libc, 1]);
    assert_eq!(found[0].module, "/mnt/hidden");
    let notes = Command::new("readelf").args(["-n", "/bin/sleep"]).output().expect("readelf");
    assert!(String::from_utf8_lossy(&notes.stdout).contains(&found[0].build_id) && !found[0].build_id.is_empty());
    assert!(found[1].module.ends_with("/libc.so.6") && found[1].module_offset > 0, "{found:?}");
    assert_eq!(found[2], pb::Symbol::default());
}

#[test]
fn what_a_runtime_compiled_is_named_by_its_perf_map() {
    let code = vec![0_u8; 1 << 20];
    let address = code.as_ptr() as u64 + 4096;
    let path = format!("/tmp/perf-{}.map", std::process::id());
    fs::write(&path, format!("{address:x} 40 LazyCompile:*answer app.js:3\n")).expect("the map");
    let mut agent = Agent::start();
    let found = symbols(&mut agent, std::process::id(), &[address + 8]);
    fs::remove_file(&path).expect("clean up");
    assert_eq!((found[0].name.as_str(), found[0].offset), ("LazyCompile:*answer app.js:3", 8));
}

#[test]
fn a_process_that_is_gone_is_explained_and_the_agent_lives_on() {
    let mut agent = Agent::start();
    let mut child = Command::new("/bin/true").spawn().expect("a child");
    let pid = child.id();
    child.wait().expect("ended");
    match ask(&mut agent, pid, &[4096]) {
        Response::Error(error) => {
            assert_eq!(error.code, "target-not-found");
            assert!(error.message.contains(&pid.to_string()) && !error.hint.is_empty(), "{error:?}");
        }
        other => panic!("an error was due, not {other:?}"),
    }
    let own = mapped(std::process::id(), "/libc.so.6").expect("libc");
    assert!(!symbols(&mut agent, std::process::id(), &[own])[0].module.is_empty());
}

#[test]
fn looking_up_names_leaves_the_agent_small() {
    let mut agent = Agent::start();
    let kallsyms = fs::read_to_string("/proc/kallsyms").expect("kallsyms");
    let kernel: Vec<u64> = kallsyms
        .lines()
        .filter(|line| line.contains(" T "))
        .filter_map(|line| u64::from_str_radix(&line[..16], 16).ok())
        .step_by(37)
        .collect();
    let own = mapped(std::process::id(), "/libc.so.6").expect("libc");
    let user: Vec<u64> = (0..1_000).map(|step| own + step * 64).collect();
    for _ in 0..10 {
        assert!(symbols(&mut agent, 0, &kernel).iter().filter(|symbol| !symbol.name.is_empty()).count() > 1_000);
        assert!(
            symbols(&mut agent, std::process::id(), &user).iter().all(|symbol| symbol.module.ends_with("libc.so.6"))
        );
    }
    let resident = agent.resident_bytes();
    assert!(resident < 20 << 20, "{resident} bytes");
}
