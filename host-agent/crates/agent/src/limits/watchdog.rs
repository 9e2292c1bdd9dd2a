//! A program that runs for milliseconds at every context switch leaves a host no time for anything else: each tick finds that
//! the thread which came on last has used its share up, although it has not yet run. The thread that holds a run against
//! its limits is then as choked as the rest. This one has real-time priority and looks after that one: as long as its look
//! is overdue, it lends it its priority, a part of the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use ringside_bpf::realtime::{self, Borrower};

/// How often a run is held against its limits.
const EVERY: Duration = Duration::from_millis(500);
/// How late a look may be, and the pause between two pulses.
const PATIENCE: Duration = Duration::from_millis(250);
/// For how long the thread that is late has real-time priority at a time: what keeps it may be long work on a host that is
/// well, and such a host must not feel it.
const PULSE: Duration = Duration::from_millis(100);
/// There is nothing to look after.
const IDLE: u64 = 0;

pub struct Watchdog {
    /// The thread that looks.
    looks: Borrower,
    begin: Instant,
    /// Milliseconds since `begin`, or [`IDLE`].
    looked: AtomicU64,
    sleeper: OnceLock<thread::Thread>,
}

impl Default for Watchdog {
    /// Knows when a look is due, and lends nothing.
    fn default() -> Self {
        let (looks, begin, looked) = (Borrower::default(), Instant::now(), AtomicU64::new(IDLE));
        Self { looks, begin, looked, sleeper: OnceLock::new() }
    }
}

impl Watchdog {
    /// Works on a thread of its own that inherits the real-time priority of the caller; without one it is of no use, and looks
    /// are as late as the host makes them.
    pub fn start() -> Arc<Self> {
        let watchdog = Arc::new(Self::default());
        let works = Arc::clone(&watchdog);
        if realtime::is_urgent()
            && let Ok(handle) = thread::Builder::new().name("watchdog".into()).spawn(move || works.work())
        {
            let _ = watchdog.sleeper.set(handle.thread().clone());
        }
        watchdog
    }

    /// The calling thread is the one that looks.
    pub fn looks_after_me(&self) {
        self.looks.be_me();
    }

    /// How long until the next look; the first is due at once.
    pub fn until_due(&self) -> Duration {
        match self.looked.load(Ordering::SeqCst) {
            IDLE => Duration::ZERO,
            looked => EVERY.saturating_sub(self.since(looked)),
        }
    }

    /// The thread has looked, or something that it is to look at begins. `more`: it will look again.
    pub fn looked(&self, more: bool) {
        let before = self.looked.swap(if more { self.now() } else { IDLE }, Ordering::SeqCst);
        if more
            && before == IDLE
            && let Some(sleeper) = self.sleeper.get()
        {
            sleeper.unpark();
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX).max(IDLE + 1)
    }

    fn work(&self) {
        loop {
            match self.looked.load(Ordering::SeqCst) {
                IDLE => thread::park(),
                looked => {
                    if self.since(looked) > EVERY + PATIENCE {
                        self.looks.lend(PULSE);
                    }
                    thread::sleep(PATIENCE);
                }
            }
        }
    }

    fn since(&self, looked: u64) -> Duration {
        Duration::from_millis(self.now().saturating_sub(looked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eventually(what: &str, mut done: impl FnMut() -> bool) {
        let until = Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(Instant::now() < until, "{what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_thread_whose_look_is_overdue_is_urgent_again_and_again_until_it_has_looked() {
        if !realtime::set_urgent(true) {
            // Nothing of this is to be had here; `realtime.rs` says when.
            return;
        }
        let watchdog = Watchdog::start();
        assert!(realtime::set_urgent(false));
        watchdog.looks_after_me();
        thread::sleep(EVERY + 2 * PATIENCE);
        assert!(!realtime::is_urgent(), "there is nothing to look after yet");
        for _ in 0..2 {
            watchdog.looked(true);
            eventually("it is urgent", realtime::is_urgent);
            eventually("it is so for a moment only", || !realtime::is_urgent());
            eventually("it is so again, as long as nobody looks", realtime::is_urgent);
            watchdog.looked(false);
            eventually("it is not any more", || !realtime::is_urgent());
            thread::sleep(PULSE + 2 * PATIENCE);
            assert!(!realtime::is_urgent());
        }
    }
}
