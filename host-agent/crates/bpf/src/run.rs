//! BPF_PROG_RUN (BPF_PROG_TEST_RUN): runs a loaded program once or many times, on data of ours.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use libbpf_sys as sys;

use crate::link::options;
use crate::{Error, Result, stats};

/// What a program gets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Input<'a> {
    /// A packet, for the kinds that look at packets.
    pub data: &'a [u8],
    /// The program's context, where it can be given: __sk_buff, xdp_md, the arguments of a raw tracepoint or of a syscall
    /// program.
    pub context: &'a [u8],
    /// 0 and 1 = once.
    pub repeat: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    pub return_value: u32,
    pub data: Vec<u8>,
    pub context: Vec<u8>,
    /// Of one run, the mean of all repeats.
    pub duration: Duration,
}

/// Room for what a program adds to its packet.
const GROWTH: usize = 64 * 1024;

pub fn program(program: BorrowedFd<'_>, input: Input<'_>) -> Result<Outcome> {
    let mut data = vec![0_u8; if input.data.is_empty() { 0 } else { input.data.len() + GROWTH }];
    let mut context = input.context.to_vec();
    let mut options = options!(sys::bpf_test_run_opts);
    options.repeat = input.repeat as i32;
    if !input.data.is_empty() {
        options.data_in = input.data.as_ptr().cast();
        options.data_size_in = size(input.data)?;
        options.data_out = data.as_mut_ptr().cast();
        options.data_size_out = size(&data)?;
    }
    if !input.context.is_empty() {
        options.ctx_size_in = size(input.context)?;
        if returns_context(program) {
            options.ctx_in = input.context.as_ptr().cast();
            options.ctx_out = context.as_mut_ptr().cast();
            options.ctx_size_out = size(&context)?;
        } else {
            options.ctx_in = context.as_mut_ptr().cast();
        }
    }
    // SAFETY: each pointer is null or to a live buffer of the size beside it; the kernel writes into ctx_in only for
    // syscall programs, for which it is the buffer of ours.
    match unsafe { sys::bpf_prog_test_run_opts(program.as_raw_fd(), &mut options) } {
        0 => {
            data.truncate(options.data_size_out as usize);
            if !options.ctx_out.is_null() {
                context.truncate(options.ctx_size_out as usize);
            }
            let duration = Duration::from_nanos(options.duration.into());
            Ok(Outcome { return_value: options.retval, data, context, duration })
        }
        error => Err(Error::new("cannot run the program", error)),
    }
}

/// Syscall programs write into the context that they were given; raw tracepoints and their like only read it. Both refuse
/// a place for the answer.
fn returns_context(program: BorrowedFd<'_>) -> bool {
    const READ_OR_IN_PLACE: [u32; 4] = [
        sys::BPF_PROG_TYPE_RAW_TRACEPOINT,
        sys::BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
        sys::BPF_PROG_TYPE_TRACING,
        sys::BPF_PROG_TYPE_SYSCALL,
    ];
    stats::program(program).is_ok_and(|info| !READ_OR_IN_PLACE.contains(&info.kind))
}

fn size(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| Error::new("the data is too long", libc::E2BIG))
}
