//! Traffic control before links (Linux 6.6): filters of the clsact qdisc. They outlive the process that made them, so each
//! is taken back when it is dropped, and the qdisc too if it was made here and nothing is left in it.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard};

use libbpf_sys as sys;

use crate::link::options;
use crate::netlink::messages::{attributes, nested, u32_at};
use crate::undo::{Identity, Kept, Receipt, announce};
use crate::{Error, Result, socket};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    fn point(self) -> sys::bpf_tc_attach_point {
        match self {
            Self::Ingress => sys::BPF_TC_INGRESS,
            Self::Egress => sys::BPF_TC_EGRESS,
        }
    }
}

/// Interfaces whose clsact qdisc was made here.
static MADE: Mutex<BTreeMap<i32, Qdisc>> = Mutex::new(BTreeMap::new());

/// A qdisc of ours: how many filters of ours are in it, and its entry in the journal.
struct Qdisc {
    filters: usize,
    _receipt: Receipt,
}

/// One filter of ours.
pub struct Filter {
    interface: i32,
    direction: Direction,
    handle: u32,
    priority: u32,
    program_id: u32,
    receipt: Option<Receipt>,
}

impl Filter {
    /// Behind those that are there already. The interface gets a clsact qdisc if it has none.
    pub fn attach(program: BorrowedFd<'_>, interface: i32, direction: Direction) -> Result<Self> {
        let mut made = made();
        let receipt = announce(&Kept::Filter { program: Identity::of(program)?, interface, direction })?;
        let hook = hook(interface, direction.point());
        // SAFETY: a valid hook.
        match -unsafe { sys::bpf_tc_hook_create(&mut { hook }) } {
            0 => match announce(&Kept::Qdisc { interface }) {
                Ok(receipt) => drop(made.insert(interface, Qdisc { filters: 0, _receipt: receipt })),
                Err(error) => {
                    destroy_if_empty(interface);
                    return Err(error);
                }
            },
            libc::EEXIST => {}
            errno => return Err(Error::new("cannot make the clsact qdisc", errno)),
        }
        let mut options = options!(sys::bpf_tc_opts);
        options.prog_fd = program.as_raw_fd();
        // SAFETY: a valid hook and options; the kernel's choices are written into the options.
        let result = unsafe { sys::bpf_tc_attach(&hook, &mut options) };
        if result != 0 {
            remove_empty_qdisc(&mut made, interface);
            return Err(Error::new("cannot attach to the interface's traffic control", result));
        }
        if let Some(qdisc) = made.get_mut(&interface) {
            qdisc.filters += 1;
        }
        Ok(Self {
            interface,
            direction,
            handle: options.handle,
            priority: options.priority,
            program_id: options.prog_id,
            receipt: Some(receipt),
        })
    }

    /// Whether what stands in our place is still ours.
    fn is_there(&self, hook: &sys::bpf_tc_hook) -> bool {
        let mut options = options!(sys::bpf_tc_opts);
        (options.handle, options.priority) = (self.handle, self.priority);
        // SAFETY: a valid hook and options.
        unsafe { sys::bpf_tc_query(hook, &mut options) == 0 && options.prog_id == self.program_id }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let mut made = made();
        let hook = hook(self.interface, self.direction.point());
        if self.is_there(&hook) {
            let mut options = options!(sys::bpf_tc_opts);
            (options.handle, options.priority) = (self.handle, self.priority);
            // SAFETY: a valid hook and options that name one filter.
            let result = unsafe { sys::bpf_tc_detach(&hook, &options) };
            if let (libc::EPERM, Some(receipt)) = (-result, self.receipt.take()) {
                receipt.leave_open();
            }
        }
        if let Some(qdisc) = made.get_mut(&self.interface) {
            qdisc.filters = qdisc.filters.saturating_sub(1);
        }
        remove_empty_qdisc(&mut made, self.interface);
    }
}

