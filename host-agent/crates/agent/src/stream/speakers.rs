//! BPF streams of the client's programs: what they and the kernel write to each program's stdout and stderr.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use ringside_bpf::prog_stream::{self, Channel};

use crate::failure::libc_errno::EINVAL;
use crate::journal;

/// How often they are read. Asking costs two system calls a program, so a multitude is asked less often.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const ASKED_AT_ONCE: usize = 64;
/// Taken from one stream in one look; the kernel keeps at most 100,000 bytes of it.
const MOST_IN_LOOK: usize = 256 << 10;
const BUFFER: usize = 32 << 10;
/// A line that never ends is cut there.
const LONGEST_LINE: usize = 4096;

/// One program, as long as its prints are wanted.
pub struct Speaker {
    fd: OwnedFd,
    pub program: String,
    /// The beginning of a line whose end did not come yet, of stdout and of stderr.
    begun: [Vec<u8>; 2],
}

/// When to look again, and whether that makes sense.
pub struct Listener {
    next: Instant,
    unsupported: bool,
    last_words: bool,
    buffer: Vec<u8>,
}

/// One line of a program.
pub struct Said {
    pub program: String,
    pub source: &'static str,
    pub text: String,
}

impl Speaker {
    pub fn new(fd: OwnedFd, program: &str) -> Self {
        Self { fd, program: program.to_owned(), begun: Default::default() }
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self { next: Instant::now(), unsupported: false, last_words: false, buffer: Vec::new() }
    }
}

impl Listener {
    /// The next look comes at once, and half lines count: nothing more will come.
    pub fn hear_last_words(&mut self) {
        self.last_words = true;
    }

    /// True when it is time. From kernels without BPF streams there is nothing to hear, ever.
    pub fn is_due(&mut self, speakers: usize) -> bool {
        let now = Instant::now();
        if self.unsupported || speakers == 0 || (now < self.next && !self.last_words) {
            return false;
        }
        self.next = now + LOOK_EVERY * speakers.div_ceil(ASKED_AT_ONCE) as u32;
        true
    }

    /// Hands every whole line of these programs to `each`.
    pub fn listen(&mut self, speakers: &mut [Speaker], mut each: impl FnMut(Said)) {
        self.buffer.resize(BUFFER, 0);
        for Speaker { fd, program, begun } in speakers {
            for (channel, begun) in Channel::ALL.into_iter().zip(begun) {
                let mut taken = 0;
                while taken < MOST_IN_LOOK && !self.unsupported {
                    match prog_stream::read(fd.as_fd(), channel, &mut self.buffer) {
                        Ok(0) => break,
                        Ok(length) => {
                            taken += length;
                            begun.extend_from_slice(&self.buffer[..length]);
                        }
                        Err(error) => {
                            if error.errno != EINVAL {
                                journal::info("no-bpf-streams", &error.to_string());
                            }
                            self.unsupported = true;
                        }
                    }
                }
                // A half line waits for its end, but not for longer than to the next look.
                for line in lines(begun, taken == 0 || self.last_words) {
                    each(Said { program: program.clone(), source: channel.name(), text: line });
                }
            }
        }
    }

    /// After the last speaker of a look.
    pub fn rest(&mut self) {
        self.last_words = false;
    }
}

/// Takes the whole lines out of `text`, and with `all` the rest as well.
fn lines(text: &mut Vec<u8>, all: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = &text[..];
    while !rest.is_empty() {
        let end = rest.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n');
        let (line, next) = match end {
            Some(end) => (&rest[..end], end + 1),
            None if rest.len() >= LONGEST_LINE => (&rest[..LONGEST_LINE], LONGEST_LINE),
            None if all => (rest, rest.len()),
            None => break,
        };
        lines.push(String::from_utf8_lossy(line).into_owned());
        rest = &rest[next..];
    }
    let kept = rest.len();
    text.drain(..text.len() - kept);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_whole_when_its_end_came() {
        let mut text = b"one\ntwo\n\nthr".to_vec();
        assert_eq!(lines(&mut text, false), ["one", "two", ""]);
        assert_eq!(text, b"thr");
        text.extend_from_slice(b"ee");
        assert_eq!(lines(&mut text, false), [""; 0]);
        assert_eq!(lines(&mut text, true), ["three"]);
        assert!(text.is_empty());
    }

    proptest! {
        #[test]
        fn no_byte_of_a_text_is_lost(pieces: Vec<Vec<u8>>) {
            let whole: Vec<u8> = pieces.concat().iter().map(|byte| byte & 0x7f).collect();
            let (mut text, mut found) = (Vec::new(), Vec::new());
            for piece in pieces {
                text.extend(piece.iter().map(|byte| byte & 0x7f));
                found.extend(lines(&mut text, false));
                prop_assert!(text.len() < LONGEST_LINE);
            }
            found.extend(lines(&mut text, true));
            let ended = whole.strip_suffix(b"\n").unwrap_or(&whole);
            prop_assert_eq!(found.join("\n").into_bytes(), ended.to_vec());
        }
    }
}
