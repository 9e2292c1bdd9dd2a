//! SEC() forms that younger versions of libbpf know than the one that is linked in: sleepable tracepoints, and trampolines
//! on many functions. Registered once, so that objects with them are opened like any other.

use std::ffi::{CStr, c_int, c_long};
use std::sync::Once;

use libbpf_sys as sys;

use crate::program::text;

/// BPF_TRACE_FENTRY_MULTI and the two after it.
pub const FENTRY_MULTI: u32 = 59;
pub const FEXIT_MULTI: u32 = 60;
pub const FSESSION_MULTI: u32 = 61;

/// Bits of what a handler gets to know of its section.
const SLEEPABLE: c_long = 1;
/// The program is bound to the tracepoint that its section names.
const TYPED_TRACEPOINT: c_long = 2;

struct Form {
    section: &'static CStr,
    kind: u32,
    attach: u32,
    flags: c_long,
}

#[rustfmt::skip]
const FORMS: &[Form] = &[
    Form { section: c"tracepoint.s+", kind: sys::BPF_PROG_TYPE_TRACEPOINT, attach: 0, flags: SLEEPABLE },
    Form { section: c"tp.s+", kind: sys::BPF_PROG_TYPE_TRACEPOINT, attach: 0, flags: SLEEPABLE },
    Form { section: c"raw_tracepoint.s+", kind: sys::BPF_PROG_TYPE_RAW_TRACEPOINT, attach: 0, flags: SLEEPABLE },
    Form { section: c"raw_tp.s+", kind: sys::BPF_PROG_TYPE_RAW_TRACEPOINT, attach: 0, flags: SLEEPABLE },
    Form { section: c"tp_btf.s+", kind: sys::BPF_PROG_TYPE_TRACING, attach: sys::BPF_TRACE_RAW_TP, flags: SLEEPABLE | TYPED_TRACEPOINT },
    Form { section: c"fentry.multi+", kind: sys::BPF_PROG_TYPE_TRACING, attach: FENTRY_MULTI, flags: 0 },
    Form { section: c"fentry.multi.s+", kind: sys::BPF_PROG_TYPE_TRACING, attach: FENTRY_MULTI, flags: SLEEPABLE },
    Form { section: c"fexit.multi+", kind: sys::BPF_PROG_TYPE_TRACING, attach: FEXIT_MULTI, flags: 0 },
    Form { section: c"fexit.multi.s+", kind: sys::BPF_PROG_TYPE_TRACING, attach: FEXIT_MULTI, flags: SLEEPABLE },
    Form { section: c"fsession.multi+", kind: sys::BPF_PROG_TYPE_TRACING, attach: FSESSION_MULTI, flags: 0 },
    Form { section: c"fsession.multi.s+", kind: sys::BPF_PROG_TYPE_TRACING, attach: FSESSION_MULTI, flags: SLEEPABLE },
];

/// Makes the forms known to libbpf, whose own table is asked first; called before any object is opened.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for form in FORMS {
            // SAFETY: zeroes are valid in this plain C struct and mean "none"; libbpf copies section and options.
            unsafe {
                let mut options = std::mem::zeroed::<sys::libbpf_prog_handler_opts>();
                options.sz = size_of_val(&options) as sys::size_t;
                options.cookie = form.flags;
                options.prog_prepare_load_fn = Some(prepare);
                // A refusal (out of memory) leaves the form unknown, which opening an object with it then says.
                sys::libbpf_register_prog_handler(form.section.as_ptr(), form.kind, form.attach, &options);
            }
        }
    });
}

/// libbpf calls it right before it loads a program of one of the forms.
unsafe extern "C" fn prepare(
    program: *mut sys::bpf_program,
    options: *mut sys::bpf_prog_load_opts,
    flags: c_long,
) -> c_int {
    // SAFETY: libbpf passes a program of an open object and the options that it is about to use.
    unsafe {
        if flags & SLEEPABLE != 0 {
            (*options).prog_flags |= sys::BPF_F_SLEEPABLE;
        }
        if flags & TYPED_TRACEPOINT == 0 || (*options).attach_btf_id != 0 {
            return 0;
        }
        let section = text(sys::bpf_program__section_name(program));
        let name = section.split_once('/').and_then(|(_, name)| std::ffi::CString::new(name).ok());
        let Some(name) = name else { return -libc::EINVAL };
        match sys::libbpf_find_vmlinux_btf_id(name.as_ptr(), sys::BPF_TRACE_RAW_TP) {
            id if id > 0 => {
                (*options).attach_btf_id = id.cast_unsigned();
                0
            }
            error => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libbpf_knows_the_forms_and_keeps_its_own() {
        register();
        let kind_of = |section: &CStr| {
            let (mut kind, mut attach) = (0, 0);
            // SAFETY: a terminated string and two local integers.
            let found = unsafe { sys::libbpf_prog_type_by_name(section.as_ptr(), &mut kind, &mut attach) };
            (found == 0).then_some((kind, attach))
        };
        assert_eq!(kind_of(c"fentry.multi/vfs_*"), Some((sys::BPF_PROG_TYPE_TRACING, FENTRY_MULTI)));
        assert_eq!(kind_of(c"tp.s/syscalls/sys_enter_openat"), Some((sys::BPF_PROG_TYPE_TRACEPOINT, 0)));
        assert_eq!(kind_of(c"fentry/vfs_read"), Some((sys::BPF_PROG_TYPE_TRACING, sys::BPF_TRACE_FENTRY)));
    }
}
