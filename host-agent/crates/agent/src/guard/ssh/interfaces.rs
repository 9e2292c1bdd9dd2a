//! Interfaces that the packets of a connection pass: the one of the route to the client, the one with the server's address,
//! and what lies below and above these (bonds, bridges, VLANs, the other end of a veth pair).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ringside_bpf::{interfaces, netlink, os};

use super::Connection;

/// Devices whose packets leave the host wrapped into others, by an interface that only their peer's address tells.
#[rustfmt::skip]
const TUNNELS: [&str; 22] = [
    "amt", "bareudp", "erspan", "fou", "geneve", "gre", "gretap", "gtp", "ip6erspan", "ip6gre", "ip6gretap", "ip6tnl", "ipip",
    "l2tp", "ovpn", "ppp", "sit", "tun", "vti", "vxlan", "wireguard", "xfrm",
];

/// With why each is on the way; and why any may be.
pub fn carrying(connection: &Connection) -> (BTreeMap<i32, String>, Option<String>) {
    let Connection { client, server, zone, .. } = connection;
    let mut names: Vec<(String, String)> = Vec::new();
    match zone {
        Some(zone) => names.push((zone.clone(), format!("{client} is reached by it"))),
        None => {
            let index = netlink::route_to(*client).ok().flatten();
            let name = index.and_then(|index| name_of(index as i32));
            names.extend(name.map(|name| (name, format!("the route to {client}"))));
        }
    }
    let holders = interfaces::addresses().into_iter().filter(|(_, address)| address.to_canonical() == *server);
    names.extend(holders.map(|(name, _)| (name, format!("it has the address {server} that you connected to"))));
    if names.is_empty() {
        return (BTreeMap::new(), Some(format!("no route to {client} was found, so it may come by any interface")));
    }
    let kinds: BTreeMap<String, String> =
        netlink::interfaces().unwrap_or_default().into_iter().map(|one| (one.name, one.kind)).collect();
    let kind = |name: &str| kinds.get(name).map_or("", String::as_str);
    let mut found: BTreeMap<i32, String> = BTreeMap::new();
    let mut any = None;
    while let Some((name, why)) = names.pop() {
        let Some(index) = os::interface_index(&name) else { continue };
        if found.contains_key(&index) {
            continue;
        }
        if TUNNELS.contains(&kind(&name)) {
            any = Some(format!("{why} leads into the tunnel {name}, whose packets may take any interface"));
        }
        for (other, how) in related(Path::new("/sys/class/net"), &name, index, kind(&name)) {
            names.push((other, format!("{how} {name}, which carries it ({why})")));
        }
        found.insert(index, why);
    }
    (found, any)
}

fn name_of(index: i32) -> Option<String> {
    let names = fs::read_dir("/sys/class/net").ok()?.flatten();
    names.filter_map(|entry| entry.file_name().into_string().ok()).find(|name| os::interface_index(name) == Some(index))
}

/// Devices below this one, its master, and the other end of its pair.
fn related(sysfs: &Path, name: &str, index: i32, kind: &str) -> Vec<(String, &'static str)> {
    let folder = sysfs.join(name);
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let lower = entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("lower_").map(str::to_owned));
    let mut found: Vec<(String, &'static str)> = lower.map(|lower| (lower, "it lies below")).collect();
    let master = fs::read_link(folder.join("master")).ok();
    let master = master.and_then(|link| Some(link.file_name()?.to_str()?.to_owned()));
    found.extend(master.map(|master| (master, "it is the master of")));
    let other_end = |name: &str| number(&sysfs.join(name).join("iflink"));
    if let Some(link) = other_end(name).filter(|link| *link != index) {
        let peer = fs::read_dir(sysfs)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let peer = peer.into_iter().find(|peer| number(&sysfs.join(peer).join("ifindex")) == Some(link));
        // The number of a veth's other end counts in the other end's network namespace.
        let peer = peer.filter(|peer| kind != "veth" || other_end(peer) == Some(index));
        found.extend(peer.map(|peer| (peer, "it is the other end of")));
    }
    found
}

fn number(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(text: &str) -> Connection {
        Connection::parse(text).expect("a connection")
    }

    #[test]
    fn a_connection_to_oneself_goes_by_loopback() {
        let lo = os::interface_index("lo").expect("lo");
        let (found, any) = carrying(&connection("127.0.0.1 50000 127.0.0.1 22"));
        assert!(found.contains_key(&lo), "{found:?}");
        assert_eq!(any, None);
    }

    #[test]
    fn without_a_route_it_may_be_any() {
        let (found, any) = carrying(&connection("fe80::1%ringside-none 50000 203.0.113.9 22"));
        assert!(found.is_empty() && any.is_none(), "an interface that is not there carries nothing: {found:?} {any:?}");
        let (_, any) = carrying(&connection("240.0.0.7 50000 203.0.113.9 22"));
        let routed = netlink::route_to("240.0.0.7".parse().expect("address")).ok().flatten().is_some();
        assert_eq!(any.is_some(), !routed);
    }

    #[test]
    fn what_lies_below_and_above_belongs_to_it() {
        let sysfs = std::env::temp_dir().join(format!("ringside-sysfs-{}", std::process::id()));
        let file = |path: &str, text: &str| {
            let path = sysfs.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
            fs::write(path, text).expect("file");
        };
        file("bond0/lower_eth0", "");
        file("bond0/lower_eth1", "");
        file("bond0/iflink", "5");
        std::os::unix::fs::symlink("../br0", sysfs.join("bond0/master")).expect("link");
        file("veth0/iflink", "8");
        file("veth1/ifindex", "8");
        file("veth1/iflink", "7");
        let mut names: Vec<String> = related(&sysfs, "bond0", 5, "bond").into_iter().map(|(name, _)| name).collect();
        names.sort();
        assert_eq!(names, ["br0", "eth0", "eth1"]);
        assert_eq!(related(&sysfs, "veth0", 7, "veth"), [("veth1".to_owned(), "it is the other end of")]);
        // The other end of that pair is in another namespace: veth1 here is somebody else's.
        assert_eq!(related(&sysfs, "veth0", 6, "veth"), []);
        fs::remove_dir_all(sysfs).expect("removed");
    }
}
