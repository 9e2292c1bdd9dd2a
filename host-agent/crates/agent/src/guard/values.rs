//! What is known of a register: a handful of constants that it can hold, or nothing.

/// More constants than this are not told apart: programs that end in one of many are nobody's verdicts.
const MOST: usize = 8;

/// Values that a register can have. The empty set is that of a place that is never reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    Any,
    Of([u64; MOST], usize),
    /// One of these, or what the programs before this one decided: it was handed to the program and goes on as it came.
    Earlier([u64; MOST], usize),
    /// The address of the program's arguments.
    Context,
}

impl Values {
    pub const NONE: Self = Self::Of([0; MOST], 0);
    pub const EARLIER: Self = Self::Earlier([0; MOST], 0);

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
            Self::Of(values, count) => Some(&values[..*count]),
            Self::Any | Self::Earlier(..) | Self::Context => None,
        }
    }

    /// What it can be besides an earlier decision, where that counts as nothing new.
    pub fn besides_earlier(&self) -> Option<&[u64]> {
        match self {
            Self::Earlier(values, count) => Some(&values[..*count]),
            other => other.known(),
        }
    }

    pub fn is_none(&self) -> bool {
        self.known().is_some_and(<[u64]>::is_empty)
    }

    fn with(self, value: u64) -> Self {
        let (Self::Of(mut values, count) | Self::Earlier(mut values, count)) = self else { return Self::Any };
        if values[..count].contains(&value) {
            return self;
        }
        if count == MOST {
            return Self::Any;
        }
        values[count] = value;
        // Sorted, so that equal sets compare equal.
        values[..=count].sort_unstable();
        match self {
            Self::Earlier(..) => Self::Earlier(values, count + 1),
            _ => Self::Of(values, count + 1),
        }
    }

    pub fn join(self, other: Self) -> Self {
        if self == other || other.is_none() {
            return self;
        }
        if self.is_none() {
            return other;
        }
        let (base, more) = if matches!(other, Self::Earlier(..)) { (other, self) } else { (self, other) };
        match more.besides_earlier() {
            None => Self::Any,
            Some(values) => values.iter().fold(base, |set, value| set.with(*value)),
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
            None => self,
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
    fn an_earlier_decision_stays_one_beside_others() {
        let both = Values::one(0).join(Values::EARLIER);
        assert_eq!(both, Values::EARLIER.join(Values::one(0)));
        assert_eq!((both.known(), both.besides_earlier()), (None, Some(&[0][..])));
        assert_eq!(both.join(Values::Any), Values::Any);
        assert_eq!(both.join(Values::Context), Values::Any);
        assert_eq!(Values::NONE.join(Values::Context), Values::Context);
    }

    #[test]
    fn a_mask_leaves_few_values() {
        assert_eq!(Values::masked(0b101), Values::of([0, 1, 4, 5]));
        assert_eq!(Values::masked(0xff), Values::Any);
    }
}
