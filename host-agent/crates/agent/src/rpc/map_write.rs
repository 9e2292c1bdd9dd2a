//! WriteMap: operations in order, each with its outcome; alike ones in batches where the kernel has them.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use ringside_bpf::inventory;
use ringside_bpf::map::{self, Access, MapInfo, Mode};
use ringside_proto::messages as pb;

use super::map_ref::MapHandle;
use super::maps::{check_size, read_failed, shown_name};
use super::storage_owners;
use crate::failure::libc_errno::{E2BIG, EBADF, EBUSY, EEXIST, EINVAL, ENOENT, ENOTSUPP, EOPNOTSUPP, EPERM};
use crate::failure::{Answer, Failure};
use crate::requests::Context;

/// Fewer operations are not worth a batch.
const LEAST_BATCH: usize = 8;

pub fn write(context: &Context<'_>, map: MapHandle, request: &pb::WriteMap) -> Answer<pb::MapWritten> {
    let (fd, _) = map.open()?;
    let info = map::info(fd.as_fd())?;
    let writer = Writer { fd: fd.as_fd(), info: &info };
    let operations = &request.operations;
    if let Some(outcomes) = writer.batch(context, operations)? {
        return Ok(pb::MapWritten { outcomes });
    }
    let mut outcomes = Vec::with_capacity(operations.len());
    for operation in operations {
        context.check_cancelled()?;
        outcomes.push(outcome(writer.one(operation)));
    }
    Ok(pb::MapWritten { outcomes })
}

fn outcome(result: Answer<Vec<u8>>) -> pb::MapOutcome {
    match result {
        Ok(value) => pb::MapOutcome { done: true, error: None, value },
        Err(failure) => pb::MapOutcome { done: false, error: Some(failure.into_message(0)), value: Vec::new() },
    }
}

struct Writer<'a> {
    fd: BorrowedFd<'a>,
    info: &'a MapInfo,
}

