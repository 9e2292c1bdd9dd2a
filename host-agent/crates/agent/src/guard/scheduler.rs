//! struct_ops that take the host over.

use ringside_proto::messages as pb;

use super::Surroundings;

pub const SCHEDULER: &str = "scheduler";
const SCHEDULERS: &str = "sched_ext_ops";

/// `kind` is the kernel's struct that `map` implements.
pub fn scheduler(map: &str, kind: &str, here: &Surroundings) -> Option<pb::Finding> {
    // libbpf knows versions of a struct by a suffix: sched_ext_ops___v2.
    let kind = kind.split("___").next().unwrap_or(kind);
    (kind == SCHEDULERS).then(|| pb::Finding {
        rule: SCHEDULER.into(),
        program: map.to_owned(),
        target: kind.to_owned(),
        reason: format!(
            "{map} replaces the scheduler of the whole host: a fault in it stalls every process, sshd included, until the kernel throws it out."
        ),
        cutting: here.ssh.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedulers_only() {
        let here = Surroundings::default();
        assert!(scheduler("simple", "sched_ext_ops", &here).is_some_and(|found| !found.cutting));
        assert!(scheduler("simple", "sched_ext_ops___v2", &here).is_some());
        assert!(scheduler("cubic", "tcp_congestion_ops", &here).is_none());
    }
}
