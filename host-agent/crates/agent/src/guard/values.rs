//! What is known of a register: a handful of constants that it can hold, or nothing.

/// More constants than this are not told apart: programs that end in one of many are nobody's verdicts.
const MOST: usize = 8;

/// Values that a register can have. The empty set is that of a place that is never reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    Any,
    Of([u64; MOST], usize),
}

impl Values {
    pub const NONE: Self = Self::Of([0; MOST], 0);

    pub fn one(value: u64) -> Self {
        let mut values = [0; MOST];
        values[0] = value;
        Self::Of(values, 1)
    }

    pub fn of(values: impl IntoIterator<Item = u64>) -> Self {
        values.into_iter().fold(Self::NONE, |set, value| set.with(value))
    }

    /// None when nothing is known.
    pub fn known(&self) -> Option<&[u64]> {
        match self {
            Self::Any => None,
            Self::Of(values, count) => Some(&values[..*count]),
        }
    }

    pub fn is_none(&self) -> bool {
        self.known().is_some_and(<[u64]>::is_empty)
    }

    fn with(self, value: u64) -> Self {
        let Self::Of(mut values, count) = self else { return Self::Any };
        if values[..count].contains(&value) {
            return self;
        }
        if count == MOST {
            return Self::Any;
        }
        values[count] = value;
        // Sorted, so that equal sets compare equal.
        values[..=count].sort_unstable();
        Self::Of(values, count + 1)
    }

    pub fn join(self, other: Self) -> Self {
        match other.known() {
            None => Self::Any,
            Some(values) => values.iter().fold(self, |set, value| set.with(*value)),
        }
    }

    pub fn map(self, change: impl Fn(u64) -> u64) -> Self {
        match self.known() {
            None => Self::Any,
            Some(values) => Self::of(values.iter().map(|value| change(*value))),
        }
    }

    /// Each value of this with each of the other.
    pub fn combine(self, other: Self, change: impl Fn(u64, u64) -> u64) -> Self {
        let (Some(left), Some(right)) = (self.known(), other.known()) else { return Self::Any };
        Self::of(left.iter().flat_map(|left| right.iter().map(|right| change(*left, *right)).collect::<Vec<_>>()))
    }

    pub fn only(self, keep: impl Fn(u64) -> bool) -> Self {
        match self.known() {
            None => Self::Any,
            Some(values) => Self::of(values.iter().copied().filter(|value| keep(*value))),
        }
    }

    /// What `unknown & mask` can be, where that is few values.
    pub fn masked(mask: u64) -> Self {
        if mask.count_ones() > MOST.ilog2() {
            return Self::Any;
        }
        let (mut values, mut part) = (Self::NONE, mask);
        loop {
            values = values.with(part);
            if part == 0 {
                return values;
            }
            part = (part - 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_grow_until_nothing_is_known() {
        let eight = Values::of(0..8);
        assert_eq!(eight.known().map(<[u64]>::len), Some(8));
        assert_eq!(eight.join(Values::one(8)), Values::Any);
        assert_eq!(eight.join(Values::one(3)), eight);
        assert_eq!(Values::one(2).join(Values::one(1)), Values::of([1, 2]));
        assert!(Values::one(1).only(|value| value != 1).is_none());
    }

    #[test]
    fn a_mask_leaves_few_values() {
        assert_eq!(Values::masked(0b101), Values::of([0, 1, 4, 5]));
        assert_eq!(Values::masked(0xff), Values::Any);
    }
}
