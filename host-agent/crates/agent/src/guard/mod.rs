//! Guards: what is loaded and attached only after somebody has confirmed it, and what is taken back by the host unless
//! that is confirmed once more over the living connection. The agent decides; the engine only asks.
//!
//! A rule is a function that looks at a program and its surroundings and gives at most one finding.

mod amounts;
mod commitments;
mod functions;
mod helpers;
mod outcome;
mod scheduler;
mod security;
mod ssh;
mod subject;
mod traffic;
mod values;
mod verdicts;

use ringside_proto::messages as pb;

use crate::attach::Scope;
use crate::attach::struct_ops::Wanted;
use crate::failure::{Answer, Failure};
use crate::session::Attached;
use ssh::SshPath;
use subject::Subject;

pub use amounts::map_memory;
pub use commitments::Commitments;
pub use ssh::client as client_of_ssh;

/// What surrounds the program.
#[derive(Default)]
pub struct Surroundings {
    /// The way of the client's ssh connection; none without one.
    pub ssh: Option<SshPath>,
}

/// What the program or its target is asked by; the ones that look at a whole object stand beside it.
type Rule = fn(&Subject, &Surroundings) -> Option<pb::Finding>;

const RULES: [Rule; 10] = [
    traffic::interface,
    traffic::cgroup,
    traffic::socket,
    traffic::netns,
    security::lsm,
    security::fmod_ret,
    helpers::override_return,
    helpers::write_user_memory,
    helpers::send_signal,
    functions::unsafe_function,
];

/// Also for programs that are reached by a tail call, wherever they are attached.
const RULES_FOR_TAIL_CALLS: [Rule; 3] = [helpers::override_return, helpers::write_user_memory, helpers::send_signal];

/// Everything that speaks against attaching, and whether anything lies on the way of the ssh connection.
pub struct Examined {
    pub findings: Vec<pb::Finding>,
    on_the_way: bool,
}

/// What was confirmed.
#[derive(Default)]
pub struct Guarded {
    /// Findings of what may cut the connection.
    pub to_commit: Vec<pb::Finding>,
    /// A networking program lies on the connection's way, whatever it does.
    pub on_the_way: bool,
}

impl Examined {
    /// Errors: guard-confirmation-needed with every finding whose rule is not confirmed.
    pub fn confirmed(self, confirmed: &[String]) -> Answer<Guarded> {
        let findings = check(self.findings, confirmed)?;
        let to_commit: Vec<pb::Finding> = findings.into_iter().filter(|finding| finding.cutting).collect();
        Ok(Guarded { on_the_way: self.on_the_way || !to_commit.is_empty(), to_commit })
    }
}

/// `attached`: separate probes that are there already.
pub fn examine(scope: &Scope<'_>, wanted: &[pb::AttachProgram], attached: usize) -> Examined {
    let of = |one: &pb::AttachProgram| Subject::of(&scope.object.program(&one.program)?, &one.target);
    let subjects: Vec<Subject> = wanted.iter().filter_map(of).collect();
    let placed = subjects.iter().any(|subject| traffic::has_place(subject.kind));
    let here = Surroundings { ssh: SshPath::of_this_agent(placed) };
    let mut findings: Vec<pb::Finding> =
        subjects.iter().flat_map(|subject| RULES.iter().filter_map(|rule| rule(subject, &here))).collect();
    findings.extend(behind_tail_calls(scope, &subjects, &here));
    findings.extend(registered(scope, wanted, &here));
    findings.extend(amounts::many_probes(attached, &subjects));
    let on_the_way =
        here.ssh.as_ref().is_some_and(|path| subjects.iter().any(|subject| traffic::place(subject, path).is_some()));
    Examined { findings, on_the_way }
}

/// Programs that are loaded and not attached themselves, if one that is jumps to others.
fn behind_tail_calls(scope: &Scope<'_>, subjects: &[Subject], here: &Surroundings) -> Vec<pb::Finding> {
    const TAIL_CALL: &[(i32, &str)] = &[(12, "bpf_tail_call")];
    if subjects.iter().all(|subject| subject.calls(TAIL_CALL).is_none()) {
        return Vec::new();
    }
    let loaded = scope.object.programs().into_iter().filter(|program| program.fd().is_some());
    let others = loaded.filter(|program| subjects.iter().all(|subject| subject.program != program.name()));
    let others = others.filter_map(|program| Subject::of(&program, &Default::default()));
    others
        .flat_map(|subject| RULES_FOR_TAIL_CALLS.iter().filter_map(|rule| rule(&subject, here)).collect::<Vec<_>>())
        .collect()
}

