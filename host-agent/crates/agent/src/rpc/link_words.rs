//! What a link is attached to, in words and as details.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use ringside_bpf::inventory::{LinkTarget, PerfEvent, attach_type_name};
use ringside_bpf::{inventory, map, netlink};

use super::host;
use super::storage_owners::processes;
use super::type_names::TypeNames;
use crate::failure::Answer;
use crate::requests::Context;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Described {
    pub target: String,
    /// libbpf's name, "" where the link does not say.
    pub attach_type: String,
    pub details: BTreeMap<String, String>,
}

/// Functions of a multi link that are named.
const MOST_NAMED: usize = 8;
/// Cgroups that are looked at to find one by its id.
const MOST_CGROUPS: usize = 50_000;

/// What one request has looked up so far.
#[derive(Default)]
pub struct LinkWords {
    types: TypeNames,
    interfaces: Option<HashMap<u32, String>>,
    cgroups: Option<HashMap<u64, String>>,
    functions: HashMap<u64, String>,
}

impl Described {
    fn of(target: impl Into<String>, attach_type: u32) -> Self {
        // BPF_CGROUP_INET_INGRESS is 0, which is also what kinds without an attach type have.
        Self { target: target.into(), attach_type: attach_type_name(attach_type).into(), details: BTreeMap::new() }
    }

    fn plain(target: impl Into<String>) -> Self {
        Self { target: target.into(), ..Self::default() }
    }

    fn with(mut self, name: &str, value: impl Display) -> Self {
        self.details.insert(name.into(), value.to_string());
        self
    }

    /// A cookie of 0 is none.
    fn cookie(self, cookie: u64) -> Self {
        if cookie == 0 { self } else { self.with("cookie", cookie) }
    }
}

impl LinkWords {
    pub fn describe(&mut self, context: &Context<'_>, target: &LinkTarget) -> Answer<Described> {
        Ok(match target {
            LinkTarget::RawTracepoint { name, cookie } => {
                Described::plain(name).with("tracepoint", name).cookie(*cookie)
            }
            LinkTarget::Tracing { attach_type, object, type_id, cookie } => {
                let name = self.types.attach_target((*object, *type_id))?;
                Described::of(name, *attach_type)
                    .with("target_obj_id", object)
                    .with("target_btf_id", type_id)
                    .cookie(*cookie)
            }
            LinkTarget::Cgroup { id, attach_type } => {
                let path = self.cgroup(context, *id)?;
                Described::of(path.unwrap_or_else(|| format!("cgroup {id}")), *attach_type).with("cgroup_id", id)
            }
            LinkTarget::Iterator { name, map_id, cgroup, task } => {
                self.iterator(context, name, *map_id, *cgroup, *task)?
            }
            LinkTarget::Netns { inode, attach_type } => {
                Described::of(namespace(*inode), *attach_type).with("netns_ino", inode)
            }
            LinkTarget::Xdp { ifindex } => Described::plain(self.interface(*ifindex)?).with("ifindex", ifindex),
            LinkTarget::StructOps { map_id } => {
                let name = inventory::open_map(*map_id)?.and_then(|fd| map::info(std::os::fd::AsFd::as_fd(&fd)).ok());
                let name = name.map_or_else(|| format!("map {map_id}"), |info| info.name);
                Described::plain(name).with("map_id", map_id)
            }
            LinkTarget::Netfilter { family, hook, priority, flags } => netfilter(*family, *hook, *priority, *flags),
            LinkTarget::KprobeMulti { addresses, count, on_return } => {
                self.kprobe_multi(context, addresses, *count, *on_return)?
            }
            LinkTarget::UprobeMulti { path, offsets, count, on_return, pid } => {
                uprobe_multi(path, offsets, *count, *on_return, *pid)
            }
            LinkTarget::Perf(event) => self.perf(context, event)?,
            LinkTarget::Tcx { ifindex, attach_type } | LinkTarget::Netkit { ifindex, attach_type } => {
                let side = attach_type_name(*attach_type).rsplit('_').next().unwrap_or_default();
                Described::of(format!("{} {side}", self.interface(*ifindex)?), *attach_type).with("ifindex", ifindex)
            }
            LinkTarget::Sockmap { map_id, attach_type } => {
                Described::of(format!("map {map_id}"), *attach_type).with("map_id", map_id)
            }
            LinkTarget::Unknown => Described::default(),
        })
    }

