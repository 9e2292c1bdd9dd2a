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

impl LossProof {
    /// `largest` is what the object's code can reserve at most, if that is known. `from_nmi`: some of its programs may run
    /// in an NMI, where the kernel only tries the ring's lock and gives up when it is taken.
    pub fn new(ring: u64, largest: Option<u32>, from_nmi: bool) -> Self {
        let whole = |length: u32| (u64::from(length) + RECORD_HEADER).next_multiple_of(8);
        // Of unknown sizes only those up to half of the ring are covered.
        let room_needed = largest.map_or(ring / 2, whole);
        Self { ring, room_needed, holds: !from_nmi }
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

    #[test]
    fn holds_while_the_largest_record_would_fit() {
        let mut proof = LossProof::new(4096, Some(56), false);
        proof.observe(4096 - 64 - 8);
        assert!(proof.holds());
        proof.observe(4096 - 64);
        assert!(!proof.holds());
        proof.observe(0);
        assert!(!proof.holds(), "a loss cannot be disproved later");
    }

    #[test]
    fn unknown_sizes_need_half_the_ring_and_nmi_is_never_proven() {
        let mut proof = LossProof::new(4096, None, false);
        proof.observe(2040);
        assert!(proof.holds());
        proof.observe(2048);
        assert!(!proof.holds());
        assert!(!LossProof::new(4096, Some(8), true).holds());
    }
}
