//! Which records the client wants: alternatives of conjunctions on fixed places of a record. Nothing here can run long.

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};

/// Conditions of a whole filter; more would cost every record too much.
const MOST_CONDITIONS: usize = 256;
/// Bytes that one text condition compares at most.
const MOST_TEXT: u32 = 4096;

/// No alternative lets everything pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    alternatives: Vec<Vec<Condition>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    offset: usize,
    size: usize,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Number {
        signed: bool,
        big_endian: bool,
        mask: u64,
        operator: Operator,
        number: u64,
    },
    /// Up to the first zero, as C text.
    Text {
        operator: TextOperator,
        text: Vec<u8>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextOperator {
    Equal,
    NotEqual,
    Prefix,
}

impl Filter {
    pub fn parse(alternatives: &[pb::FilterAlternative]) -> Answer<Self> {
        let conditions: usize = alternatives.iter().map(|alternative| alternative.conditions.len()).sum();
        if conditions > MOST_CONDITIONS || alternatives.len() > MOST_CONDITIONS {
            let message = format!("A filter of {conditions} conditions; the most is {MOST_CONDITIONS}.");
            return Err(Failure::new("bad-value", message));
        }
        let parse = |alternative: &pb::FilterAlternative| alternative.conditions.iter().map(condition).collect();
        Ok(Self { alternatives: alternatives.iter().map(parse).collect::<Answer<_>>()? })
    }

    pub fn passes_everything(&self) -> bool {
        self.alternatives.is_empty()
    }

    pub fn passes(&self, record: &[u8]) -> bool {
        self.alternatives.is_empty()
            || self.alternatives.iter().any(|all| all.iter().all(|condition| condition.holds(record)))
    }
}

fn condition(wanted: &pb::FilterCondition) -> Answer<Condition> {
    let bad =
        |what: &str| Failure::new("bad-value", format!("A filter's condition at offset {} has {what}.", wanted.offset));
    let test = match wanted.kind.as_str() {
        "unsigned" | "signed" => {
            if !matches!(wanted.size, 1 | 2 | 4 | 8) {
                return Err(bad(&format!("a number of {} bytes", wanted.size)));
            }
            Test::Number {
                signed: wanted.kind == "signed",
                big_endian: wanted.big_endian,
                mask: if wanted.mask == 0 { u64::MAX } else { wanted.mask },
                operator: operator(&wanted.operator).ok_or_else(|| bad(&format!("no operator {}", wanted.operator)))?,
                number: wanted.number as u64,
            }
        }
        "bytes" => {
            if wanted.size == 0 || wanted.size > MOST_TEXT {
                return Err(bad(&format!("a text of {} bytes", wanted.size)));
            }
            let operator = match wanted.operator.as_str() {
                "==" => TextOperator::Equal,
                "!=" => TextOperator::NotEqual,
                "prefix" => TextOperator::Prefix,
                other => return Err(bad(&format!("no operator {other} for text"))),
            };
            Test::Text { operator, text: wanted.text.clone() }
        }
        other => return Err(bad(&format!("no kind {other}"))),
    };
    Ok(Condition { offset: wanted.offset as usize, size: wanted.size as usize, test })
}

fn operator(text: &str) -> Option<Operator> {
    Some(match text {
        "==" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        _ => return None,
    })
}

impl Condition {
    /// A record that is too short for the place does not pass, whatever the operator.
    fn holds(&self, record: &[u8]) -> bool {
        let Some(bytes) = record.get(self.offset..).and_then(|rest| rest.get(..self.size)) else { return false };
        match &self.test {
            Test::Number { signed, big_endian, mask, operator, number } => {
                let found = integer(bytes, *signed, *big_endian) & mask;
                match signed {
                    true => operator.holds(&(found as i64), &(*number as i64)),
                    false => operator.holds(&found, number),
                }
            }
            Test::Text { operator, text } => {
                let found = &bytes[..bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len())];
                match operator {
                    TextOperator::Equal => found == text,
                    TextOperator::NotEqual => found != text,
                    TextOperator::Prefix => found.starts_with(text),
                }
            }
        }
    }
}

/// One to eight bytes as 64 bits, the sign carried on for signed ones.
fn integer(bytes: &[u8], signed: bool, big_endian: bool) -> u64 {
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    let number = if big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) };
    let unused = 64 - 8 * bytes.len() as u32;
    if signed { ((number << unused) as i64 >> unused) as u64 } else { number }
}

