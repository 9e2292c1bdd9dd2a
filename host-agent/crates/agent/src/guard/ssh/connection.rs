//! SSH_CONNECTION, as the start script hands it over (sudo strips it): four words that anybody could have set.

use std::net::IpAddr;

/// How the start script calls it.
const HANDED_OVER: &str = "RINGSIDE_SSH_CONNECTION";
const OF_SSHD: &str = "SSH_CONNECTION";
/// IFNAMSIZ without its zero.
const LONGEST_ZONE: usize = 15;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub client: IpAddr,
    pub client_port: u16,
    pub server: IpAddr,
    /// The interface of a link-local client.
    pub zone: Option<String>,
}

impl Connection {
    pub fn given() -> Option<Self> {
        let of = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
        Self::parse(&of(HANDED_OVER).or_else(|| of(OF_SSHD))?)
    }

    /// Whoever starts the agent says that there is no ssh connection, whatever lies above it.
    pub fn denied() -> bool {
        std::env::var(HANDED_OVER).is_ok_and(|text| text == "none")
    }

    /// "client-address client-port server-address server-port" and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let [client, client_port, server, server_port] = words[..] else { return None };
        let (client_port, _): (u16, u16) = (client_port.parse().ok()?, server_port.parse().ok()?);
        let (client, zone) = address(client)?;
        let (server, _) = address(server)?;
        Some(Self { client, client_port, server, zone })
    }
}

fn address(text: &str) -> Option<(IpAddr, Option<String>)> {
    let (address, zone) = match text.split_once('%') {
        None => (text, None),
        Some((address, zone)) => (address, Some(zone)),
    };
    let fits = |zone: &str| {
        !zone.is_empty()
            && zone.len() <= LONGEST_ZONE
            && zone.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
    };
    let zone = match zone {
        Some(zone) if !fits(zone) => return None,
        zone => zone.map(str::to_owned),
    };
    let address: IpAddr = address.parse().ok()?;
    Some((address.to_canonical(), zone))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn four_words_and_nothing_else() {
        let plain = Connection::parse("192.0.2.7 51234 198.51.100.1 22").expect("a connection");
        assert_eq!((plain.client.to_string().as_str(), plain.zone), ("192.0.2.7", None));
        let mapped = Connection::parse("::ffff:192.0.2.7 51234 ::ffff:198.51.100.1 22").expect("a connection");
        assert_eq!(mapped.client.to_string(), "192.0.2.7");
        let zoned = Connection::parse("fe80::1%eth0 51234 fe80::2%eth0 22").expect("a connection");
        assert_eq!((zoned.client.to_string().as_str(), zoned.zone.as_deref()), ("fe80::1", Some("eth0")));
        for wrong in [
            "",
            "192.0.2.7",
            "192.0.2.7 51234 198.51.100.1",
            "192.0.2.7 51234 198.51.100.1 22 more",
            "192.0.2.7 99999 198.51.100.1 22",
            "host 51234 198.51.100.1 22",
            "fe80::1%../../x 51234 fe80::2 22",
            "192.0.2.7  51234 198.51.100.1 22",
        ] {
            assert_eq!(Connection::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".{0,80}") {
            Connection::parse(&text);
        }
    }
}
