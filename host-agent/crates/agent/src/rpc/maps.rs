//! DumpMap and ReadMap.

use std::os::fd::{AsFd, BorrowedFd};

use ringside_bpf::map::{self, Access, MapInfo, arena, ring};
use ringside_bpf::os;
use ringside_proto::messages as pb;

use super::map_ref::MapHandle;
use super::object::no_map;
use super::{owners, storage_owners};
use crate::failure::libc_errno::ECANCELED;
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::session::Session;

const DEFAULT_LIMIT: u32 = 100_000;
/// Bytes of one answer: more would keep records waiting.
pub const MOST_BYTES: usize = 64 << 20;

pub fn dump(session: &mut Session, context: &Context<'_>, request: pb::DumpMap) -> Answer<pb::MapDump> {
    let loaded = session.get(request.object_id)?;
    let map = loaded.object.map(&request.map).ok_or_else(|| no_map(&loaded.object, &request.map))?;
    let fd = map.fd().ok_or_else(|| Failure::new("agent-internal", format!("Map {} was not created.", request.map)))?;
    let info = map::info(fd)?;
    if !info.has_entries() {
        let message = format!("Map {} is a {}, which has no entries to list.", request.map, map.type_name());
        return Err(Failure::new("map-access", message));
    }
    let (key_size, value_bytes) = (info.key_size, info.value_bytes() as u32);
    let fitting = (MOST_BYTES / (key_size + value_bytes).max(1) as usize) as u32;
    let limit = if request.limit == 0 { DEFAULT_LIMIT } else { request.limit }.min(fitting);
    let time_ns = os::realtime_ns();
    let dump = map::dump(fd, &info, limit)?;
    let blob = context.send_blob(&dump.bytes)?;
    Ok(pb::MapDump { blob, entries: dump.entries, truncated: dump.truncated, key_size, value_bytes, time_ns })
}

/// What a map holds, on its way into a page.
#[derive(Default)]
struct Content {
    kind: &'static str,
    bytes: Vec<u8>,
    entries: u32,
    key_size: u32,
    value_bytes: u32,
    next: Vec<u8>,
    restarted: bool,
    owners: Vec<pb::StorageOwner>,
}

pub fn read_page(context: &Context<'_>, map: MapHandle, request: &pb::ReadMap) -> Answer<pb::MapPage> {
    let (fd, _) = map.open()?;
    let info = map::info(fd.as_fd())?;
    let time_ns = os::realtime_ns();
    let content = match info.access() {
        Access::Entries if request.keys.is_empty() => walk(context, fd.as_fd(), &info, request)?,
        Access::Entries => lookups(context, fd.as_fd(), &info, &request.keys)?,
        Access::Next => next_value(fd.as_fd(), &info)?,
        Access::Member => members(fd.as_fd(), &info, &request.keys)?,
        Access::Positions => positions(fd.as_fd(), &info)?,
        Access::Owners => of_owners(context, fd.as_fd(), &info, request)?,
        Access::Pages => pages(context, fd.as_fd(), &info, &request.keys)?,
        Access::Nothing => return Err(unreadable(&info)),
    };
    let blob = context.send_blob(&content.bytes)?;
    Ok(pb::MapPage {
        blob,
        entries: content.entries,
        next: content.next,
        key_size: content.key_size,
        value_bytes: content.value_bytes,
        time_ns,
        map: Some(super::inventory::map_entry(&info, fd.as_fd())),
        content: content.kind.into(),
        restarted: content.restarted,
        owners: content.owners,
    })
}

fn walk(context: &Context<'_>, fd: BorrowedFd<'_>, info: &MapInfo, request: &pb::ReadMap) -> Answer<Content> {
    let limit = if request.limit == 0 { DEFAULT_LIMIT } else { request.limit };
    let go_on = || context.check_cancelled().is_ok();
    let page = map::read_page(fd, info, &request.cursor, limit, MOST_BYTES / 2, &go_on)
        .map_err(|error| read_failed(info, error))?;
    Ok(Content {
        kind: "entries",
        entries: page.entries,
        bytes: page.bytes,
        key_size: info.key_size,
        value_bytes: info.value_bytes() as u32,
        next: page.next.unwrap_or_default(),
        restarted: page.restarted,
        ..Content::default()
    })
}

fn lookups(context: &Context<'_>, fd: BorrowedFd<'_>, info: &MapInfo, keys: &[Vec<u8>]) -> Answer<Content> {
    let mut content = Content {
        kind: "entries",
        key_size: info.key_size,
        value_bytes: info.value_bytes() as u32,
        ..Content::default()
    };
    for key in keys {
        context.check_cancelled()?;
        check_size("key", info, key, info.key_size as usize)?;
        if let Some(value) = map::lookup(fd, info, key).map_err(|error| read_failed(info, error))? {
            content.bytes.extend_from_slice(key);
            content.bytes.extend_from_slice(&value);
            content.entries += 1;
        }
        check_bytes(&content.bytes)?;
    }
    Ok(content)
}

