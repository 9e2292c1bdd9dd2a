//! Walking a map page by page. Hash tables go bucket by bucket in batches: every entry that stays is seen exactly once,
//! whatever happens to the others. All other maps go from key to key, and remember a few keys in case one is deleted.
//!
//! Reading through the system call leaves the age of LRU entries alone (the kernel counts only programs' look-ups).

use std::ffi::c_void;
use std::os::fd::{AsRawFd, BorrowedFd};

use libbpf_sys as sys;

use super::MapInfo;
use crate::{Error, Result};

/// Packed key, value, key, value …
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub bytes: Vec<u8>,
    pub entries: u32,
    /// Where the next page begins; none after the last one.
    pub next: Option<Vec<u8>>,
    /// Every remembered key was deleted, so the walk began anew: entries may come twice.
    pub restarted: bool,
}

/// Entries asked for at once. A hash bucket that does not fit makes ENOSPC, and the batch grows.
const BATCH: usize = 4096;
const BATCH_BYTES: usize = 8 << 20;
/// A bucket beyond this is no bucket of a map that anyone made.
const MOST_BATCH_BYTES: usize = 256 << 20;
/// Keys that a walk remembers.
const REMEMBERED: usize = 8;
/// Keys that are no longer there, or entries that cannot be had in this way: the kernel's ways to say "no batches".
const NO_BATCHES: [i32; 4] = [libc::EINVAL, libc::EOPNOTSUPP, 524, libc::EPERM];

/// Where a walk stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// The kernel's own position in a hash table.
    Bucket([u8; 4]),
    Keys(Keys),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Keys {
    /// The kernel has no batches for this map.
    single: bool,
    /// Steps so far: a map that changes all the time could lead a walk around for ever.
    steps: u64,
    /// The last keys, newest at the end.
    recent: Vec<Vec<u8>>,
}

/// One page of at most `limit` entries and about `most_bytes`, beginning at `cursor` (empty: at the map's beginning). A
/// bucket is never cut, so a page of a hash table may hold a few entries more. `go_on` is asked between system calls; when
/// it says no, the error is ECANCELED.
pub fn read_page(
    map: BorrowedFd<'_>,
    info: &MapInfo,
    cursor: &[u8],
    limit: u32,
    most_bytes: usize,
    go_on: &dyn Fn() -> bool,
) -> Result<Page> {
    let entry = info.key_size as usize + info.value_bytes();
    let limit = (limit as usize).min(most_bytes / entry.max(1)).max(1);
    let mut reader = Reader { map, info, limit, go_on, page: Page::default(), buffers: Buffers::default() };
    match Place::parse(cursor, info)? {
        Some(Place::Bucket(position)) => reader.buckets(Some(position))?,
        Some(Place::Keys(keys)) => reader.keys(keys)?,
        None if info.has_buckets() => match reader.buckets(None) {
            Err(error) if NO_BATCHES.contains(&error.errno) && reader.page.entries == 0 => {
                reader.keys(Keys { single: true, ..Keys::default() })?;
            }
            other => other?,
        },
        None => reader.keys(Keys::default())?,
    }
    Ok(reader.page)
}

struct Reader<'a> {
    map: BorrowedFd<'a>,
    info: &'a MapInfo,
    limit: usize,
    go_on: &'a dyn Fn() -> bool,
    page: Page,
    buffers: Buffers,
}

/// Room for a batch, kept from one system call to the next.
#[derive(Default)]
struct Buffers {
    keys: Vec<u8>,
    values: Vec<u8>,
}

enum Batch {
    Entries(usize),
    Last(usize),
    /// The first bucket has more entries than fit.
    TooSmall,
}

