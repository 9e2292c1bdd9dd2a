//! What is loaded, attached and streaming for this client. Only the request thread touches it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ringside_bpf::cpus;
use ringside_bpf::link::Link;
use ringside_bpf::object::Object;
use ringside_bpf::os;
use ringside_proto::messages as pb;

use crate::attach::{PerCpu, Scope};
use crate::audit::About;
use crate::failure::{Answer, Failure};
use crate::guard::Commitments;
use crate::journal;
use crate::limits::{Breaker, Limits, Trip, Watchdog};
use crate::privilege::{self, Capabilities};
use crate::rpc::stats::{self, Missed};
use crate::run_statistics::RunStatistics;
use crate::stream::Stream;
use crate::stream::prints::PrintCounters;

#[derive(Default)]
pub struct Session {
    objects: BTreeMap<u32, Loaded>,
    last_id: u32,
    last_stream: u16,
    /// Held while anything is loaded: the kernel counts runs and their time.
    run_statistics: Option<Arc<RunStatistics>>,
    /// What has to be committed, or is taken back.
    pub commitments: Arc<Commitments>,
    watchdog: Arc<Watchdog>,
    /// What its limits have ended since somebody asked.
    tripped: Vec<(u32, Trip)>,
}

/// A loaded object. Fields are dropped in their order: links go before the programs they hold.
pub struct Loaded {
    pub attached: Vec<Attached>,
    pub streams: Vec<Arc<Stream>>,
    pub prints: Option<Arc<PrintCounters>>,
    pub object: Object,
    pub about: About,
    pub limits: Limits,
    /// When its time began: at the attach, or when somebody last said that it is watched.
    pub renewed: Instant,
    /// Why its limits have ended it.
    pub stopped: Option<pb::Stopped>,
    pub breaker: Breaker,
    /// What its links had counted when they went.
    missed: Missed,
}

impl Loaded {
    fn new(object: Object, about: About) -> Self {
        Self {
            attached: Vec::new(),
            streams: Vec::new(),
            prints: None,
            object,
            about,
            limits: Limits::default(),
            renewed: Instant::now(),
            stopped: None,
            breaker: Breaker::default(),
            missed: Missed::new(),
        }
    }

    /// Detaches every program. Gives what their links had counted, also when that is done already.
    pub fn detach(&mut self, statistics: Option<&RunStatistics>) -> Missed {
        if !self.attached.is_empty() {
            let settled = statistics.map(RunStatistics::settle);
            self.missed = stats::missed_by_links(self);
            self.attached.clear();
            // Programs that were running when their link went may still be at it.
            os::wait_for_running_programs();
            if let Some(settled) = settled {
                settled.stopped(&self.object);
            }
        }
        self.missed.clone()
    }

    /// What this run takes above its limits, if anything.
    fn check(&mut self, statistics: Option<&RunStatistics>, now: Instant) -> Option<Trip> {
        if let Some(trip) = self.limits.overdue(self.renewed, now) {
            return Some(trip);
        }
        let nanos = stats::nanos(&self.object, statistics);
        let records: Vec<(String, u64)> = self.streams.iter().map(|one| (one.map.clone(), one.taken())).collect();
        self.breaker.check(self.limits, now, &nanos, &records)
    }
}

/// The links of one program: several for what is attached once per CPU.
pub struct Attached {
    /// "" for a struct_ops map.
    pub program: String,
    /// The struct_ops map, "" for a program.
    pub map: String,
    pub links: Vec<Link>,
    pub per_cpu: Option<PerCpu>,
    /// As asked for, and as answered: for the next version that takes its place.
    pub choices: HashMap<String, String>,
    pub attachment: pb::Attachment,
}

impl Session {
    pub fn new(commitments: Arc<Commitments>, watchdog: Arc<Watchdog>) -> Self {
        Self { commitments, watchdog, ..Self::default() }
    }

    pub fn add(&mut self, object: Object, about: About) -> u32 {
        if self.run_statistics.is_none() {
            match RunStatistics::start() {
                Ok(statistics) => self.run_statistics = Some(Arc::new(statistics)),
                Err(error) => journal::info("no-run-statistics", &error.to_string()),
            }
        }
        if let Some(statistics) = &self.run_statistics {
            statistics.watch(&object);
        }
        self.last_id += 1;
        self.objects.insert(self.last_id, Loaded::new(object, about));
        self.last_id
    }

    pub fn get(&mut self, id: u32) -> Answer<&mut Loaded> {
        self.objects.get_mut(&id).ok_or_else(|| no_object(id))
    }

    /// The object and the others, to look names up in.
    pub fn scope(&self, id: u32) -> Answer<(&Loaded, Scope<'_>)> {
        let loaded = self.objects.get(&id).ok_or_else(|| no_object(id))?;
        let others = self.objects.iter().filter(|(other, _)| **other != id).map(|(_, loaded)| &loaded.object).collect();
        Ok((loaded, Scope { object: &loaded.object, others }))
    }

    pub fn remove(&mut self, id: u32) -> Answer<Loaded> {
        let loaded = self.objects.remove(&id).ok_or_else(|| no_object(id))?;
        if let Some(statistics) = &self.run_statistics {
            statistics.forget(&loaded.object);
        }
        self.commitments.forget(id);
        if self.objects.is_empty() {
            self.run_statistics = None;
        }
        Ok(loaded)
    }

