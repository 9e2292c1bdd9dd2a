//! What of an object is loaded on this host, and with which options.

use std::collections::BTreeMap;

use crate::support::{Agent, call_getpid, object, only_me};
use ringside_proto::messages::{self as pb, request::Request, response::Response};

fn failed(response: Response) -> pb::Error {
    match response {
        Response::Error(error) => error,
        other => panic!("an error was due, not {other:?}"),
    }
}

fn leaving_out(options: pb::ObjectOptions) -> pb::ObjectOptions {
    pb::ObjectOptions { leave_out: true, ..options }
}

fn only(programs: &[&str]) -> pb::ObjectOptions {
    pb::ObjectOptions { programs: programs.iter().map(|name| (*name).to_owned()).collect(), ..Default::default() }
}

fn option(program: &str, kind: &str, attach: &str, target: &[(&str, &str)]) -> pb::ProgramOption {
    pb::ProgramOption {
        program: program.into(),
        r#type: kind.into(),
        attach_type: attach.into(),
        target: target.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
    }
}

fn loaded_names(result: &pb::LoadResult) -> Vec<&str> {
    result.programs.iter().filter(|program| program.loaded).map(|program| program.name.as_str()).collect()
}

/// Code and what is used instead, by program.
fn left_out(result: &pb::LoadResult) -> BTreeMap<&str, (&str, &str)> {
    result
        .left_out
        .iter()
        .map(|left| {
            let reason = left.reason.as_ref().expect("a reason");
            assert!(!reason.message.is_empty() && !reason.hint.is_empty(), "{left:?}");
            (left.program.as_str(), (reason.code.as_str(), left.instead.as_str()))
        })
        .collect()
}

fn attach_feature(agent: &mut Agent, kind: &str) -> bool {
    let Response::Features(features) = agent.request(Request::ProbeFeatures(pb::ProbeFeatures {})) else {
        panic!("features")
    };
    features.attach.iter().find(|feature| feature.kind == kind).expect(kind).ok
}

#[test]
fn of_variants_the_best_is_loaded_and_each_call_counted_once() {
    let mut agent = Agent::start();
    let result = agent.load(&object("variants"), leaving_out(only_me()));
    let left = left_out(&result);
    assert_eq!(left["enter_raw"], ("variant-not-used", "enter_btf"));
    assert_eq!(left["gone"].0, if attach_feature(&mut agent, "fentry") { "target-not-found" } else { left["gone"].0 });
    assert_eq!(left["gone_event"].0, "target-not-found");
    let loaded = loaded_names(&result);
    assert!(loaded.contains(&"enter_btf") && loaded.contains(&"on_getpid"), "{loaded:?}");
    assert!(!loaded.contains(&"optional"));
    // At most one of the two on the idle function, whatever this kernel has.
    assert!(!(loaded.contains(&"probe_idle") && loaded.contains(&"trampoline_idle")), "{loaded:?}");
    if attach_feature(&mut agent, "fentry") {
        assert_eq!(left["probe_idle"], ("variant-not-used", "trampoline_idle"));
    }
    agent.attach_all(result.object_id);
    call_getpid(100);
    agent.detach(result.object_id);
    let counted = agent.globals(result.object_id, ".bss");
    let counted: Vec<u64> = counted.into_iter().filter(|count| *count > 0).collect();
    assert!(
        counted.len() == 2 && counted.iter().all(|count| *count >= 100),
        "one form of the event, and the tracepoint: {counted:?}"
    );
}

#[test]
fn strict_loading_fails_at_the_first_and_named_programs_are_not_second_guessed() {
    let mut agent = Agent::start();
    let bytes = object("variants");
    assert!(!failed(agent.try_load(&bytes, only_me())).code.is_empty());
    let both = leaving_out(only(&["enter_raw", "enter_btf"]));
    assert_eq!(loaded_names(&agent.load(&bytes, both)), ["enter_raw", "enter_btf"]);
    let optional = only(&["optional"]);
    assert_eq!(loaded_names(&agent.load(&bytes, optional)), ["optional"]);
}

#[test]
fn lessons_are_loaded_whole() {
    let mut agent = Agent::start();
    let result = agent.load(&object("lessons"), leaving_out(Default::default()));
    assert_eq!(loaded_names(&result), ["say_raw", "say_btf"], "{:?}", result.left_out);
}

