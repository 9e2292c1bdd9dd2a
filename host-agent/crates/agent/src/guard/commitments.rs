//! What may have cut the connection and is detached unless the client commits it. Shared between the thread that attaches
//! and the one that never blocks, which keeps the time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Guarded;

/// Thirty seconds, less what it takes to notice and to detach.
const LONGEST: Duration = Duration::from_secs(25);
/// How long the thread that detaches may take before the whole agent ends in its place.
const GRACE: Duration = Duration::from_secs(2);
/// A client that is silent for so long is gone, while a networking program lies on its way.
const LEASE_ON_THE_WAY: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct Commitments {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By object.
    pending: BTreeMap<u32, Pending>,
    on_the_way: BTreeSet<u32>,
    /// Objects that may cut the connection, committed or not.
    cutting: BTreeSet<u32>,
}

#[derive(Clone, Copy)]
struct Pending {
    until: Instant,
    /// The thread that detaches has been told.
    told: bool,
}

/// What is due now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub to_roll_back: Vec<u32>,
    /// Detaching has taken too long.
    pub overdue: bool,
    /// The longest silence of the client that is borne.
    pub lease: Option<Duration>,
}

/// What was armed for one request, until that has succeeded or failed.
pub struct Armed {
    commitments: Arc<Commitments>,
    object: u32,
    pending_before: Option<Pending>,
    on_the_way_before: bool,
    cutting_before: bool,
    within: Option<Duration>,
}

impl Armed {
    /// Nothing was attached after all: everything is as it was before.
    pub fn take_back(&self) {
        let mut state = self.commitments.locked();
        state.pending.remove(&self.object);
        state.pending.extend(self.pending_before.map(|pending| (self.object, pending)));
        if !self.on_the_way_before {
            state.on_the_way.remove(&self.object);
        }
        if !self.cutting_before {
            state.cutting.remove(&self.object);
        }
    }

    /// 0 when nothing has to be committed.
    pub fn within_ms(&self) -> u32 {
        self.within.map_or(0, |within| within.as_millis() as u32)
    }
}

impl Commitments {
    /// From now on the client has so many milliseconds to commit; 0 = as many as there can be.
    pub fn arm(self: &Arc<Self>, object: u32, guarded: &Guarded, within_ms: u32) -> Armed {
        self.arm_at(Instant::now(), object, guarded, within_ms)
    }

    fn arm_at(self: &Arc<Self>, now: Instant, object: u32, guarded: &Guarded, within_ms: u32) -> Armed {
        let mut state = self.locked();
        let (pending_before, on_the_way_before) =
            (state.pending.get(&object).copied(), state.on_the_way.contains(&object));
        let cutting_before = state.cutting.contains(&object);
        if guarded.on_the_way {
            state.on_the_way.insert(object);
        }
        let wanted = if within_ms == 0 { LONGEST } else { Duration::from_millis(within_ms.into()).min(LONGEST) };
        let within = (!guarded.to_commit.is_empty()).then_some(wanted);
        if let Some(within) = within {
            // An earlier request of the same object is not put off by a later one.
            let until = pending_before.map_or(now + within, |before| before.until.min(now + within));
            state.pending.insert(object, Pending { until, told: false });
            state.cutting.insert(object);
        }
        drop(state);
        Armed { commitments: Arc::clone(self), object, pending_before, on_the_way_before, cutting_before, within }
    }

    /// False when there is nothing to commit, or it is being taken back already.
    pub fn commit(&self, object: u32) -> bool {
        let mut state = self.locked();
        match state.pending.get(&object) {
            Some(pending) if !pending.told => state.pending.remove(&object).is_some(),
            _ => false,
        }
    }

    /// Nothing of the object is attached any more.
    pub fn forget(&self, object: u32) {
        let mut state = self.locked();
        state.pending.remove(&object);
        state.on_the_way.remove(&object);
        state.cutting.remove(&object);
    }

    /// Whether all of it may go on without a client, who has gone in order or has just vanished.
    pub fn may_stay(&self, orderly: bool) -> bool {
        let state = self.locked();
        state.pending.is_empty() && (orderly || state.cutting.is_empty())
    }

