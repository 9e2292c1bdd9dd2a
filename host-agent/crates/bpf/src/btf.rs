//! Global variables of an object, from the data sections of its BTF, and the kernel's own BTF.

use std::ffi::CString;
use std::fs;

use libbpf_sys as sys;

use crate::program::text;

/// Where the kernel shows its types.
pub const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

/// A global variable that lives in a map of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    pub name: String,
    /// ".rodata", ".data", ".bss" or one with a suffix of the author's.
    pub section: String,
    pub offset: u32,
    pub size: u32,
}

const BTF_KIND_DATASEC: u32 = 15;

/// # Safety
/// `btf` is null or a libbpf BTF handle that stays valid during the call.
pub(crate) unsafe fn globals(btf: *const sys::btf) -> Vec<Global> {
    let mut found = Vec::new();
    if btf.is_null() {
        return found;
    }
    // SAFETY: libbpf checked the type table when it parsed it: ids below the count are valid, name offsets too, and a
    // data section is followed by as many btf_var_secinfo as its vlen (low 16 bits of info) says.
    unsafe {
        for id in 1..sys::btf__type_cnt(btf) {
            let section_type = sys::btf__type_by_id(btf, id);
            if section_type.is_null() || ((*section_type).info >> 24) & 0x1f != BTF_KIND_DATASEC {
                continue;
            }
            let section = text(sys::btf__name_by_offset(btf, (*section_type).name_off));
            // Externs (.ksyms, .kconfig) are given by the kernel and cannot be set.
            if ![".rodata", ".data", ".bss"].iter().any(|prefix| section.starts_with(prefix)) {
                continue;
            }
            let variables = section_type.add(1).cast::<sys::btf_var_secinfo>();
            for index in 0..((*section_type).info & 0xffff) as usize {
                let variable = *variables.add(index);
                let variable_type = sys::btf__type_by_id(btf, variable.type_);
                if variable_type.is_null() {
                    continue;
                }
                found.push(Global {
                    name: text(sys::btf__name_by_offset(btf, (*variable_type).name_off)).to_owned(),
                    section: section.to_owned(),
                    offset: variable.offset,
                    size: variable.size,
                });
            }
        }
    }
    found
}

/// The same for BTF that stands alone; none for bytes that libbpf refuses.
pub fn globals_of(bytes: &[u8]) -> Option<Vec<Global>> {
    let length = u32::try_from(bytes.len()).ok()?;
    // SAFETY: libbpf copies the bytes; a result that is not null is a handle of ours until it is freed, once.
    unsafe {
        let btf = sys::btf__new(bytes.as_ptr().cast(), length);
        if btf.is_null() {
            return None;
        }
        let found = globals(btf);
        sys::btf__free(btf);
        Some(found)
    }
}

/// How many parameters a function of the kernel has; none for what its own types do not tell.
pub fn kernel_parameters(function: &str) -> Option<u32> {
    const FUNCTION: u32 = 12;
    let name = CString::new(function).ok()?;
    // SAFETY: a handle that is not null is ours until it is freed, once; libbpf checked its types, so that an id that it
    // gives is valid and a function's type is its prototype, whose low 16 bits of info are the number of parameters.
    unsafe {
        let btf = sys::btf__load_vmlinux_btf();
        if btf.is_null() {
            return None;
        }
        let id = sys::btf__find_by_name_kind(btf, name.as_ptr(), FUNCTION);
        let found = u32::try_from(id).ok().filter(|id| *id != 0).map(|id| sys::btf__type_by_id(btf, id));
        let prototype = found.filter(|found| !found.is_null());
        let prototype = prototype.map(|found| sys::btf__type_by_id(btf, (*found).__bindgen_anon_1.type_));
        let count = prototype.filter(|found| !found.is_null()).map(|found| (*found).info & 0xffff);
        sys::btf__free(btf);
        count
    }
}

/// The kernel's own BTF, or none where it was built without.
pub fn kernel() -> Option<Vec<u8>> {
    fs::read(KERNEL_BTF).ok()
}

/// The split BTF of a loaded kernel module; none for what is no module's name.
pub fn module(name: &str) -> Option<Vec<u8>> {
    let plain = !name.is_empty() && !name.contains(['/', '.']) && name != "vmlinux";
    plain.then(|| fs::read(format!("/sys/kernel/btf/{name}")).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #[test]
    fn parameters_of_kernel_functions_are_counted() {
        // On a kernel without BTF nothing is told.
        if super::kernel().is_some() {
            assert_eq!(super::kernel_parameters("kernel_clone"), Some(1));
        }
        assert_eq!(super::kernel_parameters("ringside_no_such_function"), None);
        assert_eq!(super::kernel_parameters("zero\0inside"), None);
    }
}
