//! libbpf's own messages and the verifier's log.

use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};

use libbpf_sys as sys;

/// Most that is kept of libbpf's messages for one operation.
pub const MESSAGES_CAP: usize = 64 * 1024;

thread_local! {
    /// The callback is process-global, the capture is not: it runs on the thread that called libbpf.
    static CAPTURE: RefCell<Option<Capture>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Capture {
    text: Vec<u8>,
    cut: bool,
}

unsafe extern "C" {
    /// The C library's. libbpf-sys names va_list differently on each architecture, but on both x86_64 and aarch64 it is
    /// passed as a pointer.
    fn vsnprintf(buffer: *mut c_char, size: usize, format: *const c_char, arguments: *mut c_void) -> c_int;
}

unsafe extern "C" fn print(level: sys::libbpf_print_level, format: *const c_char, arguments: *mut c_void) -> c_int {
    if level == sys::LIBBPF_DEBUG {
        return 0;
    }
    let mut line = [0_u8; 4096];
    // SAFETY: libbpf hands a format with matching arguments; the buffer is ours and its size is given.
    let length = unsafe { vsnprintf(line.as_mut_ptr().cast(), line.len(), format, arguments) };
    let length = (length.max(0) as usize).min(line.len() - 1);
    CAPTURE.with_borrow_mut(|capture| {
        let Some(capture) = capture else { return };
        let room = MESSAGES_CAP - capture.text.len();
        let kept = length.min(room);
        capture.text.extend_from_slice(&line[..kept]);
        capture.cut |= kept < length;
    });
    0
}

/// Sends libbpf's messages to whoever captures on the calling thread, and nowhere else. Call once at start.
pub fn install() {
    type Printer = unsafe extern "C" fn(sys::libbpf_print_level, *const c_char, *mut c_void) -> c_int;
    // SAFETY: only the type of the last argument differs, and it is a pointer in both (see `vsnprintf` above); `print`
    // stays valid for the life of the process and never unwinds (nothing unwinds out of an `extern "C"` function).
    unsafe {
        let printer: sys::libbpf_print_fn_t = std::mem::transmute::<Option<Printer>, _>(Some(print));
        sys::libbpf_set_print(printer);
    }
}

/// Runs `body` and returns what libbpf had to say meanwhile on this thread (warnings and infos, at most 64 KiB).
pub fn capture<T>(body: impl FnOnce() -> T) -> (T, String) {
    let outer = CAPTURE.replace(Some(Capture::default()));
    let result = body();
    let capture = CAPTURE.replace(outer).unwrap_or_default();
    let mut text = String::from_utf8_lossy(&capture.text).into_owned();
    if capture.cut {
        text.push_str("\n… (cut)\n");
    }
    (result, text)
}

/// Memory for the verifier's log. It is reserved in full size but costs only what the kernel writes into it, so a log
/// is whole at the first try: a retry with a bigger buffer would verify the program once more.
pub struct LogBuffer {
    start: *mut c_char,
    size: usize,
}

impl LogBuffer {
    /// The kernel takes at most a quarter of 4 GiB.
    const LARGEST: usize = (u32::MAX >> 2) as usize;
    pub const DEFAULT: usize = 64 << 20;

    /// `limit` in bytes, 0 for 64 MiB.
    pub fn new(limit: u64) -> crate::Result<Self> {
        let wanted = if limit == 0 { Self::DEFAULT } else { usize::try_from(limit).unwrap_or(Self::LARGEST) };
        let size = wanted.clamp(4096, Self::LARGEST);
        // SAFETY: a new anonymous mapping that overlaps nothing; failure is checked below.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(crate::Error::last("cannot reserve memory for the verifier's log"));
        }
        Ok(Self { start: start.cast(), size })
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut c_char {
        self.start
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// What the kernel wrote, up to its terminating zero.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is `size` bytes long and lives as long as self; strnlen stops at its end.
        unsafe {
            let length = libc::strnlen(self.start, self.size);
            std::slice::from_raw_parts(self.start.cast(), length)
        }
    }

    /// True when the log fills the buffer, so that its beginning (kernel ≥ 6.4) or its end is missing.
    pub fn is_full(&self) -> bool {
        self.bytes().len() + 1 >= self.size
    }
}

impl Drop for LogBuffer {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping made in `new`, which nobody refers to any more.
        unsafe { libc::munmap(self.start.cast(), self.size) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_costs_nothing_and_starts_empty() {
        let buffer = LogBuffer::new(0).expect("reserve");
        assert_eq!(buffer.size(), LogBuffer::DEFAULT);
        assert!(buffer.bytes().is_empty());
        assert!(!buffer.is_full());
    }

    #[test]
    fn messages_reach_only_the_capture_of_their_thread() {
        install();
        let (_, text) = capture(|| crate::object::Object::open(b"no object at all", Default::default()).err());
        assert!(text.contains("libbpf"), "{text}");
        let (_, text) = capture(|| ());
        assert_eq!(text, "");
    }
}
