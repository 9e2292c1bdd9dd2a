//! An own reader of BPF ring buffers: it maps the ring and hands out verbatim spans, so that no record is ever copied.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::{Error, Result, os};

const BUSY: u32 = 1 << 31;
const DISCARD: u32 = 1 << 30;
const HEADER: u64 = 8;

/// A mapped ring. One reader only: the kernel keeps one consumer position per ring.
pub struct Ring {
    consumer: *mut u8,
    producer: *mut u8,
    page: usize,
    size: usize,
}

// SAFETY: the pointers are to shared kernel mappings that belong to this value alone; all access to the positions and
// record headers is atomic, and the value is used by one thread at a time (no Sync).
unsafe impl Send for Ring {}

/// Consecutive complete records in the kernel's own layout.
#[derive(Debug, Default, Clone, Copy)]
pub struct Span<'ring> {
    pub bytes: &'ring [u8],
    /// Without the discarded ones.
    pub records: u32,
    /// Largest record in bytes, headers not counted.
    pub largest: u32,
}

impl Ring {
    /// Maps the ring behind a BPF_MAP_TYPE_RINGBUF. `size` is the map's max_entries (a power of two of pages).
    pub fn map(map: BorrowedFd<'_>, size: u32) -> Result<Self> {
        let page = os::page_size();
        let size = size as usize;
        if !size.is_power_of_two() || size < page {
            return Err(Error::new(format!("a ring of {size} bytes"), libc::EINVAL));
        }
        let consumer = map_shared(map, page, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        // The kernel maps the data pages twice in a row, so that a record is contiguous even where the ring wraps.
        let producer = map_shared(map, page + 2 * size, libc::PROT_READ, page).inspect_err(|_| {
            // SAFETY: exactly the mapping made above.
            unsafe { libc::munmap(consumer.cast(), page) };
        })?;
        Ok(Self { consumer, producer, page, size })
    }

    pub fn size(&self) -> u64 {
        self.size as u64
    }

    /// Bytes that are reserved or committed and not yet given back.
    pub fn occupied(&self) -> u64 {
        let produced = self.producer_position().load(Ordering::Acquire);
        produced.saturating_sub(self.consumer_position().load(Ordering::Relaxed))
    }

    /// Whole records from the consumer position on, up to the first that is still being written, at most `limit` bytes
    /// but at least one record. They stay in the ring until [`Ring::release`].
    pub fn peek(&self, limit: u64) -> Span<'_> {
        let start = self.consumer_position().load(Ordering::Relaxed);
        let produced = self.producer_position().load(Ordering::Acquire);
        let mut at = start;
        let (mut records, mut largest) = (0, 0);
        while at < produced {
            let header = self.header(at).load(Ordering::Acquire);
            if header & BUSY != 0 {
                break;
            }
            let length = header & !DISCARD;
            let next = at + (u64::from(length) + HEADER).next_multiple_of(8);
            // A position beyond the producer's would be a broken ring: never read outside of the mapping.
            if next > produced || (next - start > limit && at > start) {
                break;
            }
            if header & DISCARD == 0 {
                records += 1;
            }
            largest = largest.max(length);
            at = next;
        }
        let length = (at - start) as usize;
        // SAFETY: `length` is at most the ring's size (produced − consumed never exceeds it, checked here), and the data
        // is mapped twice, so the range lies in the mapping. The kernel does not change committed records before the
        // consumer position passes them, which needs `&mut self`.
        let bytes = unsafe { std::slice::from_raw_parts(self.data(start), length.min(self.size)) };
        Span { bytes, records, largest }
    }

    /// Gives `bytes` of a peeked span back to the kernel.
    pub fn release(&mut self, bytes: usize) {
        let position = self.consumer_position();
        position.store(position.load(Ordering::Relaxed) + bytes as u64, Ordering::Release);
    }

    fn consumer_position(&self) -> &AtomicU64 {
        // SAFETY: the first 8 bytes of the consumer page are the position; page-aligned, mapped as long as self.
        unsafe { &*self.consumer.cast::<AtomicU64>() }
    }

    fn producer_position(&self) -> &AtomicU64 {
        // SAFETY: as above; the page is read-only and only loads are done on it.
        unsafe { &*self.producer.cast::<AtomicU64>() }
    }

    fn header(&self, position: u64) -> &AtomicU32 {
        // SAFETY: records start at multiples of 8 inside the data mapping, so the header is aligned and mapped.
        unsafe { &*self.data(position).cast::<AtomicU32>() }
    }

    fn data(&self, position: u64) -> *const u8 {
        let offset = position as usize & (self.size - 1);
        // SAFETY: the mapping is a page and twice the ring; offset is less than the ring's size.
        unsafe { self.producer.add(self.page + offset) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: exactly the mappings made in `map`; spans borrow self, so none is left.
        unsafe {
            libc::munmap(self.consumer.cast(), self.page);
            libc::munmap(self.producer.cast(), self.page + 2 * self.size);
        }
    }
}

pub(crate) fn map_shared(file: BorrowedFd<'_>, length: usize, protection: i32, offset: usize) -> Result<*mut u8> {
    // SAFETY: a new mapping that overlaps nothing; failure is checked.
    let start = unsafe {
        libc::mmap(std::ptr::null_mut(), length, protection, libc::MAP_SHARED, file.as_raw_fd(), offset as libc::off_t)
    };
    if start == libc::MAP_FAILED { Err(Error::last("cannot map the buffer")) } else { Ok(start.cast()) }
}
