//! Network interfaces of the agent's network namespace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ringside_bpf::interfaces;
use ringside_proto::messages as pb;

use super::found::{Found, details};
use crate::failure::Answer;

const FOLDER: &str = "/sys/class/net";

pub fn list(found: &mut Found<'_>) -> Answer<()> {
    let mut names: Vec<String> = fs::read_dir(FOLDER)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut addresses: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (interface, address) in interfaces::addresses() {
        addresses.entry(interface).or_default().push(address.to_string());
    }
    for name in &names {
        found.offer(name, || entry(name, addresses.get(name).map_or(&[], Vec::as_slice)))?;
    }
    Ok(())
}

fn entry(name: &str, addresses: &[String]) -> pb::TargetEntry {
    let folder = Path::new(FOLDER).join(name);
    let word = |file: &str| {
        fs::read_to_string(folder.join(file)).map_or_else(|_| String::new(), |text| text.trim().to_owned())
    };
    pb::TargetEntry {
        name: name.to_owned(),
        details: details([
            ("ifindex", word("ifindex")),
            ("type", kind(&folder, &word("type"))),
            ("mtu", word("mtu")),
            ("state", state(&word("operstate"), &word("flags"))),
            ("mac", word("address")),
            ("addresses", addresses.join(" ")),
            ("driver", link_name(&folder.join("device/driver"))),
            ("master", link_name(&folder.join("master"))),
        ]),
        ..Default::default()
    }
}

/// Many virtual interfaces have no operational state; whether they are switched on they all say.
fn state(operational: &str, flags: &str) -> String {
    const IFF_UP: u32 = 1;
    let flags = u32::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap_or(0);
    match operational {
        "unknown" | "" => if flags & IFF_UP != 0 { "up" } else { "down" }.to_owned(),
        other => other.to_owned(),
    }
}

/// What the driver calls it (bridge, vlan, wlan, veth …), or by the hardware type (include/uapi/linux/if_arp.h).
fn kind(folder: &Path, number: &str) -> String {
    let uevent = fs::read_to_string(folder.join("uevent")).unwrap_or_default();
    if let Some(named) = uevent.lines().find_map(|line| line.strip_prefix("DEVTYPE=")) {
        return named.to_owned();
    }
    for (file, name) in [("bridge", "bridge"), ("bonding", "bond"), ("tun_flags", "tun"), ("wireless", "wlan")] {
        if folder.join(file).exists() {
            return name.to_owned();
        }
    }
    match number {
        "1" => "ether",
        "772" => "loopback",
        "768" => "ipip",
        "769" => "ip6tnl",
        "776" => "sit",
        "778" => "gre",
        "823" => "ip6gre",
        "65534" => "none",
        other => return other.to_owned(),
    }
    .to_owned()
}

fn link_name(link: &PathBuf) -> String {
    let target = fs::read_link(link).unwrap_or_default();
    target.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_interface_without_operational_state_says_whether_it_is_on() {
        assert_eq!(super::state("unknown", "0x9"), "up");
        assert_eq!(super::state("unknown", "0x8"), "down");
        assert_eq!(super::state("dormant", "0x1"), "dormant");
    }
}
