//! What supervisor and worker tell each other: one byte for the kind, eight for a number.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use ringside_bpf::process;

const LENGTH: usize = 9;
/// Messages taken at a time, so that a flood of them keeps nobody from looking at the clock.
const MOST_AT_ONCE: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl Message {
    fn encode(self) -> [u8; LENGTH] {
        let (kind, number) = match self {
            Self::Beat(number) => (1, number),
            Self::Answer(number) => (2, number),
            Self::Rights(set) => (5, set),
            Self::Lease(length) => (3, millis(length)),
            Self::Kept(time) => (4, millis(time)),
        };
        let mut bytes = [kind; LENGTH];
        bytes[1..].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    /// None for what is no message.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, number) = bytes.split_first()?;
        let number = u64::from_le_bytes(number.try_into().ok()?);
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
    pub fn send(self, socket: BorrowedFd<'_>) -> io::Result<()> {
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
    let mut bytes = [0; LENGTH + 1];
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
            let sent = [Message::Beat(number), Message::Answer(number), Message::Lease(time), Message::Kept(time), Message::Rights(number)];
            for message in sent {
                message.send(one.as_fd()).expect("sent");
            }
            prop_assert_eq!(take(two.as_fd()), (sent.to_vec(), Other::There));
            drop(one);
            prop_assert_eq!(take(two.as_fd()), (vec![], Other::Gone));
        }

        #[test]
        fn noise_is_no_message(bytes in prop::collection::vec(any::<u8>(), 0..32)) {
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
