//! Frames: 16 bytes of header, then at most one megabyte of payload. See the head of `proto/agent.proto`.

use std::fmt;

/// The first bytes of the agent: what precedes them (a lecture of sudo, a motd) is not ours.
pub const MAGIC: [u8; 8] = [0x00, 0xe2, b'R', b'I', b'N', b'G', 0x1a, 0x0a];
pub const HEADER: usize = 16;
pub const MAX_PAYLOAD: usize = 1 << 20;
/// Most that one frame of data or of a blob carries, so that an answer never waits long behind it.
pub const MAX_CHUNK: usize = 256 * 1024;
/// Flag of the last chunk of a blob.
pub const LAST_CHUNK: u8 = 1;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameType {
    Hello = 1,
    HelloAck = 2,
    Request = 3,
    Response = 4,
    Progress = 5,
    Cancel = 6,
    Ping = 7,
    Pong = 8,
    Data = 9,
    Credit = 10,
    Blob = 11,
    Event = 12,
    Bye = 13,
}

impl FrameType {
    fn from_number(number: u8) -> Option<Self> {
        use FrameType::*;
        let all = [Hello, HelloAck, Request, Response, Progress, Cancel, Ping, Pong, Data, Credit, Blob, Event, Bye];
        all.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// A frame without its payload and its place in the sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub kind: FrameType,
    pub flags: u8,
    pub stream: u16,
    pub aux: u32,
}

impl Head {
    pub fn new(kind: FrameType) -> Self {
        Self { kind, flags: 0, stream: 0, aux: 0 }
    }

    pub fn aux(self, aux: u32) -> Self {
        Self { aux, ..self }
    }

    pub fn stream(self, stream: u16) -> Self {
        Self { stream, ..self }
    }

    pub fn flags(self, flags: u8) -> Self {
        Self { flags, ..self }
    }

    /// The header's bytes. The caller keeps `payload` at most [`MAX_PAYLOAD`].
    pub fn encode(self, payload: usize, sequence: u32) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..4].copy_from_slice(&(payload as u32).to_le_bytes());
        bytes[4] = self.kind as u8;
        bytes[5] = self.flags;
        bytes[6..8].copy_from_slice(&self.stream.to_le_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.aux.to_le_bytes());
        bytes
    }
}

/// A received frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub head: Head,
    pub payload: Vec<u8>,
}

/// Why bytes are no frames. Nothing can be read after any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    TooLarge { length: u32 },
    UnknownType { number: u8 },
    OutOfSequence { expected: u32, found: u32 },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { length } => write!(f, "a frame of {length} bytes; the most is {MAX_PAYLOAD}"),
            Self::UnknownType { number } => write!(f, "a frame of unknown type {number}"),
            Self::OutOfSequence { expected, found } => {
                write!(f, "frame number {found} where {expected} was due: frames were lost or mixed up")
            }
        }
    }
}

impl std::error::Error for FrameError {}

/// Bytes in, frames out. Holds at most one unfinished frame and what was pushed behind it.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
    sequence: u32,
}

impl Decoder {
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or none until more bytes are pushed. After an error, do not go on.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let waiting = &self.buffer[self.start..];
        let Some(header) = waiting.first_chunk::<HEADER>() else { return Ok(None) };
        let (length, head) = self.check(header)?;
        let Some(payload) = waiting.get(HEADER..HEADER + length) else { return Ok(None) };
        let frame = Frame { head, payload: payload.to_vec() };
        self.start += HEADER + length;
        self.sequence = self.sequence.wrapping_add(1);
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
            // A blob's worth of memory is not kept by an idle agent.
            self.buffer.shrink_to(64 * 1024);
        }
        Ok(Some(frame))
    }

    fn check(&self, header: &[u8; HEADER]) -> Result<(usize, Head), FrameError> {
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let length = word(0);
        if length as usize > MAX_PAYLOAD {
            return Err(FrameError::TooLarge { length });
        }
        let number = header[4];
        let kind = FrameType::from_number(number).ok_or(FrameError::UnknownType { number })?;
        if word(8) != self.sequence {
            return Err(FrameError::OutOfSequence { expected: self.sequence, found: word(8) });
        }
        let stream = u16::from_le_bytes([header[6], header[7]]);
        Ok((length as usize, Head { kind, flags: header[5], stream, aux: word(12) }))
    }
}

#[cfg(test)]
mod tests;
