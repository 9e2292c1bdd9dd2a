//! What a stream leaves out on purpose: records that do not pass its filter, and all but one of so many.

use std::sync::Arc;

use super::Stream;
use super::filter::Filter;

/// The drain thread's side of filter and sample.
pub struct Screen {
    filter: Arc<Filter>,
    sample: u32,
    /// Records that passed the filter since the last one that was taken.
    passed: u32,
}

impl Screen {
    pub fn new(sample: u32) -> Self {
        // The first record is taken, then every so-manieth.
        Self { filter: Arc::default(), sample: sample.max(1), passed: sample.max(1) - 1 }
    }

    /// Takes over the filter as it is set now. True when any record may be left out.
    pub fn refresh(&mut self, stream: &Stream) -> bool {
        self.filter = stream.filter();
        self.sample > 1 || !self.filter.passes_everything()
    }

    /// Whether this one would be taken, without counting it.
    pub fn would_take(&self, record: &[u8]) -> bool {
        self.passed + 1 >= self.sample && self.filter.passes(record)
    }

    /// Whether this one is taken.
    pub fn takes(&mut self, record: &[u8]) -> bool {
        if !self.filter.passes(record) {
            return false;
        }
        self.passed += 1;
        let taken = self.passed >= self.sample;
        if taken {
            self.passed = 0;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_takes_the_first_and_then_every_third() {
        let mut screen = Screen::new(3);
        let taken: Vec<bool> = (0..7).map(|_| screen.takes(b"")).collect();
        assert_eq!(taken, [true, false, false, true, false, false, true]);
        assert!(!screen.would_take(b""));
    }
}
