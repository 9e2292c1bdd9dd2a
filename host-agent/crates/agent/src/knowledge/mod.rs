//! What this kernel has that programs can attach to, and what it has instead of what it lacks. One [`Kernel`] per request:
//! each part is read when it is first asked for, and all of it goes again with the request.

// Users of all of it land one after the other.

pub mod attach_types;
pub mod events;
pub mod functions;
pub mod modules;
pub mod names;
mod refusal;
pub mod renames;
pub mod table;
pub mod types;

use std::cell::OnceCell;

use ringside_bpf::{btf, perf};

pub use refusal::Refusal;

use functions::Functions;
use names::without_suffix;
use renames::Successor;
use table::NameTable;
use types::{FUNC, TYPEDEF, Types};

/// Answers are "yes", or why not with what there is instead. What the host hides (symbols, ftrace's list, tracefs, types)
/// counts as yes: then the kernel has the last word.
#[derive(Default)]
pub struct Kernel {
    tracefs: OnceCell<Option<String>>,
    functions: OnceCell<Functions>,
    typed: OnceCell<Option<Typed>>,
    events: OnceCell<Vec<String>>,
    unloaded: modules::Search,
}

/// Names that stand in the kernel's and its modules' types.
#[derive(Default)]
pub struct Typed {
    pub functions: NameTable,
    pub raw_tracepoints: NameTable,
    pub lsm_hooks: NameTable,
    /// `[0]` is "", the kernel itself.
    pub modules: Vec<String>,
}

impl Kernel {
    pub fn tracefs(&self) -> Option<&str> {
        self.tracefs.get_or_init(perf::tracefs).as_deref()
    }

    pub fn functions(&self) -> &Functions {
        self.functions.get_or_init(|| Functions::read(self.tracefs()))
    }

    /// None on kernels without BTF.
    pub fn typed(&self) -> Option<&Typed> {
        self.typed.get_or_init(Typed::read).as_ref()
    }

    /// "category:name" of all tracepoints, sorted; empty without tracefs.
    pub fn events(&self) -> &[String] {
        self.events.get_or_init(|| self.tracefs().map_or_else(Vec::new, events::all))
    }

    /// Can a kprobe stand on this function?
    pub fn kprobe(&self, name: &str) -> Result<(), Refusal> {
        let functions = self.functions();
        if !functions.known() {
            return Ok(());
        }
        match functions.find(name) {
            None => Err(self.missing_function(name)),
            Some(function) => match function.obstacle() {
                None => Ok(()),
                Some(obstacle) => Err(Refusal { reason: obstacle.words(), ..self.beside(name) }),
            },
        }
    }

    /// Can fentry, fexit and their kin be attached to this function?
    pub fn fentry(&self, name: &str) -> Result<(), Refusal> {
        self.kprobe(name)?;
        match self.typed() {
            Some(typed) if !typed.functions.contains(name) => Err(Refusal {
                reason: "the kernel's types (BTF) do not describe it, as those of assembly and of functions whose arguments the compiler changed".into(),
                probe_instead: true,
                ..self.beside(name)
            }),
            _ => Ok(()),
        }
    }

    pub fn tracepoint(&self, category: &str, name: &str) -> Result<(), Refusal> {
        let Some(tracefs) = self.tracefs().filter(|tracefs| events::readable(tracefs)) else { return Ok(()) };
        if events::exists(tracefs, category, name) {
            return Ok(());
        }
        let wanted = format!("{category}:{name}");
        let successor = renames::of_event(&wanted, |other| self.has_event(other));
        // The right name in the wrong category is the likeliest slip.
        let elsewhere = format!(":{name}");
        let mut nearest: Vec<String> =
            self.events().iter().filter(|event| event.ends_with(&elsewhere)).take(names::MOST).cloned().collect();
        if nearest.is_empty() {
            nearest = names::nearest(&wanted, self.events().iter().map(String::as_str));
        }
        let module = self.unloaded.tracepoint(Some(category), name);
        Err(Refusal {
            reason: "this kernel has no such tracepoint".into(),
            successor,
            nearest,
            module,
            ..Refusal::default()
        })
    }

    pub fn raw_tracepoint(&self, name: &str) -> Result<(), Refusal> {
        let Some(typed) = self.typed().filter(|typed| !typed.raw_tracepoints.is_empty()) else { return Ok(()) };
        if typed.raw_tracepoints.contains(name) {
            return Ok(());
        }
        let nearest = names::nearest(name, typed.raw_tracepoints.names());
        let reason = match name.strip_prefix("sys_enter_").or_else(|| name.strip_prefix("sys_exit_")) {
            Some(_) => "system calls have no raw tracepoint each, only sys_enter and sys_exit for all of them".into(),
            None => "this kernel has no such tracepoint".into(),
        };
        Err(Refusal { reason, nearest, module: self.unloaded.tracepoint(None, name), ..Refusal::default() })
    }

    pub fn lsm_hook(&self, name: &str) -> Result<(), Refusal> {
        let Some(typed) = self.typed() else { return Ok(()) };
        if typed.lsm_hooks.contains(name) {
            return Ok(());
        }
        let reason = match typed.lsm_hooks.is_empty() {
            true => "this kernel was built without BPF LSM (CONFIG_BPF_LSM)",
            false => "this kernel has no such LSM hook",
        };
        let nearest = names::nearest(name, typed.lsm_hooks.names());
        Err(Refusal { reason: reason.into(), nearest, ..Refusal::default() })
    }

