//! Real-time priority (sched(7)) for a thread, and a way to lend it to another one: such a thread runs before all that is not
//! real-time, and no tick takes the processor from it. The lowest such priority is enough: what chokes a host seldom is
//! real-time itself.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libc::{c_int, c_long};

const LOWEST: c_int = 1;

/// Gives the calling thread real-time priority, which takes CAP_SYS_NICE, or the usual one again. Threads and processes that
/// it starts inherit it. False where it is not allowed, and the thread stays as it was.
pub fn set_urgent(urgent: bool) -> bool {
    let (policy, priority) = if urgent { (libc::SCHED_FIFO, LOWEST) } else { (libc::SCHED_OTHER, 0) };
    // SAFETY: sched_param is plain integers. musl's own function refuses, so the system call is made here: it reads one live
    // local and changes the calling thread only.
    unsafe {
        let mut param = std::mem::zeroed::<libc::sched_param>();
        param.sched_priority = priority;
        libc::syscall(libc::SYS_sched_setscheduler, 0 as c_int, policy, &raw const param) == 0
    }
}

/// A thread that another one can lend its priority to. It holds a lock with priority inheritance for good (futex(2)): who
/// waits for it in vain lends it the own priority for that time, which takes no privilege.
#[derive(Debug, Default)]
pub struct Borrower {
    holder: AtomicU32,
}

impl Borrower {
    /// From now on the calling thread is the one.
    pub fn be_me(&self) {
        // SAFETY: gettid takes nothing.
        self.holder.store(unsafe { libc::gettid() }.unsigned_abs(), Ordering::SeqCst);
    }

    /// Lends it the priority of the calling thread for this long. Returns at once when nobody borrows, or the kernel cannot.
    pub fn lend(&self, time: Duration) {
        const FUTEX_LOCK_PI2: c_int = 13;
        if self.holder.load(Ordering::SeqCst) == 0 {
            return;
        }
        // Before Linux 5.14 only the clock that people set can end such a wait.
        let clocks = [(FUTEX_LOCK_PI2, libc::CLOCK_MONOTONIC), (libc::FUTEX_LOCK_PI, libc::CLOCK_REALTIME)];
        for (operation, clock) in clocks {
            if self.wait(operation, clock, time) != Some(libc::ENOSYS) {
                return;
            }
        }
    }

    /// Gives the kernel's error: ETIMEDOUT, as a rule.
    fn wait(&self, operation: c_int, clock: libc::clockid_t, time: Duration) -> Option<i32> {
        // SAFETY: the kernel writes one local, and reads another; the word lives as long as `self`, and only this file uses it.
        let got = unsafe {
            let mut until = std::mem::zeroed::<libc::timespec>();
            libc::clock_gettime(clock, &raw mut until);
            let nanos = until.tv_nsec as c_long + time.subsec_nanos() as c_long;
            until.tv_sec += time.as_secs() as libc::time_t + (nanos / 1_000_000_000) as libc::time_t;
            until.tv_nsec = nanos % 1_000_000_000;
            let operation = operation | libc::FUTEX_PRIVATE_FLAG;
            libc::syscall(libc::SYS_futex, self.holder.as_ptr(), operation, 0 as c_int, &raw const until)
        };
        if got == 0 { None } else { std::io::Error::last_os_error().raw_os_error() }
    }
}

/// Whether the calling thread runs with real-time priority now, its own or a lent one: field 18 of /proc/PID/stat.
pub fn is_urgent() -> bool {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let priority = stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(15));
    priority.and_then(|text| text.parse().ok()).is_some_and(|priority: i64| priority < 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn a_thread_that_is_urgent_lends_that_for_a_while() {
        let borrower = Arc::new(Borrower::default());
        borrower.lend(Duration::from_secs(3600));
        borrower.be_me();
        let lender = Arc::clone(&borrower);
        let lends = thread::spawn(move || {
            let urgent = set_urgent(true);
            assert_eq!(is_urgent(), urgent);
            lender.lend(Duration::from_millis(300));
            set_urgent(false) && !is_urgent() && urgent
        });
        let (mut was, until) = (false, Instant::now() + Duration::from_secs(20));
        while !lends.is_finished() && Instant::now() < until {
            was |= is_urgent();
        }
        // Not allowed without CAP_SYS_NICE, or in a control group without a share (CONFIG_RT_GROUP_SCHED).
        assert_eq!(lends.join().expect("a thread"), was);
        assert!(!is_urgent());
    }
}
