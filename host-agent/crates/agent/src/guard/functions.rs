//! Kernel functions on which probes are known to hang or slow down whole hosts although the kernel lets them be probed.

use ringside_proto::messages as pb;

use super::Surroundings;
use super::subject::Subject;
use crate::rpc::targets::Pattern;

pub const UNSAFE_FUNCTION: &str = "unsafe-function";

struct Danger {
    functions: &'static [&'static str],
    /// Also when only their beginning is probed.
    on_entry: bool,
    why: &'static str,
}

#[rustfmt::skip]
const DANGERS: &[Danger] = &[
    Danger {
        functions: &[
            "_raw_spin_lock", "_raw_spin_lock_bh", "_raw_spin_lock_irq", "_raw_spin_lock_irqsave", "_raw_spin_trylock",
            "_raw_spin_unlock", "_raw_spin_unlock_bh", "_raw_spin_unlock_irq", "_raw_spin_unlock_irqrestore",
            "_raw_read_lock", "_raw_read_lock_irqsave", "_raw_read_unlock", "_raw_write_lock", "_raw_write_lock_irqsave",
            "_raw_write_unlock", "do_raw_spin_lock", "do_raw_spin_unlock", "queued_spin_lock_slowpath",
            "native_queued_spin_lock_slowpath", "__pv_queued_spin_lock_slowpath", "queued_read_lock_slowpath",
            "queued_write_lock_slowpath", "resilient_queued_spin_lock_slowpath",
        ],
        on_entry: false,
        why: "the probe takes spinlocks of its own on the way back, and a CPU that waits for itself never comes back",
    },
    Danger {
        functions: &["__rcu_read_lock", "__rcu_read_unlock", "rcu_read_unlock_strict", "rcu_read_unlock_special", "migrate_disable", "migrate_enable", "preempt_count_add", "preempt_count_sub"],
        on_entry: true,
        why: "every BPF program calls it before it begins, so the probe runs itself again",
    },
    Danger {
        functions: &["ktime_get", "ktime_get_mono_fast_ns", "sched_clock", "sched_clock_cpu", "local_clock", "trace_clock_local", "perf_trace_run_bpf_submit", "trace_call_bpf"],
        on_entry: true,
        why: "tracing itself calls it for each event, so every event makes another",
    },
    Danger {
        functions: &["exc_nmi", "default_do_nmi", "nmi_handle", "do_nmi", "exc_machine_check", "do_machine_check"],
        on_entry: true,
        why: "it runs in non-maskable interrupts, which may come while the probe's own locks are held",
    },
    Danger {
        functions: &["__schedule", "finish_task_switch", "ret_from_fork", "do_exit", "do_task_dead", "make_task_dead", "__switch_to"],
        on_entry: false,
        why: "it returns on another stack or not at all, which uses up the return probe or leads it astray",
    },
];

pub fn unsafe_function(subject: &Subject, _: &Surroundings) -> Option<pb::Finding> {
    let (entry, on_return) = match subject.kind {
        "kprobe" => (!subject.on_return, subject.on_return),
        "kprobe.multi" => (!subject.on_return, subject.on_return),
        "kprobe.session" | "fsession" | "fsession.multi" => (true, true),
        "fentry" | "fentry.multi" => (true, false),
        "fexit" | "fexit.multi" | "fmod_ret" => (false, true),
        _ => return None,
    };
    let wanted = subject.function();
    if wanted.is_empty() {
        return None;
    }
    let pattern = Pattern::new(wanted);
    let counts = |danger: &&Danger| on_return || (entry && danger.on_entry);
    let dangers = DANGERS.iter().filter(counts);
    let mut met = dangers.flat_map(|danger| danger.functions.iter().map(move |function| (*function, danger.why)));
    let (function, why) = met.find(|(function, _)| pattern.takes(function))?;
    let how = if on_return { "the return of" } else { "the beginning of" };
    let among = if pattern.literal().is_some() { String::new() } else { format!(" (one of {wanted})") };
    let reason = format!("{} probes {how} {function}{among}, which can hang the host: {why}.", subject.program);
    Some(subject.finding(UNSAFE_FUNCTION, wanted, reason, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(kind: &'static str, function: &str, on_return: bool) -> Option<pb::Finding> {
        let mut subject = Subject::ending_with(kind, 0).in_section(function);
        subject.on_return = on_return;
        unsafe_function(&subject, &Surroundings::default())
    }

    #[test]
    fn returns_from_spinlocks() {
        let found = probe("kprobe", "_raw_spin_lock", true).expect("a finding");
        assert!(found.reason.contains("the return of _raw_spin_lock"), "{}", found.reason);
        assert!(probe("fexit", "queued_spin_lock_slowpath", false).is_some());
        assert!(probe("kprobe", "_raw_spin_lock", false).is_none(), "its beginning may be probed");
    }

    #[test]
    fn patterns_that_take_one_of_them() {
        let found = probe("kprobe.multi", "_raw_spin_*", true).expect("a finding");
        assert!(found.reason.contains("one of _raw_spin_*"), "{}", found.reason);
        assert!(probe("kprobe.multi", "vfs_*", true).is_none());
        assert!(probe("kprobe.session", "*", false).is_some());
    }

    #[test]
    fn what_tracing_itself_calls() {
        assert!(probe("kprobe", "preempt_count_add", false).is_some());
        assert!(probe("kprobe", "do_unlinkat", true).is_none());
        assert!(probe("uprobe", "ktime_get", false).is_none(), "a function of a program is no kernel function");
    }
}