/// Only a qdisc that was made here, holds no filter of ours any more, and none of anyone else.
fn remove_empty_qdisc(made: &mut BTreeMap<i32, Qdisc>, interface: i32) {
    if made.get(&interface).is_some_and(|qdisc| qdisc.filters == 0) {
        destroy_if_empty(interface);
        made.remove(&interface);
    }
}

/// Removes a qdisc that a dead process of ours had made, unless somebody uses it by now.
pub(crate) fn remove_if_empty(interface: i32) -> bool {
    destroy_if_empty(interface)
}

fn destroy_if_empty(interface: i32) -> bool {
    let empty = |direction| filters(interface, direction).is_ok_and(|filters| filters.is_empty());
    if !empty(Direction::Ingress) || !empty(Direction::Egress) {
        return false;
    }
    // SAFETY: a valid hook; both points at once stand for the qdisc.
    unsafe { sys::bpf_tc_hook_destroy(&mut hook(interface, sys::BPF_TC_INGRESS | sys::BPF_TC_EGRESS)) == 0 }
}

/// Removes the filters with this program, which a dead process has left. True when there were some.
pub(crate) fn remove_filters(interface: i32, direction: Direction, program_id: u32) -> Result<bool> {
    let mut removed = false;
    for seen in filters(interface, direction)?.into_iter().filter(|seen| seen.program == Some(program_id)) {
        let mut options = options!(sys::bpf_tc_opts);
        (options.handle, options.priority) = (seen.handle, seen.priority);
        // SAFETY: a valid hook and options that name one filter.
        match unsafe { sys::bpf_tc_detach(&hook(interface, direction.point()), &options) } {
            0 => removed = true,
            error if -error == libc::ENOENT => {}
            error => return Err(Error::new("cannot remove the filter", error)),
        }
    }
    Ok(removed)
}

/// Removes one filter of somebody else's, unless another program stands in its place. False when it is not there.
pub fn remove_filter(interface: i32, direction: Direction, place: (u32, u32), program_id: u32) -> Result<bool> {
    let hook = hook(interface, direction.point());
    let named = || {
        let mut options = options!(sys::bpf_tc_opts);
        (options.handle, options.priority) = place;
        options
    };
    let mut seen = named();
    // SAFETY: a valid hook and options.
    if unsafe { sys::bpf_tc_query(&hook, &mut seen) } != 0 || seen.prog_id != program_id {
        return Ok(false);
    }
    // SAFETY: a valid hook and options that name one filter.
    match unsafe { sys::bpf_tc_detach(&hook, &named()) } {
        0 => Ok(true),
        error if -error == libc::ENOENT => Ok(false),
        error => Err(Error::new("cannot remove the filter", error)),
    }
}

fn made() -> MutexGuard<'static, BTreeMap<i32, Qdisc>> {
    MADE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn hook(interface: i32, point: sys::bpf_tc_attach_point) -> sys::bpf_tc_hook {
    let mut hook = options!(sys::bpf_tc_hook);
    hook.ifindex = interface;
    hook.attach_point = point;
    hook
}

/// Netlink: a request for all filters under one parent (RTM_GETTFILTER).
#[repr(C)]
struct FilterRequest {
    head: libc::nlmsghdr,
    family: u8,
    padding: [u8; 3],
    interface: i32,
    handle: u32,
    parent: u32,
    info: u32,
}

/// A filter of whatever kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    handle: u32,
    priority: u32,
    /// Of a BPF filter.
    program: Option<u32>,
}

