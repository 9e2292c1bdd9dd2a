//! Whether the other process has been heard of in time.

use std::time::{Duration, Instant};

/// Before the client has agreed on a lease.
pub const DEFAULT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Pulse {
    patience: Duration,
    heard: Instant,
}

impl Pulse {
    pub fn new(now: Instant) -> Self {
        Self { patience: DEFAULT, heard: now }
    }

    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    pub fn patience(&self) -> Duration {
        self.patience
    }

    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    pub fn until_silent(&self, now: Instant) -> Duration {
        (self.heard + self.patience).saturating_duration_since(now)
    }

    /// Ask only after everything that has come in was taken. Whoever wakes up long after the moment in which it wanted to was
    /// stopped itself, and cannot tell: the other gets its time anew.
    pub fn is_silent(&mut self, now: Instant) -> bool {
        let late = now.saturating_duration_since(self.heard + self.patience);
        if late > self.patience / 2 {
            self.heard = now;
        }
        now.duration_since(self.heard) >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_measured_from_the_last_word() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pulse = Pulse::new(start);
        pulse.set_patience(Duration::from_millis(1000));
        assert_eq!(pulse.until_silent(at(400)), Duration::from_millis(600));
        assert!(!pulse.is_silent(at(999)));
        pulse.heard(at(900));
        assert!(!pulse.is_silent(at(1899)));
        assert!(pulse.is_silent(at(1900)));
    }

    #[test]
    fn who_was_stopped_itself_does_not_judge() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pulse = Pulse::new(start);
        pulse.set_patience(Duration::from_millis(1000));
        assert!(!pulse.is_silent(at(60_000)));
        assert!(!pulse.is_silent(at(60_999)));
        assert!(pulse.is_silent(at(61_000)));
    }
}
