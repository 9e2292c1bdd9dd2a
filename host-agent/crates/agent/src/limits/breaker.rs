//! The circuit breaker: what programs and streams come to over the last two seconds, against the run's limits.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use ringside_proto::messages as pb;

use super::Limits;

/// What a run may take is its limit times this span: it may take it at once, so that a burst ends no run, and what has taken
/// it all is ended at once, because a host that is being choked cannot wait for the span to pass.
const SPAN: Duration = Duration::from_secs(2);

/// Why a run is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trip {
    /// One of core/src/errors.ts.
    pub code: &'static str,
    pub program: String,
    pub message: String,
    pub hint: String,
}

impl Trip {
    pub fn message(self, object_id: u32) -> pb::Stopped {
        let Self { code, program, message, hint } = self;
        pb::Stopped { object_id, code: code.into(), program, message, hint }
    }
}

/// Readings of one run.
#[derive(Debug, Default)]
pub struct Breaker {
    programs: BTreeMap<String, Readings>,
    streams: BTreeMap<String, Readings>,
}

impl Breaker {
    /// `nanos`: what each program has run so far; `records`: what each stream has carried so far.
    pub fn check(
        &mut self,
        limits: Limits,
        now: Instant,
        nanos: &[(String, u64)],
        records: &[(String, u64)],
    ) -> Option<Trip> {
        let over_cpu = highest(&mut self.programs, now, nanos).and_then(|found| too_dear(limits, &found));
        let over_rate = highest(&mut self.streams, now, records).and_then(|found| too_many(limits, &found));
        over_cpu.or(over_rate)
    }
}

struct Found {
    name: String,
    growth: u64,
    seconds: f64,
}

impl Found {
    fn per_second(&self) -> f64 {
        self.growth as f64 / self.seconds.max(0.001)
    }

    fn is_above(&self, limit_per_second: f64) -> bool {
        limit_per_second > 0.0 && self.growth as f64 > limit_per_second * self.seconds.max(SPAN.as_secs_f64())
    }
}

/// Takes the readings, and gives the name that grew the most.
fn highest(all: &mut BTreeMap<String, Readings>, now: Instant, totals: &[(String, u64)]) -> Option<Found> {
    all.retain(|name, _| totals.iter().any(|(other, _)| other == name));
    let growths = totals.iter().map(|(name, total)| {
        let (growth, seconds) = all.entry(name.clone()).or_default().add(now, *total);
        Found { name: name.clone(), growth, seconds }
    });
    growths.max_by(|one, other| one.growth.cmp(&other.growth))
}

fn too_dear(limits: Limits, found: &Found) -> Option<Trip> {
    let (name, percent, limit) = (&found.name, found.per_second() / 1e7, limits.cpu_percent);
    found.is_above(f64::from(limit) * 1e7).then(|| Trip {
        code: "cpu-limit",
        program: name.clone(),
        message: format!(
            "Program {name} took {percent:.0} % of a processor over {:.1} s; the limit of this run is {limit} % over {} s.",
            found.seconds,
            SPAN.as_secs()
        ),
        hint: "Make it cheaper: filter first, do less per event, attach to fewer events or sample. Or raise the limit of the run (cpu=PERCENT, 0 for none).".into(),
    })
}

fn too_many(limits: Limits, found: &Found) -> Option<Trip> {
    let (name, rate, limit) = (&found.name, found.per_second(), limits.records_per_second);
    found.is_above(limit as f64).then(|| Trip {
        code: "rate-limit",
        program: String::new(),
        message: format!(
            "Stream {name} carried {rate:.0} records a second over {:.1} s; the limit of this run is {limit} over {} s.",
            found.seconds,
            SPAN.as_secs()
        ),
        hint: "Filter in the program, or sample. Or raise the limit of the run (rate=RECORDS, 0 for none).".into(),
    })
}

