//! What speaks against a hook on this kernel. Every answer may be "nothing known", which never keeps a program from being
//! tried.

use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, PoisonError};

use ringside_bpf::error::describe;
use ringside_bpf::probe::{self, attach};
use ringside_bpf::{btf, log, os, token};

use super::hook::{Hook, Means, Moment};
use crate::failure::libc_errno::{EACCES, EPERM};
use crate::failure::{Failure, no_permission};
use crate::knowledge::{Kernel, Refusal};
use crate::rpc::host;

/// Why the kernel has nothing under the hook's name that a program could be attached to.
pub fn missing(kernel: &Kernel, hook: &Hook) -> Option<Refusal> {
    let name = &hook.name;
    match hook.means {
        Means::Kprobe | Means::KprobeMulti => kernel.kprobe(name),
        Means::Ksyscall => match syscall_functions(name).any(|function| kernel.kprobe(&function).is_ok()) {
            true => Ok(()),
            // The name that tells most in the answer.
            false => kernel.kprobe(&format!("__{}_sys_{name}", architecture())),
        },
        Means::Trampoline | Means::ModifyReturn => kernel.fentry(name),
        Means::Tracepoint => kernel.tracepoint(&hook.group, name),
        Means::TpBtf | Means::RawTracepoint => kernel.raw_tracepoint(name),
        Means::Lsm => kernel.lsm_hook(name),
        Means::Iterator => match kernel.typed() {
            Some(typed) if !typed.functions.contains(&format!("bpf_iter_{name}")) => {
                let iterators = typed.functions.names().filter_map(|name| name.strip_prefix("bpf_iter_"));
                let nearest = crate::knowledge::names::nearest(name, iterators);
                Err(Refusal { reason: "this kernel has no such iterator".into(), nearest, ..Refusal::default() })
            }
            _ => Ok(()),
        },
    }
    .err()
}

/// As libbpf's ksyscall looks for it, on the architectures that have an agent.
fn syscall_functions(call: &str) -> impl Iterator<Item = String> {
    ["__x64_sys_", "__arm64_sys_", "__se_sys_", "sys_"].iter().map(move |prefix| format!("{prefix}{call}"))
}

fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" }
}

/// Why this kernel attaches nothing by these means; none when it does, or when that cannot be told.
pub fn refusal(hook: &Hook) -> Option<Failure> {
    let needs_types =
        matches!(hook.means, Means::Trampoline | Means::ModifyReturn | Means::TpBtf | Means::Lsm | Means::Iterator);
    if needs_types && !fs::exists(btf::KERNEL_BTF).unwrap_or(true) {
        return Some(host::no_btf());
    }
    let kind = match (hook.means, hook.moment) {
        (Means::Trampoline, Moment::Entry) => "fentry",
        (Means::Trampoline, Moment::Exit) => "fexit",
        (Means::ModifyReturn, _) => "fmod_ret",
        (Means::KprobeMulti, Moment::Entry | Moment::Exit) => "kprobe.multi",
        (Means::Kprobe | Means::Ksyscall, _) => "kprobe",
        (Means::TpBtf, _) => "tp_btf",
        (Means::Lsm, _) => "lsm",
        (Means::Iterator, _) => "iter",
        _ => return None,
    };
    let error = attempt(kind)?;
    let what = format!("{kind} programs cannot be attached");
    // Without an errno the words say what is missing. Only of the kernel's own test functions that tells nothing.
    let tells = error.errno != 0 || matches!(kind, "kprobe" | "lsm");
    let other = "`ringside doctor` shows the kinds that work here; use one of those (tracepoint, raw tracepoint …).";
    tells.then(|| match error.errno {
        EPERM | EACCES => no_permission(&what, error.errno),
        0 => Failure::new("unsupported-by-kernel", format!("On this host {what}: {}.", error.what)).hint(other),
        errno => {
            let message = format!("On this kernel {what}: {}.", describe(errno));
            Failure::new("unsupported-by-kernel", message).errno(errno).hint(other)
        }
    })
}

/// The error of attaching a program that does nothing; tried once in the agent's life.
fn attempt(name: &'static str) -> Option<ringside_bpf::Error> {
    static TRIED: Mutex<Option<HashMap<&'static str, Option<ringside_bpf::Error>>>> = Mutex::new(None);
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    let kind = attach::KINDS.iter().find(|kind| kind.name == name)?;
    let results = tried.get_or_insert_with(HashMap::new);
    results.entry(name).or_insert_with(|| log::capture(|| kind.attempt()).0.err()).clone()
}

/// False when the kernel surely has no programs of this type.
pub fn has_program_type(kind: u32) -> bool {
    /// kprobe, tracing, struct_ops, ext, lsm: whether they load depends on more than the type.
    const DEPENDING: [u32; 5] = [2, 26, 27, 28, 29];
    static TRIED: Mutex<Option<HashMap<u32, bool>>> = Mutex::new(None);
    // Without root, or with one that counts in a container only, a probe fails for want of a capability and tells nothing
    // about the kernel.
    let may_try = os::effective_uid() == 0 && (!token::in_user_namespace() || token::path().is_some());
    if DEPENDING.contains(&kind) || !may_try {
        return true;
    }
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    let results = tried.get_or_insert_with(HashMap::new);
    *results.entry(kind).or_insert_with(|| log::capture(|| probe::program_type(kind)).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_has_is_told_from_what_it_has_not() {
        let kernel = Kernel::default();
        let missing = |section: &str| missing(&kernel, &Hook::of_section(section).expect("a hook"));
        for section in ["kprobe/vfs_read", "ksyscall/getpid", "tp_btf/sys_enter", "raw_tp/sched_switch", "iter/task"] {
            assert_eq!(missing(section), None, "{section}");
        }
        for section in ["kprobe/no_such_thing", "ksyscall/no_such_call", "tp_btf/no_such_event", "iter/task_fil"] {
            assert!(missing(section).is_some(), "{section}");
        }
        let nearest = missing("iter/task_fil").map(|refusal| refusal.nearest);
        assert_eq!(nearest.and_then(|names| names.first().cloned()), Some("task_file".into()));
    }
}