/// The filters that an interface has in this direction.
fn filters(interface: i32, direction: Direction) -> Result<Vec<Seen>> {
    const RTM_GETTFILTER: u16 = 46;
    const CLSACT: u32 = 0xffff_0000;
    let minor = match direction {
        Direction::Ingress => 0xfff2,
        Direction::Egress => 0xfff3,
    };
    let request = FilterRequest {
        head: libc::nlmsghdr {
            nlmsg_len: size_of::<FilterRequest>() as u32,
            nlmsg_type: RTM_GETTFILTER,
            nlmsg_flags: (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16,
            nlmsg_seq: 1,
            nlmsg_pid: 0,
        },
        family: 0,
        padding: [0; 3],
        interface,
        handle: 0,
        parent: CLSACT | minor,
        info: 0,
    };
    let netlink = socket::netlink()?;
    // SAFETY: the pointer and the length are those of a live struct without padding of its own.
    let sent = unsafe { libc::send(netlink.as_raw_fd(), (&raw const request).cast(), size_of_val(&request), 0) };
    if sent < 0 {
        return Err(Error::last("cannot ask for the filters"));
    }
    let mut all = Vec::new();
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        // SAFETY: the pointer and the length are those of a live buffer.
        let length = unsafe { libc::recv(netlink.as_fd().as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        if length <= 0 {
            return Err(Error::last("cannot read the filters"));
        }
        let (found, end) = read_messages(&buffer[..length as usize]);
        all.extend(found);
        if let Some(end) = end {
            return end.map(|()| all);
        }
    }
}

/// Filters in one datagram, and how the answer ends if it does.
fn read_messages(datagram: &[u8]) -> (Vec<Seen>, Option<Result<()>>) {
    const RTM_NEWTFILTER: u16 = 44;
    const HEADER: usize = size_of::<libc::nlmsghdr>();
    let (mut rest, mut found) = (datagram, Vec::new());
    while rest.len() >= HEADER {
        let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        if length < HEADER || length > rest.len() {
            return (found, Some(Err(Error::new("the kernel's answer is cut", libc::EBADMSG))));
        }
        match i32::from(u16::from_ne_bytes([rest[4], rest[5]])) {
            libc::NLMSG_DONE => return (found, Some(Ok(()))),
            libc::NLMSG_ERROR => {
                let errno = rest
                    .get(HEADER..HEADER + 4)
                    .map_or(libc::EBADMSG, |bytes| -i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
                return (found, Some(Err(Error::new("cannot list the filters", errno))));
            }
            // Each priority has an entry of its own with handle 0, before the filters in it.
            kind if kind == i32::from(RTM_NEWTFILTER) => {
                let payload = &rest[HEADER..length];
                found.extend(seen(payload).filter(|seen| seen.handle != 0));
            }
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    (found, None)
}

/// struct tcmsg and the attributes behind it.
fn seen(payload: &[u8]) -> Option<Seen> {
    const TCMSG: usize = 20;
    const TCA_OPTIONS: u16 = 2;
    const TCA_BPF_ID: u16 = 11;
    let attributes_of = payload.get(TCMSG..)?;
    let options = nested(attributes_of, TCA_OPTIONS).filter(|_| kind_is_bpf(attributes_of));
    let program = options.and_then(|options| u32_at(nested(options, TCA_BPF_ID)?, 0));
    Some(Seen { handle: u32_at(payload, 8)?, priority: u32_at(payload, 16)? >> 16, program })
}

fn kind_is_bpf(attributes_of: &[u8]) -> bool {
    const TCA_KIND: u16 = 1;
    attributes(attributes_of).any(|(kind, data)| kind == TCA_KIND && data == b"bpf\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, handle: u32) -> Vec<u8> {
        let mut message = 36_u32.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend([0; 2 + 8 + 8]);
        message.extend(handle.to_ne_bytes());
        message.extend([0; 8]);
        message
    }

    #[test]
    fn filters_are_counted_and_their_priorities_are_not() {
        let datagram = [message(44, 0), message(44, 1), message(44, 2), message(3, 0)].concat();
        let (found, end) = read_messages(&datagram);
        assert_eq!((found.len(), end.map(|end| end.is_ok())), (2, Some(true)));
    }

    #[test]
    fn a_cut_answer_is_an_error() {
        let whole = message(44, 1);
        assert!(matches!(read_messages(&whole[..30]), (found, Some(Err(_))) if found.is_empty()));
        assert!(matches!(read_messages(&[]), (found, None) if found.is_empty()));
        assert!(matches!(read_messages(&[0; 16]), (found, Some(Err(_))) if found.is_empty()));
    }
}