impl Operator {
    fn holds<T: Ord>(self, found: &T, wanted: &T) -> bool {
        match self {
            Self::Equal => found == wanted,
            Self::NotEqual => found != wanted,
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
            Self::Greater => found > wanted,
            Self::GreaterOrEqual => found >= wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(offset: u32, size: u32, kind: &str, operator: &str, number: i64) -> pb::FilterCondition {
        pb::FilterCondition { offset, size, kind: kind.into(), operator: operator.into(), number, ..Default::default() }
    }

    fn text(offset: u32, size: u32, operator: &str, text: &[u8]) -> pb::FilterCondition {
        let (kind, operator) = ("bytes".into(), operator.into());
        pb::FilterCondition { offset, size, kind, operator, text: text.into(), ..Default::default() }
    }

    fn filter(alternatives: Vec<Vec<pb::FilterCondition>>) -> Filter {
        let of = |conditions| pb::FilterAlternative { conditions };
        Filter::parse(&alternatives.into_iter().map(of).collect::<Vec<_>>()).expect("a filter")
    }

    fn passes(condition: pb::FilterCondition, record: &[u8]) -> bool {
        filter(vec![vec![condition]]).passes(record)
    }

    #[test]
    fn numbers_are_read_as_their_field_is_declared() {
        let record = [0xfe, 0xff, 0xff, 0xff, 0x12, 0x34];
        assert!(passes(number(0, 4, "signed", "==", -2), &record));
        assert!(!passes(number(0, 4, "unsigned", "<", 10), &record));
        assert!(passes(number(0, 4, "signed", "<", 10), &record));
        let port = pb::FilterCondition { big_endian: true, ..number(4, 2, "unsigned", "==", 0x1234) };
        assert!(passes(port, &record));
        let masked = pb::FilterCondition { mask: 0xf0, ..number(5, 1, "unsigned", "==", 0x30) };
        assert!(passes(masked, &record));
        assert!(passes(number(0, 8, "unsigned", ">", -2), &[0xff; 8]), "above 2^63 as two's complement");
    }

    #[test]
    fn text_ends_at_its_first_zero() {
        let record = b"nginx\0junk-worker";
        assert!(passes(text(0, 16, "==", b"nginx"), record));
        assert!(!passes(text(0, 16, "!=", b"nginx"), record));
        assert!(passes(text(0, 16, "prefix", b"ng"), record));
        assert!(!passes(text(0, 16, "prefix", b"nginx\0"), record));
        assert!(passes(text(0, 5, "==", b"nginx"), record), "a full field has no zero");
    }

    #[test]
    fn alternatives_of_conjunctions() {
        let both = vec![number(0, 1, "unsigned", ">", 3), number(1, 1, "unsigned", "==", 7)];
        let wanted = filter(vec![both, vec![number(0, 1, "unsigned", "==", 0)]]);
        assert!(wanted.passes(&[4, 7]) && wanted.passes(&[0, 1]));
        assert!(!wanted.passes(&[4, 8]) && !wanted.passes(&[3, 7]));
        assert!(filter(vec![]).passes(b"") && filter(vec![]).passes_everything());
        assert!(filter(vec![vec![]]).passes(b""));
    }

    #[test]
    fn a_short_record_passes_no_condition() {
        for operator in ["==", "!=", "<", "<=", ">", ">="] {
            assert!(!passes(number(4, 4, "unsigned", operator, 0), &[0; 7]));
        }
        assert!(!passes(text(0, 8, "!=", b"x"), &[0; 7]));
        assert!(!passes(number(u32::MAX, 8, "signed", "==", 0), &[0; 7]));
    }

    #[test]
    fn what_no_filter_can_mean_is_refused() {
        let refused = |condition: pb::FilterCondition| {
            let alternative = pb::FilterAlternative { conditions: vec![condition] };
            Filter::parse(&[alternative]).expect_err("refused").code
        };
        assert_eq!(refused(number(0, 3, "unsigned", "==", 0)), "bad-value");
        assert_eq!(refused(number(0, 4, "float", "==", 0)), "bad-value");
        assert_eq!(refused(number(0, 4, "unsigned", "~", 0)), "bad-value");
        assert_eq!(refused(text(0, 16, "<", b"x")), "bad-value");
        assert_eq!(refused(text(0, 0, "==", b"x")), "bad-value");
        let many = vec![pb::FilterAlternative::default(); MOST_CONDITIONS + 1];
        assert_eq!(Filter::parse(&many).expect_err("refused").code, "bad-value");
    }

    proptest! {
        #[test]
        fn any_filter_of_the_wire_is_harmless(
            offset: u32, size in 0..20_u32, kind in "unsigned|signed|bytes|x", operator in "==|<|prefix|!=|",
            number: i64, mask: u64, big_endian: bool, text: Vec<u8>, record: Vec<u8>,
        ) {
            let offset = if big_endian { offset } else { offset % 32 };
            let condition = pb::FilterCondition { offset, size, kind, operator, number, mask, big_endian, text };
            if let Ok(filter) = Filter::parse(&[pb::FilterAlternative { conditions: vec![condition] }]) {
                let passed = filter.passes(&record);
                prop_assert!(!passed || record.len() as u64 >= u64::from(offset) + u64::from(size));
            }
        }

        #[test]
        fn a_number_compares_as_rust_does(found: i32, wanted: i32) {
            let bytes = found.to_le_bytes();
            prop_assert_eq!(passes(number(0, 4, "signed", "<", wanted.into()), &bytes), found < wanted);
            let (found, wanted) = (found as u32, wanted as u32);
            prop_assert_eq!(passes(number(0, 4, "unsigned", ">=", wanted.into()), &bytes), found >= wanted);
        }
    }
}
