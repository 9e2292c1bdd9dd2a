//! What this kernel has of the things that programs hook. Asked for a few names at a time: neither the kernel's types nor its
//! symbols are kept. Every answer may be "unknown", which never keeps a program from being tried.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ringside_bpf::error::describe;
use ringside_bpf::probe::{self, attach};
use ringside_bpf::{btf, log, os, perf};

use super::hook::{Hook, Means, Moment};
use super::successors;
use super::types::{self, Names};
use crate::failure::libc_errno::{EACCES, EPERM};
use crate::failure::{Failure, no_permission};
use crate::rpc::host;

#[derive(Default)]
pub struct Kernel {
    /// None where the kernel shows no types, or none that can be read.
    types: Option<Names>,
    symbols: Option<HashSet<String>>,
    events: Option<String>,
}

impl Kernel {
    /// Looks for everything that these hooks and struct_ops types need.
    pub fn look_for<'h>(hooks: impl Iterator<Item = &'h Hook> + Clone, struct_ops: &[String]) -> Self {
        let mut wanted = Names::default();
        let mut symbols = HashSet::new();
        for hook in hooks {
            match hook.means {
                Means::Kprobe | Means::KprobeMulti => {
                    symbols.insert(hook.name.clone());
                }
                Means::Ksyscall => symbols.extend(syscall_functions(&hook.name)),
                Means::Tracepoint => {}
                Means::TpBtf | Means::RawTracepoint => {
                    wanted.typedefs.insert(type_of(hook));
                }
                _ => {
                    wanted.functions.insert(type_of(hook));
                }
            }
            for other in successors::others(&hook.name) {
                match hook.means {
                    Means::Kprobe | Means::KprobeMulti => symbols.insert(other),
                    Means::Trampoline => wanted.functions.insert(other),
                    _ => false,
                };
            }
        }
        wanted.structs.extend(struct_ops.iter().map(|name| struct_ops_type(name)));
        Self { types: find_types(&wanted), symbols: find_symbols(&symbols), events: perf::tracefs() }
    }

    /// Whether the kernel has what the hook names; none when that cannot be told.
    pub fn has(&self, hook: &Hook) -> Option<bool> {
        match hook.means {
            Means::Kprobe | Means::KprobeMulti => Some(self.symbols.as_ref()?.contains(&hook.name)),
            Means::Ksyscall => {
                let symbols = self.symbols.as_ref()?;
                Some(syscall_functions(&hook.name).any(|name| symbols.contains(&name)))
            }
            Means::Tracepoint => {
                let events = Path::new(self.events.as_ref()?).join("events");
                // Without the right to look, nothing is known.
                fs::read_dir(&events).ok()?;
                Some(!hook.name.contains('/') && events.join(&hook.group).join(&hook.name).is_dir())
            }
            Means::TpBtf | Means::RawTracepoint => Some(self.types.as_ref()?.typedefs.contains(&type_of(hook))),
            _ => Some(self.types.as_ref()?.functions.contains(&type_of(hook))),
        }
    }

    /// The newest other name under which this kernel has the function.
    pub fn other_name(&self, hook: &Hook) -> Option<String> {
        let there = |name: &String| match hook.means {
            Means::Kprobe | Means::KprobeMulti => self.symbols.as_ref().is_some_and(|names| names.contains(name)),
            Means::Trampoline => self.types.as_ref().is_some_and(|types| types.functions.contains(name)),
            _ => false,
        };
        successors::others(&hook.name).into_iter().find(there)
    }

    pub fn has_struct_ops(&self, name: &str) -> Option<bool> {
        Some(self.types.as_ref()?.structs.contains(&struct_ops_type(name)))
    }
}

/// The name under which the kernel's BTF has the hook: a typedef for events, else a function.
fn type_of(hook: &Hook) -> String {
    match hook.means {
        Means::TpBtf | Means::RawTracepoint => format!("btf_trace_{}", hook.name),
        Means::Lsm => format!("bpf_lsm_{}", hook.name),
        Means::Iterator => format!("bpf_iter_{}", hook.name),
        _ => hook.name.clone(),
    }
}

fn struct_ops_type(name: &str) -> String {
    format!("bpf_struct_ops_{name}")
}

/// As libbpf's ksyscall looks for it, on the architectures that have an agent.
fn syscall_functions(call: &str) -> impl Iterator<Item = String> {
    ["__x64_sys_", "__arm64_sys_", "__se_sys_", "sys_"].iter().map(move |prefix| format!("{prefix}{call}"))
}