fn next_value(fd: BorrowedFd<'_>, info: &MapInfo) -> Answer<Content> {
    let value = map::peek(fd, info, None).map_err(|error| read_failed(info, error))?;
    let entries = u32::from(value.is_some());
    let bytes = value.unwrap_or_default();
    Ok(Content { kind: "next", bytes, entries, value_bytes: info.value_size, ..Content::default() })
}

fn members(fd: BorrowedFd<'_>, info: &MapInfo, values: &[Vec<u8>]) -> Answer<Content> {
    if values.is_empty() {
        let message = format!("Map {} is a bloom filter: it cannot be listed.", shown_name(info));
        return Err(Failure::new("map-access", message)
            .hint("Ask whether a value may be in it: `ringside map get HOST MAP VALUE`."));
    }
    let mut content = Content { kind: "members", value_bytes: info.value_size, ..Content::default() };
    for value in values {
        check_size("value", info, value, info.value_size as usize)?;
        if let Some(value) = map::peek(fd, info, Some(value)).map_err(|error| read_failed(info, error))? {
            content.bytes.extend_from_slice(&value);
            content.entries += 1;
        }
    }
    Ok(content)
}

fn positions(fd: BorrowedFd<'_>, info: &MapInfo) -> Answer<Content> {
    let at = ring::positions(fd, info).map_err(|error| read_failed(info, error))?;
    let bytes: Vec<u8> = [at.consumer, at.producer, at.size].iter().flat_map(|word| word.to_ne_bytes()).collect();
    Ok(Content { kind: "positions", value_bytes: bytes.len() as u32, bytes, entries: 1, ..Content::default() })
}

fn of_owners(context: &Context<'_>, fd: BorrowedFd<'_>, info: &MapInfo, request: &pb::ReadMap) -> Answer<Content> {
    let limit = if request.limit == 0 { DEFAULT_LIMIT } else { request.limit } as usize;
    let limit = limit.min(MOST_BYTES / 2 / (info.value_size as usize).max(1));
    let mut content = Content { kind: "owners", value_bytes: info.value_size, ..Content::default() };
    storage_owners::each(context, info, &mut |owner, key| {
        let found = map::lookup(fd, info, &key).map_err(|error| read_failed(info, error))?;
        if let Some(value) = found {
            content.bytes.extend_from_slice(&value);
            content.owners.push(owner);
        }
        Ok(content.owners.len() < limit)
    })?;
    content.entries = content.owners.len() as u32;
    Ok(content)
}

fn pages(context: &Context<'_>, fd: BorrowedFd<'_>, info: &MapInfo, keys: &[Vec<u8>]) -> Answer<Content> {
    let page_bytes = os::page_size();
    let mut content = Content { kind: "pages", key_size: 8, value_bytes: page_bytes as u32, ..Content::default() };
    if keys.is_empty() {
        return Ok(content);
    }
    let holders = owners::scan(context, &[])?.pids_of_map(info.id);
    for key in keys {
        context.check_cancelled()?;
        check_size("page number", info, key, 8)?;
        let number = u64::from_ne_bytes(key.as_slice().try_into().unwrap_or_default());
        let read = arena::read_page(fd, info, number, &holders);
        let page = read.map_err(|error| Failure::new("map-access", format!("{error}.")).errno(error.errno))?;
        if let Some(page) = page {
            content.bytes.extend_from_slice(key);
            content.bytes.extend_from_slice(&page);
            content.entries += 1;
        }
        check_bytes(&content.bytes)?;
    }
    Ok(content)
}

fn check_bytes(bytes: &[u8]) -> Answer<()> {
    if bytes.len() <= MOST_BYTES {
        return Ok(());
    }
    Err(Failure::new("too-large", "The values asked for have more than 64 MiB together.").hint("Ask for fewer."))
}

pub fn check_size(what: &str, info: &MapInfo, bytes: &[u8], wanted: usize) -> Answer<()> {
    if bytes.len() == wanted {
        return Ok(());
    }
    let name = shown_name(info);
    Err(Failure::new("bad-value", format!("A {what} of map {name} has {wanted} bytes, not {}.", bytes.len())))
}

/// The map's name, or its id when it has none.
pub fn shown_name(info: &MapInfo) -> String {
    if info.name.is_empty() { info.id.to_string() } else { info.name.clone() }
}

pub fn unreadable(info: &MapInfo) -> Failure {
    let (name, kind) = (shown_name(info), map::type_name(info.kind));
    let failure = Failure::new("map-access", format!("Map {name} is a {kind}: the kernel shows nobody what is in it."));
    match kind {
        "sockmap" | "sockhash" | "reuseport_sockarray" => {
            failure.hint("With values of 8 bytes the kernel would show the sockets' cookies.")
        }
        _ => failure,
    }
}

pub fn read_failed(info: &MapInfo, error: ringside_bpf::Error) -> Failure {
    use crate::failure::libc_errno::{EINVAL, ENOTSUPP, EOPNOTSUPP};
    match error.errno {
        ECANCELED => Failure::cancelled(),
        ENOTSUPP | EOPNOTSUPP => unreadable(info).errno(error.errno),
        EINVAL => Failure::new("bad-value", format!("Map {}: {error}.", shown_name(info))).errno(error.errno),
        _ => error.into(),
    }
}