    /// What it takes to load and attach all that is loaded.
    pub fn needed(&self) -> Capabilities {
        self.objects.values().flat_map(|loaded| privilege::needed(&loaded.object)).collect()
    }

    /// Whether anything is attached, so that its limits must be looked after.
    pub fn is_attached(&self) -> bool {
        self.objects.values().any(|loaded| !loaded.attached.is_empty())
    }

    /// When its limits are to be looked at.
    pub fn watchdog(&self) -> &Watchdog {
        &self.watchdog
    }

    /// Detaches what takes more than its limits allow, if it is time to look; [`Self::take_tripped`] says what and why. False
    /// when it is not.
    pub fn keep_limits_in_time(&mut self) -> bool {
        let due = self.is_attached() && self.watchdog.until_due().is_zero();
        if due {
            self.keep_limits(Instant::now());
        }
        if due || !self.is_attached() {
            self.watchdog.looked(self.is_attached());
        }
        due
    }

    fn keep_limits(&mut self, now: Instant) {
        let statistics = self.run_statistics.clone();
        let statistics = statistics.as_deref();
        for (id, loaded) in self.objects.iter_mut().filter(|(_, loaded)| !loaded.attached.is_empty()) {
            if let Some(trip) = loaded.check(statistics, now) {
                loaded.detach(statistics);
                self.commitments.forget(*id);
                self.tripped.push((*id, trip));
            }
        }
    }

    pub fn take_tripped(&mut self) -> Vec<(u32, Trip)> {
        std::mem::take(&mut self.tripped)
    }

    /// Detaches what was not committed in time; none when it has gone meanwhile.
    pub fn roll_back(&mut self, id: u32) -> Option<Trip> {
        let statistics = self.run_statistics.clone();
        self.commitments.forget(id);
        let loaded = self.objects.get_mut(&id).filter(|loaded| !loaded.attached.is_empty())?;
        let words = |one: &Attached| format!("{}{} on {}", one.program, one.map, one.attachment.target);
        let attached: Vec<String> = loaded.attached.iter().map(words).collect();
        loaded.detach(statistics.as_deref());
        Some(Trip {
            code: "guard-rolled-back",
            program: String::new(),
            message: format!(
                "Nobody confirmed in time, over the living connection, that it is still there: the host has detached {}.",
                attached.join(", ")
            ),
            hint: "Attach again and confirm it, or attach elsewhere.".into(),
        })
    }

    /// What is attached, by object.
    pub fn attached(&self) -> Vec<(u32, About)> {
        let attached = self.objects.iter().filter(|(_, loaded)| !loaded.attached.is_empty());
        attached.map(|(id, loaded)| (*id, loaded.about.clone())).collect()
    }

    /// Whether anything is attached CPU by CPU.
    pub fn is_per_cpu(&self) -> bool {
        self.objects.values().flat_map(|loaded| &loaded.attached).any(|attached| attached.per_cpu.is_some())
    }

    /// Attaches on CPUs that came online what is attached CPU by CPU, and lets go what was on those that left.
    pub fn follow_cpus(&mut self) {
        let online = cpus::online();
        for Loaded { attached, object, .. } in self.objects.values_mut() {
            for Attached { program, links, per_cpu, .. } in attached {
                if let (Some(per_cpu), Some(program)) = (per_cpu, object.program(program)) {
                    per_cpu.follow(&online, program, links);
                }
            }
        }
    }

    /// Whether anyone's prints are followed, so that the one reader for all of them exists.
    pub fn follows_prints(&self) -> bool {
        let mut counters = self.objects.values().filter_map(|loaded| loaded.prints.as_ref());
        counters.any(|counters| counters.followed.load(Ordering::Relaxed))
    }

    pub fn counts_runs(&self) -> bool {
        self.run_statistics.is_some()
    }

    /// None where the kernel does not count runs, or nothing is loaded.
    pub fn run_statistics(&self) -> Option<Arc<RunStatistics>> {
        self.run_statistics.clone()
    }

    pub fn stream(&self, id: u32) -> Answer<&Arc<Stream>> {
        let mut streams = self.objects.values().flat_map(|loaded| &loaded.streams);
        let missing = || Failure::new("protocol", format!("No stream {id} is open."));
        streams.find(|stream| u32::from(stream.id) == id).ok_or_else(missing)
    }

    /// A number for a new stream; numbers are not used twice until all have been.
    pub fn new_stream_id(&mut self) -> Answer<u16> {
        let used: Vec<u16> = self.objects.values().flat_map(|loaded| &loaded.streams).map(|stream| stream.id).collect();
        let next = (1..=u16::MAX)
            .map(|step| self.last_stream.wrapping_add(step))
            .find(|id| *id != 0 && !used.contains(id))
            .ok_or_else(|| Failure::new("protocol", "Too many streams are open."))?;
        self.last_stream = next;
        Ok(next)
    }
}

fn no_object(id: u32) -> Failure {
    Failure::new("protocol", format!("No object {id} is loaded."))
}