fn find_types(wanted: &Names) -> Option<Names> {
    if *wanted == Names::default() {
        return Some(Names::default());
    }
    let kernel = btf::kernel()?;
    let mut found = types::find(&kernel, 0, wanted)?;
    let missing = |found: &Names| {
        found.functions.len() < wanted.functions.len()
            || found.typedefs.len() < wanted.typedefs.len()
            || found.structs.len() < wanted.structs.len()
    };
    if missing(&found) {
        let base_strings = types::strings_length(&kernel);
        for module in fs::read_dir("/sys/kernel/btf").into_iter().flatten().flatten() {
            let name = module.file_name().to_string_lossy().into_owned();
            let Some(more) = btf::module(&name).and_then(|btf| types::find(&btf, base_strings, wanted)) else { continue };
            found.functions.extend(more.functions);
            found.typedefs.extend(more.typedefs);
            found.structs.extend(more.structs);
            if !missing(&found) {
                break;
            }
        }
    }
    Some(found)
}

/// Those of the names that are functions in /proc/kallsyms; none when it cannot be read.
fn find_symbols(wanted: &HashSet<String>) -> Option<HashSet<String>> {
    if wanted.is_empty() {
        return Some(HashSet::new());
    }
    let mut found = HashSet::new();
    let mut lines = BufReader::with_capacity(1 << 16, File::open("/proc/kallsyms").ok()?);
    let mut line = String::new();
    while lines.read_line(&mut line).ok()? > 0 {
        let mut fields = line.split_ascii_whitespace().skip(1);
        if let (Some("t" | "T" | "w" | "W"), Some(name)) = (fields.next(), fields.next())
            && wanted.contains(name)
        {
            found.insert(name.to_owned());
        }
        line.clear();
    }
    Some(found)
}

/// Why this kernel attaches nothing by these means; none when it does, or when that cannot be told.
pub fn refusal(hook: &Hook) -> Option<Failure> {
    let needs_types = matches!(
        hook.means,
        Means::Trampoline | Means::ModifyReturn | Means::TpBtf | Means::Lsm | Means::Iterator
    );
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
    tells.then(|| match error.errno {
        EPERM | EACCES => no_permission(&what, error.errno),
        0 => Failure::new("unsupported-by-kernel", format!("On this host {what}: {}.", error.what)),
        errno => Failure::new("unsupported-by-kernel", format!("On this kernel {what}: {}.", describe(errno))).errno(errno),
    })
}

/// The error of attaching a program that does nothing; tried once in the agent's life.
fn attempt(name: &'static str) -> Option<ringside_bpf::Error> {
    static TRIED: Mutex<Option<HashMap<&'static str, Option<ringside_bpf::Error>>>> = Mutex::new(None);
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    let results = tried.get_or_insert_with(HashMap::new);
    let kind = attach::KINDS.iter().find(|kind| kind.name == name)?;
    results.entry(name).or_insert_with(|| log::capture(|| kind.attempt()).0.err()).clone()
}

/// False when the kernel surely has no programs of this type.
pub fn has_program_type(kind: u32) -> bool {
    /// kprobe, tracing, struct_ops, ext, lsm: whether they load depends on more than the type.
    const DEPENDING: [u32; 5] = [2, 26, 27, 28, 29];
    static TRIED: Mutex<Option<HashMap<u32, bool>>> = Mutex::new(None);
    // Without root a probe fails for want of a capability and tells nothing about the kernel.
    if DEPENDING.contains(&kind) || os::effective_uid() != 0 {
        return true;
    }
    let mut tried = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    *tried
        .get_or_insert_with(HashMap::new)
        .entry(kind)
        .or_insert_with(|| log::capture(|| probe::program_type(kind)).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(section: &str) -> Hook {
        Hook::of_section(section).expect("a hook")
    }

    #[test]
    fn what_the_kernel_has_is_told_from_what_it_has_not() {
        let there = ["kprobe/vfs_read", "ksyscall/getpid", "tp_btf/sys_enter", "raw_tp/sched_switch", "iter/task"];
        let gone = ["kprobe/no_such_function", "ksyscall/no_such_call", "tp_btf/no_such_event", "lsm/no_such_hook"];
        let hooks: Vec<Hook> = there.iter().chain(&gone).map(|section| hook(section)).collect();
        let kernel = Kernel::look_for(hooks.iter(), &["tcp_congestion_ops".into(), "no_such_ops".into()]);
        for (index, hook) in hooks.iter().enumerate() {
            assert_eq!(kernel.has(hook), Some(index < there.len()), "{hook:?}");
        }
        assert_eq!(kernel.has_struct_ops("tcp_congestion_ops"), Some(true));
        assert_eq!(kernel.has_struct_ops("no_such_ops"), Some(false));
    }
}
