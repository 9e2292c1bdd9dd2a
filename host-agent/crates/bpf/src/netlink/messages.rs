//! Netlink's messages and attributes, read from bytes of which nothing is taken for granted.

/// sizeof(struct nlmsghdr), and of struct nlattr.
pub const HEADER_BYTES: usize = 16;
pub const ATTRIBUTE_BYTES: usize = 4;
/// NLA_F_NESTED and NLA_F_NET_BYTEORDER.
const ATTRIBUTE_FLAGS: u16 = 0xc000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    pub kind: u16,
    pub sequence: u32,
    pub payload: &'a [u8],
}

/// The whole messages at the beginning of `bytes`; what is cut ends the list.
pub fn messages(bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = u32_at(rest, 0)? as usize;
        let (kind, sequence) = (u16_at(rest, 4)?, u32_at(rest, 8)?);
        let payload = rest.get(HEADER_BYTES..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Message { kind, sequence, payload })
    })
}

/// Type and data of each attribute.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & !ATTRIBUTE_FLAGS;
        let data = rest.get(ATTRIBUTE_BYTES..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, data))
    })
}

/// The first attribute of that type.
pub fn nested(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, data)| data)
}

pub fn text(data: &[u8]) -> String {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    String::from_utf8_lossy(&data[..end]).into_owned()
}

pub fn u8_of(data: &[u8]) -> Option<u8> {
    data.first().copied()
}

pub fn u32_of(data: &[u8]) -> Option<u32> {
    u32_at(data, 0)
}

pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
