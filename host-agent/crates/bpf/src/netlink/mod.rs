//! What interfaces carry without a BPF link: XDP programs and traffic-control filters, asked through rtnetlink. And by
//! which of them an address is reached.

pub(crate) mod messages;
mod socket;

use std::net::IpAddr;

use crate::Result;
use messages::{ATTRIBUTE_BYTES, Message, attributes, nested, text, u8_of, u16_at, u32_at, u32_of};
use socket::Socket;

const RTM_GETLINK: u16 = 18;
const RTM_NEWLINK: u16 = 16;
const RTM_GETQDISC: u16 = 38;
const RTM_NEWQDISC: u16 = 36;
const RTM_GETTCLASS: u16 = 42;
const RTM_NEWTCLASS: u16 = 40;
const RTM_GETTFILTER: u16 = 46;
const RTM_NEWTFILTER: u16 = 44;

const RTM_GETROUTE: u16 = 26;
const RTM_NEWROUTE: u16 = 24;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;

const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_XDP: u16 = 43;
const IFLA_XDP_ATTACHED: u16 = 2;
const IFLA_XDP_PROG_ID: u16 = 4;
const IFLA_XDP_DRV_PROG_ID: u16 = 5;
const IFLA_XDP_SKB_PROG_ID: u16 = 6;
const IFLA_XDP_HW_PROG_ID: u16 = 7;

const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_BPF_NAME: u16 = 7;
const TCA_BPF_ID: u16 = 11;

/// Parents of filters on the two sides of clsact.
const CLSACT_INGRESS: u32 = 0xffff_fff2;
const CLSACT_EGRESS: u32 = 0xffff_fff3;

/// sizeof(struct ifinfomsg) and of struct tcmsg.
const IFINFO_BYTES: usize = 16;
const TCMSG_BYTES: usize = 20;
/// sizeof(struct rtmsg).
const RTMSG_BYTES: usize = 12;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    pub index: u32,
    pub name: String,
    /// "veth", "netkit" …; "" for hardware and loopback.
    pub kind: String,
    pub xdp: Vec<Xdp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xdp {
    /// "driver", "generic" or "offload".
    pub mode: &'static str,
    pub program_id: u32,
}

/// A filter of kind "bpf".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// "ingress" or "egress".
    pub direction: &'static str,
    pub program_id: u32,
    pub name: String,
    pub handle: u32,
    pub priority: u32,
}

/// The interfaces of this process's network namespace, with the XDP programs that they carry.
pub fn interfaces() -> Result<Vec<Interface>> {
    let mut socket = Socket::open()?;
    let mut found = Vec::new();
    socket.dump(RTM_GETLINK, &[0; IFINFO_BYTES], |message| found.extend(interface(message)))?;
    Ok(found)
}

/// The BPF filters of every interface, with the interface's index.
pub fn filters() -> Result<Vec<(u32, Filter)>> {
    let mut socket = Socket::open()?;
    let mut hooks = Vec::new();
    socket.dump(RTM_GETQDISC, &[0; TCMSG_BYTES], |message| hooks.extend(qdisc_hooks(message)))?;
    let with_classes: Vec<u32> = hooks.iter().filter(|hook| !hook.clsact).map(|hook| hook.ifindex).collect();
    for ifindex in with_classes {
        socket.dump(RTM_GETTCLASS, &tcmsg(ifindex, 0), |message| hooks.extend(class_hook(message)))?;
    }
    let mut found = Vec::new();
    for hook in hooks {
        socket.dump(RTM_GETTFILTER, &tcmsg(hook.ifindex, hook.parent), |message| {
            found.extend(filter(message, &hook));
        })?;
    }
    Ok(found)
}