impl Reader<'_> {
    fn buckets(&mut self, from: Option<[u8; 4]>) -> Result<()> {
        let mut position = from;
        let mut capacity = self.capacity();
        loop {
            let left = self.limit.saturating_sub(self.page.entries as usize);
            if left == 0 {
                self.page.next = position.map(|position| Place::Bucket(position).to_bytes());
                return Ok(());
            }
            let mut next = [0_u8; 4];
            match self.batch(position.as_ref().map(|position| &position[..]), &mut next, capacity.min(left))? {
                Batch::TooSmall if self.page.entries > 0 && left < capacity => {
                    self.page.next = position.map(|position| Place::Bucket(position).to_bytes());
                    return Ok(());
                }
                // What is asked for is too little for the bucket: the page becomes a little larger.
                Batch::TooSmall => {
                    let wanted = capacity.min(left) * 4;
                    capacity = capacity.max(wanted);
                    self.limit = self.limit.max(self.page.entries as usize + wanted);
                }
                Batch::Entries(count) => {
                    self.take(count);
                    position = Some(next);
                }
                Batch::Last(count) => {
                    self.take(count);
                    return Ok(());
                }
            }
        }
    }

    fn capacity(&self) -> usize {
        // Large values (a globals map of megabytes) make small batches.
        let fitting = BATCH_BYTES / (self.info.key_size as usize + self.info.value_bytes()).max(1);
        fitting.clamp(1, BATCH).min(self.info.max_entries.max(1) as usize)
    }

    fn batch(&mut self, from: Option<&[u8]>, to: &mut [u8], capacity: usize) -> Result<Batch> {
        if !(self.go_on)() {
            return Err(Error::new("cancelled", libc::ECANCELED));
        }
        let (key_size, value_size) = (self.info.key_size as usize, self.info.value_bytes());
        if capacity.saturating_mul(key_size + value_size) > MOST_BATCH_BYTES.max(key_size + value_size) {
            return Err(Error::new("a bucket of the map is larger than can be read at once", libc::ENOSPC));
        }
        let Buffers { keys, values } = &mut self.buffers;
        keys.resize(keys.len().max(key_size * capacity), 0);
        values.resize(values.len().max(value_size * capacity), 0);
        let mut count = capacity as u32;
        // A position is a u32 for hash tables and a key for others; the kernel reads and writes no more than that.
        debug_assert!(to.len() >= if self.info.has_buckets() { 4 } else { key_size });
        // SAFETY: keys and values have room for `count` entries of this map's sizes, and both positions the size that the
        // kernel uses for this type of map (both callers).
        let result = unsafe {
            sys::bpf_map_lookup_batch(
                self.map.as_raw_fd(),
                from.map_or(std::ptr::null_mut(), |from| from.as_ptr().cast_mut().cast::<c_void>()),
                to.as_mut_ptr().cast(),
                keys.as_mut_ptr().cast(),
                values.as_mut_ptr().cast(),
                &mut count,
                std::ptr::null(),
            )
        };
        let count = (count as usize).min(capacity);
        match if result == 0 { 0 } else { Error::last("").errno } {
            0 => Ok(Batch::Entries(count)),
            libc::ENOENT => Ok(Batch::Last(count)),
            libc::ENOSPC => Ok(Batch::TooSmall),
            errno => Err(Error::new("cannot read the map", errno)),
        }
    }

    /// Moves `count` entries of the buffers to the page.
    fn take(&mut self, count: usize) {
        let (key_size, value_size) = (self.info.key_size as usize, self.info.value_bytes());
        let Buffers { keys, values } = &self.buffers;
        self.page.bytes.reserve(count * (key_size + value_size));
        for entry in 0..count {
            self.page.bytes.extend_from_slice(&keys[entry * key_size..][..key_size]);
            self.page.bytes.extend_from_slice(&values[entry * value_size..][..value_size]);
        }
        self.page.entries += count as u32;
    }

    fn keys(&mut self, mut keys: Keys) -> Result<()> {
        let most_steps = u64::from(self.info.max_entries).saturating_mul(2).max(1024);
        while (self.page.entries as usize) < self.limit {
            if keys.steps > most_steps {
                self.page.restarted = true;
                return Ok(());
            }
            if !(self.go_on)() {
                return Err(Error::new("cancelled", libc::ECANCELED));
            }
            self.forget_deleted(&mut keys)?;
            let more = if keys.single { self.one_key(&mut keys)? } else { self.key_batch(&mut keys)? };
            if !more {
                return Ok(());
            }
        }
        self.page.next = Some(Place::Keys(keys).to_bytes());
        Ok(())
    }

    /// The kernel begins anew after a key that it does not find: such keys are no place to go on from.
    fn forget_deleted(&mut self, keys: &mut Keys) -> Result<()> {
        if self.info.has_fixed_keys() || keys.recent.is_empty() {
            return Ok(());
        }
        while let Some(last) = keys.recent.last() {
            if lookup(self.map, self.info, last)?.is_some() {
                return Ok(());
            }
            keys.recent.pop();
        }
        self.page.restarted = true;
        Ok(())
    }

    fn one_key(&mut self, keys: &mut Keys) -> Result<bool> {
        keys.steps += 1;
        let key_size = self.info.key_size as usize;
        let Some(next) = next_key(self.map, keys.recent.last().map(Vec::as_slice), key_size)? else { return Ok(false) };
        // An entry that went away between the two calls is simply not there.
        if let Some(value) = lookup(self.map, self.info, &next)? {
            self.page.bytes.extend_from_slice(&next);
            self.page.bytes.extend_from_slice(&value);
            self.page.entries += 1;
        }
        keys.remember(&next);
        Ok(true)
    }

    fn key_batch(&mut self, keys: &mut Keys) -> Result<bool> {
        let key_size = self.info.key_size as usize;
        let capacity = self.capacity().min(self.limit - self.page.entries as usize);
        let mut position = vec![0_u8; key_size.max(8)];
        let from = keys.recent.last().cloned();
        let (count, more) = match self.batch(from.as_deref(), &mut position, capacity) {
            Ok(Batch::Entries(count)) => (count, true),
            Ok(Batch::Last(count)) => (count, false),
            // Kernels before 6.8 give up on a key that goes away again and again.
            Ok(Batch::TooSmall) => (0, true),
            Err(error) if error.errno == libc::EINTR || NO_BATCHES.contains(&error.errno) => (0, true),
            Err(error) => return Err(error),
        };
        if more && count == 0 {
            keys.single = true;
            return Ok(true);
        }
        self.take(count);
        keys.steps += count as u64;
        for entry in count.saturating_sub(REMEMBERED)..count {
            let key = self.buffers.keys[entry * key_size..][..key_size].to_vec();
            keys.remember(&key);
        }
        Ok(more)
    }
}

