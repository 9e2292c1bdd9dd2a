//! What a program hooks, read from its type, its section and what was chosen for it. Two programs with the same site and
//! moment see the same thing happen.

use super::successors;

/// Where in the kernel a program sits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub means: Means,
    pub moment: Moment,
    /// The function, event, hook or iterator as written, without its module.
    pub name: String,
    /// Category of a tracepoint, module of a function; "" where none is written.
    pub group: String,
    /// `+0x10` behind a function, or "".
    pub offset: String,
}

/// By which kernel mechanism, in the order of preference among those for one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// fentry, fexit, fsession
    Trampoline,
    /// fmod_ret, which is no variant of anything: it changes what the function returns.
    ModifyReturn,
    KprobeMulti,
    Ksyscall,
    Kprobe,
    TpBtf,
    RawTracepoint,
    Tracepoint,
    Lsm,
    Iterator,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Entry,
    Exit,
    /// Sessions see both.
    Both,
}

impl Moment {
    pub fn meets(self, other: Self) -> bool {
        self == other || self == Self::Both || other == Self::Both
    }
}

impl Hook {
    /// None for a section without a name behind the slash, with a pattern, or of a kind that hooks nothing by name.
    pub fn of_section(section: &str) -> Option<Self> {
        let section = section.trim_start_matches('?');
        let (prefix, place) = section.split_once('/')?;
        Self::new(prefix, place)
    }

    /// The same kind of section with another name.
    pub fn with_target(section: &str, target: &str) -> Option<Self> {
        let prefix = section.trim_start_matches('?').split('/').next()?;
        Self::new(prefix, target)
    }

    fn new(prefix: &str, place: &str) -> Option<Self> {
        let prefix = prefix.strip_suffix(".s").unwrap_or(prefix);
        let (means, moment) = match prefix {
            "fentry" => (Means::Trampoline, Moment::Entry),
            "fexit" => (Means::Trampoline, Moment::Exit),
            "fsession" => (Means::Trampoline, Moment::Both),
            "fmod_ret" => (Means::ModifyReturn, Moment::Exit),
            "kprobe" => (Means::Kprobe, Moment::Entry),
            "kretprobe" => (Means::Kprobe, Moment::Exit),
            "ksyscall" => (Means::Ksyscall, Moment::Entry),
            "kretsyscall" => (Means::Ksyscall, Moment::Exit),
            "kprobe.multi" => (Means::KprobeMulti, Moment::Entry),
            "kretprobe.multi" => (Means::KprobeMulti, Moment::Exit),
            "kprobe.session" => (Means::KprobeMulti, Moment::Both),
            "tp_btf" => (Means::TpBtf, Moment::Entry),
            "raw_tp" | "raw_tracepoint" | "raw_tp.w" | "raw_tracepoint.w" => (Means::RawTracepoint, Moment::Entry),
            "tp" | "tracepoint" => (Means::Tracepoint, Moment::Entry),
            "lsm" | "lsm_cgroup" => (Means::Lsm, Moment::Entry),
            "iter" => (Means::Iterator, Moment::Entry),
            _ => return None,
        };
        // Patterns stand for many functions, and a group name alone for none.
        if place.is_empty() || place.contains(['*', '?', '[', ',']) {
            return None;
        }
        let (group, name) = match means {
            Means::Tracepoint => place.split_once(['/', ':'])?,
            // The category, which these names do not have, is a common habit.
            Means::RawTracepoint | Means::TpBtf => ("", place.rsplit(['/', ':']).next().unwrap_or(place)),
            _ => place.split_once(':').unwrap_or(("", place)),
        };
        let (name, offset) = name.split_once('+').map_or((name, String::new()), |(name, by)| (name, format!("+{by}")));
        Some(Self { means, moment, name: name.to_owned(), group: group.to_owned(), offset })
    }

    /// What is hooked, however it is spelled: system calls without the prefix of an architecture, functions under the
    /// newest of their names. With it how old the name is among those of the site: 0 for the newest.
    pub fn site(&self) -> (String, usize) {
        let what = match self.means {
            // One event may be in several groups of tracefs; its name is what the other two means know.
            Means::TpBtf | Means::RawTracepoint | Means::Tracepoint => return successors::of_event(&self.name),
            Means::Lsm => "lsm",
            Means::Iterator => "iter",
            Means::Ksyscall => "syscall",
            Means::ModifyReturn => "return value of",
            Means::Trampoline | Means::KprobeMulti | Means::Kprobe => match syscall_name(&self.name) {
                Some(call) => return (format!("syscall {call}{}", self.offset), 0),
                None if self.offset.is_empty() => return successors::of_function(&self.name),
                None => return (format!("{}{}", self.name, self.offset), 0),
            },
        };
        (format!("{what} {}", self.name), 0)
    }

