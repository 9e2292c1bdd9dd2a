//! GetStats: what programs ran, what streams carried, what the agent itself costs.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::Ordering;

use ringside_bpf::object::Object;
use ringside_bpf::program::Program;
use ringside_bpf::{os, stats};
use ringside_proto::messages as pb;

use crate::failure::Answer;
use crate::run_statistics::RunStatistics;
use crate::session::{Loaded, Session};

/// Runs that the kernel skipped, by program, for the links that count them.
pub type Missed = BTreeMap<String, u64>;

pub fn get(session: &mut Session, request: pb::GetStats) -> Answer<pb::Stats> {
    let counts_runs = session.run_statistics();
    if request.object_id == 0 {
        return Ok(of(None, counts_runs.as_deref(), Missed::new()));
    }
    let loaded = session.get(request.object_id)?;
    let missed = missed_by_links(loaded);
    Ok(of(Some(loaded), counts_runs.as_deref(), missed))
}

pub fn of(loaded: Option<&mut Loaded>, counts_runs: Option<&RunStatistics>, missed: Missed) -> pb::Stats {
    let mut figures = pb::Stats {
        agent_rss_bytes: rss_bytes(),
        agent_cpu_ns: os::process_cpu_ns(),
        at_monotonic_ns: os::monotonic_ns(),
        ..Default::default()
    };
    let Some(loaded) = loaded else { return figures };
    for program in loaded.object.programs() {
        let Some(Ok(info)) = program.fd().map(stats::program) else { continue };
        let missed = missed.get(program.name());
        let runs = counts_runs.map(|all| all.figures(info.id, info.run_count, info.run_ns)).unwrap_or_default();
        figures.programs.push(pb::ProgramStats {
            name: program.name().to_owned(),
            run_count: runs.runs,
            run_nanos: runs.nanos,
            recursion_misses: info.recursion_misses,
            stats_enabled: counts_runs.is_some(),
            sampled: runs.sampled,
            missed: missed.copied().unwrap_or(0),
            missed_known: missed.is_some(),
        });
    }
    figures.streams = loaded.streams.iter().map(|stream| stream.statistics()).collect();
    if let Some(prints) = &loaded.prints {
        figures.prints = prints.prints.load(Ordering::Relaxed);
        figures.prints_lost = prints.lost.load(Ordering::Relaxed);
    }
    figures
}

/// How long each program of the object has run; nothing where the kernel does not count that.
pub fn nanos(object: &Object, counts_runs: Option<&RunStatistics>) -> Vec<(String, u64)> {
    let Some(counts_runs) = counts_runs else { return Vec::new() };
    let of = |program: Program<'_>| {
        let info = stats::program(program.fd()?).ok()?;
        Some((program.name().to_owned(), counts_runs.figures(info.id, info.run_count, info.run_ns).nanos))
    };
    object.programs().into_iter().filter_map(of).collect()
}

pub fn missed_by_links(loaded: &Loaded) -> Missed {
    let mut missed = Missed::new();
    for attached in &loaded.attached {
        for count in attached.links.iter().filter_map(|link| link.info().missed) {
            *missed.entry(attached.program.clone()).or_default() += count;
        }
    }
    missed
}

fn rss_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * os::page_size() as u64
}
