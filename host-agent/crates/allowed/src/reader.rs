//! The fields of ssh's own encoding (RFC 4251): numbers of four bytes, and strings that begin with their length.

pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    pub fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// Nothing is left over.
    pub fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// A key in the encoding of ssh: its type, and what is behind it.
pub fn key_type(blob: &[u8]) -> Option<&[u8]> {
    Reader::new(blob).string()
}

pub const ED25519: &[u8] = b"ssh-ed25519";

/// The 32 bytes of an ed25519 key; none for another or a broken one.
pub fn ed25519_key(blob: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(blob);
    if reader.string()? != ED25519 {
        return None;
    }
    let key = reader.string().filter(|key| key.len() == 32)?;
    reader.end().map(|()| key)
}

/// One word of whatever stands there, for messages.
pub fn word(bytes: &[u8]) -> String {
    let plain = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
    bytes.iter().take(60).map(plain).collect()
}