    /// A function of another name that has taken this one's place here; never one that cannot be probed.
    pub fn successor(&self, name: &str) -> Option<Successor> {
        let functions = self.functions();
        let usable = |other: &str| functions.find(other).is_some_and(|found| found.obstacle().is_none());
        renames::of_function(name, usable).or_else(|| {
            let variants = functions.variants(name);
            let variant =
                variants.iter().find(|variant| variant.obstacle().is_none() && !variant.name.contains(".part"))?;
            // LTO only adds a number; .isra and .constprop drop arguments.
            let same_arguments = !variant.name.contains(".isra") && !variant.name.contains(".constprop");
            Some(Successor { name: variant.name.to_owned(), same_arguments })
        })
    }

    fn has_event(&self, event: &str) -> bool {
        self.events().binary_search_by(|known| known.as_str().cmp(event)).is_ok()
    }

    fn missing_function(&self, name: &str) -> Refusal {
        let functions = self.functions();
        let variants = functions.variants(name);
        let module = self.unloaded.function(name);
        let described = self.typed().is_some_and(|typed| typed.functions.contains(name));
        let reason = if let Some(variant) = variants.first() {
            format!("the compiler changed it, and the kernel only has {}", variant.name)
        } else if described {
            "the kernel's types name it, but there is no code of its own: the compiler inlined it, or it was only for booting".into()
        } else if module.is_some() {
            "it is not in this kernel, nor in a loaded module".into()
        } else {
            "this kernel has no such function: it is spelled otherwise, was renamed or removed, or the compiler inlined it everywhere".into()
        };
        Refusal { reason, module, ..self.beside(name) }
    }

    /// What could be taken in its place.
    fn beside(&self, name: &str) -> Refusal {
        let successor = self.successor(name);
        let functions = self.functions();
        let mut nearest = names::nearest(
            without_suffix(name),
            functions.names().filter(|other| *other != name && !other.contains(".cold")),
        );
        nearest.retain(|other| functions.find(other).is_some_and(|found| found.obstacle().is_none()));
        Refusal { successor, nearest, ..Refusal::default() }
    }
}

impl Typed {
    fn read() -> Option<Self> {
        let bytes = btf::kernel()?;
        let kernel = Types::parse(&bytes, None)?;
        let mut typed = Self { modules: vec![String::new()], ..Self::default() };
        typed.take(&kernel, 0);
        for module in modules::with_types() {
            let Some(bytes) = btf::module(&module) else { continue };
            let Some(types) = Types::parse(&bytes, Some(&kernel)) else { continue };
            if typed.modules.len() < usize::from(u16::MAX) {
                typed.take(&types, typed.modules.len() as u16);
                typed.modules.push(module);
            }
        }
        typed.functions.sort();
        typed.raw_tracepoints.sort();
        typed.lsm_hooks.sort();
        Some(typed)
    }

    fn take(&mut self, types: &Types<'_>, module: u16) {
        types.for_each(|kind, name| match kind {
            FUNC => {
                self.functions.push(name, module, 0);
                if let Some(hook) = name.strip_prefix("bpf_lsm_") {
                    self.lsm_hooks.push(hook, module, 0);
                }
            }
            TYPEDEF => {
                if let Some(tracepoint) = name.strip_prefix("btf_trace_") {
                    self.raw_tracepoints.push(tracepoint, module, 0);
                }
            }
            _ => {}
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernels_functions_are_known_and_wrong_names_are_answered() {
        let kernel = Kernel::default();
        assert!(kernel.functions().find("vfs_read").is_some());
        assert!(kernel.fentry("vfs_read").is_ok());
        let refused = kernel.kprobe("vfs_raed").expect_err("no such function");
        assert!(refused.nearest.contains(&"vfs_read".to_owned()), "{refused:?}");
        let refused = kernel.kprobe("_do_fork").expect_err("renamed in 5.10");
        assert_eq!(refused.successor, Some(Successor { name: "kernel_clone".into(), same_arguments: true }));
    }

    #[test]
    fn tracepoints_and_hooks_are_known() {
        let kernel = Kernel::default();
        assert!(kernel.raw_tracepoint("sched_switch").is_ok());
        let refused = kernel.raw_tracepoint("sched_swich").expect_err("no such tracepoint");
        assert_eq!(refused.nearest.first().map(String::as_str), Some("sched_switch"));
        assert!(
            kernel
                .raw_tracepoint("sys_enter_openat")
                .expect_err("one for all")
                .reason
                .contains("sys_enter and sys_exit")
        );
        assert!(kernel.lsm_hook("file_open").is_ok());
        assert_eq!(
            kernel.lsm_hook("file_opne").expect_err("no such hook").nearest.first().map(String::as_str),
            Some("file_open")
        );
        assert!(kernel.tracepoint("sched", "sched_switch").is_ok());
        let refused = kernel.tracepoint("syscalls", "sched_switch").expect_err("another category");
        assert_eq!(refused.nearest, ["sched:sched_switch"]);
    }
}
