//! What supervisor and worker tell each other: one byte for the kind, eight for a number, and of an object that is attached
//! its hash and its name.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use ringside_bpf::process;

use crate::audit::About;

const LENGTH: usize = 9;
const HASH: usize = 32;
const LONGEST_NAME: usize = 128;
/// Messages taken at a time, so that a flood of them keeps nobody from looking at the clock.
const MOST_AT_ONCE: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The worker lives.
    Beat(u64),
    /// So does the supervisor, by the number of the beat.
    Answer(u64),
    /// What the worker agreed on with the client.
    Lease(Duration),
    /// The run is kept for so long whatever becomes of the parent; zero: it is not any more.
    Kept(Duration),
    /// What the worker has kept of its capabilities: the supervisor needs no more to take back what the worker has done.
    Rights(u64),
    /// An object is attached, for what has to be said of it if the worker cannot any more; none: it is not any more.
    Attached(u32, Option<About>),
}

impl Message {
    fn encode(&self) -> Vec<u8> {
        let (kind, number) = match self {
            Self::Beat(number) => (1, *number),
            Self::Answer(number) => (2, *number),
            Self::Lease(length) => (3, millis(*length)),
            Self::Kept(time) => (4, millis(*time)),
            Self::Rights(set) => (5, *set),
            Self::Attached(object, _) => (6, u64::from(*object)),
        };
        let mut bytes = vec![kind];
        bytes.extend(number.to_le_bytes());
        if let Self::Attached(_, Some(about)) = self {
            bytes.extend(about.sha256);
            bytes.extend(about.name.bytes().take(LONGEST_NAME));
        }
        bytes
    }

    /// None for what is no message.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let number = u64::from_le_bytes(*number);
        if *kind == 6 {
            let about = match rest.split_first_chunk::<HASH>() {
                Some((sha256, name)) => {
                    Some(About { name: String::from_utf8_lossy(name).into_owned(), sha256: *sha256 })
                }
                None if rest.is_empty() => None,
                None => return None,
            };
            return Some(Self::Attached(u32::try_from(number).ok()?, about));
        }
        if !rest.is_empty() {
            return None;
        }
        match kind {
            1 => Some(Self::Beat(number)),
            2 => Some(Self::Answer(number)),
            3 => Some(Self::Lease(Duration::from_millis(number))),
            4 => Some(Self::Kept(Duration::from_millis(number))),
            5 => Some(Self::Rights(number)),
            _ => None,
        }
    }

    /// Never blocks. Of an end that does not read, its silence tells soon enough; what matters is whether it is there.
    pub fn send(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        match process::send(socket, &self.encode()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other,
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What is to be said of the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    There,
    Gone,
    /// This process may not ask: a security hook denies it.
    Denied,
}

impl Other {
    pub fn after(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock => Self::There,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::Gone,
        }
    }
}

/// What has come in, and whether the other end is still there.
pub fn take(socket: BorrowedFd<'_>) -> (Vec<Message>, Other) {
    let mut messages = Vec::new();
    let mut bytes = [0; LENGTH + HASH + LONGEST_NAME];
    for _ in 0..MOST_AT_ONCE {
        match process::receive(socket, &mut bytes) {
            Ok(0) => return (messages, Other::Gone),
            Ok(length) => messages.extend(Message::decode(&bytes[..length])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (messages, Other::after(&error)),
        }
    }
    (messages, Other::There)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::fd::AsFd;

    proptest! {
        #[test]
        fn messages_arrive_as_they_were(number in any::<u64>()) {
            let (one, two) = process::socket_pair().expect("a pair");
            let time = Duration::from_millis(number);
            let about = About { name: "execsnoop".into(), sha256: [number as u8; 32] };
            let attached = [Message::Attached(number as u32, Some(about)), Message::Attached(number as u32, None)];
            let mut sent = vec![Message::Beat(number), Message::Answer(number), Message::Lease(time), Message::Kept(time), Message::Rights(number)];
            sent.extend(attached);
            for message in &sent {
                message.send(one.as_fd()).expect("sent");
            }
            prop_assert_eq!(take(two.as_fd()), (sent, Other::There));
            drop(one);
            prop_assert_eq!(take(two.as_fd()), (vec![], Other::Gone));
        }

        #[test]
        fn noise_is_no_message(bytes in prop::collection::vec(0_u8..9, 0..60)) {
            if let Some(message) = Message::decode(&bytes) {
                prop_assert_eq!(&message.encode()[..], &bytes[..]);
            }
        }
    }

    #[test]
    fn an_end_that_does_not_read_blocks_nobody() {
        let (one, two) = process::socket_pair().expect("a pair");
        for number in 0..10_000 {
            Message::Beat(number).send(one.as_fd()).expect("dropped, but no failure");
        }
        drop(two);
        assert!(Message::Beat(0).send(one.as_fd()).is_err());
    }
}