/// Totals of the last seconds.
#[derive(Debug, Default)]
struct Readings(VecDeque<(Instant, u64)>);

impl Readings {
    /// Growth over the span, and how many seconds that is by now. A total that shrank begins anew: a new version of the
    /// program counts from 0.
    fn add(&mut self, now: Instant, total: u64) -> (u64, f64) {
        if self.0.back().is_some_and(|(_, last)| *last > total) {
            self.0.clear();
        }
        self.0.push_back((now, total));
        // One reading that is as old as the span stays: it is the span's beginning.
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= SPAN) {
            self.0.pop_front();
        }
        self.0.front().map_or((0, 0.0), |(begin, first)| (total - first, now.duration_since(*begin).as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(limits: Limits, totals: impl Fn(u64) -> (u64, u64)) -> Option<(u64, Trip)> {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        (0..20).find_map(|half| {
            let (nanos, records) = totals(half);
            let now = start + Duration::from_millis(500 * half);
            let trip = breaker.check(limits, now, &[("p".into(), nanos)], &[("s".into(), records)])?;
            Some((500 * half, trip))
        })
    }

    #[test]
    fn a_program_that_takes_too_much_is_named_with_its_share_within_two_seconds() {
        let (after, trip) = run(Limits::default(), |half| (half * 160_000_000, 0)).expect("a trip");
        assert_eq!(after, 2_000);
        assert_eq!((trip.code, trip.program.as_str()), ("cpu-limit", "p"));
        assert_eq!(
            trip.message,
            "Program p took 32 % of a processor over 2.0 s; the limit of this run is 30 % over 2 s."
        );
    }

    #[test]
    fn what_chokes_the_host_does_not_get_two_seconds() {
        let (after, trip) = run(Limits::default(), |half| (half * 1_000_000_000, 0)).expect("a trip");
        assert_eq!(after, 500);
        assert!(trip.message.starts_with("Program p took 200 % of a processor over 0.5 s"), "{}", trip.message);
    }

    #[test]
    fn a_stream_that_carries_too_much_is_named() {
        let limits = Limits { records_per_second: 1_000, ..Limits::default() };
        let (_, trip) = run(limits, |half| (0, half * 700)).expect("a trip");
        assert_eq!(
            trip.message,
            "Stream s carried 1400 records a second over 1.5 s; the limit of this run is 1000 over 2 s."
        );
    }

    #[test]
    fn a_short_burst_is_forgiven_and_no_limit_is_none() {
        // Half a second of a whole processor is a quarter of two seconds.
        assert_eq!(run(Limits::default(), |half| (half.min(1) * 500_000_000, 0)), None);
        let without = Limits { cpu_percent: 0, records_per_second: 0, time_seconds: 0 };
        assert_eq!(run(without, |half| (half * 9_000_000_000, half * 9_000_000_000)), None);
    }

    #[test]
    fn a_total_that_begins_anew_is_no_growth() {
        assert_eq!(run(Limits::default(), |half| (if half < 6 { half * 100_000_000 } else { half * 10 }, 0)), None);
    }

    proptest! {
        /// Whatever the readings, a trip says truly that more than the limit was taken in its span.
        #[test]
        fn it_trips_above_the_limit_only(steps in prop::collection::vec((1_u64..3_000, 0_u64..2_000_000_000), 1..40)) {
            let (mut breaker, mut now, mut total) = (Breaker::default(), Instant::now(), 0);
            let mut seen: Vec<(Instant, u64)> = Vec::new();
            for (millis, nanos) in steps {
                now += Duration::from_millis(millis);
                total += nanos;
                seen.push((now, total));
                let trip = breaker.check(Limits::default(), now, &[("p".into(), total)], &[]);
                let over = seen.iter().any(|(at, before)| {
                    (total - before) as f64 > 0.3e9 * now.duration_since(*at).as_secs_f64().max(2.0)
                });
                prop_assert!(trip.is_none() || over);
            }
        }
    }
}