    fn iterator(
        &mut self,
        context: &Context<'_>,
        name: &str,
        map_id: u32,
        cgroup: (u64, u32),
        task: (u32, u32),
    ) -> Answer<Described> {
        let plain = Described::plain(name).with("target_name", name);
        // Which of the options counts is told by the name alone.
        Ok(match name {
            "bpf_map_elem" | "bpf_sk_storage_map" | "sockmap" => {
                Described { target: format!("{name} of map {map_id}"), ..plain.with("map_id", map_id) }
            }
            "cgroup" => {
                let path = self.cgroup(context, cgroup.0)?.unwrap_or_else(|| format!("cgroup {}", cgroup.0));
                let order = ["", "self only", "descendants, parents first", "descendants, children first", "ancestors"];
                let order = order.get(cgroup.1 as usize).copied().unwrap_or_default();
                let plain = plain.with("cgroup_id", cgroup.0).with("order", order);
                Described { target: format!("cgroup {path}"), ..plain }
            }
            "task" | "task_file" | "task_vma" if task != (0, 0) => {
                let (what, number) = if task.0 == 0 { ("pid", task.1) } else { ("tid", task.0) };
                Described { target: format!("{name} of {what} {number}"), ..plain.with(what, number) }
            }
            _ => plain,
        })
    }

    fn perf(&mut self, context: &Context<'_>, event: &PerfEvent) -> Answer<Described> {
        Ok(match event {
            PerfEvent::Kprobe { function, offset, address, on_return, cookie } => {
                // Attached by address, the function has no name of its own here.
                let name = match function.is_empty() {
                    true => self.function(context, *address)?.unwrap_or_else(|| format!("{address:#x}")),
                    false => function.clone(),
                };
                let target = if *offset == 0 { name.clone() } else { format!("{name}+{offset:#x}") };
                Described::plain(target)
                    .with("event", if *on_return { "kretprobe" } else { "kprobe" })
                    .with("function", name)
                    .with("offset", offset)
                    .with("address", format!("{address:#x}"))
                    .cookie(*cookie)
            }
            PerfEvent::Uprobe { path, offset, on_return, cookie } => Described::plain(format!("{path}+{offset:#x}"))
                .with("event", if *on_return { "uretprobe" } else { "uprobe" })
                .with("path", path)
                .with("offset", offset)
                .cookie(*cookie),
            PerfEvent::Tracepoint { name, cookie } => {
                Described::plain(name).with("event", "tracepoint").with("tracepoint", name).cookie(*cookie)
            }
            PerfEvent::Event { kind, config, cookie } => Described::plain(perf_name(*kind, *config))
                .with("event", "perf")
                .with("type", kind)
                .with("config", config)
                .cookie(*cookie),
            PerfEvent::Unknown => Described::default(),
        })
    }

    fn kprobe_multi(
        &mut self,
        context: &Context<'_>,
        addresses: &[u64],
        count: u32,
        on_return: bool,
    ) -> Answer<Described> {
        let mut names = Vec::new();
        self.name_functions(context, &addresses[..addresses.len().min(MOST_NAMED)])?;
        names.extend(addresses.iter().take(MOST_NAMED).filter_map(|address| self.functions.get(address).cloned()));
        let more = if names.len() < count as usize && !names.is_empty() { ", …" } else { "" };
        let listed = if names.is_empty() { String::new() } else { format!(": {}{more}", names.join(", ")) };
        Ok(Described::plain(format!("{count} function{}{listed}", if count == 1 { "" } else { "s" }))
            .with("count", count)
            .with("event", if on_return { "kretprobe" } else { "kprobe" }))
    }

    fn function(&mut self, context: &Context<'_>, address: u64) -> Answer<Option<String>> {
        self.name_functions(context, &[address])?;
        Ok(self.functions.get(&address).cloned())
    }

    /// One pass through the kernel's symbols for those that are not known yet.
    fn name_functions(&mut self, context: &Context<'_>, addresses: &[u64]) -> Answer<()> {
        let wanted: Vec<u64> = addresses
            .iter()
            .copied()
            .filter(|address| *address != 0 && !self.functions.contains_key(address))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let Ok(file) = fs::File::open("/proc/kallsyms") else { return Ok(()) };
        for (number, line) in BufReader::new(file).lines().map_while(Result::ok).enumerate() {
            if number % 4096 == 0 {
                context.check_cancelled()?;
            }
            let mut words = line.split_whitespace();
            let (Some(address), Some(_), Some(name)) = (words.next(), words.next(), words.next()) else { continue };
            let Ok(address) = u64::from_str_radix(address, 16) else { continue };
            // With IBT the probed address is behind the function's endbr64.
            for wanted in wanted.iter().filter(|wanted| **wanted == address || **wanted == address + 4) {
                self.functions.entry(*wanted).or_insert_with(|| name.to_owned());
            }
        }
        Ok(())
    }

    /// The name, or the number of an interface of another network namespace.
    fn interface(&mut self, ifindex: u32) -> Answer<String> {
        if self.interfaces.is_none() {
            let found = netlink::interfaces()?;
            self.interfaces = Some(found.into_iter().map(|interface| (interface.index, interface.name)).collect());
        }
        let name = self.interfaces.as_ref().and_then(|interfaces| interfaces.get(&ifindex).cloned());
        Ok(match (ifindex, name) {
            (0, _) => "an interface that is gone".to_owned(),
            (_, Some(name)) => name,
            (_, None) => format!("interface {ifindex} of another network namespace"),
        })
    }

