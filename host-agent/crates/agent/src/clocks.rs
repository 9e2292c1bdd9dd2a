//! The distance between the wall clock and the clocks that programs read. HELLO tells it once; suspending, NTP and people
//! change it later, and then the client is told anew, ahead of the records that it concerns.

use std::io;

use ringside_bpf::os;
use ringside_proto::Message;
use ringside_proto::framing::{FrameType, Head};
use ringside_proto::messages::{self as pb, event};

use crate::output::Output;

/// Less than a person can see, more than two looks at one clock differ.
const TOLERANCE_NS: u64 = 100_000;

pub struct Clocks {
    told: pb::ClockOffsets,
}

impl Clocks {
    /// What HELLO says at this moment counts as told.
    pub fn new() -> Self {
        Self { told: now() }
    }

    /// Looks at the clocks, and writes an EVENT when they have moved against each other.
    pub fn check(&mut self, output: &Output) -> io::Result<()> {
        if !self.have_moved_to(now()) {
            return Ok(());
        }
        let event = pb::Event { event: Some(event::Event::Clocks(self.told)) };
        output.write(Head::new(FrameType::Event), [&event.encode_to_vec(), b""])
    }

    fn have_moved_to(&mut self, now: pb::ClockOffsets) -> bool {
        let moved = |old: i64, new: i64| old.abs_diff(new) > TOLERANCE_NS;
        let have = moved(self.told.realtime_minus_monotonic_ns, now.realtime_minus_monotonic_ns)
            || moved(self.told.realtime_minus_boottime_ns, now.realtime_minus_boottime_ns);
        if have {
            self.told = now;
        }
        have
    }
}

fn now() -> pb::ClockOffsets {
    pb::ClockOffsets {
        realtime_minus_monotonic_ns: os::realtime_minus_monotonic_ns(),
        realtime_minus_boottime_ns: os::realtime_minus_boottime_ns(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_slow_drift_are_told_and_noise_is_not() {
        let at = |monotonic, boottime| pb::ClockOffsets {
            realtime_minus_monotonic_ns: monotonic,
            realtime_minus_boottime_ns: boottime,
        };
        let mut clocks = Clocks { told: at(1_000_000_000, 500_000_000) };
        assert!(!clocks.have_moved_to(at(1_000_050_000, 499_950_000)));
        assert!(clocks.have_moved_to(at(1_000_150_000, 500_150_000)), "drift adds up against what was told");
        assert!(!clocks.have_moved_to(at(1_000_150_000, 500_150_000)));
        assert!(clocks.have_moved_to(at(3_600_000_000_000, 500_150_000)), "a suspend moves one of the two");
    }

    #[test]
    fn two_looks_agree() {
        assert!(!Clocks::new().have_moved_to(now()));
    }
}
