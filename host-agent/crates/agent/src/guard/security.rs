//! Programs that can deny what the kernel is asked for: security hooks and modified returns.

use ringside_proto::messages as pb;

use super::Surroundings;
use super::subject::Subject;
use super::traffic::place;
use super::verdicts::harm;

pub const LSM_DENY: &str = "lsm-deny";
pub const FMOD_RET_DENY: &str = "fmod-ret-deny";

pub fn lsm(subject: &Subject, here: &Surroundings) -> Option<pb::Finding> {
    let everywhere = match subject.kind {
        "lsm" => true,
        "lsm_cgroup" => false,
        _ => return None,
    };
    let harm = harm(subject)?;
    let (program, hook) = (&subject.program, subject.function());
    let cutting = match &here.ssh {
        Some(path) => everywhere || place(subject, path).is_some(),
        None => false,
    };
    let whom = if everywhere { "every process of the host" } else { "the processes of the control group" };
    let ssh = if cutting { ", sshd and this agent included" } else { "" };
    let reason = format!("{program} decides for {whom}{ssh} on {hook}: {harm}.");
    Some(subject.finding(LSM_DENY, hook, reason, cutting))
}

pub fn fmod_ret(subject: &Subject, here: &Surroundings) -> Option<pb::Finding> {
    if subject.kind != "fmod_ret" {
        return None;
    }
    let harm = harm(subject)?;
    let (program, function) = (&subject.program, subject.function());
    let reason = format!("{program} decides for every process of the host whether {function} runs: {harm}.");
    Some(subject.finding(FMOD_RET_DENY, function, reason, here.ssh.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::ssh::SshPath;

    fn over_ssh() -> Surroundings {
        Surroundings { ssh: Some(SshPath::default()) }
    }

    #[test]
    fn a_hook_that_can_deny_can_cut_every_connection() {
        let denying = Subject::ending_with("lsm", -1).in_section("socket_sendmsg");
        let found = lsm(&denying, &over_ssh()).expect("a finding");
        assert_eq!((found.rule.as_str(), found.target.as_str(), found.cutting), (LSM_DENY, "socket_sendmsg", true));
        assert!(found.reason.contains("-EPERM") && found.reason.contains("sshd"), "{}", found.reason);
        assert!(lsm(&denying, &Surroundings::default()).is_some_and(|found| !found.cutting));
        assert!(lsm(&Subject::ending_with("lsm", 0), &over_ssh()).is_none());
    }

    #[test]
    fn a_hook_of_another_control_group_cuts_nothing() {
        let denying = Subject::ending_with("lsm_cgroup", 0).with("cgroup", "/ringside-no-such.slice");
        assert!(lsm(&denying, &over_ssh()).is_some_and(|found| !found.cutting));
        assert!(lsm(&Subject::ending_with("lsm_cgroup", 1), &over_ssh()).is_none());
    }

    #[test]
    fn a_modified_return() {
        let denying = Subject::ending_with("fmod_ret", -1).in_section("__x64_sys_openat");
        assert!(fmod_ret(&denying, &over_ssh()).is_some_and(|found| found.target == "__x64_sys_openat"));
        assert!(fmod_ret(&Subject::ending_with("fmod_ret", 0), &over_ssh()).is_none());
        assert!(fmod_ret(&Subject::ending_with("fexit", -1), &over_ssh()).is_none());
    }
}
