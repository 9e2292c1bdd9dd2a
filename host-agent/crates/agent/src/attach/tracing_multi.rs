//! One program on the trampolines of many kernel functions: fentry.multi, fexit.multi, fsession.multi.

use ringside_bpf::{btf, link};

use super::{Made, Target};
use crate::failure::libc_errno::{EINVAL, ENOENT};
use crate::failure::{Answer, Failure};
use crate::knowledge::types::{FUNC, Types};
use crate::knowledge::{Kernel, functions::Functions};
use crate::rpc::host;
use crate::rpc::targets::pattern::Pattern;

/// `fentry.multi/PATTERN`, or `func`, with * and ?. What the pattern takes and no trampoline can be on is passed over.
pub fn many(target: &Target<'_>) -> Answer<Made> {
    let Some(pattern) = target.choice("func").or_else(|| target.in_section()) else {
        return Err(target.needed(&["func"], &[]));
    };
    let types = btf::kernel().ok_or_else(host::no_btf)?;
    let numbers = functions(&types, &Pattern::new(pattern), Kernel::default().functions());
    if numbers.is_empty() {
        return Err(target.not_found(&format!("kernel function {pattern} that can be traced"), &[]).errno(ENOENT));
    }
    let words = format!("{pattern} ({} function{})", numbers.len(), if numbers.len() == 1 { "" } else { "s" });
    link::tracing_multi(target.program, &numbers).map(|link| target.made(link, &words)).map_err(|error| {
        let failure = target.failed(&error, &words);
        match (error.errno, failure.code) {
            (EINVAL, "attach-failed") => Failure { hint: String::new(), ..failure }.hint(
                "The kernel takes all functions or none; a sleepable program needs functions that errors may be injected into.",
            ),
            _ => failure,
        }
    })
}

/// Numbers of the kernel's own functions that the pattern takes; each once, in order.
fn functions(types: &[u8], pattern: &Pattern, known: &Functions) -> Vec<u32> {
    let mut numbers = Vec::new();
    let Some(types) = Types::parse(types, None) else { return numbers };
    let usable = |name: &str| {
        !known.known() || known.find(name).is_some_and(|found| found.module.is_empty() && found.obstacle().is_none())
    };
    types.for_each_numbered(|number, kind, name| {
        if kind == FUNC && pattern.takes(name) && usable(name) {
            numbers.push(number);
        }
    });
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_functions_that_the_pattern_takes_are_numbered() {
        let types = btf::kernel().expect("a kernel with BTF");
        let found = functions(&types, &Pattern::new("vfs_re*"), &Functions::default());
        assert!(found.len() > 1 && found.is_sorted(), "{found:?}");
        assert_eq!(functions(&types, &Pattern::new("no_such_thing*"), &Functions::default()), [0_u32; 0]);
    }
}
