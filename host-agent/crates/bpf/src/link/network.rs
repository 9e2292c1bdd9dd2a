//! Interfaces, sockets, network namespaces and the maps that carry programs.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libbpf_sys as sys;

use super::undo::{self, How, SocketOption, Undo};
use super::{Link, attach_without_link, create, create_with, loaded, queried};
use crate::program::Program;
use crate::sharing::Group;
use crate::socket::{self, ProcessSocket};
use crate::tc::{Direction, Filter};
use crate::undo::{Identity, Kept, SocketOf, announce};
use crate::{Error, Result, map};

/// How XDP hooks into an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XdpMode {
    /// The driver's if it has one, else the generic one.
    Any,
    Generic,
    Driver,
    /// In the network card itself.
    Offload,
}

pub fn xdp(program: Program<'_>, interface: i32, mode: XdpMode) -> Result<Link> {
    xdp_fd(loaded(&program)?, interface, mode)
}

pub(crate) fn xdp_fd(program: BorrowedFd<'_>, interface: i32, mode: XdpMode) -> Result<Link> {
    let flags = match mode {
        XdpMode::Any => 0,
        XdpMode::Generic => sys::XDP_FLAGS_SKB_MODE,
        XdpMode::Driver => sys::XDP_FLAGS_DRV_MODE,
        XdpMode::Offload => sys::XDP_FLAGS_HW_MODE,
    };
    create(program, interface, sys::BPF_XDP, flags, "cannot attach XDP to the interface")
}

/// At the end of the chain; ingress or egress must be the program's own attach type if it has one.
pub fn tcx(program: Program<'_>, interface: i32, direction: Direction) -> Result<Link> {
    let kind = match direction {
        Direction::Ingress => sys::BPF_TCX_INGRESS,
        Direction::Egress => sys::BPF_TCX_EGRESS,
    };
    create(loaded(&program)?, interface, kind, 0, "cannot attach to the interface's traffic control")
}

/// The old way, for kernels before 6.6: a filter of the clsact qdisc.
pub fn tc_filter(program: Program<'_>, interface: i32, direction: Direction) -> Result<Link> {
    let filter = Filter::attach(loaded(&program)?, interface, direction)?;
    Ok(Link::undone_by(Undo::new(How::Filter { _filter: filter }, None)))
}

/// `interface` is the primary device of a netkit pair, also for the peer's side.
pub fn netkit(program: Program<'_>, interface: i32, peer: bool) -> Result<Link> {
    let kind = if peer { sys::BPF_NETKIT_PEER } else { sys::BPF_NETKIT_PRIMARY };
    create(loaded(&program)?, interface, kind, 0, "cannot attach to the netkit device")
}

/// sk_lookup and flow_dissector, by the program's own attach type. Links to namespaces came with 5.8.
pub fn netns(program: Program<'_>, netns: BorrowedFd<'_>) -> Result<Link> {
    let kind = program.expected_attach_type();
    create(loaded(&program)?, netns.as_raw_fd(), kind, 0, "cannot attach to the network namespace")
}

/// Where in netfilter a program sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Netfilter {
    /// NFPROTO_IPV4 or NFPROTO_IPV6.
    pub family: u32,
    /// NF_INET_*.
    pub hook: u32,
    pub priority: i32,
    /// Packets are put together from their fragments first.
    pub defragment: bool,
}

pub fn netfilter(program: Program<'_>, place: Netfilter) -> Result<Link> {
    netfilter_fd(loaded(&program)?, place)
}

pub(crate) fn netfilter_fd(program: BorrowedFd<'_>, place: Netfilter) -> Result<Link> {
    create_with(program, 0, sys::BPF_NETFILTER, "cannot attach to netfilter", |options| {
        let netfilter = &raw mut options.__bindgen_anon_1.netfilter;
        // SAFETY: the union's member is plain data inside a live, zeroed struct.
        let netfilter = unsafe { &mut *netfilter };
        netfilter.pf = place.family;
        netfilter.hooknum = place.hook;
        netfilter.priority = place.priority;
        netfilter.flags = if place.defragment { sys::BPF_F_NETFILTER_IP_DEFRAG } else { 0 };
    })
}

/// A socket map's verdict, parser or message program.
pub fn sockmap(program: Program<'_>, map: BorrowedFd<'_>, kind: u32) -> Result<Link> {
    sockmap_fd(loaded(&program)?, map, kind)
}