/// The interface by which packets to this address leave the host; none when no route leads there.
pub fn route_to(address: IpAddr) -> Result<Option<u32>> {
    let (family, bytes) = match address.to_canonical() {
        IpAddr::V4(address) => (libc::AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (libc::AF_INET6, address.octets().to_vec()),
    };
    let mut body = vec![0; RTMSG_BYTES];
    body[0] = family as u8;
    body[1] = (bytes.len() * 8) as u8;
    body.extend_from_slice(&((ATTRIBUTE_BYTES + bytes.len()) as u16).to_ne_bytes());
    body.extend_from_slice(&RTA_DST.to_ne_bytes());
    body.extend_from_slice(&bytes);
    let answer = Socket::open()?.ask(RTM_GETROUTE, &body, |message| {
        let attributes = message.payload.get(RTMSG_BYTES..).filter(|_| message.kind == RTM_NEWROUTE)?;
        nested(attributes, RTA_OIF).and_then(u32_of)
    })?;
    Ok(answer.flatten())
}

fn tcmsg(ifindex: u32, parent: u32) -> [u8; TCMSG_BYTES] {
    let mut bytes = [0; TCMSG_BYTES];
    bytes[4..8].copy_from_slice(&ifindex.to_ne_bytes());
    bytes[12..16].copy_from_slice(&parent.to_ne_bytes());
    bytes
}

fn interface(message: Message<'_>) -> Option<Interface> {
    if message.kind != RTM_NEWLINK {
        return None;
    }
    let index = u32_at(message.payload, 4)?;
    let mut found = Interface { index, name: String::new(), kind: String::new(), xdp: Vec::new() };
    for (kind, data) in attributes(message.payload.get(IFINFO_BYTES..)?) {
        match kind {
            IFLA_IFNAME => found.name = text(data),
            IFLA_LINKINFO => found.kind = nested(data, IFLA_INFO_KIND).map_or_else(String::new, text),
            IFLA_XDP => found.xdp = xdp(data),
            _ => {}
        }
    }
    Some(found)
}

/// Programs of several modes at once have an attribute each, a single one only the common id.
fn xdp(data: &[u8]) -> Vec<Xdp> {
    let id = |kind| nested(data, kind).and_then(u32_of).filter(|id| *id != 0);
    let each = [
        ("driver", id(IFLA_XDP_DRV_PROG_ID)),
        ("generic", id(IFLA_XDP_SKB_PROG_ID)),
        ("offload", id(IFLA_XDP_HW_PROG_ID)),
    ];
    let mut found: Vec<Xdp> = each.into_iter().filter_map(|(mode, id)| Some(Xdp { mode, program_id: id? })).collect();
    if found.is_empty() {
        let mode = match nested(data, IFLA_XDP_ATTACHED).and_then(u8_of) {
            Some(1) => "driver",
            Some(3) => "offload",
            _ => "generic",
        };
        found.extend(id(IFLA_XDP_PROG_ID).map(|program_id| Xdp { mode, program_id }));
    }
    found
}

/// Where filters can be: a qdisc, one of its classes, or a side of clsact.
struct Hook {
    ifindex: u32,
    parent: u32,
    direction: &'static str,
    clsact: bool,
}

fn qdisc_hooks(message: Message<'_>) -> Vec<Hook> {
    let head = |at| u32_at(message.payload, at);
    let (Some(ifindex), Some(handle)) = (head(4), head(8)) else { return Vec::new() };
    let Some(rest) = message.payload.get(TCMSG_BYTES..).filter(|_| message.kind == RTM_NEWQDISC) else {
        return Vec::new();
    };
    let hook = |parent, direction, clsact| Hook { ifindex, parent, direction, clsact };
    match nested(rest, TCA_KIND).map(text).as_deref() {
        Some("clsact") => vec![hook(CLSACT_INGRESS, "ingress", true), hook(CLSACT_EGRESS, "egress", true)],
        Some("ingress") => vec![hook(handle, "ingress", true)],
        // A qdisc without a handle (the default one) cannot have filters.
        _ if handle == 0 => Vec::new(),
        _ => vec![hook(handle, "egress", false)],
    }
}

fn class_hook(message: Message<'_>) -> Option<Hook> {
    if message.kind != RTM_NEWTCLASS {
        return None;
    }
    let (ifindex, parent) = (u32_at(message.payload, 4)?, u32_at(message.payload, 8)?);
    Some(Hook { ifindex, parent, direction: "egress", clsact: false })
}

fn filter(message: Message<'_>, hook: &Hook) -> Option<(u32, Filter)> {
    let rest = message.payload.get(TCMSG_BYTES..).filter(|_| message.kind == RTM_NEWTFILTER)?;
    let handle = u32_at(message.payload, 8)?;
    // Without a handle it is the head of a chain of filters, not one of them.
    if handle == 0 || nested(rest, TCA_KIND).map(text).as_deref() != Some("bpf") {
        return None;
    }
    let options = nested(rest, TCA_OPTIONS)?;
    Some((
        hook.ifindex,
        Filter {
            direction: hook.direction,
            program_id: nested(options, TCA_BPF_ID).and_then(u32_of).unwrap_or(0),
            name: nested(options, TCA_BPF_NAME).map_or_else(String::new, text),
            handle,
            // The upper half of tcm_info, the lower one is the protocol.
            priority: u32::from(u16_at(message.payload, if cfg!(target_endian = "little") { 18 } else { 16 })?),
        },
    ))
}

#[cfg(test)]
mod tests;