impl Writer<'_> {
    fn one(&self, operation: &pb::MapOperation) -> Answer<Vec<u8>> {
        let name = operation.operation.as_str();
        match (name, self.info.access()) {
            ("get", Access::Next | Access::Member) => {
                self.one(&pb::MapOperation { operation: "peek".into(), ..operation.clone() })
            }
            ("get", _) => self.get(operation),
            ("push", Access::Next | Access::Member) | ("set", Access::Next | Access::Member) => {
                check_size("value", self.info, &operation.value, self.info.value_size as usize)?;
                let pushed = map::push(self.fd, self.info, &operation.value, Mode::Any);
                pushed.map(|()| Vec::new()).map_err(|error| self.refused(name, &error))
            }
            ("pop", Access::Next) => {
                self.found(map::pop(self.fd, self.info).map_err(|error| self.refused(name, &error))?)
            }
            ("peek", Access::Next) => {
                self.found(map::peek(self.fd, self.info, None).map_err(|error| read_failed(self.info, error))?)
            }
            ("peek", Access::Member) => {
                check_size("value", self.info, &operation.value, self.info.value_size as usize)?;
                let peeked = map::peek(self.fd, self.info, Some(&operation.value));
                self.found(peeked.map_err(|error| read_failed(self.info, error))?)
            }
            ("set" | "add" | "replace", Access::Entries | Access::Owners | Access::Nothing) => self.set(operation),
            ("delete", Access::Entries | Access::Owners | Access::Nothing) => {
                let key = self.key(operation)?;
                let deleted = map::delete(self.fd, self.info, &key.bytes);
                deleted.map(|()| Vec::new()).map_err(|error| self.refused(name, &error))
            }
            ("patch", Access::Entries) => self.patch(operation),
            ("set" | "add" | "replace" | "delete" | "push" | "pop" | "peek" | "patch", _) => Err(self.impossible(name)),
            _ => Err(Failure::new("protocol", format!("There is no operation \"{name}\" on maps."))),
        }
    }

    fn get(&self, operation: &pb::MapOperation) -> Answer<Vec<u8>> {
        if !matches!(self.info.access(), Access::Entries | Access::Owners) {
            return Err(self.impossible("get"));
        }
        let key = self.key(operation)?;
        let found = map::lookup(self.fd, self.info, &key.bytes);
        self.found(found.map_err(|error| read_failed(self.info, error))?)
    }

    fn found(&self, value: Option<Vec<u8>>) -> Answer<Vec<u8>> {
        value.ok_or_else(|| self.no_such_key())
    }

    fn set(&self, operation: &pb::MapOperation) -> Answer<Vec<u8>> {
        let mode = match operation.operation.as_str() {
            "add" => Mode::New,
            "replace" => Mode::Existing,
            _ => Mode::Any,
        };
        if map::type_name(self.info.kind) == "struct_ops" {
            return Err(self.impossible("set").hint("A struct_ops map is filled in by attaching it."));
        }
        let key = self.key(operation)?;
        let value = self.value(operation)?;
        let set = map::set(self.fd, self.info, &key.bytes, &value.bytes, mode);
        set.map(|()| Vec::new()).map_err(|error| self.refused(&operation.operation, &error))
    }

    fn patch(&self, operation: &pb::MapOperation) -> Answer<Vec<u8>> {
        if !map::is_mappable(self.info) {
            return Err(self.impossible("patch").hint("Write the whole value."));
        }
        check_size("key", self.info, &operation.key, size_of::<u32>())?;
        let index = operation.key.iter().rev().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)); // little endian, as all our hosts
        let patched = map::patch(self.fd, self.info, index, operation.offset as usize, &operation.value);
        patched.map(|()| Vec::new()).map_err(|error| self.refused("patch", &error))
    }

    fn key(&self, operation: &pb::MapOperation) -> Answer<Held> {
        if self.info.access() == Access::Owners {
            let owner = storage_owners::open(self.info, operation)?;
            return Ok(Held { bytes: map::storage::key(owner.as_fd()).to_vec(), _held: Some(owner) });
        }
        check_size("key", self.info, &operation.key, self.info.key_size as usize)?;
        Ok(Held { bytes: operation.key.clone(), _held: None })
    }

    /// The value as the kernel takes it: descriptors in place of ids, a slot for each possible CPU.
    fn value(&self, operation: &pb::MapOperation) -> Answer<Held> {
        let size = self.info.value_size as usize;
        match map::type_name(self.info.kind) {
            "prog_array" => self.program_or_map(&operation.value, 0, open_program),
            "array_of_maps" | "hash_of_maps" => self.program_or_map(&operation.value, 0, open_map),
            // An interface or a queue size, and perhaps a program.
            "devmap" | "devmap_hash" | "cpumap" if size == 8 => {
                check_size("value", self.info, &operation.value, size)?;
                match operation.value[4..].iter().all(|byte| *byte == 0) {
                    true => Ok(Held { bytes: operation.value.clone(), _held: None }),
                    false => self.program_or_map(&operation.value, 4, open_program),
                }
            }
            "cgroup_array" => {
                self.descriptor(storage_owners::open_path(&operation.owner_path, "the path of a cgroup")?)
            }
            "sockmap" | "sockhash" | "reuseport_sockarray" | "xskmap" => {
                self.descriptor(storage_owners::open_socket(operation)?)
            }
            "perf_event_array" => Err(self.impossible("set").hint("Who reads the perf buffer puts its events in.")),
            _ if self.info.is_per_cpu() => Ok(Held { bytes: self.per_cpu(&operation.value)?, _held: None }),
            _ => {
                check_size("value", self.info, &operation.value, size)?;
                Ok(Held { bytes: operation.value.clone(), _held: None })
            }
        }
    }

    /// One value for all CPUs, or a slot for each possible one.
    fn per_cpu(&self, value: &[u8]) -> Answer<Vec<u8>> {
        let (size, slot, all) = (self.info.value_size as usize, self.info.slot_bytes(), self.info.value_bytes());
        if value.len() == all && all != size {
            return Ok(value.to_vec());
        }
        if value.len() != size {
            let message = format!(
                "A value of map {} has {size} bytes for all CPUs, or {all} with a slot for each of the {} possible ones; not {}.",
                shown_name(self.info),
                all / slot.max(1),
                value.len()
            );
            return Err(Failure::new("bad-value", message));
        }
        let mut one = value.to_vec();
        one.resize(slot, 0);
        Ok(one.repeat(all / slot.max(1)))
    }

    /// A value with an id at `at`, which the kernel wants as a descriptor.
    fn program_or_map(&self, value: &[u8], at: usize, open: fn(u32) -> Answer<OwnedFd>) -> Answer<Held> {
        check_size("value", self.info, value, self.info.value_size as usize)?;
        let mut bytes = value.to_vec();
        let place = bytes.get_mut(at..at + 4).ok_or_else(|| Failure::new("bad-value", "The value is too short."))?;
        let held = open(u32::from_ne_bytes([place[0], place[1], place[2], place[3]]))?;
        place.copy_from_slice(&held.as_raw_fd().to_ne_bytes());
        Ok(Held { bytes, _held: Some(held) })
    }

    fn descriptor(&self, held: OwnedFd) -> Answer<Held> {
        let mut bytes = held.as_raw_fd().to_ne_bytes().to_vec();
        bytes.resize(self.info.value_size as usize, 0);
        Ok(Held { bytes, _held: Some(held) })
    }

    /// None where the operations are not alike, or the kernel or the map has no batches.
    fn batch(&self, context: &Context<'_>, operations: &[pb::MapOperation]) -> Answer<Option<Vec<pb::MapOutcome>>> {
        let Some(first) = operations.first().filter(|_| operations.len() >= LEAST_BATCH) else { return Ok(None) };
        let deletes = first.operation == "delete";
        let alike = operations.iter().all(|other| other.operation == first.operation);
        if !alike || !(deletes || first.operation == "set") || self.info.access() != Access::Entries || self.takes_ids()
        {
            return Ok(None);
        }
        let mut keys = Vec::with_capacity(operations.len() * self.info.key_size as usize);
        let mut values = Vec::new();
        for operation in operations {
            let fits = operation.key.len() == self.info.key_size as usize;
            let value = if deletes || !fits { None } else { self.value(operation).ok() };
            match value {
                Some(value) => values.extend_from_slice(&value.bytes),
                None if deletes && fits => {}
                // The wrong one gets its own outcome.
                None => return Ok(None),
            }
            keys.extend_from_slice(&operation.key);
        }
        let mut outcomes = Vec::with_capacity(operations.len());
        let (key_size, value_size) = (self.info.key_size as usize, self.info.value_bytes());
        while outcomes.len() < operations.len() {
            context.check_cancelled()?;
            let at = outcomes.len();
            let keys = &keys[at * key_size..];
            let (count, result) = match deletes {
                true => map::delete_batch(self.fd, self.info, keys),
                false => map::set_batch(self.fd, self.info, keys, &values[at * value_size..]),
            };
            match result {
                Err(error) if at == 0 && count == 0 && [EINVAL, EOPNOTSUPP, ENOTSUPP].contains(&error.errno) => {
                    return Ok(None);
                }
                result => {
                    outcomes.resize_with(at + count, || outcome(Ok(Vec::new())));
                    if let Err(error) = result {
                        outcomes.push(outcome(Err(self.refused(&first.operation, &error))));
                    }
                }
            }
        }
        Ok(Some(outcomes))
    }

    /// Values that are put in as descriptors.
    fn takes_ids(&self) -> bool {
        matches!(
            map::type_name(self.info.kind),
            "prog_array"
                | "array_of_maps"
                | "hash_of_maps"
                | "devmap"
                | "devmap_hash"
                | "cpumap"
                | "sockmap"
                | "sockhash"
                | "reuseport_sockarray"
                | "xskmap"
                | "cgroup_array"
                | "struct_ops"
        )
    }

    fn no_such_key(&self) -> Failure {
        let message = match self.info.access() {
            Access::Next => format!("Map {} is empty.", shown_name(self.info)),
            Access::Member => format!("This value was never put into map {}.", shown_name(self.info)),
            Access::Owners => format!("Map {} holds nothing for this owner.", shown_name(self.info)),
            _ => format!("Map {} has no entry with this key.", shown_name(self.info)),
        };
        Failure::new("no-such-key", message)
    }

    fn impossible(&self, operation: &str) -> Failure {
        let (name, kind) = (shown_name(self.info), map::type_name(self.info.kind));
        Failure::new("map-access", format!("Map {name} is a {kind}, which has no \"{operation}\" from user space."))
    }

    /// The kernel's errno in words, for this map and operation.
    fn refused(&self, operation: &str, error: &ringside_bpf::Error) -> Failure {
        let (name, kind) = (shown_name(self.info), map::type_name(self.info.kind));
        let failure = match error.errno {
            ENOENT => self.no_such_key(),
            EEXIST => Failure::new("key-exists", format!("Map {name} has an entry with this key already.")),
            E2BIG if kind.contains("array") || kind.ends_with("map") && self.info.key_size == 4 => Failure::new(
                "bad-value",
                format!("The key lies outside map {name}, which ends at {}.", self.info.max_entries.saturating_sub(1)),
            ),
            E2BIG => {
                Failure::new("map-full", format!("Map {name} is full: it holds {} entries.", self.info.max_entries))
                    .hint("Delete entries, or load the program with a larger max_entries.")
            }
            EPERM if map::frozen(self.fd) == Some(true) => {
                Failure::new("map-frozen", format!("Map {name} is frozen: user space can no longer write it."))
                    .hint("That is how .rodata stays constant. Load the program with other values instead.")
            }
            EINVAL if operation == "delete" => {
                self.impossible(operation).hint("Entries of arrays always exist: set them.")
            }
            EINVAL | EBADF => {
                Failure::new("bad-value", format!("The kernel refuses this key or value for map {name}, a {kind}."))
                    .hint("Programs, maps and sockets that are put in must be of the kind that the map was made for.")
            }
            EBUSY => Failure::new("map-full", format!("Map {name} is in use by programs just now.")).hint("Try again."),
            EOPNOTSUPP | ENOTSUPP => self.impossible(operation),
            _ => error.clone().into(),
        };
        failure.errno(error.errno)
    }
}

/// Bytes that may stand for a descriptor, which stays open as long as they count.
struct Held {
    bytes: Vec<u8>,
    _held: Option<OwnedFd>,
}

fn open_program(id: u32) -> Answer<OwnedFd> {
    let missing = || Failure::new("unknown-program", format!("There is no program with id {id} on this host."));
    inventory::open_program(id)?.ok_or_else(missing)
}

fn open_map(id: u32) -> Answer<OwnedFd> {
    MapHandle::Id(id).open().map(|(fd, _)| fd)
}
