//! Bytes that the client sends ahead of the request that needs them: objects, mostly.

use std::collections::{HashMap, VecDeque};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

/// All unfinished and finished blobs together. An object with debug information has about one megabyte.
pub const MOST_BYTES: usize = 64 << 20;
/// Empty ones cost something too.
const MOST_BLOBS: usize = 1024;

/// Bytes that have come whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Blob {
    bytes: Vec<u8>,
    sha256: OnceLock<[u8; 32]>,
}

impl Blob {
    /// Made when it is first asked for.
    pub fn sha256(&self) -> &[u8; 32] {
        self.sha256.get_or_init(|| Sha256::digest(&self.bytes).into())
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Default)]
pub struct Blobs {
    unfinished: HashMap<u32, Vec<u8>>,
    finished: HashMap<u32, Arc<Blob>>,
    /// Finished ones from old to new: the oldest make room.
    order: VecDeque<u32>,
    bytes: usize,
}

impl Blobs {
    /// Takes one chunk. False when unfinished blobs alone are larger or more than they may be.
    pub fn push(&mut self, id: u32, chunk: &[u8], last: bool) -> bool {
        if self.unfinished.len() >= MOST_BLOBS && !self.unfinished.contains_key(&id) {
            return false;
        }
        self.bytes += chunk.len();
        self.unfinished.entry(id).or_default().extend_from_slice(chunk);
        while self.bytes > MOST_BYTES {
            let Some(oldest) = self.order.pop_front() else { return false };
            self.forget(oldest);
        }
        if last {
            self.forget(id);
            self.order.retain(|other| *other != id);
            let whole = self.unfinished.remove(&id).unwrap_or_default();
            self.finished.insert(id, Arc::new(Blob { bytes: whole, sha256: OnceLock::new() }));
            self.order.push_back(id);
            if self.order.len() > MOST_BLOBS
                && let Some(oldest) = self.order.pop_front()
            {
                self.forget(oldest);
            }
        }
        true
    }

    pub fn get(&self, id: u32) -> Option<Arc<Blob>> {
        self.finished.get(&id).cloned()
    }

    fn forget(&mut self, id: u32) {
        if let Some(blob) = self.finished.remove(&id) {
            self.bytes -= blob.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_become_a_blob_and_the_oldest_makes_room() {
        let mut blobs = Blobs::default();
        assert!(blobs.push(1, b"ab", false));
        assert_eq!(blobs.get(1), None);
        assert!(blobs.push(1, b"c", true));
        assert_eq!(blobs.get(1).as_deref().map(Deref::deref), Some(&b"abc"[..]));
        assert!(blobs.push(2, &vec![0; MOST_BYTES - 1], true));
        assert_eq!(blobs.get(1), None);
        assert!(!blobs.push(3, &vec![0; MOST_BYTES + 1], false));
    }

    #[test]
    fn empty_blobs_are_bounded_too() {
        let mut blobs = Blobs::default();
        for id in 0..2 * MOST_BLOBS as u32 {
            assert!(blobs.push(id, b"", true));
        }
        assert_eq!((blobs.finished.len(), blobs.order.len()), (MOST_BLOBS, MOST_BLOBS));
        let unfinished = (0..2 * MOST_BLOBS as u32).take_while(|id| blobs.push(*id, b"", false)).count();
        assert_eq!(unfinished, MOST_BLOBS);
    }

    #[test]
    fn a_reused_id_replaces() {
        let mut blobs = Blobs::default();
        blobs.push(1, b"old", true);
        blobs.push(1, b"new!", true);
        assert_eq!(blobs.get(1).as_deref().map(Deref::deref), Some(&b"new!"[..]));
        assert_eq!(blobs.bytes, 4);
    }
}