pub(crate) fn sockmap_fd(program: BorrowedFd<'_>, map: BorrowedFd<'_>, kind: u32) -> Result<Link> {
    const WHAT: &str = "cannot attach to the socket map";
    match create(program, map.as_raw_fd(), kind, 0, WHAT) {
        // Links to socket maps came with 6.10; the old way would silently push another program out.
        Err(error) if matches!(error.errno, libc::EINVAL | libc::EOPNOTSUPP) => match queried(map, kind).is_empty() {
            true => {
                let kept = Kept::Sockmap { program: Identity::of(program)?, kind, map: map::info(map)?.id };
                attach_without_link(program, map, kind, 0, WHAT, &kept)
            }
            false => Err(Error::new(WHAT, libc::EBUSY)),
        },
        other => other,
    }
}

/// A program in an entry of a CPU or device map: `value` (queue size, or interface) is the entry's first word.
pub fn map_entry(program: Program<'_>, map: BorrowedFd<'_>, key: u32, value: u32) -> Result<Link> {
    const WHAT: &str = "cannot put the program into the map";
    let program = loaded(&program)?;
    let info = map::info(map)?;
    if (info.key_size, info.value_size) != (4, 8) {
        return Err(Error::new("the map's values have no room for a program", libc::EINVAL));
    }
    let key = key.to_ne_bytes();
    let before = map::lookup(map, &info, &key)?;
    // The second word reads as a program's id and is written as a descriptor.
    if before.as_ref().is_some_and(|entry| entry[4..] != [0; 4]) {
        return Err(Error::new(WHAT, libc::EBUSY));
    }
    let kept = map.try_clone_to_owned().map_err(|error| Error::new(WHAT, error.raw_os_error().unwrap_or(0)))?;
    let mut entry = value.to_ne_bytes().to_vec();
    entry.extend(program.as_raw_fd().to_ne_bytes());
    let receipt = announce(&Kept::Entry {
        program: Identity::of(program)?,
        map: info.id,
        key,
        before: before.as_ref().and_then(|before| before.first_chunk().copied()),
    })?;
    undo::write_entry(map, &key, &entry)?;
    Ok(Link::undone_by(Undo::new(How::MapEntry { map: kept, key, before }, Some(receipt))))
}

/// A packet socket of our own on an interface (0: on all), whose packets only the program sees.
pub fn bound_packet_socket(program: Program<'_>, interface: i32) -> Result<Link> {
    let socket = packet_socket(loaded(&program)?, interface)?;
    Ok(Link::undone_by(Undo::new(How::OwnSocket { _socket: socket }, None)))
}

/// Bound only once the program is in, so that no packet comes in unseen by it.
pub(crate) fn packet_socket(program: BorrowedFd<'_>, interface: i32) -> Result<OwnedFd> {
    let socket = socket::packet()?;
    // What the program lets through is never read.
    socket::set_option(socket.as_fd(), libc::SO_RCVBUF, 1)?;
    socket::set_option(socket.as_fd(), SocketOption::Filter.attach(), program.as_raw_fd())?;
    socket::bind_packet(socket.as_fd(), interface)?;
    Ok(socket)
}

/// A socket of another process. The socket is not kept open here: it must go when its owner closes it.
pub fn socket_option(program: Program<'_>, socket: ProcessSocket, option: SocketOption) -> Result<Link> {
    let fd = socket.open()?;
    let program = loaded(&program)?;
    let who = Identity::of(program)?;
    let of = SocketOf { pid: socket.pid(), number: socket.number(), inode: socket.inode() };
    let (how, kept) = match option {
        SocketOption::Filter => (How::SocketFilter { socket }, Kept::Socket { program: who, socket: of }),
        SocketOption::Reuseport => {
            let group = Group::of(fd.as_fd(), socket.pid());
            let kept = kept_group(who, of, group.as_ref());
            (How::SocketGroup { socket, group }, kept)
        }
    };
    let receipt = announce(&kept)?;
    match socket::set_option(fd.as_fd(), option.attach(), program.as_raw_fd()) {
        Ok(()) => Ok(Link::undone_by(Undo::new(how, Some(receipt)))),
        Err(error) => Err(error),
    }
}

/// Of a socket without a group nothing is known but itself.
fn kept_group(program: Identity, socket: SocketOf, group: Option<&Group>) -> Kept {
    let (namespace, family, protocol, address) = group.map_or_else(Default::default, |group| {
        let namespace = group.namespace.to_string_lossy().into_owned();
        (namespace, group.family, group.protocol, group.address.clone())
    });
    Kept::Group { program, socket, namespace, family, protocol, address }
}
