//! Functions (uprobe) and USDT probes of binaries.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use ringside_proto::messages as pb;

use super::found::{Found, details};
use crate::binary::elf::{Elf, ElfError};
use crate::binary::places::{self, Place};
use crate::binary::symbols::{self, Function};
use crate::binary::usdt::{self, Site};
use crate::failure::libc_errno::{EACCES, EPERM};
use crate::failure::{Answer, Failure};
use crate::knowledge::names;

/// Names that are kept to find the nearest of.
const MOST_NAMES: usize = 300_000;

pub fn uprobes(found: &mut Found<'_>, request: &pb::ListTargets) -> Answer<()> {
    let mut others = Vec::new();
    for (place, elf) in binaries(request)? {
        let mut scan = Scan::new(found, &place, &elf, &mut others);
        symbols::functions(&elf, &mut |function| scan.take(&function)).map_err(|error| unreadable(&place, &error))?;
        scan.finish()?;
    }
    missing(found, request, "function", &others)
}

pub fn usdts(found: &mut Found<'_>, request: &pb::ListTargets) -> Answer<()> {
    let wanted = found.pattern.with('/', ':');
    found.pattern = wanted;
    let mut others = Vec::new();
    for (place, elf) in binaries(request)? {
        probes_of(found, &place, &elf, &mut others)?;
    }
    missing(found, request, "USDT probe", &others)
}

/// A name without wildcards that nothing matches is answered with the nearest that exist.
fn missing(found: &Found<'_>, request: &pb::ListTargets, what: &str, others: &[String]) -> Answer<()> {
    let Some(wanted) = found.pattern.literal().filter(|_| found.total() == 0) else { return Ok(()) };
    let whose = match (request.binary.as_str(), request.pid) {
        ("", pid) => format!("No binary that process {pid} uses"),
        (binary, _) => binary.to_owned(),
    };
    let nearest = names::nearest(&wanted, others.iter().map(String::as_str));
    let hint = match (nearest.is_empty(), others.is_empty()) {
        (false, _) => format!("Nearest names: {}.", nearest.join(", ")),
        (_, true) if what == "function" => "It is stripped: only its offsets can be probed.".into(),
        (_, true) => format!("It has no {what} at all."),
        _ => String::new(),
    };
    Err(Failure::new("target-not-found", format!("{whose} has no {what} called {wanted}.")).hint(hint))
}

/// What was asked for by name must be readable; of what a process has mapped, the rest is shown.
fn binaries(request: &pb::ListTargets) -> Answer<impl Iterator<Item = (Place, Elf)>> {
    let places = places::find(&request.binary, request.pid)?;
    let mut opened = Vec::new();
    let mut refused = None;
    for place in places {
        match Elf::open(&place.path) {
            Ok(elf) => opened.push((place, elf)),
            Err(error) => refused = Some(unreadable(&place, &error)),
        }
    }
    match refused {
        Some(failure) if opened.is_empty() => Err(failure),
        _ => Ok(opened.into_iter()),
    }
}

fn unreadable(place: &Place, error: &ElfError) -> Failure {
    let shown = &place.shown;
    match error {
        ElfError::Shape(words) => Failure::new("not-elf", format!("{shown} {words}.")),
        ElfError::File(error) if matches!(error.raw_os_error(), Some(EPERM | EACCES)) => {
            Failure::new("no-permission", format!("{shown} cannot be read: {error}."))
        }
        ElfError::File(error) if error.kind() == io::ErrorKind::NotFound => {
            Failure::new("target-not-found", format!("There is no file {shown}."))
        }
        ElfError::File(error) => Failure::new("target-not-found", format!("{shown} cannot be read: {error}.")),
    }
}

/// One file's functions. Both of its tables name the same ones: each name with its place counts once.
struct Scan<'f, 'a> {
    found: &'f mut Found<'a>,
    place: &'f Place,
    build_id: String,
    /// Names that did not match, for the answer to a wrong one.
    others: &'f mut Vec<String>,
    literal: bool,
    matches: Vec<pb::TargetEntry>,
    uncounted: u64,
    seen: HashSet<u64>,
    /// Places of each name that the linker would not let another definition replace.
    strong: HashMap<u64, HashSet<u64>>,
    answer: Answer<()>,
}

impl<'f, 'a> Scan<'f, 'a> {
    fn new(found: &'f mut Found<'a>, place: &'f Place, elf: &Elf, others: &'f mut Vec<String>) -> Self {
        let literal = found.pattern.literal().is_some();
        Self {
            found,
            place,
            build_id: elf.build_id().unwrap_or_default(),
            others,
            literal,
            matches: Vec::new(),
            uncounted: 0,
            seen: HashSet::new(),
            strong: HashMap::new(),
            answer: Ok(()),
        }
    }

