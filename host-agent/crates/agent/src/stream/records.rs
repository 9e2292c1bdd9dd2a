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

/// Appends a record of page offset 0.
pub fn append(span: &mut Vec<u8>, bytes: &[u8]) {
    span.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    span.extend_from_slice(&[0; 4]);
    span.extend_from_slice(bytes);
    span.resize(span.len().next_multiple_of(HEADER), 0);
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
        append(&mut span, b"abcdefghij");
        append(&mut span, b"12345678");
        assert_eq!(span, b"\x0a\0\0\0\0\0\0\0abcdefghij\0\0\0\0\0\0\x08\0\0\0\0\0\0\x0012345678");
        assert_eq!(span.len(), room(10) + room(8));
    }

    proptest! {
        #[test]
        fn what_was_appended_is_found_again(all: Vec<Vec<u8>>) {
            let mut span = Vec::new();
            all.iter().for_each(|bytes| append(&mut span, bytes));
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
