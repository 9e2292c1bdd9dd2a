//! perf_event programs on the kernel's clock.

use ringside_bpf::{cpus, link, perf};

use super::{Made, Target};
use crate::failure::{Answer, Failure};

/// Not a divisor of the usual timers, so that sampling does not beat with periodic work.
const DEFAULT_FREQUENCY: u64 = 99;
const HIGHEST_FREQUENCY: u64 = 10_000;

/// `freq` times a second, on one CPU or on all online ones, of one process or of everything.
pub fn perf_event(target: &Target<'_>) -> Answer<Made> {
    let frequency = target.number("freq")?.unwrap_or(DEFAULT_FREQUENCY);
    if !(1..=HIGHEST_FREQUENCY).contains(&frequency) {
        return Err(Failure::new(
            "bad-value",
            format!("freq={frequency} is not between 1 and {HIGHEST_FREQUENCY} Hz."),
        ));
    }
    let (cpu, pid) = (target.number::<u32>("cpu")?, target.number::<u32>("pid")?);
    let online = cpus::online();
    if let Some(cpu) = cpu.filter(|cpu| !online.contains(cpu)) {
        let known = online.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        return Err(target.not_found(&format!("online CPU {cpu}"), &[]).hint(format!("Online are {known}.")));
    }
    let chosen = cpu.map_or(online, |cpu| vec![cpu]);
    let of = pid.map_or_else(String::new, |pid| format!(" of process {pid}"));
    let words = format!("{frequency} Hz on {} CPU{}{of}", chosen.len(), if chosen.len() == 1 { "" } else { "s" });
    let attach_one = |cpu: &u32| {
        let event = perf::cpu_clock(frequency, Some(*cpu), pid)?;
        link::perf_event(target.program, event)
    };
    let links =
        chosen.iter().map(attach_one).collect::<Result<Vec<_>, _>>().map_err(|error| target.failed(&error, &words))?;
    Ok(Made { links, target: words, kind: "" })
}
