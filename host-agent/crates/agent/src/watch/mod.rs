//! Maps that the client watches: what they held at the last look, as far as it takes to tell what is different now.

mod seen;

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use ringside_bpf::map::{self, MapInfo};

use crate::failure::{Answer, Failure};
use seen::Seen;

const MOST_WATCHES: usize = 32;
/// Memory of one watch: beyond it a map is followed in part, and the answers say so.
const MOST_BYTES: usize = 64 << 20;
/// Entries that are read at a time.
const PAGE_ENTRIES: u32 = 1 << 16;
const PAGE_BYTES: usize = 4 << 20;

#[derive(Default)]
pub struct Watches {
    open: BTreeMap<u32, Watch>,
    last_id: u32,
}

impl Watches {
    pub fn add(&mut self, watch: Watch) -> Answer<u32> {
        if self.open.len() >= MOST_WATCHES {
            let message = format!("{MOST_WATCHES} maps are watched already, which is the most.");
            return Err(Failure::new("usage", message).hint("Close a view of a map, and try again."));
        }
        self.last_id += 1;
        self.open.insert(self.last_id, watch);
        Ok(self.last_id)
    }

    pub fn get(&mut self, id: u32) -> Answer<&mut Watch> {
        self.open.get_mut(&id).ok_or_else(|| no_watch(id))
    }

    pub fn remove(&mut self, id: u32) -> Answer<()> {
        self.open.remove(&id).map(drop).ok_or_else(|| no_watch(id))
    }

    /// Descriptors of maps that are not this client's own: to watch a map is not to own it.
    pub fn descriptors(&self) -> Vec<i32> {
        self.open.values().filter(|watch| !watch.own).map(|watch| watch.map.as_raw_fd()).collect()
    }
}

fn no_watch(id: u32) -> Failure {
    Failure::new("protocol", format!("No watch {id} is open."))
}

pub struct Watch {
    map: OwnedFd,
    info: MapInfo,
    own: bool,
    limit: usize,
    seen: Seen,
}

/// What is different since the last look, packed as the protocol wants it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Delta {
    pub changed: Vec<u8>,
    pub changed_entries: u32,
    pub deleted: Vec<u8>,
    pub deleted_entries: u32,
    pub entries: u64,
    pub truncated: bool,
}

impl Watch {
    /// `own`: of an object of this client.
    pub fn new(map: OwnedFd, info: MapInfo, limit: usize, own: bool) -> Self {
        let seen = Seen::new(info.key_size as usize);
        let limit = limit.min(MOST_BYTES / seen.entry_bytes()).max(1);
        Self { map, info, own, limit, seen }
    }

    pub fn info(&self) -> &MapInfo {
        &self.info
    }

    /// Reads the whole map. When that fails, or is given up, the next look tells what this one would have told.
    pub fn poll(&mut self, go_on: &dyn Fn() -> bool) -> ringside_bpf::Result<Delta> {
        let mut delta = Delta::default();
        self.seen.begin();
        match self.look(&mut delta, go_on) {
            Ok(()) => {
                self.seen.keep();
                Ok(delta)
            }
            Err(error) => {
                self.seen.undo();
                Err(error)
            }
        }
    }

    fn look(&mut self, delta: &mut Delta, go_on: &dyn Fn() -> bool) -> ringside_bpf::Result<()> {
        let (key_size, entry_size) =
            (self.info.key_size as usize, self.info.key_size as usize + self.info.value_bytes());
        let mut cursor = Vec::new();
        let mut incomplete = false;
        loop {
            let page = map::read_page(self.map.as_fd(), &self.info, &cursor, PAGE_ENTRIES, PAGE_BYTES, go_on)?;
            incomplete |= page.restarted;
            for entry in page.bytes.chunks_exact(entry_size.max(1)) {
                let (key, value) = entry.split_at(key_size);
                match self.seen.look(key, value, self.limit) {
                    seen::Found::Same => {}
                    seen::Found::Again => continue,
                    seen::Found::Different => {
                        delta.changed.extend_from_slice(entry);
                        delta.changed_entries += 1;
                    }
                    seen::Found::NoRoom => delta.truncated = true,
                }
                delta.entries += 1;
            }
            match page.next {
                Some(next) => cursor = next,
                None => break,
            }
        }
        for index in self.seen.missing() {
            let key = self.seen.key(index).to_vec();
            // A walk that had to begin anew may have missed what is still there.
            if incomplete && map::lookup(self.map.as_fd(), &self.info, &key)?.is_some() {
                continue;
            }
            self.seen.forget(index);
            delta.deleted.extend_from_slice(&key);
            delta.deleted_entries += 1;
        }
        Ok(())
    }
}
