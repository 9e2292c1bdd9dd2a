//! struct_ops maps: sets of operations that the kernel calls (TCP congestion control, schedulers, queueing disciplines).

use ringside_bpf::error::{NO_JOURNAL, describe};
use ringside_bpf::link::{self, Link};
use ringside_bpf::object::Object;
use ringside_bpf::struct_ops::StructOps;

use crate::failure::libc_errno::{EBUSY, EEXIST, EINVAL, ENOTSUPP, EOPNOTSUPP, EPERM};
use crate::failure::{Answer, Failure, no_journal, no_permission};

pub use ringside_bpf::struct_ops::of;

/// The maps that a request is about.
pub enum Wanted<'a> {
    All,
    /// Those with this name or with this program as a member.
    Called(&'a str),
}

impl Wanted<'_> {
    /// The object's maps that are meant.
    pub fn among<'object>(&self, object: &'object Object) -> Vec<StructOps<'object>> {
        let meant = |ops: &StructOps<'_>| match self {
            Self::All => true,
            Self::Called(name) => ops.map.name() == *name || ops.programs.iter().any(|program| program == name),
        };
        of(object).into_iter().filter(meant).collect()
    }
}

/// Registers the operations. Without BPF_F_LINK they are taken back when the link value is dropped.
pub fn attach(ops: &StructOps<'_>) -> Answer<Link> {
    link::struct_ops(ops.map).map_err(|error| {
        let (name, kind) = (ops.map.name(), &ops.kind);
        let what = format!("Map {name} ({kind}) cannot be registered");
        match error.errno {
            NO_JOURNAL => no_journal(&format!("{what}: {}", error.what)),
            EPERM => no_permission(&what, error.errno),
            EBUSY if ops.section() == ".struct_ops" => Failure::new("attach-failed", format!("{what}: it has been registered before, or operations of this name are in use ({}).", describe(error.errno)))
                .errno(error.errno)
                .hint("Without a link the kernel registers a map only once: load the object again, or write SEC(\".struct_ops.link\") (Linux 6.4)."),
            EBUSY | EEXIST => Failure::new("attach-failed", format!("{what}: operations of this name, or another set of them, are in use ({}).", describe(error.errno)))
                .errno(error.errno)
                .hint("`bpftool struct_ops list` shows what is registered. Sets of the same kind need names of their own; of schedulers only one can run."),
            EOPNOTSUPP | ENOTSUPP => Failure::new("unsupported-by-kernel", format!("{what}: this kernel does not let BPF replace {kind}, or has no links for it (Linux 6.4)."))
                .errno(error.errno)
                .hint("SEC(\".struct_ops\") without .link registers on older kernels."),
            EINVAL => Failure::new("attach-failed", format!("{what}: the kernel refuses the operations ({}).", describe(error.errno)))
                .errno(error.errno)
                .hint("A member that the kernel requires may be missing or a name too long or empty. Links for struct_ops came with Linux 6.4."),
            errno => Failure::new("attach-failed", format!("{what}: {}.", describe(errno))).errno(errno),
        }
    })
}
