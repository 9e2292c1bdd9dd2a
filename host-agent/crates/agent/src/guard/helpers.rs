//! Helpers that change what other programs on the host do.

use ringside_proto::messages as pb;

use super::Surroundings;
use super::subject::Subject;

pub const OVERRIDE_RETURN: &str = "override-return";
pub const WRITE_USER_MEMORY: &str = "write-user-memory";
pub const SEND_SIGNAL: &str = "send-signal";

const OVERRIDE: &[(i32, &str)] = &[(58, "bpf_override_return")];
const WRITE: &[(i32, &str)] = &[(36, "bpf_probe_write_user")];
const SIGNAL: &[(i32, &str)] = &[(109, "bpf_send_signal"), (117, "bpf_send_signal_thread")];

pub fn override_return(subject: &Subject, here: &Surroundings) -> Option<pb::Finding> {
    let helper = subject.calls(OVERRIDE)?;
    let function = subject.function();
    let reason = format!(
        "{} calls {helper}: {} can fail for every process of the host without being run.",
        subject.program,
        if function.is_empty() { "the function that it probes" } else { function }
    );
    Some(subject.finding(OVERRIDE_RETURN, function, reason, here.ssh.is_some()))
}

pub fn write_user_memory(subject: &Subject, _: &Surroundings) -> Option<pb::Finding> {
    let helper = subject.calls(WRITE)?;
    let reason = format!(
        "{} calls {helper}: it can overwrite the memory of every process that it runs in, which may crash or misbehave.",
        subject.program
    );
    Some(subject.finding(WRITE_USER_MEMORY, "", reason, false))
}

pub fn send_signal(subject: &Subject, _: &Surroundings) -> Option<pb::Finding> {
    let helper = subject.calls(SIGNAL)?;
    let reason = format!(
        "{} calls {helper}: it can stop or kill every process that it runs in, sshd and the service manager too.",
        subject.program
    );
    Some(subject.finding(SEND_SIGNAL, "", reason, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::ssh::SshPath;

    #[test]
    fn each_helper_is_named() {
        let here = Surroundings::default();
        let overriding = Subject::calling("kprobe", 58).in_section("__x64_sys_read+0x0");
        let found = override_return(&overriding, &here).expect("a finding");
        assert_eq!((found.target.as_str(), found.cutting), ("__x64_sys_read", false));
        assert!(found.reason.contains("bpf_override_return") && found.reason.contains("__x64_sys_read"));
        assert!(write_user_memory(&Subject::calling("kprobe", 36), &here).is_some());
        let thread = send_signal(&Subject::calling("tracepoint", 117), &here).expect("a finding");
        assert!(thread.reason.contains("bpf_send_signal_thread"), "{}", thread.reason);
        assert!(send_signal(&Subject::calling("tracepoint", 109), &here).is_some());
    }

    #[test]
    fn an_overridden_system_call_can_cut_the_connection() {
        let over_ssh = Surroundings { ssh: Some(SshPath::default()) };
        assert!(override_return(&Subject::calling("kprobe", 58), &over_ssh).is_some_and(|found| found.cutting));
    }

    #[test]
    fn other_helpers_are_nobodys_concern() {
        let here = Surroundings::default();
        let plain = Subject::calling("kprobe", 14);
        assert!(override_return(&plain, &here).is_none() && write_user_memory(&plain, &here).is_none());
        assert!(send_signal(&plain, &here).is_none());
    }
}
