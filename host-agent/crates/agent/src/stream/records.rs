//! Records in the kernel's ring-buffer layout: length, page offset, bytes padded to 8.

const BUSY: u32 = 1 << 31;
const DISCARD: u32 = 1 << 30;
const HEADER: usize = 8;

/// One record of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// With its header and its padding, as it stands in the span.
    pub whole: &'a [u8],
    pub bytes: &'a [u8],
    pub discarded: bool,
}

/// The records of a span, in order. Ends where the rest is no whole record, which a peeked span never has.
pub fn records(span: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = span;
    std::iter::from_fn(move || {
        let header = u32::from_ne_bytes(*rest.first_chunk()?);
        let length = (header & !(BUSY | DISCARD)) as usize;
        let (whole, left) = rest.split_at_checked((HEADER + length).next_multiple_of(HEADER))?;
        rest = left;
        Some(Record { whole, bytes: &whole[HEADER..HEADER + length], discarded: header & DISCARD != 0 })
    })
}

/// Appends a perf sample: where a ring buffer has the page offset stands how long before the span was read the sample
/// was written.
pub fn append(span: &mut Vec<u8>, age_ns: u64, bytes: &[u8]) {
    span.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    span.extend_from_slice(&age_word(age_ns).to_le_bytes());
    span.extend_from_slice(bytes);
    span.resize(span.len().next_multiple_of(HEADER), 0);
}

/// Bit 31 of an age: the rest counts microseconds.
const MICROSECONDS: u32 = 1 << 31;

/// Nanoseconds up to two seconds, else microseconds up to half an hour; what is older counts as that old.
fn age_word(nanoseconds: u64) -> u32 {
    match u32::try_from(nanoseconds) {
        Ok(short) if short < MICROSECONDS => short,
        _ => MICROSECONDS | (nanoseconds / 1000).min(u64::from(MICROSECONDS - 1)) as u32,
    }
}

/// Bytes that a record takes in a span.
pub fn room(bytes: usize) -> usize {
    (HEADER + bytes).next_multiple_of(HEADER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_become_ring_records() {
        let mut span = Vec::new();
        append(&mut span, 0, b"abcdefghij");
        append(&mut span, 0x0102_0304, b"12345678");
        assert_eq!(span, b"\x0a\0\0\0\0\0\0\0abcdefghij\0\0\0\0\0\0\x08\0\0\0\x04\x03\x02\x0112345678");
        assert_eq!(span.len(), room(10) + room(8));
    }

    #[test]
    fn long_ages_lose_their_nanoseconds_and_nothing_else() {
        let second = 1_000_000_000;
        assert_eq!(age_word(2 * second + 1), 2_000_000_001);
        assert_eq!(age_word(3 * second + 1_999), MICROSECONDS | 3_000_001);
        assert_eq!(age_word(1 << 31), MICROSECONDS | 2_147_483);
        assert_eq!(age_word(u64::MAX), u32::MAX);
    }

    proptest! {
        #[test]
        fn what_was_appended_is_found_again(all: Vec<Vec<u8>>) {
            let mut span = Vec::new();
            all.iter().for_each(|bytes| append(&mut span, 0, bytes));
            let found: Vec<&[u8]> = records(&span).map(|record| record.bytes).collect();
            prop_assert_eq!(found, all.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(records(&span).map(|record| record.whole.len()).sum::<usize>(), span.len());
        }

        #[test]
        fn any_bytes_are_read_without_harm(span: Vec<u8>) {
            let whole: usize = records(&span).map(|record| record.whole.len()).sum();
            prop_assert!(whole <= span.len());
        }
    }
}
