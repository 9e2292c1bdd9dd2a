//! perf_event programs: the kernel's clock, and what its software and the hardware count.

use std::fs;

use ringside_bpf::link::{self, Link};
use ringside_bpf::perf::{Rate, Sampling};
use ringside_bpf::program::Program;
use ringside_bpf::{Error, cpus};

use super::events::{self, Event};
use super::{Made, Target, process};
use crate::failure::libc_errno::{EACCES, EINVAL, EMFILE, ENODEV, ENOENT, EOPNOTSUPP, EPERM, ESRCH};
use crate::failure::{Answer, Failure};
use crate::journal;
use crate::knowledge::names;

/// Not a divisor of the usual timers, so that sampling does not beat with periodic work.
const DEFAULT_FREQUENCY: u64 = 99;
const HIGHEST_FREQUENCY: u64 = 10_000;
/// Every this many of them, for events that are no clock and happen rarely: each one.
const LEAST_PERIOD: u64 = 1;
/// Threads of a process that are followed from the start.
const MOST_THREADS: usize = 4096;

/// `event` (cpu-clock without it), `freq` times a second or each `period` events, on one CPU or on all online ones, of one
/// process or of everything.
pub fn perf_event(target: &Target<'_>) -> Answer<Made> {
    let name = target.choice("event").or_else(|| target.in_section()).unwrap_or("cpu-clock");
    let event = events::parse(name)
        .ok_or_else(|| target.not_found(&format!("perf event {name}"), &names::nearest(name, events::names())))?;
    let (rate, often) = rate(target)?;
    let sampling = Sampling { kind: event.kind, config: event.config, rate };
    let cpu = target.number::<u32>("cpu")?;
    let online = cpus::online();
    if let Some(cpu) = cpu.filter(|cpu| !online.contains(cpu)) {
        let known = online.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        return Err(target.not_found(&format!("online CPU {cpu}"), &[]).hint(format!("Online are {known}.")));
    }
    let what = if name == "cpu-clock" { String::new() } else { format!("{name} ") };
    if let Some(process) = process::chosen(target)? {
        let on = cpu.map_or_else(String::new, |cpu| format!(" on CPU {cpu}"));
        let words = format!("{what}{often} of process {}{on}", process.pid);
        return of_process(target, sampling, cpu, process.pid, words);
    }
    let cpus = cpu.map_or(online, |cpu| vec![cpu]);
    let words = format!("{what}{often} on {} CPU{}", cpus.len(), if cpus.len() == 1 { "" } else { "s" });
    let links = cpus.iter().map(|cpu| on_cpu(target.program, sampling, *cpu)).collect::<Result<Vec<_>, _>>();
    let links = links.map_err(|error| failed(target, &error, name, event, &words))?;
    Ok(Made { per_cpu: Some(PerCpu { sampling, only: cpu, cpus }), ..target.made_all(links, words) })
}

fn on_cpu(program: Program<'_>, sampling: Sampling, cpu: u32) -> Result<Link, Error> {
    link::perf_event(program, sampling.on_cpu(cpu)?)
}

/// Samples of each CPU: CPUs come and go. An event whose CPU goes offline is dead, also when the CPU comes back.
pub struct PerCpu {
    sampling: Sampling,
    /// The CPU that was chosen.
    only: Option<u32>,
    /// That of each link.
    cpus: Vec<u32>,
}

impl PerCpu {
    /// Brings the links to the CPUs that are online now.
    pub fn follow(&mut self, online: &[u32], program: Program<'_>, links: &mut Vec<Link>) {
        let mut cpus = self.cpus.iter();
        links.retain(|_| cpus.next().is_none_or(|cpu| online.contains(cpu)));
        self.cpus.retain(|cpu| online.contains(cpu));
        for cpu in online.iter().filter(|cpu| self.only.is_none_or(|only| only == **cpu)) {
            if self.cpus.contains(cpu) {
                continue;
            }
            match on_cpu(program, self.sampling, *cpu) {
                Ok(link) => {
                    links.push(link);
                    self.cpus.push(*cpu);
                }
                // It may have gone again meanwhile; the next look tries again.
                Err(error) => journal::info("no-samples-of-cpu", &error.to_string()),
            }
        }
    }
}

fn rate(target: &Target<'_>) -> Answer<(Rate, String)> {
    let (frequency, period) = (target.number::<u64>("freq")?, target.number::<u64>("period")?);
    match (frequency, period) {
        (Some(_), Some(_)) => Err(Failure::new("bad-value", "freq and period exclude each other.")),
        (None, Some(period)) if period < LEAST_PERIOD => Err(Failure::new("bad-value", "period=0 would never fire.")),
        (None, Some(period)) => Ok((Rate::Period(period), format!("every {period}"))),
        (frequency, None) => {
            let frequency = frequency.unwrap_or(DEFAULT_FREQUENCY);
            if !(1..=HIGHEST_FREQUENCY).contains(&frequency) {
                let message = format!("freq={frequency} is not between 1 and {HIGHEST_FREQUENCY} Hz.");
                return Err(Failure::new("bad-value", message));
            }
            Ok((Rate::Frequency(frequency), format!("{frequency} Hz")))
        }
    }
}

/// The kernel counts for threads: one event for each that is there, which those that they start inherit.
fn of_process(target: &Target<'_>, sampling: Sampling, cpu: Option<u32>, pid: u32, words: String) -> Answer<Made> {
    let threads: Vec<u32> = fs::read_dir(format!("/proc/{pid}/task"))
        .map_err(|_| process::gone(target, pid))?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .take(MOST_THREADS)
        .collect();
    let mut links = Vec::new();
    for thread in threads {
        match sampling.of_thread(thread, cpu).and_then(|event| link::perf_event(target.program, event)) {
            Ok(link) => links.push(link),
            // It has ended since.
            Err(error) if error.errno == ESRCH => {}
            Err(error) => {
                let event = Event { kind: sampling.kind, config: sampling.config };
                return Err(failed(target, &error, "event", event, &words));
            }
        }
    }
    match links.is_empty() {
        true => Err(process::gone(target, pid)),
        false => Ok(target.made_all(links, words)),
    }
}

fn failed(target: &Target<'_>, error: &Error, name: &str, event: Event, words: &str) -> Failure {
    let program = target.program.name();
    match error.errno {
        ENOENT | ENODEV | EOPNOTSUPP | EINVAL if events::is_hardware(event) => {
            let message = format!("Program {program}: this machine does not count {name} in hardware.");
            Failure::new("unsupported-by-kernel", message)
                .errno(error.errno)
                .hint("Virtual machines often have no performance counters. event=cpu-clock and the other software events work everywhere.")
        }
        EPERM | EACCES => {
            let paranoid = fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
            let message = format!(
                "Program {program} cannot be attached to {words}: the kernel gives no perf event to this user."
            );
            Failure::new("no-permission", message).errno(error.errno).hint(format!(
                "It needs CAP_PERFMON or root (kernel.perf_event_paranoid is {}); a container's seccomp filter may refuse perf_event_open.",
                paranoid.trim()
            ))
        }
        EMFILE => Failure::new(
            "attach-failed",
            format!("Program {program}: there are more threads or CPUs than the agent may have descriptors."),
        )
        .errno(error.errno)
        .hint("Choose a CPU, or raise the limit of open files (ulimit -n)."),
        _ => target.failed(error, words),
    }
}
