//! Real-time priority for single threads (sched(7)): they run before all that is not real-time, and no tick takes the
//! processor from them. The lowest such priority is enough: what chokes a host is seldom real-time itself.

use libc::c_int;

const LOWEST: c_int = 1;

/// Lets this process use it from now on, also when it has given up CAP_SYS_NICE. Best effort: without CAP_SYS_RESOURCE,
/// [`Thread::set_urgent`] says no.
pub fn allow() {
    let limit = libc::rlimit { rlim_cur: LOWEST as libc::rlim_t, rlim_max: LOWEST as libc::rlim_t };
    // SAFETY: the pointer is to a local rlimit.
    unsafe { libc::setrlimit(libc::RLIMIT_RTPRIO, &limit) };
}

/// A thread of this process.
#[derive(Debug, Clone, Copy)]
pub struct Thread(c_int);

impl Thread {
    pub fn current() -> Self {
        // SAFETY: gettid takes nothing.
        Self(unsafe { libc::gettid() })
    }

    /// Real-time priority, or the usual one again. What the thread starts has the usual one either way. False where it is not
    /// allowed, and the thread stays as it was.
    pub fn set_urgent(self, urgent: bool) -> bool {
        // What the thread forks or spawns does not inherit it; the flag cannot be taken back, so it always goes along.
        let (policy, priority) = if urgent { (libc::SCHED_FIFO, LOWEST) } else { (libc::SCHED_OTHER, 0) };
        // SAFETY: sched_param is one integer; musl's own function refuses, so the system call is made here. It reads one
        // live local.
        unsafe {
            let mut param = std::mem::zeroed::<libc::sched_param>();
            param.sched_priority = priority;
            libc::syscall(libc::SYS_sched_setscheduler, self.0, policy | libc::SCHED_RESET_ON_FORK, &raw const param)
                == 0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Priority and policy, fields 18 and 41 of /proc/PID/stat.
    fn scheduling(thread: &str) -> (i64, u32) {
        let stat = std::fs::read_to_string(format!("/proc/{thread}/stat")).expect("procfs");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        (fields[15].parse().expect("a priority"), fields[38].parse().expect("a policy"))
    }

    #[test]
    fn a_thread_is_urgent_and_then_as_before_and_what_it_starts_never_is() {
        allow();
        let thread = Thread::current();
        if !thread.set_urgent(true) {
            // A control group without a share of real-time (CONFIG_RT_GROUP_SCHED), or a user without rights.
            assert_eq!(scheduling("thread-self").1, 0);
            return;
        }
        assert_eq!(scheduling("thread-self"), (-2, libc::SCHED_FIFO as u32));
        let started = std::thread::spawn(|| scheduling("thread-self").1).join().expect("a thread");
        assert_eq!(started, libc::SCHED_OTHER as u32);
        assert!(thread.set_urgent(false));
        assert_eq!(scheduling("thread-self").1, libc::SCHED_OTHER as u32);
    }
}
