//! The entries of the journal, a line each.

use std::fmt::Write;
use std::os::fd::BorrowedFd;
use std::str::{FromStr, SplitAsciiWhitespace};

use crate::tc::Direction;
use crate::{Result, stats};

/// A program by its id, which no other has as long as the machine runs (they wrap around at 2³¹), and its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub id: u32,
    pub tag: [u8; 8],
}

impl Identity {
    pub fn of(program: BorrowedFd<'_>) -> Result<Self> {
        let info = stats::program(program)?;
        Ok(Self { id: info.id, tag: info.tag })
    }
}

/// A socket of another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOf {
    pub pid: u32,
    pub number: u32,
    pub inode: u64,
}

/// One thing that outlives its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// BPF_PROG_ATTACH to a control group.
    Cgroup { program: Identity, kind: u32, inode: u64, path: String },
    /// BPF_PROG_ATTACH to a socket map.
    Sockmap { program: Identity, kind: u32, map: u32 },
    /// A filter of the clsact qdisc.
    Filter { program: Identity, interface: i32, direction: Direction },
    /// A clsact qdisc, which is ours to remove when it is empty. The only entry that is written after the fact: whether the
    /// qdisc was made by us or was there is known only then.
    Qdisc { interface: i32 },
    /// A program in an entry of a CPU or device map, and what was there before.
    Entry { program: Identity, map: u32, key: [u8; 4], before: Option<[u8; 8]> },
    /// A filter in the socket of another process.
    Socket { program: Identity, socket: SocketOf },
    /// The program of a group of sockets that share a port.
    Group { program: Identity, socket: SocketOf, namespace: String, family: i32, protocol: i32, address: Vec<u8> },
    /// A struct_ops map that was registered without a link.
    Operations { map: u32 },
    /// A map in bpffs, by id and inode once it is made.
    Pin { kind: u32, name: String, made: Option<(u32, u64)>, path: String },
}

impl Kept {
    pub fn line(&self) -> String {
        let program = |program: &Identity| format!("{}:{}", program.id, hex(&program.tag));
        let socket = |socket: &SocketOf| format!("{} {} {}", socket.pid, socket.number, socket.inode);
        match self {
            Self::Cgroup { program: who, kind, inode, path } => {
                format!("cgroup {} {kind} {inode} {}", program(who), escape(path))
            }
            Self::Sockmap { program: who, kind, map } => format!("sockmap {} {kind} {map}", program(who)),
            Self::Filter { program: who, interface, direction } => {
                let direction = if *direction == Direction::Egress { "egress" } else { "ingress" };
                format!("filter {} {interface} {direction}", program(who))
            }
            Self::Qdisc { interface } => format!("qdisc {interface}"),
            Self::Entry { program: who, map, key, before } => {
                let before = before.as_ref().map_or_else(|| "-".to_owned(), |before| hex(before));
                format!("entry {} {map} {} {before}", program(who), hex(key))
            }
            Self::Socket { program: who, socket: of } => format!("socket {} {}", program(who), socket(of)),
            Self::Group { program: who, socket: of, namespace, family, protocol, address } => {
                let namespace = escape(namespace);
                format!("group {} {} {namespace} {family} {protocol} x{}", program(who), socket(of), hex(address))
            }
            Self::Operations { map } => format!("operations {map}"),
            Self::Pin { kind, name, made, path } => {
                let (id, inode) = made.unwrap_or_default();
                format!("pin {kind} {} {id} {inode} {}", escape(name), escape(path))
            }
        }
    }

    /// None for a line that this version cannot read.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let kept = Self::parse_words(words.next()?, &mut words)?;
        words.next().is_none().then_some(kept)
    }

    fn parse_words(kind: &str, words: &mut SplitAsciiWhitespace<'_>) -> Option<Self> {
        Some(match kind {
            "cgroup" => Self::Cgroup {
                program: identity(words.next()?)?,
                kind: number(words)?,
                inode: number(words)?,
                path: unescape(words.next()?)?,
            },
            "sockmap" => Self::Sockmap { program: identity(words.next()?)?, kind: number(words)?, map: number(words)? },
            "filter" => Self::Filter {
                program: identity(words.next()?)?,
                interface: number(words)?,
                direction: match words.next()? {
                    "ingress" => Direction::Ingress,
                    "egress" => Direction::Egress,
                    _ => return None,
                },
            },
            "qdisc" => Self::Qdisc { interface: number(words)? },
            "entry" => Self::Entry {
                program: identity(words.next()?)?,
                map: number(words)?,
                key: array(words.next()?)?,
                before: match words.next()? {
                    "-" => None,
                    value => Some(array(value)?),
                },
            },
            "socket" => Self::Socket { program: identity(words.next()?)?, socket: socket(words)? },
            "group" => Self::Group {
                program: identity(words.next()?)?,
                socket: socket(words)?,
                namespace: unescape(words.next()?)?,
                family: number(words)?,
                protocol: number(words)?,
                address: unhex(words.next()?.strip_prefix('x')?)?,
            },
            "operations" => Self::Operations { map: number(words)? },
            "pin" => {
                let (kind, name) = (number(words)?, unescape(words.next()?)?);
                let (id, inode) = (number(words)?, number(words)?);
                Self::Pin { kind, name, made: (id != 0).then_some((id, inode)), path: unescape(words.next()?)? }
            }
            _ => return None,
        })
    }
}