    /// For the thread that keeps the time: each object to roll back is told once.
    pub fn keep(&self, now: Instant) -> Kept {
        let mut state = self.locked();
        let lease = (!state.on_the_way.is_empty()).then_some(LEASE_ON_THE_WAY);
        let mut kept = Kept { lease, ..Kept::default() };
        for (object, pending) in &mut state.pending {
            if now >= pending.until && !pending.told {
                pending.told = true;
                kept.to_roll_back.push(*object);
            }
            kept.overdue |= now >= pending.until + GRACE;
        }
        kept
    }

    /// How long that thread may sleep; none while nothing is pending.
    pub fn until_next(&self, now: Instant) -> Option<Duration> {
        let state = self.locked();
        let next =
            state.pending.values().map(|pending| pending.until + if pending.told { GRACE } else { Duration::ZERO });
        next.min().map(|next| next.saturating_duration_since(now))
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use ringside_proto::messages as pb;

    use super::*;

    fn cutting() -> Guarded {
        Guarded { to_commit: vec![pb::Finding::default()], on_the_way: true }
    }

    #[test]
    fn what_is_not_committed_is_rolled_back_once() {
        let (commitments, start) = (Arc::new(Commitments::default()), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let armed = commitments.arm_at(start, 7, &cutting(), 400);
        assert_eq!(armed.within_ms(), 400);
        assert_eq!(commitments.until_next(start), Some(Duration::from_millis(400)));
        assert_eq!(commitments.keep(at(399)), Kept { lease: Some(LEASE_ON_THE_WAY), ..Kept::default() });
        assert_eq!(commitments.keep(at(400)).to_roll_back, [7]);
        assert!(commitments.keep(at(401)).to_roll_back.is_empty(), "told once");
        assert!(!commitments.commit(7), "too late");
        assert!(commitments.keep(at(2400)).overdue);
        commitments.forget(7);
        assert_eq!(commitments.keep(at(2400)), Kept::default());
    }

    #[test]
    fn what_is_committed_stays_with_a_short_lease() {
        let (commitments, start) = (Arc::new(Commitments::default()), Instant::now());
        commitments.arm_at(start, 7, &cutting(), 0);
        assert!(commitments.commit(7) && !commitments.commit(7));
        let later = commitments.keep(start + Duration::from_secs(60));
        assert_eq!(later, Kept { lease: Some(LEASE_ON_THE_WAY), ..Kept::default() });
        assert_eq!(commitments.until_next(start), None);
    }

    #[test]
    fn nobody_gets_more_than_25_seconds() {
        let (commitments, start) = (Arc::new(Commitments::default()), Instant::now());
        assert_eq!(commitments.arm_at(start, 1, &cutting(), 0).within_ms(), 25_000);
        assert_eq!(commitments.arm_at(start, 2, &cutting(), u32::MAX).within_ms(), 25_000);
        commitments.arm_at(start + Duration::from_secs(20), 1, &cutting(), 0);
        assert_eq!(commitments.keep(start + LONGEST).to_roll_back, [1, 2], "a second request puts nothing off");
    }

    #[test]
    fn a_request_that_fails_leaves_things_as_they_were() {
        let (commitments, start) = (Arc::new(Commitments::default()), Instant::now());
        commitments.arm_at(start, 7, &cutting(), 0).take_back();
        assert_eq!(commitments.keep(start + LONGEST), Kept::default());
        commitments.arm_at(start, 7, &cutting(), 1000);
        commitments.arm_at(start, 7, &cutting(), 0).take_back();
        assert_eq!(commitments.keep(start + Duration::from_secs(1)).to_roll_back, [7]);
    }

    #[test]
    fn what_may_have_cut_the_connection_does_not_outlive_it() {
        let commitments = Arc::new(Commitments::default());
        assert!(commitments.may_stay(false));
        commitments.arm(7, &cutting(), 0);
        assert!(!commitments.may_stay(true), "nobody has committed it");
        commitments.commit(7);
        assert!(commitments.may_stay(true) && !commitments.may_stay(false));
        commitments.forget(7);
        assert!(commitments.may_stay(false));
    }

    #[test]
    fn a_harmless_program_on_the_way_shortens_the_lease_only() {
        let (commitments, start) = (Arc::new(Commitments::default()), Instant::now());
        let armed = commitments.arm_at(start, 7, &Guarded { to_commit: Vec::new(), on_the_way: true }, 0);
        assert_eq!(armed.within_ms(), 0);
        assert!(!commitments.commit(7));
        let kept = commitments.keep(start + LONGEST);
        assert_eq!(kept, Kept { lease: Some(LEASE_ON_THE_WAY), ..Kept::default() });
    }
}
