//! Kinds of the network, tried in a network namespace of their own: no packet ever meets the programs.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::thread;

use libbpf_sys as sys;

use super::{load, loopback, missing};
use crate::link::{self, Netfilter, XdpMode};
use crate::map;
use crate::map_setup::Definition;
use crate::tc::{Direction, Filter};
use crate::{Error, Result, os, socket};

/// Runs on a thread with a new network namespace, which goes with it. Where none can be made, in the agent's own: the
/// programs let everything pass.
fn apart(attempt: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let attempt = move || {
        let _ = os::unshare_network();
        attempt()
    };
    let thread = thread::Builder::new().name("probe".into()).spawn(attempt);
    let thread = thread.map_err(|error| Error::new("cannot start a thread", error.raw_os_error().unwrap_or(0)))?;
    thread.join().unwrap_or_else(|_| Err(missing("the probe failed")))
}

fn own_namespace() -> Result<File> {
    File::open("/proc/thread-self/ns/net").map_err(|_| missing("no network namespaces"))
}

pub(super) fn xdp() -> Result<()> {
    const PASS: i32 = 2;
    apart(|| {
        let program = load(sys::BPF_PROG_TYPE_XDP, PASS, sys::BPF_XDP, 0)?;
        match link::xdp_fd(program.as_fd(), loopback()?, XdpMode::Generic) {
            // Someone's program is there: then it can be done.
            Err(error) if matches!(error.errno, libc::EBUSY | libc::EEXIST) => Ok(()),
            other => other.map(drop),
        }
    })
}

/// TC_ACT_UNSPEC: the next program decides.
const NEXT: i32 = -1;

pub(super) fn tcx() -> Result<()> {
    apart(|| {
        let program = load(sys::BPF_PROG_TYPE_SCHED_CLS, NEXT, sys::BPF_TCX_INGRESS, 0)?;
        link::create(program.as_fd(), loopback()?, sys::BPF_TCX_INGRESS, 0, "cannot attach").map(drop)
    })
}

pub(super) fn clsact() -> Result<()> {
    apart(|| {
        let program = load(sys::BPF_PROG_TYPE_SCHED_CLS, NEXT, 0, 0)?;
        Filter::attach(program.as_fd(), loopback()?, Direction::Ingress).map(drop)
    })
}

/// No netkit device is made for it: a kernel with netkit says that another device is none.
pub(super) fn netkit() -> Result<()> {
    apart(|| {
        let program = load(sys::BPF_PROG_TYPE_SCHED_CLS, NEXT, sys::BPF_NETKIT_PRIMARY, 0)?;
        match link::create(program.as_fd(), loopback()?, sys::BPF_NETKIT_PRIMARY, 0, "cannot attach") {
            Err(error) if error.errno == libc::ENXIO => Ok(()),
            other => other.map(drop),
        }
    })
}

pub(super) fn sk_lookup() -> Result<()> {
    const PASS: i32 = 1;
    apart(|| {
        let program = load(sys::BPF_PROG_TYPE_SK_LOOKUP, PASS, sys::BPF_SK_LOOKUP, 0)?;
        link::create(program.as_fd(), own_namespace()?.as_raw_fd(), sys::BPF_SK_LOOKUP, 0, "cannot attach").map(drop)
    })
}

pub(super) fn flow_dissector() -> Result<()> {
    const OK: i32 = 0;
    apart(|| {
        let program = load(sys::BPF_PROG_TYPE_FLOW_DISSECTOR, OK, sys::BPF_FLOW_DISSECTOR, 0)?;
        let namespace = own_namespace()?;
        match link::create(program.as_fd(), namespace.as_raw_fd(), sys::BPF_FLOW_DISSECTOR, 0, "cannot attach") {
            Err(error) if matches!(error.errno, libc::EBUSY | libc::EEXIST) => Ok(()),
            other => other.map(drop),
        }
    })
}

pub(super) fn netfilter() -> Result<()> {
    const ACCEPT: i32 = 1;
    // A priority that nobody uses, on a hook that the fewest packets pass.
    const PLACE: Netfilter = Netfilter { family: 10, hook: 2, priority: 31_337, defragment: false };
    apart(|| {
        let program = load(sys::BPF_PROG_TYPE_NETFILTER, ACCEPT, sys::BPF_NETFILTER, 0)?;
        link::netfilter_fd(program.as_fd(), PLACE).map(drop)
    })
}

pub(super) fn socket_filter() -> Result<()> {
    apart(|| {
        let program = load(sys::BPF_PROG_TYPE_SOCKET_FILTER, 0, 0, 0)?;
        link::packet_socket(program.as_fd(), loopback()?).map(drop)
    })
}

pub(super) fn reuseport() -> Result<()> {
    const PASS: i32 = 1;
    apart(|| {
        let program = load(sys::BPF_PROG_TYPE_SK_REUSEPORT, PASS, sys::BPF_SK_REUSEPORT_SELECT, 0)?;
        // SAFETY: plain integers; the result is a new descriptor or an error.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        let own = os::owned(fd).map_err(|_| Error::last("cannot open a socket"))?;
        socket::set_option(own.as_fd(), libc::SO_REUSEPORT, 1)?;
        socket::set_option(own.as_fd(), libc::SO_ATTACH_REUSEPORT_EBPF, program.as_raw_fd())
    })
}

/// On a map of our own without any socket in it.
pub(super) fn socket_map(kind: u32, attach: u32) -> Result<()> {
    const PASS: i32 = 1;
    let map = new_socket_map()?;
    let program = load(kind, PASS, attach, 0)?;
    link::sockmap_fd(program.as_fd(), map.as_fd(), attach).map(drop)
}

fn new_socket_map() -> Result<OwnedFd> {
    let (kind, max_entries) = (sys::BPF_MAP_TYPE_SOCKMAP, 1);
    map::create(c"ringside", &Definition { kind, key_size: 4, value_size: 4, max_entries, flags: 0 })
}
