//! The list: lines of a SHA-256 in hexadecimal and a comment, as `sha256sum` prints them. `#` begins a comment of its own.

use std::collections::BTreeSet;

pub type Hashes = BTreeSet<[u8; 32]>;

const DIGITS: usize = 64;

/// Errors: the first line that is no such line.
pub fn parse(text: &[u8]) -> Result<Hashes, String> {
    let mut hashes = Hashes::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let hash = hash(line).ok_or_else(|| format!("line {} does not begin with a SHA-256 (64 digits)", index + 1))?;
        hashes.insert(hash);
    }
    Ok(hashes)
}

fn hash(line: &[u8]) -> Option<[u8; 32]> {
    let (digits, rest) = line.split_at_checked(DIGITS)?;
    if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut hash = [0; 32];
    for (place, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *place = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_sha256sum_and_comments() {
        let text = format!(
            "# by hand\n{}  execsnoop.bpf.o\n\n{} *b.o\r\n  {}\n",
            "ab".repeat(32),
            "CD".repeat(32),
            "ab".repeat(32)
        );
        assert_eq!(parse(text.as_bytes()), Ok(Hashes::from([[0xab; 32], [0xcd; 32]])));
        assert_eq!(parse(b""), Ok(Hashes::new()));
        let digits = "ab".repeat(32);
        for wrong in [
            &digits[1..],
            &format!("{digits}0"),
            &format!("{digits}#x"),
            "execsnoop",
            &format!("\\{digits}"),
            &format!("g{}", &digits[1..]),
        ] {
            let error = parse(format!("{digits}\n{wrong}\n").as_bytes()).expect_err(wrong);
            assert_eq!(error, "line 2 does not begin with a SHA-256 (64 digits)");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_list_or_none(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&text);
        }
    }
}