fn registered(scope: &Scope<'_>, wanted: &[pb::AttachProgram], here: &Surroundings) -> Vec<pb::Finding> {
    let maps = wanted.iter().flat_map(|one| Wanted::Called(&one.program).among(scope.object));
    let mut findings: Vec<pb::Finding> =
        maps.filter_map(|ops| scheduler::scheduler(ops.map.name(), &ops.kind, here)).collect();
    findings.dedup();
    findings
}

/// How many perf events of probes these attachments hold.
pub fn separate_probes(scope: &Scope<'_>, attached: &[Attached]) -> usize {
    let separate = attached.iter().filter(|one| {
        let program = scope.object.program(&one.program);
        let kind = program.and_then(|program| crate::attach::kind_name(&program, &one.choices));
        kind.is_some_and(amounts::is_separate)
    });
    separate.map(|one| one.links.len()).sum()
}

/// The findings, if the rule of each is confirmed. Errors: guard-confirmation-needed.
pub fn check(findings: Vec<pb::Finding>, confirmed: &[String]) -> Answer<Vec<pb::Finding>> {
    let open: Vec<pb::Finding> =
        findings.iter().filter(|finding| !confirmed.contains(&finding.rule)).cloned().collect();
    if open.is_empty() {
        return Ok(findings);
    }
    let mut rules: Vec<&str> = open.iter().map(|finding| finding.rule.as_str()).collect();
    rules.dedup();
    let reasons: Vec<String> = open.iter().map(|finding| format!("{}: {}", finding.rule, finding.reason)).collect();
    let hint = format!("If that is what you want, confirm it: --confirm {}.", rules.join(","));
    let message = format!("This needs your confirmation. {}", reasons.join(" "));
    Err(Failure { findings: open, ..Failure::new("guard-confirmation-needed", message).hint(hint) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 13] = [
        traffic::SSH_INTERFACE,
        traffic::SSH_CGROUP,
        traffic::SSH_SOCKET,
        traffic::SSH_NETNS,
        security::LSM_DENY,
        security::FMOD_RET_DENY,
        scheduler::SCHEDULER,
        helpers::OVERRIDE_RETURN,
        helpers::WRITE_USER_MEMORY,
        helpers::SEND_SIGNAL,
        functions::UNSAFE_FUNCTION,
        amounts::MANY_PROBES,
        amounts::MAP_MEMORY,
    ];

    fn finding(rule: &str, cutting: bool) -> pb::Finding {
        pb::Finding { rule: rule.into(), reason: format!("reason of {rule}."), cutting, ..pb::Finding::default() }
    }

    fn examined(findings: Vec<pb::Finding>) -> Examined {
        Examined { findings, on_the_way: false }
    }

    #[test]
    fn all_findings_are_told_at_once() {
        let both = vec![finding("send-signal", false), finding("lsm-deny", true)];
        let failure = check(both.clone(), &[]).expect_err("refused");
        assert_eq!((failure.code, failure.findings.len()), ("guard-confirmation-needed", 2));
        assert!(failure.message.contains("reason of send-signal.") && failure.message.contains("reason of lsm-deny."));
        assert_eq!(failure.hint, "If that is what you want, confirm it: --confirm send-signal,lsm-deny.");
        let rest = check(both, &["lsm-deny".into()]).expect_err("refused");
        assert_eq!(rest.findings, [finding("send-signal", false)]);
    }

    #[test]
    fn what_may_cut_has_to_be_committed() {
        let confirmed = ["lsm-deny".to_owned(), "send-signal".to_owned()];
        let guarded = examined(vec![finding("send-signal", false), finding("lsm-deny", true)]).confirmed(&confirmed);
        let guarded = guarded.unwrap_or_default();
        assert_eq!(guarded.to_commit, [finding("lsm-deny", true)]);
        assert!(guarded.on_the_way);
        assert!(examined(Vec::new()).confirmed(&[]).is_ok_and(|guarded| guarded.to_commit.is_empty()));
    }

    /// The page for people has every rule, and no rule that is not there.
    #[test]
    fn every_rule_is_documented() {
        let page = include_str!("../../../../../docs/guards.md");
        let documented: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(documented, NAMES);
    }
}
