//! Proof that a ring buffer lost nothing. The kernel keeps no count of failed reservations, but it is known when one
//! could not have failed: only the reader frees room, so between two releases a ring is fullest right before the second.
//! If even then the largest possible record would have fitted, every reservation before it was granted.

/// Bytes of the header in front of each record.
const RECORD_HEADER: u64 = 8;

#[derive(Debug)]
pub struct LossProof {
    ring: u64,
    room_needed: u64,
    holds: bool,
}

/// What is known of the programs that write into a ring.
#[derive(Debug, Clone, Copy)]
pub struct Writers {
    /// What their code can reserve at most, if that is known.
    pub largest: Option<u32>,
    /// Some of them may run in an NMI, where the kernel only tries the ring's lock and gives up when it is taken.
    pub from_nmi: bool,
}

impl LossProof {
    pub fn new(ring: u64, writers: Writers) -> Self {
        let mut proof = Self { ring, room_needed: 0, holds: true };
        proof.widen(writers);
        proof
    }

    /// Other programs write from here on as well.
    pub fn widen(&mut self, writers: Writers) {
        let whole = |length: u32| (u64::from(length) + RECORD_HEADER).next_multiple_of(8);
        // Of unknown sizes only those up to half of the ring are covered.
        self.room_needed = self.room_needed.max(writers.largest.map_or(self.ring / 2, whole));
        self.holds &= !writers.from_nmi;
    }

    /// To be called with the occupation right before each release, and at the end.
    pub fn observe(&mut self, occupied: u64) {
        // The kernel never fills the ring to its last byte.
        self.holds &= occupied + self.room_needed < self.ring;
    }

    pub fn holds(&self) -> bool {
        self.holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writers(largest: Option<u32>, from_nmi: bool) -> Writers {
        Writers { largest, from_nmi }
    }

    #[test]
    fn larger_records_of_a_new_version_need_more_room() {
        let mut proof = LossProof::new(4096, writers(Some(56), false));
        proof.widen(writers(Some(8), false));
        proof.observe(4096 - 64 - 8);
        assert!(proof.holds(), "smaller ones change nothing");
        proof.widen(writers(Some(1000), false));
        proof.observe(4096 - 1008);
        assert!(!proof.holds());
    }

    #[test]
    fn holds_while_the_largest_record_would_fit() {
        let mut proof = LossProof::new(4096, writers(Some(56), false));
        proof.observe(4096 - 64 - 8);
        assert!(proof.holds());
        proof.observe(4096 - 64);
        assert!(!proof.holds());
        proof.observe(0);
        assert!(!proof.holds(), "a loss cannot be disproved later");
    }

    #[test]
    fn unknown_sizes_need_half_the_ring_and_nmi_is_never_proven() {
        let mut proof = LossProof::new(4096, writers(None, false));
        proof.observe(2040);
        assert!(proof.holds());
        proof.observe(2048);
        assert!(!proof.holds());
        assert!(!LossProof::new(4096, writers(Some(8), true)).holds());
    }
}
