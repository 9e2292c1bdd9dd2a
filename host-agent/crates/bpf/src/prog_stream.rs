//! BPF streams: what a program says by bpf_stream_printk, and what the kernel says of its faults (Linux 6.17).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use libbpf_sys as sys;

use crate::insns::{Asm, Reg};
use crate::{Error, Result, program};

/// One of the two streams that every program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Stdout,
    Stderr,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];

    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Whether this kernel has streams, by reading that of a program that says nothing.
pub fn probe() -> Result<()> {
    let mut asm = Asm::default();
    asm.set(Reg::R0, 0).exit();
    let program = program::load_insns(sys::BPF_PROG_TYPE_SOCKET_FILTER, &asm.finish(), |_| ())?;
    read(program.as_fd(), Channel::Stdout, &mut [0; 16]).map(drop)
}

/// Takes what waits in the stream, as much as fits. 0 when there is nothing; EINVAL from kernels that have no streams.
pub fn read(program: BorrowedFd<'_>, channel: Channel, buffer: &mut [u8]) -> Result<usize> {
    let number = match channel {
        Channel::Stdout => sys::BPF_STREAM_STDOUT,
        Channel::Stderr => sys::BPF_STREAM_STDERR,
    };
    let length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
    // SAFETY: the buffer is as long as it is said to be; the kernel writes no more than that.
    let read = unsafe {
        sys::bpf_prog_stream_read(program.as_raw_fd(), number, buffer.as_mut_ptr().cast(), length, std::ptr::null_mut())
    };
    usize::try_from(read).map_err(|_| Error::new("cannot read the program's stream", read))
}
