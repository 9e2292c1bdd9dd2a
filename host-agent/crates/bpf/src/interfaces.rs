//! Addresses of the network interfaces, from the kernel by getifaddrs (netlink, no name service).

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Each interface's name with one of its addresses; nothing where the kernel does not say.
pub fn addresses() -> Vec<(String, IpAddr)> {
    let mut found = Vec::new();
    let mut list: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the pointer is to a local that getifaddrs sets when it answers 0.
    if unsafe { libc::getifaddrs(&mut list) } != 0 {
        return found;
    }
    let mut at = list;
    while !at.is_null() {
        // SAFETY: `at` is an entry of the list that getifaddrs made and that is freed only below; its name is a
        // terminated string, and its address is null or as large as its family says.
        unsafe {
            let entry = &*at;
            if let Some(address) = ip(entry.ifa_addr) {
                found.push((CStr::from_ptr(entry.ifa_name).to_string_lossy().into_owned(), address));
            }
            at = entry.ifa_next;
        }
    }
    // SAFETY: the list came from getifaddrs and is not used any more.
    unsafe { libc::freeifaddrs(list) };
    found
}

/// # Safety
/// `address` is null or points to a socket address of the size that its family has.
unsafe fn ip(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: not null, and the family tells which of the two structures it is; reads may be unaligned.
    unsafe {
        match i32::from((*address).sa_family) {
            libc::AF_INET => {
                let v4 = address.cast::<libc::sockaddr_in>().read_unaligned();
                Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr))))
            }
            libc::AF_INET6 => {
                let v6 = address.cast::<libc::sockaddr_in6>().read_unaligned();
                Some(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_loopback_interface_has_its_address() {
        let found = super::addresses();
        assert!(found.iter().any(|(name, address)| name == "lo" && address.is_loopback()), "{found:?}");
    }
}
