//! The right to keep things attached: renewed by any frame of the client, checked by the one thread that never blocks.

use std::time::{Duration, Instant};

const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(5);
const DEFAULT_LEASE: Duration = Duration::from_secs(30);
const SHORTEST_LEASE: Duration = Duration::from_millis(500);
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(100);

/// Time of the lease that is kept for detaching, so that nothing is attached any more when it is over: a tenth, and of short
/// leases at least this, but never more than a quarter.
const LEAST_RESERVE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub struct Lease {
    heartbeat: Duration,
    length: Duration,
    /// Shorter than agreed, for as long as something asks for it.
    limit: Option<Duration>,
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
        Self { heartbeat: DEFAULT_HEARTBEAT, length: DEFAULT_LEASE, limit: None, renewed: now, last_ping: now }
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

    /// Silence for this long is enough while there is a limit: something is attached that may cut the connection.
    pub fn shorten(&mut self, limit: Option<Duration>) {
        self.limit = limit;
    }

    pub fn length(&self) -> Duration {
        self.limit.map_or(self.length, |limit| limit.min(self.length))
    }

    /// How long silence is borne: what is left of the lease then is for detaching.
    pub fn patience(&self) -> Duration {
        let length = self.length();
        length - (length / 10).max(LEAST_RESERVE.min(length / 4))
    }

    pub fn check(&mut self, now: Instant) -> Due {
        if now.duration_since(self.renewed) >= self.patience() {
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
        let next = (self.renewed + self.patience()).min(self.last_ping + self.heartbeat);
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
        assert_eq!(lease.check(at(1649)), Due::Ping);
        assert_eq!(lease.check(at(1650)), Due::Expired, "the last quarter of a second is for detaching");
    }

    #[test]
    fn a_limit_shortens_it_for_a_while() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut lease = Lease::new(start);
        lease.shorten(Some(Duration::from_secs(10)));
        assert_eq!(lease.check(at(10)), Due::Expired);
        lease.shorten(None);
        assert_eq!(lease.check(at(10)), Due::Ping);
        lease.agree(0, 2000);
        lease.shorten(Some(Duration::from_secs(10)));
        assert_eq!(lease.length(), Duration::from_secs(2), "a limit makes no lease longer");
    }

    #[test]
    fn a_lease_has_a_least_length() {
        let mut lease = Lease::new(Instant::now());
        lease.agree(1, 1);
        assert_eq!(lease.length(), SHORTEST_LEASE);
    }
}
