//! What the kernel says about a created map, and how its contents can be reached.

use std::os::fd::{AsRawFd, BorrowedFd};

use libbpf_sys as sys;

use crate::program::fixed_text;
use crate::{Error, Result, cpus, os};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapInfo {
    pub id: u32,
    pub kind: u32,
    pub name: String,
    pub key_size: u32,
    pub value_size: u32,
    pub max_entries: u32,
    pub flags: u32,
    pub extra: u64,
    pub btf_id: u32,
    pub btf_key_type: u32,
    pub btf_value_type: u32,
    /// The value's type in the kernel's BTF, of struct_ops maps.
    pub btf_vmlinux_value_type: u32,
    /// The BTF that holds that type: the kernel's or a module's; 0 where the kernel does not say (before 6.9).
    pub btf_vmlinux_id: u32,
}

impl MapInfo {
    /// The flags as the map was declared: the kernel makes every device map read-only for programs by itself.
    pub fn declared_flags(&self) -> u32 {
        match self.kind {
            sys::BPF_MAP_TYPE_DEVMAP | sys::BPF_MAP_TYPE_DEVMAP_HASH => self.flags & !sys::BPF_F_RDONLY_PROG,
            _ => self.flags,
        }
    }
}

pub fn info(map: BorrowedFd<'_>) -> Result<MapInfo> {
    // SAFETY: zeroes are valid; the length is that of the struct, and the kernel writes no more than that.
    let raw = unsafe {
        let mut raw = std::mem::zeroed::<sys::bpf_map_info>();
        let mut length = size_of_val(&raw) as u32;
        if sys::bpf_map_get_info_by_fd(map.as_raw_fd(), &mut raw, &mut length) != 0 {
            return Err(Error::last("cannot read the map's info"));
        }
        raw
    };
    Ok(MapInfo {
        id: raw.id,
        kind: raw.type_,
        name: fixed_text(&raw.name),
        key_size: raw.key_size,
        value_size: raw.value_size,
        max_entries: raw.max_entries,
        flags: raw.map_flags,
        extra: raw.map_extra,
        btf_id: raw.btf_id,
        btf_key_type: raw.btf_key_type_id,
        btf_value_type: raw.btf_value_type_id,
        btf_vmlinux_value_type: raw.btf_vmlinux_value_type_id,
        btf_vmlinux_id: raw.btf_vmlinux_id,
    })
}

/// Whether bpf(BPF_MAP_FREEZE) closed the map for writes from user space; none where procfs does not say.
pub fn frozen(map: BorrowedFd<'_>) -> Option<bool> {
    os::fdinfo(map, "frozen:").map(|frozen| frozen == 1)
}

/// How user space gets at what is in a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Keys and values, to be walked.
    Entries,
    /// Queue and stack: only the next value can be seen.
    Next,
    /// Bloom filter: only whether a value was put in.
    Member,
    /// Ring buffers: how far producer and consumer are.
    Positions,
    /// A value for each socket, task, cgroup or inode that has one; the key is a descriptor of the owner.
    Owners,
    /// Pages of memory.
    Pages,
    /// The kernel lets nobody read what is in it (perf events, cgroups, XDP sockets).
    Nothing,
}

impl MapInfo {
    pub fn is_per_cpu(&self) -> bool {
        matches!(
            self.kind,
            sys::BPF_MAP_TYPE_PERCPU_HASH
                | sys::BPF_MAP_TYPE_PERCPU_ARRAY
                | sys::BPF_MAP_TYPE_LRU_PERCPU_HASH
                | sys::BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE
        )
    }

    /// Bytes of one value as user space sees it: per-CPU values hold one slot for each *possible* CPU.
    pub fn value_bytes(&self) -> usize {
        match self.is_per_cpu() {
            true => cpus::possible_count() * self.slot_bytes(),
            false => self.value_size as usize,
        }
    }

    /// Bytes of one CPU's slot in a per-CPU value.
    pub fn slot_bytes(&self) -> usize {
        (self.value_size as usize).next_multiple_of(8)
    }

    pub fn access(&self) -> Access {
        match self.kind {
            sys::BPF_MAP_TYPE_QUEUE | sys::BPF_MAP_TYPE_STACK => Access::Next,
            sys::BPF_MAP_TYPE_BLOOM_FILTER => Access::Member,
            sys::BPF_MAP_TYPE_RINGBUF | sys::BPF_MAP_TYPE_USER_RINGBUF => Access::Positions,
            sys::BPF_MAP_TYPE_SK_STORAGE
            | sys::BPF_MAP_TYPE_INODE_STORAGE
            | sys::BPF_MAP_TYPE_TASK_STORAGE
            | sys::BPF_MAP_TYPE_CGRP_STORAGE => Access::Owners,
            sys::BPF_MAP_TYPE_ARENA => Access::Pages,
            sys::BPF_MAP_TYPE_PERF_EVENT_ARRAY | sys::BPF_MAP_TYPE_CGROUP_ARRAY | sys::BPF_MAP_TYPE_XSKMAP => {
                Access::Nothing
            }
            // The kernel tells a socket's cookie, and only to those with room for its 8 bytes.
            sys::BPF_MAP_TYPE_SOCKMAP | sys::BPF_MAP_TYPE_SOCKHASH | sys::BPF_MAP_TYPE_REUSEPORT_SOCKARRAY
                if self.value_size < 8 =>
            {
                Access::Nothing
            }
            _ => Access::Entries,
        }
    }

    /// False for maps whose content is no list of entries (rings, queues, filters).
    pub fn has_entries(&self) -> bool {
        self.access() == Access::Entries
    }

    /// Hash tables hand out whole buckets per batch, and their position is a bucket: a walk misses and repeats nothing.
    pub(super) fn has_buckets(&self) -> bool {
        matches!(
            self.kind,
            sys::BPF_MAP_TYPE_HASH
                | sys::BPF_MAP_TYPE_PERCPU_HASH
                | sys::BPF_MAP_TYPE_LRU_HASH
                | sys::BPF_MAP_TYPE_LRU_PERCPU_HASH
                | sys::BPF_MAP_TYPE_HASH_OF_MAPS
        )
    }

    /// Arrays hold every key from 0 to their size, always.
    pub(super) fn has_fixed_keys(&self) -> bool {
        matches!(
            self.kind,
            sys::BPF_MAP_TYPE_ARRAY
                | sys::BPF_MAP_TYPE_PERCPU_ARRAY
                | sys::BPF_MAP_TYPE_PROG_ARRAY
                | sys::BPF_MAP_TYPE_ARRAY_OF_MAPS
                | sys::BPF_MAP_TYPE_DEVMAP
                | sys::BPF_MAP_TYPE_CPUMAP
                | sys::BPF_MAP_TYPE_SOCKMAP
                | sys::BPF_MAP_TYPE_REUSEPORT_SOCKARRAY
                | sys::BPF_MAP_TYPE_STRUCT_OPS
                | sys::BPF_MAP_TYPE_INSN_ARRAY
        )
    }
}