impl Keys {
    fn remember(&mut self, key: &[u8]) {
        if self.recent.len() == REMEMBERED {
            self.recent.remove(0);
        }
        self.recent.push(key.to_vec());
    }
}

impl Place {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Bucket(position) => [&b"B"[..], position].concat(),
            Self::Keys(keys) => {
                let mut bytes = vec![if keys.single { b'K' } else { b'G' }];
                bytes.extend_from_slice(&keys.steps.to_le_bytes());
                keys.recent.iter().for_each(|key| bytes.extend_from_slice(key));
                bytes
            }
        }
    }

    /// None for the beginning. The bytes come back from the client: whatever cannot be a place is EINVAL.
    fn parse(cursor: &[u8], info: &MapInfo) -> Result<Option<Self>> {
        let wrong = || Error::new("this is no cursor of this map", libc::EINVAL);
        let Some((mode, rest)) = cursor.split_first() else { return Ok(None) };
        match mode {
            b'B' if info.has_buckets() => Ok(Some(Self::Bucket(rest.try_into().map_err(|_| wrong())?))),
            b'K' | b'G' => {
                let (steps, keys) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
                let size = info.key_size as usize;
                if size == 0 || keys.len() % size != 0 || keys.len() / size > REMEMBERED {
                    return Err(wrong());
                }
                let recent = keys.chunks_exact(size).map(<[u8]>::to_vec).collect();
                // A hash table's batch position is no key.
                let single = *mode == b'K' || info.has_buckets();
                Ok(Some(Self::Keys(Keys { single, steps: u64::from_le_bytes(*steps), recent })))
            }
            _ => Err(wrong()),
        }
    }
}

fn next_key(map: BorrowedFd<'_>, key: Option<&[u8]>, size: usize) -> Result<Option<Vec<u8>>> {
    let mut next = vec![0_u8; size];
    debug_assert!(key.is_none_or(|key| key.len() == size));
    let from = key.map_or(std::ptr::null(), <[u8]>::as_ptr);
    // SAFETY: both keys have the map's key size, or the first is null for "from the start".
    let result = unsafe { sys::bpf_map_get_next_key(map.as_raw_fd(), from.cast(), next.as_mut_ptr().cast()) };
    match result {
        0 => Ok(Some(next)),
        _ => match Error::last("cannot walk the map") {
            error if error.errno == libc::ENOENT => Ok(None),
            error => Err(error),
        },
    }
}

/// One value, or none when the key is not there. A key of the wrong size is EINVAL.
pub fn lookup(map: BorrowedFd<'_>, info: &MapInfo, key: &[u8]) -> Result<Option<Vec<u8>>> {
    if key.len() != info.key_size as usize {
        return Err(Error::new("a key has the wrong size", libc::EINVAL));
    }
    let mut value = vec![0_u8; info.value_bytes()];
    // SAFETY: the key has the map's key size and the value has room for every CPU's slot.
    let result = unsafe { sys::bpf_map_lookup_elem(map.as_raw_fd(), key.as_ptr().cast(), value.as_mut_ptr().cast()) };
    match result {
        0 => Ok(Some(value)),
        _ => match Error::last("cannot read the map") {
            error if error.errno == libc::ENOENT => Ok(None),
            error => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(kind: u32) -> MapInfo {
        MapInfo { kind, key_size: 4, value_size: 8, max_entries: 10, ..MapInfo::default() }
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        let keys = Keys { single: true, steps: 77, recent: vec![vec![1, 2, 3, 4], vec![5, 6, 7, 8]] };
        let array = hash(sys::BPF_MAP_TYPE_LPM_TRIE);
        let place = Place::Keys(keys);
        assert_eq!(Place::parse(&place.to_bytes(), &array), Ok(Some(place)));
        let place = Place::Bucket([9, 0, 0, 0]);
        assert_eq!(Place::parse(&place.to_bytes(), &hash(sys::BPF_MAP_TYPE_HASH)), Ok(Some(place.clone())));
        assert!(Place::parse(&place.to_bytes(), &array).is_err(), "a bucket is no place in a trie");
        assert_eq!(Place::parse(b"", &array), Ok(None));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let map = hash(sys::BPF_MAP_TYPE_LPM_TRIE);
        for wrong in [&b"B"[..], b"K", b"K1234567", b"K12345678abc", b"x", &[b'K'; 9 + 4 * 9]] {
            assert!(Place::parse(wrong, &map).is_err(), "{wrong:?}");
        }
        let keyless = MapInfo { key_size: 0, ..map };
        assert!(Place::parse(b"K12345678", &keyless).is_err());
    }
}
