//! What a run may cost its host. Above it the agent detaches by itself and says why, whatever the client does meanwhile.

mod breaker;
mod watchdog;

use std::time::{Duration, Instant};

use ringside_proto::messages as pb;

pub use breaker::{Breaker, Trip};
pub use watchdog::Watchdog;

/// Of one processor, for one program.
const CPU_PERCENT: u32 = 30;
/// Of one stream. The agent itself can carry about as many.
const RECORDS_PER_SECOND: u64 = 2_000_000;
const TIME_SECONDS: u32 = 15 * 60;

/// 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub cpu_percent: u32,
    pub records_per_second: u64,
    pub time_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cpu_percent: CPU_PERCENT, records_per_second: RECORDS_PER_SECOND, time_seconds: TIME_SECONDS }
    }
}

impl Limits {
    pub fn asked(wanted: Option<pb::RunLimits>) -> Self {
        let wanted = wanted.unwrap_or_default();
        let default = Self::default();
        Self {
            cpu_percent: wanted.cpu_percent.unwrap_or(default.cpu_percent),
            records_per_second: wanted.records_per_second.unwrap_or(default.records_per_second),
            time_seconds: wanted.time_seconds.unwrap_or(default.time_seconds),
        }
    }

    pub fn message(self) -> pb::RunLimits {
        pb::RunLimits {
            cpu_percent: Some(self.cpu_percent),
            records_per_second: Some(self.records_per_second),
            time_seconds: Some(self.time_seconds),
        }
    }

    /// What to say when nobody has renewed the run since.
    pub fn overdue(self, since: Instant, now: Instant) -> Option<Trip> {
        let time = Duration::from_secs(self.time_seconds.into());
        (self.time_seconds != 0 && now.duration_since(since) >= time).then(|| Trip {
            code: "time-limit",
            program: String::new(),
            message: format!("Nobody has watched the run for {}, which is its time limit.", spoken(self.time_seconds)),
            hint: "Attach again. A longer time, or none (0), is a limit of the run; a run that is meant to go on alone is kept running on purpose.".into(),
        })
    }
}

fn spoken(seconds: u32) -> String {
    match seconds {
        whole if whole % 3600 == 0 => format!("{} h", whole / 3600),
        whole if whole % 60 == 0 => format!("{} min", whole / 60),
        other => format!("{other} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_the_default_and_zero_is_none() {
        let limits = Limits::asked(Some(pb::RunLimits { cpu_percent: Some(0), ..Default::default() }));
        assert_eq!(limits, Limits { cpu_percent: 0, ..Limits::default() });
        assert_eq!(Limits::asked(Some(limits.message())), limits);
    }

    #[test]
    fn a_run_is_overdue_when_its_time_is_over_and_never_without_one() {
        let since = Instant::now();
        let limits = Limits { time_seconds: 120, ..Limits::default() };
        assert_eq!(limits.overdue(since, since + Duration::from_secs(119)), None);
        let trip = limits.overdue(since, since + Duration::from_secs(120)).expect("overdue");
        assert_eq!((trip.code, trip.message.contains("2 min")), ("time-limit", true));
        let without = Limits { time_seconds: 0, ..limits };
        assert_eq!(without.overdue(since, since + Duration::from_secs(1 << 30)), None);
    }
}
