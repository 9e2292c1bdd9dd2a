//! Kinds that libbpf attaches by the section alone, without ever leaving something behind.

use ringside_bpf::link;

use super::{Made, Target, kernel};
use crate::failure::Answer;
use crate::failure::libc_errno::{ENOENT, EOPNOTSUPP, ESRCH};

/// tp_btf, fentry, fexit, fmod_ret, iter, lsm and the multi kinds.
pub fn by_section(target: &Target<'_>) -> Answer<Made> {
    let section = target.program.section();
    let Some(name) = target.in_section() else {
        return Err(target.needed(&["a name behind the slash of SEC()"], &[]));
    };
    match link::by_section(target.program) {
        Ok(link) => Ok(target.made(link, name)),
        Err(error) if error.errno == EOPNOTSUPP && link_is_unknown(section) => Err(super::unsupported(&target.program)),
        Err(error) if matches!(error.errno, ENOENT | ESRCH) => Err(target.not_found(name, &[]).errno(error.errno)),
        Err(error) => Err(target.failed(&error, name)),
    }
}

pub fn ksyscall(target: &Target<'_>) -> Answer<Made> {
    kernel::require_probes(target, "kprobe")?;
    by_section(target)
}

fn link_is_unknown(section: &str) -> bool {
    section.starts_with("struct_ops") || section.starts_with("freplace")
}
