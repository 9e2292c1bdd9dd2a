//! The right to keep things attached: renewed by any frame of the client, checked by the one thread that never blocks.

use std::time::{Duration, Instant};

const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(5);
const DEFAULT_LEASE: Duration = Duration::from_secs(30);
const SHORTEST_LEASE: Duration = Duration::from_millis(500);
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Lease {
    heartbeat: Duration,
    length: Duration,
    renewed: Instant,
    last_ping: Instant,
}

/// What is due now.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    Nothing,
    Ping,
    Expired,
}

impl Lease {
    pub fn new(now: Instant) -> Self {
        Self { heartbeat: DEFAULT_HEARTBEAT, length: DEFAULT_LEASE, renewed: now, last_ping: now }
    }

    /// Figures of HelloAck in milliseconds; 0 keeps the default.
    pub fn agree(&mut self, heartbeat_ms: u32, lease_ms: u32) {
        if heartbeat_ms != 0 {
            self.heartbeat = Duration::from_millis(heartbeat_ms.into()).max(SHORTEST_HEARTBEAT);
        }
        if lease_ms != 0 {
            self.length = Duration::from_millis(lease_ms.into()).max(SHORTEST_LEASE);
        }
    }

    pub fn renew(&mut self, now: Instant) {
        self.renewed = now;
    }

    pub fn length(&self) -> Duration {
        self.length
    }

    pub fn check(&mut self, now: Instant) -> Due {
        if now.duration_since(self.renewed) >= self.length {
            return Due::Expired;
        }
        if now.duration_since(self.last_ping) >= self.heartbeat {
            self.last_ping = now;
            return Due::Ping;
        }
        Due::Nothing
    }

    /// How long the caller may sleep.
    pub fn until_next(&self, now: Instant) -> Duration {
        let next = (self.renewed + self.length).min(self.last_ping + self.heartbeat);
        next.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_expires_and_frames_renew() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut lease = Lease::new(start);
        lease.agree(400, 1000);
        assert_eq!(lease.until_next(start), Duration::from_millis(400));
        assert_eq!(lease.check(at(399)), Due::Nothing);
        assert_eq!(lease.check(at(400)), Due::Ping);
        lease.renew(at(900));
        assert_eq!(lease.check(at(1899)), Due::Ping);
        assert_eq!(lease.check(at(1900)), Due::Expired);
    }

    #[test]
    fn a_lease_has_a_least_length() {
        let mut lease = Lease::new(Instant::now());
        lease.agree(1, 1);
        assert_eq!(lease.length(), SHORTEST_LEASE);
    }
}
