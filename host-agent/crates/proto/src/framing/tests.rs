use proptest::prelude::*;

use super::*;

fn any_kind() -> impl Strategy<Value = FrameType> {
    (1_u8..=13).prop_map(|number| FrameType::from_number(number).expect("1 to 13"))
}

fn any_frame() -> impl Strategy<Value = Frame> {
    (any_kind(), any::<u8>(), any::<u16>(), any::<u32>(), prop::collection::vec(any::<u8>(), 0..300))
        .prop_map(|(kind, flags, stream, aux, payload)| Frame { head: Head { kind, flags, stream, aux }, payload })
}

fn encode(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (sequence, frame) in frames.iter().enumerate() {
        bytes.extend_from_slice(&frame.head.encode(frame.payload.len(), sequence as u32));
        bytes.extend_from_slice(&frame.payload);
    }
    bytes
}

proptest! {
    /// However the bytes are cut on their way, the same frames come out.
    #[test]
    fn frames_survive_any_cut(frames in prop::collection::vec(any_frame(), 0..8), cuts in prop::collection::vec(1_usize..64, 1..64)) {
        let bytes = encode(&frames);
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        let mut rest = &bytes[..];
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() {
            let (part, behind) = rest.split_at((*cuts.next().expect("cycle")).min(rest.len()));
            decoder.push(part);
            rest = behind;
            while let Some(frame) = decoder.next_frame().expect("valid") {
                found.push(frame);
            }
        }
        prop_assert_eq!(found, frames);
    }

    /// Whatever comes in, the decoder neither panics nor takes more than it was given.
    #[test]
    fn noise_is_an_error_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        let mut taken = 0;
        while let Ok(Some(frame)) = decoder.next_frame() {
            taken += HEADER + frame.payload.len();
            prop_assert!(taken <= bytes.len());
        }
    }
}

#[test]
fn a_large_frame_is_refused_by_its_header() {
    let mut decoder = Decoder::default();
    decoder.push(&Head::new(FrameType::Blob).encode(MAX_PAYLOAD + 1, 0));
    assert_eq!(decoder.next_frame(), Err(FrameError::TooLarge { length: MAX_PAYLOAD as u32 + 1 }));
}

#[test]
fn a_gap_in_the_sequence_is_an_error() {
    let mut decoder = Decoder::default();
    decoder.push(&Head::new(FrameType::Ping).encode(0, 0));
    decoder.push(&Head::new(FrameType::Ping).encode(0, 2));
    assert!(decoder.next_frame().expect("first").is_some());
    assert_eq!(decoder.next_frame(), Err(FrameError::OutOfSequence { expected: 1, found: 2 }));
}

#[test]
fn an_unknown_type_is_an_error() {
    let mut decoder = Decoder::default();
    let mut header = Head::new(FrameType::Ping).encode(0, 0);
    header[4] = 200;
    decoder.push(&header);
    assert_eq!(decoder.next_frame(), Err(FrameError::UnknownType { number: 200 }));
}
