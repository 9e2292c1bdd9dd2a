//! Why a place cannot be had, and what there is instead, in words.

use super::modules::Unloaded;
use super::renames::Successor;
use crate::failure::Failure;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Completes "NAME cannot be attached to, because …".
    pub reason: String,
    pub successor: Option<Successor>,
    /// Names that exist and can be had, most alike first.
    pub nearest: Vec<String>,
    /// A module on the disk that should have it.
    pub module: Option<Unloaded>,
    /// A kprobe could do it where fentry cannot.
    pub probe_instead: bool,
}

impl Refusal {
    /// What to do, best first; empty when nobody knows.
    pub fn hint(&self) -> String {
        let mut words = Vec::new();
        if let Some(successor) = &self.successor {
            let arguments = match successor.same_arguments {
                true => "with the same arguments",
                false => "with other arguments",
            };
            words.push(format!("Here it is {} ({arguments}).", successor.name));
        }
        if self.probe_instead {
            words.push("A kprobe can still stand there.".to_owned());
        }
        if let Some(Unloaded { module, certain }) = &self.module {
            words.push(match certain {
                true => format!("Module {module} has it and is not loaded: modprobe {module}."),
                false => format!("It may be in module {module}, which is not loaded: modprobe {module}."),
            });
        }
        let others: Vec<&str> = self
            .nearest
            .iter()
            .map(String::as_str)
            .filter(|name| self.successor.as_ref().is_none_or(|successor| successor.name != *name))
            .collect();
        if !others.is_empty() {
            words.push(format!("Nearest names: {}.", others.join(", ")));
        }
        words.join(" ")
    }

    /// `subject` is what does not work: "Program on_read: function vfs_raed".
    pub fn failure(&self, subject: &str) -> Failure {
        Failure::new("target-not-found", format!("{subject} cannot be attached to, because {}.", self.reason))
            .hint(self.hint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_the_best_first_and_nothing_twice() {
        let refusal = Refusal {
            reason: "this kernel has no such function".into(),
            successor: Some(Successor { name: "do_sys_openat2".into(), same_arguments: false }),
            nearest: vec!["do_sys_openat2".into(), "do_sys_poll".into()],
            module: Some(Unloaded { module: "nfs".into(), certain: false }),
            probe_instead: false,
        };
        assert_eq!(
            refusal.hint(),
            "Here it is do_sys_openat2 (with other arguments). It may be in module nfs, which is not loaded: modprobe nfs. Nearest names: do_sys_poll."
        );
        let failure = refusal.failure("Program p: function do_sys_open");
        assert_eq!(
            failure.message,
            "Program p: function do_sys_open cannot be attached to, because this kernel has no such function."
        );
    }
}