    fn take(&mut self, function: &Function<'_>) {
        if self.answer.is_err() {
            return;
        }
        self.answer = self.found.step();
        let name = callable(function);
        let pattern = &self.found.pattern;
        if !pattern.takes(&name) && !pattern.takes(function.name) {
            if self.literal && self.others.len() < MOST_NAMES {
                self.others.push(function.name.to_owned());
            }
            return;
        }
        if !function.weak {
            self.strong.entry(hash(&name)).or_default().insert(function.offset);
        }
        if !self.seen.insert(hash(&(name.as_str(), function.offset))) {
            return;
        }
        match self.matches.len() < self.found.room() {
            true => self.matches.push(entry(name, function, self.place, &self.build_id)),
            false => self.uncounted += 1,
        }
    }

    fn finish(mut self) -> Answer<()> {
        self.answer?;
        self.matches.sort_by(|a, b| a.name.cmp(&b.name));
        for mut entry in self.matches {
            let copies = self.strong.get(&hash(&entry.name)).map_or(1, HashSet::len);
            if copies > 1 {
                entry.unusable = format!("{copies} functions have this name: take one by its offset");
            }
            self.found.take(|| entry);
        }
        self.found.count(self.uncounted);
        Ok(())
    }
}

/// The name under which libbpf finds it: old versions need theirs.
fn callable(function: &Function<'_>) -> String {
    match function.hidden {
        true => format!("{}@{}", function.name, function.version),
        false => function.name.to_owned(),
    }
}

fn entry(name: String, function: &Function<'_>, place: &Place, build_id: &str) -> pb::TargetEntry {
    pb::TargetEntry {
        name,
        module: place.shown.clone(),
        details: details([
            ("offset", format!("{:#x}", function.offset)),
            ("size", if function.size == 0 { String::new() } else { function.size.to_string() }),
            ("version", function.version.to_owned()),
            ("table", if function.dynamic { "dynsym" } else { "symtab" }.to_owned()),
            ("build_id", build_id.to_owned()),
        ]),
        unusable: match function.indirect {
            true => "ifunc: runs once, when the loader chooses what it stands for".into(),
            false => String::new(),
        },
        ..Default::default()
    }
}

fn probes_of(found: &mut Found<'_>, place: &Place, elf: &Elf, others: &mut Vec<String>) -> Answer<()> {
    let mut sites: BTreeMap<(String, String), Vec<Site>> = BTreeMap::new();
    for site in usdt::probes(elf) {
        sites.entry((site.provider.clone(), site.name.clone())).or_default().push(site);
    }
    let build_id = elf.build_id().unwrap_or_default();
    let with_provider = found.pattern.has(':');
    for ((provider, name), sites) in sites {
        let whole = format!("{provider}:{name}");
        let names = [whole.as_str(), name.as_str()];
        found.offer_as(&names[..if with_provider { 1 } else { 2 }], || probe(&whole, &sites, place, &build_id))?;
        others.push(whole);
    }
    Ok(())
}

fn probe(name: &str, sites: &[Site], place: &Place, build_id: &str) -> pb::TargetEntry {
    let hex = |offset: Option<u64>| offset.map_or_else(String::new, |offset| format!("{offset:#x}"));
    let offsets: Vec<String> = sites.iter().map(|site| hex(site.offset)).filter(|text| !text.is_empty()).collect();
    let first = sites.first();
    let arguments = first.map_or_else(Vec::new, |site| {
        let numbered = site.arguments.iter().enumerate();
        numbered
            .map(|(index, argument)| pb::TargetArgument {
                name: format!("arg{}", index + 1),
                r#type: argument.type_name(),
                size: u32::from(argument.size),
                ..Default::default()
            })
            .collect()
    });
    pb::TargetEntry {
        name: name.to_owned(),
        module: place.shown.clone(),
        arguments,
        details: details([
            ("sites", sites.len().to_string()),
            ("offset", offsets.join(" ")),
            ("semaphore", hex(first.and_then(|site| site.semaphore))),
            ("operands", first.map_or_else(String::new, |site| site.written.clone())),
            ("build_id", build_id.to_owned()),
        ]),
        unusable: if offsets.is_empty() { "its place is in no loaded segment".into() } else { String::new() },
        ..Default::default()
    }
}

fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