#[test]
fn what_the_host_lacks_is_left_out_with_the_reason_and_the_rest_runs() {
    let mut agent = Agent::start();
    let result = agent.load(&object("partly"), leaving_out(Default::default()));
    assert_eq!(loaded_names(&result), ["fine"]);
    let left = left_out(&result);
    let expected = [
        ("wants_field", "core-relocation"),
        ("wants_function", "kfunc-missing"),
        ("wants_symbol", "ksym-missing"),
        ("wants_value", "kconfig-missing"),
        ("wants_helper", "helper-missing"),
        ("wants_other_type", "helper-missing"),
        ("reads_beyond", "verifier-rejected"),
        ("of_no_kind", "unknown-section"),
    ];
    for (program, code) in expected {
        assert_eq!(left[program].0, code, "{program}: {:?}", result.left_out);
    }
    let rejected = result.left_out.iter().find(|left| left.program == "reads_beyond").expect("left out");
    let log = rejected.reason.as_ref().expect("a reason").log_blob;
    assert!(String::from_utf8_lossy(&agent.blobs[&log]).contains("invalid bpf_context access"));
}

#[test]
fn when_nothing_is_left_the_weightiest_reason_is_the_error() {
    let mut agent = Agent::start();
    let bytes = object("partly");
    let error = failed(agent.try_load(&bytes, leaving_out(only(&["of_no_kind", "wants_field", "reads_beyond"]))));
    assert_eq!(error.code, "verifier-rejected");
    assert!(error.message.contains("None of the other 2 programs"), "{}", error.message);
    let error = failed(agent.try_load(&bytes, leaving_out(only(&["wants_symbol"]))));
    assert_eq!(error.code, "ksym-missing");
}

#[test]
fn types_and_targets_can_be_said_from_outside() {
    let mut agent = Agent::start();
    let bytes = object("placeholders");
    let chosen =
        |program: &str, one: pb::ProgramOption| pb::ObjectOptions { program_options: vec![one], ..only(&[program]) };
    let mut kind = |program: &str, one: pb::ProgramOption| {
        let result = agent.load(&bytes, chosen(program, one));
        result.programs.into_iter().find(|one| one.name == program && one.loaded).expect("loaded").r#type
    };
    assert_eq!(kind("pass", option("pass", "xdp", "xdp", &[])), "xdp");
    assert_eq!(kind("inside", option("inside", "cgroup_skb", "cgroup_inet_ingress", &[])), "cgroup_skb");
    assert_eq!(kind("on_event", option("on_event", "", "", &[("event", "sys_enter")])), "tracing");
    assert_eq!(kind("walk", option("walk", "", "", &[("func", "task")])), "tracing");
    let mut code = |program: &str, one: pb::ProgramOption| failed(agent.try_load(&bytes, chosen(program, one))).code;
    assert_eq!(code("pass", option("pass", "", "", &[])), "unknown-section");
    assert_eq!(code("pass", option("pass", "no_such_type", "", &[])), "bad-value");
    assert_eq!(code("pass", option("pass", "xdp", "no_such_attach", &[])), "bad-value");
    assert_eq!(code("pass", option("nobody", "xdp", "", &[])), "unknown-program");
    assert_eq!(code("on_event", option("on_event", "", "", &[])), "target-needed");
    assert_eq!(code("on_event", option("on_event", "", "", &[("event", "no_such_event")])), "target-not-found");
    assert_eq!(code("replacement", option("replacement", "", "", &[])), "target-needed");
    assert_eq!(
        code("replacement", option("replacement", "", "", &[("program", "no_such_program")])),
        "target-not-found"
    );
    let all = agent.load(
        &bytes,
        leaving_out(pb::ObjectOptions { program_options: vec![option("pass", "xdp", "", &[])], ..Default::default() }),
    );
    let left = left_out(&all);
    assert_eq!(loaded_names(&all), ["pass"]);
    assert_eq!((left["inside"].0, left["on_event"].0), ("unknown-section", "target-needed"));
    assert_eq!((left["walk"].0, left["replacement"].0), ("target-needed", "target-needed"));
}

#[test]
fn a_function_of_a_loaded_program_is_replaced() {
    let mut agent = Agent::start();
    let base = agent.load(&object("replaceable"), Default::default());
    let id = base.programs.iter().find(|program| program.name == "with_replaceable").expect("loaded").id.to_string();
    for target in [id.as_str(), "with_replaceable"] {
        let one = option("replacement", "", "", &[("program", target)]);
        let options = pb::ObjectOptions { program_options: vec![one], ..only(&["replacement"]) };
        match agent.try_load(&object("placeholders"), options) {
            Response::Load(result) => assert_eq!(loaded_names(&result), ["replacement"]),
            // Kernels that refuse trampolines (a lockdown of tracing does) refuse these too, but only after the target was
            // found.
            other => {
                let refused = failed(other);
                assert!(["no-permission", "lockdown"].contains(&refused.code.as_str()), "{refused:?}");
                assert!(!attach_feature(&mut agent, "fentry"), "{refused:?}");
            }
        }
    }
    let one = option("replacement", "", "", &[("program", &id), ("func", "no_such_function")]);
    let options = pb::ObjectOptions { program_options: vec![one], ..only(&["replacement"]) };
    assert_eq!(failed(agent.try_load(&object("placeholders"), options)).code, "target-not-found");
}
