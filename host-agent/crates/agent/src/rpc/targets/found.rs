//! What a listing has found so far: matches up to the limit, all of them counted.

use ringside_proto::messages as pb;

use super::pattern::Pattern;
use crate::failure::Answer;

const DEFAULT_LIMIT: u32 = 10_000;
/// Entries of one answer: the text of so many is some 20 MB.
const MOST: u32 = 200_000;
/// Names between two looks at whether the client still wants to know.
const STRIDE: u32 = 256;

pub struct Found<'a> {
    pub pattern: Pattern,
    limit: usize,
    entries: Vec<pb::TargetEntry>,
    total: u64,
    steps: u32,
    check: &'a dyn Fn() -> Answer<()>,
}

impl<'a> Found<'a> {
    pub fn new(pattern: &str, limit: u32, check: &'a dyn Fn() -> Answer<()>) -> Self {
        let limit = if limit == 0 { DEFAULT_LIMIT } else { limit.min(MOST) };
        Self { pattern: Pattern::new(pattern), limit: limit as usize, entries: Vec::new(), total: 0, steps: 0, check }
    }

    /// Call it for each name that is looked at. An error: the request was cancelled.
    pub fn step(&mut self) -> Answer<()> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STRIDE) { (self.check)() } else { Ok(()) }
    }

    /// Takes a name if it matches; what is known about it is only asked for what is shown.
    pub fn offer(&mut self, name: &str, entry: impl FnOnce() -> pb::TargetEntry) -> Answer<()> {
        self.offer_as(&[name], entry)
    }

    /// The same for what goes by several names.
    pub fn offer_as(&mut self, names: &[&str], entry: impl FnOnce() -> pb::TargetEntry) -> Answer<()> {
        self.step()?;
        if names.iter().any(|name| self.pattern.takes(name)) {
            self.take(entry);
        }
        Ok(())
    }

    /// Takes what was matched elsewhere.
    pub fn take(&mut self, entry: impl FnOnce() -> pb::TargetEntry) {
        self.total += 1;
        if self.entries.len() < self.limit {
            self.entries.push(entry());
        }
    }

    /// How many more entries are shown.
    pub fn room(&self) -> usize {
        self.limit - self.entries.len()
    }

    /// Matches that are not shown.
    pub fn count(&mut self, more: u64) {
        self.total += more;
    }

    /// Matches so far.
    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn finish(self) -> pb::TargetList {
        pb::TargetList { targets: self.entries, total: self.total, ..Default::default() }
    }
}

/// Details as the protocol has them, without the empty ones.
pub fn details<const N: usize>(pairs: [(&str, String); N]) -> std::collections::HashMap<String, String> {
    pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value)).collect()
}
