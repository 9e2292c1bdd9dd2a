//! A host whose root lets only some objects run: with `/etc/ringside` of its own, which only the agent under test sees.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::private::{self, Daemon, Folder};
use crate::support::{Agent, failed, object, object_with, only};
use ringside_proto::messages::{self as pb, request::Request, response::Response};
use sha2::{Digest, Sha256};

const PREPARE: &str = "mkdir -m 755 /etc/ringside";

fn start(more: &str) -> Agent {
    Agent::start_by(private::command(&format!("{PREPARE}; {more}")), 30_000)
}

/// The agent's own /etc/ringside.
fn etc(agent: &Agent) -> PathBuf {
    PathBuf::from("/proc").join(agent.worker().to_string()).join("root").join("etc").join("ringside")
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn put(agent: &Agent, name: &str, text: &str) {
    // In one step, as an administrator's tools do.
    let (part, place) = (etc(agent).join("part"), etc(agent).join(name));
    fs::write(&part, text).and_then(|()| fs::rename(part, place)).expect("written");
}

fn policy(agent: &mut Agent) -> pb::ObjectPolicy {
    match agent.request(Request::GetHostFacts(pb::GetHostFacts {})) {
        Response::HostFacts(facts) => facts.object_policy.expect("a policy"),
        other => panic!("no facts: {other:?}"),
    }
}

fn named(name: &str, programs: &[&str]) -> pb::ObjectOptions {
    pb::ObjectOptions { name: name.into(), ..only(programs) }
}

fn refused(agent: &mut Agent, bytes: &[u8]) -> pb::Error {
    let error = failed(agent.try_load(bytes, named("guards", &["passing"])));
    assert_eq!(error.code, "object-not-allowed", "{error:?}");
    error
}

/// What ssh-keygen makes of it.
fn signed(folder: &Path, key: &str, namespace: &str, text: &str) -> String {
    let file = folder.join("list");
    fs::write(&file, text).expect("written");
    let _ = fs::remove_file(folder.join("list.sig"));
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-q", "-n", namespace, "-f"]).arg(folder.join(key)).arg(&file).stderr(Stdio::null());
    assert!(command.status().expect("ssh-keygen (openssh-client)").success());
    fs::read_to_string(folder.join("list.sig")).expect("a signature")
}

/// Makes a key, and gives its line of allowed-signers.
fn key(folder: &Path, name: &str) -> String {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(folder.join(name));
    assert!(command.status().expect("ssh-keygen (openssh-client)").success());
    let public = fs::read_to_string(folder.join(name).with_extension("pub")).expect("a key");
    format!("{name}@example.com namespaces=\"ringside-objects\" {public}")
}

#[test]
fn only_what_is_listed_is_loaded_verified_or_takes_the_place_of_another() {
    let daemon = Daemon::start();
    let mut agent = start(&daemon.as_syslog());
    let (one, other) = (object("guards"), object_with("guards", &["-DPASS"]));
    assert_ne!(one, other);
    assert_eq!(policy(&mut agent).state, "none");
    put(&agent, "allowed-objects", &format!("# these\n{}  guards.bpf.o\n", hash(&one)));
    assert_eq!(policy(&mut agent), pb::ObjectPolicy { state: "unsigned".into(), objects: 1, ..Default::default() });
    let id = agent.load(&one, named("guards", &["passing"])).object_id;
    assert!(daemon.next().contains(": load "));

    let error = refused(&mut agent, &other);
    let expected = format!(
        "This host does not let guards (SHA-256 {}) be loaded: it is not among the 1 in /etc/ringside/allowed-objects.",
        hash(&other)
    );
    assert_eq!(error.message, expected);
    let line = daemon.next();
    assert!(
        line.starts_with("<84>") && line.contains(": refused what=load code=object-not-allowed name=guards "),
        "{line}"
    );
    assert!(line.contains(&format!(" sha256={} ", hash(&other))), "{line}");

    let object_blob = agent.upload(&other);
    let swap = pb::SwapObject { object_id: id, object_blob, ..Default::default() };
    assert_eq!(agent.error(Request::SwapObject(swap)).code, "object-not-allowed");
    let verify = pb::VerifyObject { object_blob, ..Default::default() };
    assert_eq!(agent.error(Request::VerifyObject(verify)).code, "object-not-allowed");
    assert_eq!(agent.verify(&one, pb::ObjectOptions::default()).len(), 4);
    // Types that decide where a program reads are part of what runs.
    let kernel_btf_blob = agent.upload(&fs::read("/sys/kernel/btf/vmlinux").expect("types"));
    let types = pb::ObjectOptions { kernel_btf_blob, ..named("guards", &["passing"]) };
    let error = failed(agent.try_load(&one, types));
    assert!(
        error.code == "object-not-allowed" && error.message.contains("the kernel's types that came along"),
        "{error:?}"
    );

    // A list that was replaced counts at once.
    put(&agent, "allowed-objects", &hash(&other));
    refused(&mut agent, &one);
    agent.load(&other, named("guards", &["passing"]));
    fs::remove_file(etc(&agent).join("allowed-objects")).expect("removed");
    agent.load(&one, named("guards", &["passing"]));
}

#[test]
fn with_signers_only_a_signed_list_counts() {
    let folder = Folder::new("keys");
    let (ops, _) = (key(&folder.0, "ops"), key(&folder.0, "eve"));
    let mut agent = start("");
    let bytes = object("guards");
    let list = format!("{}  guards.bpf.o\n", hash(&bytes));
    put(&agent, "allowed-signers", &ops);
    put(&agent, "allowed-objects", &list);
    let error = refused(&mut agent, &bytes);
    assert!(
        error.message.contains("/etc/ringside/allowed-objects.sig: missing") && error.message.contains(&hash(&bytes)),
        "{error:?}"
    );
    let cases = [
        (signed(&folder.0, "eve", "ringside-objects", &list), "a key that allowed-signers does not name"),
        (signed(&folder.0, "ops", "git", &list), "the namespace \"git\""),
        (signed(&folder.0, "ops", "ringside-objects", "another list"), "not the signature of this list"),
        ("not even one".to_owned(), "no armoured SSH signature"),
    ];
    for (signature, why) in cases {
        put(&agent, "allowed-objects.sig", &signature);
        let error = refused(&mut agent, &bytes);
        assert!(error.message.contains(why) && error.hint.contains("ringside doctor"), "{error:?}");
        let policy = policy(&mut agent);
        assert!(policy.state == "broken" && policy.fault.contains(why), "{policy:?}");
    }
    put(&agent, "allowed-objects.sig", &signed(&folder.0, "ops", "ringside-objects", &list));
    let expected =
        pb::ObjectPolicy { state: "signed".into(), objects: 1, signer: "ops@example.com".into(), ..Default::default() };
    assert_eq!(policy(&mut agent), expected);
    let id = agent.load(&bytes, named("guards", &["passing"])).object_id;
    // An agent that has given up what its run does not need can still read the list.
    let dropping = pb::Attach {
        object_id: id,
        programs: vec![],
        drop_capabilities: true,
        confirmed: vec!["ssh-interface".into()],
        ..Default::default()
    };
    let target = [("iface".to_owned(), "lo".to_owned())].into();
    let programs = vec![pb::AttachProgram { program: "passing".into(), target, ..Default::default() }];
    let attached = agent.request(Request::Attach(pb::Attach { programs, ..dropping }));
    assert!(matches!(attached, Response::Attach(_)), "{attached:?}");
    let error = refused(&mut agent, &object_with("guards", &["-DPASS"]));
    assert!(error.message.ends_with("/etc/ringside/allowed-objects, signed by ops@example.com."), "{error:?}");
    agent.load(&bytes, named("guards", &["passing"]));
}

#[test]
fn files_that_others_could_have_written_allow_nothing() {
    let mut agent = start("chown 12345 /etc/ringside");
    let bytes = object("guards");
    let error = refused(&mut agent, &bytes);
    assert!(error.message.contains("/etc/ringside: it belongs to user 12345, not to root"), "{error:?}");
    let mut agent = start("touch /etc/ringside/allowed-objects; chmod 666 /etc/ringside/allowed-objects");
    let error = refused(&mut agent, &bytes);
    assert!(error.message.contains("/etc/ringside/allowed-objects: others than root may write it"), "{error:?}");
}
