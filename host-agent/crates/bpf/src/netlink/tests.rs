use proptest::prelude::*;

use super::messages::{HEADER_BYTES, messages};
use super::*;

fn attribute(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = ((4 + data.len()) as u16).to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(kind: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = ((HEADER_BYTES + payload.len()) as u32).to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&0_u16.to_ne_bytes());
    bytes.extend_from_slice(&sequence.to_ne_bytes());
    bytes.extend_from_slice(&0_u32.to_ne_bytes());
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn link_message(index: u32, xdp: &[Vec<u8>]) -> Vec<u8> {
    let mut payload = vec![0; IFINFO_BYTES];
    payload[4..8].copy_from_slice(&index.to_ne_bytes());
    payload.extend(attribute(IFLA_IFNAME, b"eth0\0"));
    payload.extend(attribute(IFLA_LINKINFO, &attribute(IFLA_INFO_KIND, b"veth\0")));
    // Nested attributes carry a flag in their type.
    payload.extend(attribute(IFLA_XDP | 0x8000, &xdp.concat()));
    message(RTM_NEWLINK, 1, &payload)
}

fn only(bytes: &[u8]) -> Message<'_> {
    messages(bytes).next().expect("a message")
}

#[test]
fn an_interface_with_one_program_and_with_one_of_each_mode() {
    let one = [attribute(IFLA_XDP_ATTACHED, &[1]), attribute(IFLA_XDP_PROG_ID, &7_u32.to_ne_bytes())];
    let bytes = link_message(3, &one);
    let found = interface(only(&bytes)).expect("an interface");
    assert_eq!((found.index, found.name.as_str(), found.kind.as_str()), (3, "eth0", "veth"));
    assert_eq!(found.xdp, [Xdp { mode: "driver", program_id: 7 }]);
    let several = [
        attribute(IFLA_XDP_ATTACHED, &[4]),
        attribute(IFLA_XDP_SKB_PROG_ID, &8_u32.to_ne_bytes()),
        attribute(IFLA_XDP_DRV_PROG_ID, &9_u32.to_ne_bytes()),
    ];
    let bytes = link_message(3, &several);
    let modes = interface(only(&bytes)).expect("an interface").xdp;
    assert_eq!(modes, [Xdp { mode: "driver", program_id: 9 }, Xdp { mode: "generic", program_id: 8 }]);
    assert!(interface(only(&link_message(3, &[attribute(IFLA_XDP_ATTACHED, &[0])]))).expect("one").xdp.is_empty());
}

#[test]
fn a_bpf_filter_has_its_program_and_place() {
    let mut payload = tcmsg(2, CLSACT_INGRESS).to_vec();
    payload[8..12].copy_from_slice(&1_u32.to_ne_bytes());
    payload[16..20].copy_from_slice(&(49152_u32 << 16 | 3).to_ne_bytes());
    payload.extend(attribute(TCA_KIND, b"bpf\0"));
    let options = [attribute(TCA_BPF_NAME, b"main.o:[tc]\0"), attribute(TCA_BPF_ID, &12_u32.to_ne_bytes())].concat();
    payload.extend(attribute(TCA_OPTIONS, &options));
    let bytes = message(RTM_NEWTFILTER, 1, &payload);
    let hook = Hook { ifindex: 2, parent: CLSACT_INGRESS, direction: "ingress", clsact: true };
    let expected =
        Filter { direction: "ingress", program_id: 12, name: "main.o:[tc]".into(), handle: 1, priority: 49152 };
    assert_eq!(filter(only(&bytes), &hook), Some((2, expected)));
}

#[test]
fn the_loopback_interface_is_found() {
    let found = interfaces().expect("netlink");
    assert!(found.iter().any(|one| one.name == "lo" && one.index > 0), "{found:?}");
    filters().expect("netlink");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        for message in messages(&bytes) {
            for kind in [RTM_NEWLINK, RTM_NEWQDISC, RTM_NEWTCLASS, RTM_NEWTFILTER] {
                let message = Message { kind, ..message };
                let hook = Hook { ifindex: 1, parent: 0, direction: "egress", clsact: false };
                let _ = (interface(message), qdisc_hooks(message), class_hook(message), filter(message, &hook));
            }
        }
        prop_assert!(messages(&bytes).count() <= bytes.len() / HEADER_BYTES);
        prop_assert!(attributes(&bytes).count() <= bytes.len() / 4);
    }

    #[test]
    fn damage_to_a_real_message_is_no_fault(at in 0_usize..80, byte in any::<u8>(), cut in 0_usize..80) {
        let mut bytes = link_message(3, &[attribute(IFLA_XDP_PROG_ID, &7_u32.to_ne_bytes())]);
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len().saturating_sub(cut));
        messages(&bytes).for_each(|message| drop(interface(message)));
    }

    #[test]
    fn attributes_come_back(list in proptest::collection::vec((0_u16..0x3fff, proptest::collection::vec(any::<u8>(), 0..40)), 0..8)) {
        let bytes: Vec<u8> = list.iter().flat_map(|(kind, data)| attribute(*kind, data)).collect();
        let read: Vec<(u16, Vec<u8>)> = attributes(&bytes).map(|(kind, data)| (kind, data.to_vec())).collect();
        prop_assert_eq!(read, list);
    }
}

#[test]
fn an_own_address_is_reached_by_loopback() {
    let loopback = interfaces().expect("interfaces").into_iter().find(|one| one.name == "lo").expect("lo");
    assert_eq!(route_to(IpAddr::from([127, 0, 0, 1])).expect("a route"), Some(loopback.index));
    // Written as IPv6, as sshd on a dual-stack socket sees it.
    assert_eq!(route_to("::ffff:127.0.0.1".parse().expect("address")).expect("a route"), Some(loopback.index));
    // Class E: nothing leads there, and that is no error.
    assert!(route_to(IpAddr::from([240, 0, 0, 1])).is_ok());
}