fn number<T: FromStr>(words: &mut SplitAsciiWhitespace<'_>) -> Option<T> {
    words.next()?.parse().ok()
}

fn identity(word: &str) -> Option<Identity> {
    let (id, tag) = word.split_once(':')?;
    Some(Identity { id: id.parse().ok()?, tag: array(tag)? })
}

fn socket(words: &mut SplitAsciiWhitespace<'_>) -> Option<SocketOf> {
    Some(SocketOf { pid: number(words)?, number: number(words)?, inode: number(words)? })
}

fn array<const N: usize>(word: &str) -> Option<[u8; N]> {
    unhex(word)?.try_into().ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

/// One word of ASCII, whatever a path holds: `%` and two digits for all else.
fn escape(text: &str) -> String {
    let mut word = "=".to_owned();
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'%' => word.push(byte.into()),
            other => {
                let _ = write!(word, "%{other:02x}");
            }
        }
    }
    word
}

fn unescape(word: &str) -> Option<String> {
    let mut rest = word.strip_prefix('=')?.as_bytes();
    let mut bytes = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first == b'%' {
            bytes.extend(unhex(std::str::from_utf8(rest.get(..2)?).ok()?)?);
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn program() -> impl Strategy<Value = Identity> {
        (any::<u32>(), any::<[u8; 8]>()).prop_map(|(id, tag)| Identity { id, tag })
    }

    fn socket_of() -> impl Strategy<Value = SocketOf> {
        (any::<u32>(), any::<u32>(), any::<u64>()).prop_map(|(pid, number, inode)| SocketOf { pid, number, inode })
    }

    fn kept() -> impl Strategy<Value = Kept> {
        let direction = prop_oneof![Just(Direction::Ingress), Just(Direction::Egress)];
        let made = prop::option::of((1..u32::MAX, any::<u64>()));
        prop_oneof![
            (program(), any::<u32>(), any::<u64>(), any::<String>())
                .prop_map(|(program, kind, inode, path)| Kept::Cgroup { program, kind, inode, path }),
            (program(), any::<u32>(), any::<u32>()).prop_map(|(program, kind, map)| Kept::Sockmap {
                program,
                kind,
                map
            }),
            (program(), any::<i32>(), direction).prop_map(|(program, interface, direction)| Kept::Filter {
                program,
                interface,
                direction
            }),
            any::<i32>().prop_map(|interface| Kept::Qdisc { interface }),
            (program(), any::<u32>(), any::<[u8; 4]>(), any::<Option<[u8; 8]>>())
                .prop_map(|(program, map, key, before)| Kept::Entry { program, map, key, before }),
            (program(), socket_of()).prop_map(|(program, socket)| Kept::Socket { program, socket }),
            (program(), socket_of(), any::<String>(), any::<(i32, i32)>(), any::<Vec<u8>>()).prop_map(
                |(program, socket, namespace, (family, protocol), address)| Kept::Group {
                    program,
                    socket,
                    namespace,
                    family,
                    protocol,
                    address
                }
            ),
            any::<u32>().prop_map(|map| Kept::Operations { map }),
            (any::<u32>(), any::<String>(), made, any::<String>()).prop_map(|(kind, name, made, path)| Kept::Pin {
                kind,
                name,
                made,
                path
            }),
        ]
    }

    proptest! {
        #[test]
        fn entries_are_read_as_they_were_written(kept in kept()) {
            let line = kept.line();
            prop_assert!(line.is_ascii() && !line.contains('\n'), "{line}");
            prop_assert_eq!(Kept::parse(&line), Some(kept));
        }

        #[test]
        fn noise_is_no_entry_or_one_that_is_written_alike(line in "(cgroup|sockmap|filter|qdisc|entry|socket|pin)( [ -~]{0,12}){0,6}") {
            if let Some(kept) = Kept::parse(&line) {
                prop_assert_eq!(Kept::parse(&kept.line()), Some(kept));
            }
        }
    }
}