    /// A cgroup's path by its id, which is its folder's inode.
    fn cgroup(&mut self, context: &Context<'_>, id: u64) -> Answer<Option<String>> {
        if self.cgroups.is_none() {
            self.cgroups = Some(cgroups(context)?);
        }
        Ok(self.cgroups.as_ref().and_then(|cgroups| cgroups.get(&id).cloned()))
    }
}

fn cgroups(context: &Context<'_>) -> Answer<HashMap<u64, String>> {
    let mut found = HashMap::new();
    let mut waiting: Vec<PathBuf> = host::cgroup2().map(PathBuf::from).into_iter().collect();
    while let Some(folder) = waiting.pop() {
        context.check_cancelled()?;
        let Ok(metadata) = fs::metadata(&folder) else { continue };
        found.insert(metadata.ino(), folder.to_string_lossy().into_owned());
        if found.len() < MOST_CGROUPS {
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            waiting.extend(
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
            );
        }
    }
    Ok(found)
}

/// A network namespace by its inode: this one, a named one, or that of a process.
fn namespace(inode: u32) -> String {
    if inode == 0 {
        return "a network namespace that is gone".to_owned();
    }
    let is = |path: PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.ino() == u64::from(inode));
    if is(PathBuf::from("/proc/self/ns/net")) {
        return "this network namespace".to_owned();
    }
    let named = fs::read_dir("/run/netns").into_iter().flatten().flatten().find(|entry| is(entry.path()));
    if let Some(entry) = named {
        return format!("network namespace {}", entry.file_name().to_string_lossy());
    }
    match processes().into_iter().find(|pid| is(PathBuf::from(format!("/proc/{pid}/ns/net")))) {
        Some(pid) => format!("network namespace of pid {pid}"),
        None => format!("network namespace {inode}"),
    }
}

fn netfilter(family: u32, hook: u32, priority: i32, flags: u32) -> Described {
    let family_name = match family {
        2 => "ip",
        10 => "ip6",
        7 => "bridge",
        3 => "arp",
        1 => "inet",
        5 => "netdev",
        _ => "family",
    };
    let hooks = ["prerouting", "input", "forward", "output", "postrouting"];
    let hook_name = hooks.get(hook as usize).copied().unwrap_or("hook");
    Described::plain(format!("{family_name} {hook_name} priority {priority}"))
        .with("pf", family)
        .with("hook", hook)
        .with("priority", priority)
        .with("flags", flags)
}

fn uprobe_multi(path: &str, offsets: &[u64], count: u32, on_return: bool, pid: u32) -> Described {
    let places: Vec<String> = offsets.iter().take(MOST_NAMED).map(|offset| format!("{offset:#x}")).collect();
    let more = if count as usize > places.len() { ", …" } else { "" };
    let of_pid = if pid == 0 { String::new() } else { format!(" of pid {pid}") };
    let described = Described::plain(format!("{path}{of_pid}: {count} at {}{more}", places.join(", ")))
        .with("path", path)
        .with("count", count)
        .with("offsets", places.join(" "))
        .with("event", if on_return { "uretprobe" } else { "uprobe" });
    if pid == 0 { described } else { described.with("pid", pid) }
}

/// perf's names of the events that have one.
fn perf_name(kind: u32, config: u64) -> String {
    const HARDWARE: [&str; 10] = [
        "cpu-cycles",
        "instructions",
        "cache-references",
        "cache-misses",
        "branch-instructions",
        "branch-misses",
        "bus-cycles",
        "stalled-cycles-frontend",
        "stalled-cycles-backend",
        "ref-cycles",
    ];
    const SOFTWARE: [&str; 12] = [
        "cpu-clock",
        "task-clock",
        "page-faults",
        "context-switches",
        "cpu-migrations",
        "minor-faults",
        "major-faults",
        "alignment-faults",
        "emulation-faults",
        "dummy",
        "bpf-output",
        "cgroup-switches",
    ];
    let named =
        |names: &[&str]| usize::try_from(config).ok().and_then(|at| names.get(at)).map(|name| (*name).to_owned());
    match kind {
        0 => named(&HARDWARE),
        1 => named(&SOFTWARE),
        _ => None,
    }
    .unwrap_or_else(|| format!("event type {kind} config {config:#x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_hooks_and_events() {
        assert_eq!(netfilter(2, 1, -100, 0).target, "ip input priority -100");
        assert_eq!(netfilter(99, 77, 0, 0).target, "family hook priority 0");
        assert_eq!(perf_name(1, 0), "cpu-clock");
        assert_eq!(perf_name(4, 0x3c), "event type 4 config 0x3c");
        let multi = uprobe_multi("/bin/a", &[16, 32], 9, true, 7);
        assert_eq!(multi.target, "/bin/a of pid 7: 9 at 0x10, 0x20, …");
        assert_eq!(multi.details["event"], "uretprobe");
    }
}