    /// As a message names it: "kernel function vfs_read".
    pub fn words(&self) -> String {
        let name = &self.name;
        match self.means {
            Means::Tracepoint => format!("tracepoint {}:{name}", self.group),
            Means::RawTracepoint => format!("raw tracepoint {name}"),
            Means::TpBtf => format!("BTF tracepoint {name}"),
            Means::Lsm => format!("LSM hook {name}"),
            Means::Iterator => format!("iterator {name}"),
            Means::Ksyscall => format!("system call {name}"),
            _ if self.group.is_empty() => format!("kernel function {name}"),
            _ => format!("kernel function {name} of module {}", self.group),
        }
    }
}

/// The call behind a function's name of some architecture. The 32-bit entries of 64-bit kernels are calls of their own.
pub fn syscall_name(function: &str) -> Option<&str> {
    const PREFIXES: [&str; 9] = [
        "__x64_sys_",
        "__arm64_sys_",
        "__riscv_sys_",
        "__s390x_sys_",
        "__loongarch_sys_",
        "__powerpc_sys_",
        "__se_sys_",
        "sys_",
        "SyS_",
    ];
    PREFIXES.iter().find_map(|prefix| function.strip_prefix(prefix)).filter(|name| !name.is_empty())
}

/// Names that authors write where their own program fills in the real one.
pub fn is_placeholder(name: &str) -> bool {
    let name = name.to_lowercase();
    ["dummy", "placeholder", "example", "your_", "my_func", "todo"].iter().any(|word| name.contains(word))
        || ["foo", "bar", "baz", "func", "function", "target", "xxx", "name", "none"].contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(section: &str) -> String {
        Hook::of_section(section).map_or_else(String::new, |hook| hook.site().0)
    }

    #[test]
    fn different_means_of_one_hook_share_its_site() {
        assert_eq!(site("fentry/vfs_read"), site("kprobe/vfs_read"));
        assert_eq!(site("fexit.s/vfs_read"), site("?kretprobe/vfs_read"));
        assert_eq!(site("kprobe/__x64_sys_openat"), site("ksyscall/openat"));
        assert_eq!(site("kprobe/__arm64_sys_openat"), site("fentry/__x64_sys_openat"));
        assert_eq!(site("tp_btf/sched_switch"), site("raw_tracepoint/sched_switch"));
        assert_eq!(site("tp/sched/sched_switch"), site("raw_tp/sched_switch"));
        assert_eq!(site("fentry/blk_account_io_start"), site("tp_btf/block_io_start"));
        assert_eq!(site("kprobe/kmem_cache_alloc"), site("kprobe/kmem_cache_alloc_noprof"));
    }

    #[test]
    fn what_is_not_the_same_stays_apart() {
        assert_ne!(site("kprobe/vfs_read"), site("kprobe/vfs_read+0x10"));
        assert_ne!(site("fmod_ret/vfs_read"), site("fexit/vfs_read"));
        assert_ne!(site("kprobe/__x64_sys_openat"), site("kprobe/__ia32_sys_openat"));
        assert_ne!(site("kprobe/sched_switch"), site("raw_tp/sched_switch"));
        assert_ne!(site("tp/syscalls/sys_enter_openat"), site("ksyscall/openat"));
        assert!(!Moment::Entry.meets(Moment::Exit) && Moment::Entry.meets(Moment::Both));
    }

    #[test]
    fn sections_without_a_name_hook_nothing() {
        for section in ["xdp", "kprobe", "kprobe/", "kprobe.multi/tcp_*", "tp/sched", "uprobe//bin/sh:main", "fentry"] {
            assert_eq!(Hook::of_section(section), None, "{section}");
        }
        assert_eq!(Hook::with_target("?fentry", "vfs_read"), Hook::of_section("fentry/vfs_read"));
        let module = Hook::of_section("fentry/btrfs:open_ctree").expect("a hook");
        assert_eq!((module.group.as_str(), module.name.as_str()), ("btrfs", "open_ctree"));
    }

    #[test]
    fn placeholders_are_told_from_names() {
        assert!(is_placeholder("dummy_file_open") && is_placeholder("foo"));
        assert!(!is_placeholder("do_unlinkat") && !is_placeholder("bar_read"));
    }
}
