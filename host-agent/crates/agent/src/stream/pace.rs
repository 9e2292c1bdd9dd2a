//! How long to sleep between two drains. A timer instead of epoll: waking a waiting reader costs the traced program more
//! than a microsecond per record, a timer nothing.

use std::time::Duration;

pub const FASTEST: Duration = Duration::from_millis(2);
pub const BUSY: Duration = Duration::from_millis(5);
pub const SLOWEST: Duration = Duration::from_millis(20);

/// The next pause, from the last one and from how full (0 to 1) the fullest buffer was found.
pub fn next(last: Duration, fullest: f64) -> Duration {
    if fullest > 1.0 / 16.0 {
        FASTEST
    } else if fullest > 0.0 {
        last.clamp(FASTEST, BUSY)
    } else {
        (last * 2).clamp(FASTEST, SLOWEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_rings_slow_down_and_full_ones_speed_up() {
        let mut pace = FASTEST;
        for _ in 0..5 {
            pace = next(pace, 0.0);
        }
        assert_eq!(pace, SLOWEST);
        assert_eq!(next(pace, 0.01), BUSY);
        assert_eq!(next(pace, 0.5), FASTEST);
    }
}
