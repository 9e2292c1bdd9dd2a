//! BPF tokens (Linux 6.9): what lets a process in a user namespace of its own, as in an unprivileged container, use BPF. Who
//! sets the container up mounts a bpffs there with `delegate_cmds=` and its kin; the token is made from that mount.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;

use libbpf_sys as sys;

use crate::os;

struct Token {
    path: String,
    fd: OwnedFd,
}

/// Made once, and kept: mounts that come later count for the next agent.
fn token() -> Option<&'static Token> {
    static TOKEN: OnceLock<Option<Token>> = OnceLock::new();
    TOKEN.get_or_init(|| if in_user_namespace() { find() } else { None }).as_ref()
}

/// Where the bpffs is mounted from which this process has its token.
pub fn path() -> Option<&'static str> {
    token().map(|token| token.path.as_str())
}

/// For options of a load or a map, together with BPF_F_TOKEN_FD.
pub(crate) fn fd() -> Option<RawFd> {
    token().map(|token| token.fd.as_raw_fd())
}

/// Whether capabilities count in a user namespace only, as in a container.
pub fn in_user_namespace() -> bool {
    let mapping = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let whole: Vec<&str> = mapping.split_whitespace().collect();
    !whole.is_empty() && whole != ["0", "0", "4294967295"]
}

fn find() -> Option<Token> {
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    delegated(&mounts).find_map(create)
}

/// Mount points of each bpffs that something is delegated by; the last mount on a place is the one that is seen.
fn delegated(mounts: &str) -> impl Iterator<Item = String> {
    let found = mounts.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        let [_, place, "bpf", options, ..] = fields[..] else { return None };
        options.split(',').any(|option| option.starts_with("delegate_")).then(|| place.replace("\\040", " "))
    });
    found.rev()
}

fn create(path: String) -> Option<Token> {
    let place = CString::new(path.as_str()).ok()?;
    // SAFETY: a terminated path and plain flags; the result is a new descriptor or an error.
    let folder = os::owned(unsafe { libc::open(place.as_ptr(), libc::O_DIRECTORY | libc::O_CLOEXEC) }).ok()?;
    // SAFETY: an open descriptor and no options; the result is a new descriptor or an error.
    let fd = os::owned(unsafe { sys::bpf_token_create(folder.as_raw_fd(), std::ptr::null_mut()) }).ok()?;
    Some(Token { path, fd })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bpffs_counts_only_where_something_is_delegated() {
        let mounts = "bpf /sys/fs/bpf bpf rw,relatime 0 0\n\
            none /run/tokens/a\\040b bpf rw,relatime,delegate_cmds=any 0 0\n\
            none /mnt ext4 rw,delegate_cmds=any 0 0\n\
            damaged\n\
            none /sys/fs/bpf bpf rw,delegate_cmds=map_create:prog_load,delegate_progs=0x3 0 0\n";
        assert_eq!(delegated(mounts).collect::<Vec<_>>(), ["/sys/fs/bpf", "/run/tokens/a b"]);
        assert_eq!(delegated("").count(), 0);
    }
}
