//! Writing into a user ring buffer (BPF_MAP_TYPE_USER_RINGBUF), which a program reads with bpf_user_ringbuf_drain.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::ring::map_shared;
use crate::{Error, Result, os};

const BUSY: u32 = 1 << 31;
const HEADER: u64 = 8;

/// A mapped ring. One writer only: the kernel reads what lies before the producer position.
pub struct UserRing {
    consumer: *mut u8,
    producer: *mut u8,
    page: usize,
    size: usize,
}

impl UserRing {
    /// Maps the ring. `size` is the map's max_entries (a power of two of pages).
    pub fn map(map: BorrowedFd<'_>, size: u32) -> Result<Self> {
        let (page, size) = (os::page_size(), size as usize);
        if !size.is_power_of_two() || size < page {
            return Err(Error::new(format!("a ring of {size} bytes"), libc::EINVAL));
        }
        // The consumer's position is the kernel's; the rest is written here, its data pages mapped twice in a row.
        let consumer = map_shared(map, page, libc::PROT_READ, 0)?;
        let writable = libc::PROT_READ | libc::PROT_WRITE;
        let producer = map_shared(map, page + 2 * size, writable, page).inspect_err(|_| {
            // SAFETY: exactly the mapping made above.
            unsafe { libc::munmap(consumer.cast(), page) };
        })?;
        Ok(Self { consumer, producer, page, size })
    }

    /// Bytes of the largest record that ever finds room.
    pub fn largest(&self) -> usize {
        self.size - HEADER as usize
    }

    /// Appends one record. False when there is no room for it now.
    pub fn write(&mut self, record: &[u8]) -> bool {
        let needed = (record.len() as u64 + HEADER).next_multiple_of(8);
        let at = self.producer_position().load(Ordering::Relaxed);
        let used = at.saturating_sub(self.consumer_position().load(Ordering::Acquire));
        if record.len() > self.largest() || used + needed > self.size as u64 {
            return false;
        }
        let offset = at as usize & (self.size - 1);
        // SAFETY: the record with its header fits into the ring (checked above) and the data is mapped twice, so it lies
        // in the mapping from every offset; offsets are multiples of 8, so the header is aligned. The kernel does not
        // read there before the producer position has passed, and `&mut self` excludes other writers here.
        unsafe {
            let start = self.producer.add(self.page + offset);
            let header = &*start.cast::<AtomicU32>();
            header.store(record.len() as u32 | BUSY, Ordering::Relaxed);
            start.add(4).cast::<u32>().write(0);
            std::ptr::copy_nonoverlapping(record.as_ptr(), start.add(HEADER as usize), record.len());
            header.store(record.len() as u32, Ordering::Release);
        }
        self.producer_position().store(at + needed, Ordering::Release);
        true
    }

    fn consumer_position(&self) -> &AtomicU64 {
        // SAFETY: the first 8 bytes of the consumer page are the position; page-aligned, only loads are done on it.
        unsafe { &*self.consumer.cast::<AtomicU64>() }
    }

    fn producer_position(&self) -> &AtomicU64 {
        // SAFETY: as above, in the writable page.
        unsafe { &*self.producer.cast::<AtomicU64>() }
    }
}

impl Drop for UserRing {
    fn drop(&mut self) {
        // SAFETY: exactly the mappings made in `map`.
        unsafe {
            libc::munmap(self.consumer.cast(), self.page);
            libc::munmap(self.producer.cast(), self.page + 2 * self.size);
        }
    }
}
