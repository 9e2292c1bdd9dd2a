//! The kernel's count of runs and their time costs two readings of the clock in every run of every program of the host. So
//! the count is exact while our programs run rarely, and sampled while they run often: on for a tenth of the time.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ringside_bpf::object::Object;
use ringside_bpf::{Result, stats};

use crate::journal;

/// The share of the time in which a frequent program is counted, and how long a look is.
const LOOK: Duration = Duration::from_millis(50);
const REST: Duration = Duration::from_millis(450);
/// Runs per second of all our programs together from which on counting is worth saving.
const OFTEN: f64 = 20_000.0;
/// From this share of the expected runs on it is taken for all of them: somebody else had the kernel count.
const COUNTED_BY_OTHERS: f64 = 0.5;
/// With more programs than this, looking at all of them twice a second would cost more than it saves.
const MOST_PROGRAMS: usize = 512;

/// What a program's runs came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    pub runs: u64,
    pub nanos: u64,
    /// Part of it was not counted but concluded from what was.
    pub sampled: bool,
}

/// Counts runs as long as it lives.
pub struct RunStatistics {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    accounts: BTreeMap<u32, Account>,
    /// Open while the kernel counts for us.
    counting: Option<OwnedFd>,
    /// When the last look began or ended.
    edge: Instant,
    /// The kernel counts for us without a rest, because it could not be asked to begin again.
    always: bool,
    /// So many are detaching programs: the kernel counts until they have.
    detaching: usize,
    closed: bool,
}

/// One program: what the kernel had counted at the last edge, how often it ran in the last look, and what is concluded.
#[derive(Debug, Default)]
struct Account {
    /// Held, because opening it by its id would take CAP_SYS_ADMIN each time.
    program: Option<OwnedFd>,
    at_edge: Counted,
    rate: Rate,
    concluded: Rate,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Counted {
    runs: u64,
    nanos: u64,
}

/// Per second, or in all.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    runs: f64,
    nanos: f64,
}

impl RunStatistics {
    /// An error where the kernel does not count (before 5.8), or not for us.
    pub fn start() -> Result<Self> {
        let counting = Some(stats::enable()?);
        let state = State {
            accounts: BTreeMap::new(),
            counting,
            edge: Instant::now(),
            always: false,
            detaching: 0,
            closed: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let own = Arc::clone(&shared);
        // Without the thread everything is counted, as it is without sampling.
        if let Err(error) = thread::Builder::new().name("runs".into()).spawn(move || own.work()) {
            journal::info("no-sampling", &error.to_string());
        }
        Ok(Self { shared })
    }

    /// Takes the object's programs into account.
    pub fn watch(&self, object: &Object) {
        let programs = object.programs();
        let mut state = self.shared.settled();
        for fd in programs.iter().filter_map(|program| program.fd()) {
            let Ok(info) = stats::program(fd) else { continue };
            let at_edge = Counted { runs: info.run_count, nanos: info.run_ns };
            // More are not looked at one by one, and would only take descriptors.
            let program = if programs.len() <= MOST_PROGRAMS { fd.try_clone_to_owned().ok() } else { None };
            state.accounts.insert(info.id, Account { program, at_edge, ..Account::default() });
        }
    }

    /// The object's programs go.
    pub fn forget(&self, object: &Object) {
        let programs = object.programs();
        let mut state = self.shared.lock();
        for info in programs.iter().filter_map(|program| stats::program(program.fd()?).ok()) {
            state.accounts.remove(&info.id);
        }
    }

    /// From now on the kernel counts without a rest: the right to switch that on is about to be given up.
    pub fn keep_counting(&self) {
        self.shared.settled().always = true;
    }

    /// Closes the account of what was not counted, and has the kernel count for as long as the answer lives. To be called
    /// before programs are detached: what does not run any more must not be concluded from how often it ran.
    pub fn settle(&self) -> Settled<'_> {
        self.shared.settled().detaching += 1;
        Settled { shared: &self.shared }
    }

    /// What the kernel has counted (`runs`, `nanos`), and what it would have.
    pub fn figures(&self, id: u32, runs: u64, nanos: u64) -> Figures {
        let state = self.shared.lock();
        let account = state.accounts.get(&id);
        let concluded = match account {
            Some(account) if state.counting.is_none() => {
                account.rested(Counted { runs, nanos }, state.edge.elapsed().as_secs_f64())
            }
            Some(account) => account.concluded,
            None => Rate::default(),
        };
        Figures {
            runs: runs + concluded.runs.round() as u64,
            nanos: nanos + concluded.nanos.round() as u64,
            sampled: concluded.runs > 0.0,
        }
    }
}

impl Drop for RunStatistics {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

/// While it lives every run is counted.
pub struct Settled<'a> {
    shared: &'a Shared,
}

impl Settled<'_> {
    /// The object's programs do not run any more: nothing is concluded from how often they ran up to now.
    pub fn stopped(self, object: &Object) {
        let programs = object.programs();
        let mut state = self.shared.lock();
        for info in programs.iter().filter_map(|program| stats::program(program.fd()?).ok()) {
            if let Some(account) = state.accounts.get_mut(&info.id) {
                account.stop(Counted { runs: info.run_count, nanos: info.run_ns });
            }
        }
    }
}

impl Drop for Settled<'_> {
    fn drop(&mut self) {
        self.shared.lock().detaching -= 1;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state with the kernel counting.
    fn settled(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        if state.counting.is_none() {
            state.resume(Instant::now());
        }
        state
    }

    /// The life of the thread.
    fn work(&self) {
        let mut state = self.lock();
        state.begin(Instant::now());
        loop {
            state = self.sleep(state, LOOK);
            if state.closed {
                return;
            }
            if state.end(Instant::now()) >= OFTEN && !state.always && state.detaching == 0 {
                state.pause();
            }
            state = self.sleep(state, REST);
            if state.closed {
                return;
            }
            match state.counting {
                None => state.resume(Instant::now()),
                Some(_) => state.begin(Instant::now()),
            }
        }
    }

    fn sleep<'a>(&'a self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        let woken = self.changed.wait_timeout_while(state, time, |state| !state.closed);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    /// A look begins: the kernel has been counting all the while.
    fn begin(&mut self, now: Instant) {
        if self.accounts.len() <= MOST_PROGRAMS {
            self.mark_edge(now);
        }
    }

    /// What is counted up to now belongs to what was before.
    fn mark_edge(&mut self, now: Instant) {
        self.accounts.retain(|_, account| account.counted().map(|counted| account.at_edge = counted).is_some());
        self.edge = now;
    }

    /// A look ends. Gives the runs per second of all programs.
    fn end(&mut self, now: Instant) -> f64 {
        if self.accounts.len() > MOST_PROGRAMS {
            return 0.0;
        }
        let seconds = now.duration_since(self.edge).as_secs_f64();
        let mut all = 0.0;
        self.accounts.retain(|_, account| {
            let Some(counted) = account.counted() else { return false };
            account.look(counted, seconds);
            all += account.rate.runs;
            true
        });
        self.edge = now;
        all
    }

    /// The kernel stops to count for us. What it counted until it did (the switch takes a moment) belongs to the look.
    fn pause(&mut self) {
        self.counting = None;
        self.mark_edge(Instant::now());
    }

    /// The kernel counts again after a rest: concludes what ran meanwhile.
    fn resume(&mut self, now: Instant) {
        let seconds = now.duration_since(self.edge).as_secs_f64();
        self.accounts.retain(|_, account| {
            let Some(counted) = account.counted() else { return false };
            account.rest(counted, seconds);
            true
        });
        match stats::enable() {
            Ok(counting) => self.counting = Some(counting),
            Err(error) => journal::error("no-run-statistics", &error.to_string()),
        }
        self.edge = now;
    }
}

impl Account {
    /// All that it ran is counted, and no more comes.
    fn stop(&mut self, counted: Counted) {
        self.rate = Rate::default();
        self.at_edge = counted;
    }

    fn look(&mut self, counted: Counted, seconds: f64) {
        if seconds > 0.0 {
            self.rate = Rate {
                runs: counted.runs.saturating_sub(self.at_edge.runs) as f64 / seconds,
                nanos: counted.nanos.saturating_sub(self.at_edge.nanos) as f64 / seconds,
            };
        }
        self.at_edge = counted;
    }

    /// Concludes what ran while the kernel did not count for us. Somebody else may have had it count, all the time or (as
    /// another agent does) a part of it: what was counted is not concluded once more.
    fn rest(&mut self, counted: Counted, seconds: f64) {
        self.concluded = self.rested(counted, seconds);
        self.at_edge = counted;
    }

    /// What is concluded when a rest of so many seconds is over now.
    fn rested(&self, counted: Counted, seconds: f64) -> Rate {
        let runs = counted.runs.saturating_sub(self.at_edge.runs) as f64;
        let nanos = counted.nanos.saturating_sub(self.at_edge.nanos) as f64;
        let expected = self.rate.runs * seconds;
        let mut concluded = self.concluded;
        if runs < expected * COUNTED_BY_OTHERS {
            concluded.runs += expected - runs;
            concluded.nanos += (self.rate.nanos * seconds - nanos).max(0.0);
        }
        concluded
    }

    /// None when it cannot be looked at.
    fn counted(&self) -> Option<Counted> {
        let info = stats::program(self.program.as_ref()?.as_fd()).ok()?;
        Some(Counted { runs: info.run_count, nanos: info.run_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rests_is_concluded_from_the_last_look() {
        let mut account = Account::default();
        let at = |runs| Counted { runs, nanos: runs * 200 };
        account.look(at(5_000), 0.05);
        account.rest(at(5_000), 0.45);
        assert_eq!((account.concluded.runs, account.concluded.nanos), (45_000.0, 9_000_000.0));
        // The next look counts from where the kernel is, not from what was concluded.
        account.look(at(6_000), 0.05);
        account.rest(at(6_000), 0.45);
        assert_eq!(account.concluded.runs, 54_000.0);
    }

    #[test]
    fn nothing_is_concluded_of_what_has_stopped_in_the_middle_of_a_look() {
        let mut account = Account::default();
        let at = |runs| Counted { runs, nanos: runs * 200 };
        account.look(at(5_000), 0.05);
        account.stop(at(7_000));
        account.look(at(7_000), 0.05);
        account.rest(at(7_000), 0.45);
        assert_eq!((account.concluded.runs, account.concluded.nanos), (0.0, 0.0));
    }

    #[test]
    fn what_others_have_counted_is_not_concluded_again() {
        let mut account = Account::default();
        account.look(Counted { runs: 5_000, nanos: 1 }, 0.05);
        account.rest(Counted { runs: 50_000, nanos: 10 }, 0.45);
        assert_eq!(account.concluded.runs, 0.0);
    }

    #[test]
    fn what_others_have_counted_in_part_is_left_out_of_what_is_concluded() {
        let mut account = Account::default();
        account.look(Counted { runs: 5_000, nanos: 500_000 }, 0.05);
        account.rest(Counted { runs: 10_000, nanos: 1_000_000 }, 0.45);
        assert_eq!((account.concluded.runs, account.concluded.nanos), (40_000.0, 4_000_000.0));
        // A run that was on its way when counting ended.
        account.rest(Counted { runs: 10_001, nanos: 1_000_100 }, 0.45);
        assert_eq!(account.concluded.runs, 84_999.0);
    }
}
