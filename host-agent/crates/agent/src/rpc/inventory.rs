//! ListPrograms, ListMaps, ListLinks, ListBtfs, ListNetAttachments: everything on the host, whoever made it.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};

use ringside_bpf::inventory::{self, Kind, ProgramDetails};
use ringside_bpf::map::{self, MapInfo};
use ringside_bpf::{netlink, os, program};
use ringside_proto::messages as pb;

use super::host::hex;
use super::link_words::LinkWords;
use super::owners::{self, ours};
use super::type_names::TypeNames;
use crate::failure::{Answer, Failure};
use crate::requests::Context;
use crate::watch::Watches;

/// The ids that were asked for, or all.
fn wanted(kind: Kind, ids: &[u32]) -> Answer<Vec<u32>> {
    if ids.is_empty() { Ok(inventory::ids(kind)?) } else { Ok(ids.to_vec()) }
}

/// `counting`: this agent has switched run statistics on.
pub fn programs(
    watches: &Watches,
    context: &Context<'_>,
    request: &pb::ListPrograms,
    counting: bool,
) -> Answer<pb::ProgramList> {
    let owners = owners::scan(context, &watches.descriptors())?;
    let pins = owners::pins(context)?;
    let counting =
        counting || fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").is_ok_and(|on| on.trim() == "1");
    let mut names = TypeNames::default();
    let mut programs = Vec::new();
    for id in wanted(Kind::Program, &request.ids)? {
        context.check_cancelled()?;
        let Some(details) = inventory::program(id)? else { continue };
        let owners = owners.of(Kind::Program, id);
        programs.push(pb::ProgramEntry {
            ours: ours(&owners),
            owners,
            pins: pins.of(Kind::Program, id),
            attach_to: names.attach_target(details.attach_btf)?,
            ..program_entry(details, counting)
        });
    }
    Ok(pb::ProgramList { programs, owners_known: owners.known })
}

fn program_entry(details: ProgramDetails, counting: bool) -> pb::ProgramEntry {
    pb::ProgramEntry {
        id: details.id,
        r#type: type_or_number(program::type_name(details.kind), details.kind),
        name: details.name,
        tag: hex(&details.tag),
        gpl: details.gpl,
        loaded_at_ns: details.loaded_at_ns.saturating_add_signed(os::realtime_minus_boottime_ns()),
        uid: details.uid,
        xlated_bytes: details.xlated_bytes,
        jited_bytes: details.jited_bytes,
        memlock_bytes: details.memlock_bytes.unwrap_or(0),
        memlock_known: details.memlock_bytes.is_some(),
        map_ids: details.map_ids,
        btf_id: details.btf_id,
        run_count: details.run_count,
        run_nanos: details.run_ns,
        runs_known: counting || details.run_count > 0,
        recursion_misses: details.recursion_misses,
        verified_insns: details.verified_insns,
        ..Default::default()
    }
}

fn type_or_number(name: &str, kind: u32) -> String {
    if name.is_empty() { format!("type {kind}") } else { name.to_owned() }
}

pub fn maps(watches: &Watches, context: &Context<'_>, request: &pb::ListMaps) -> Answer<pb::MapList> {
    let owners = owners::scan(context, &watches.descriptors())?;
    let pins = owners::pins(context)?;
    let mut maps = Vec::new();
    for id in wanted(Kind::Map, &request.ids)? {
        context.check_cancelled()?;
        let Some(fd) = inventory::open_map(id)? else { continue };
        let info = map::info(fd.as_fd())?;
        let owners = owners.of(Kind::Map, id);
        let pins = pins.of(Kind::Map, id);
        maps.push(pb::MapEntry { ours: ours(&owners), owners, pins, ..map_entry(&info, fd.as_fd()) });
    }
    Ok(pb::MapList { maps, owners_known: owners.known })
}

/// A map without its owners and pins.
pub fn map_entry(info: &MapInfo, fd: BorrowedFd<'_>) -> pb::MapEntry {
    let memlock = os::fdinfo(fd, "memlock:");
    pb::MapEntry {
        id: info.id,
        name: info.name.clone(),
        r#type: type_or_number(map::type_name(info.kind), info.kind),
        key_size: info.key_size,
        value_size: info.value_size,
        max_entries: info.max_entries,
        flags: u64::from(info.flags),
        memlock_bytes: memlock.unwrap_or(0),
        memlock_known: memlock.is_some(),
        frozen: map::frozen(fd) == Some(true),
        btf_id: info.btf_id,
        btf_key_type: info.btf_key_type,
        btf_value_type: info.btf_value_type,
        btf_vmlinux_value_type: info.btf_vmlinux_value_type,
        btf_vmlinux_id: info.btf_vmlinux_id,
        map_extra: info.extra,
        ..Default::default()
    }
}

pub fn links(watches: &Watches, context: &Context<'_>, request: &pb::ListLinks) -> Answer<pb::LinkList> {
    let owners = owners::scan(context, &watches.descriptors())?;
    let pins = owners::pins(context)?;
    let mut words = LinkWords::default();
    let mut links = Vec::new();
    for id in wanted(Kind::Link, &request.ids)? {
        context.check_cancelled()?;
        let Some(details) = inventory::link(id)? else { continue };
        let owners = owners.of(Kind::Link, id);
        let described = words.describe(context, &details.target)?;
        links.push(pb::LinkEntry {
            id,
            kind: details.kind,
            program_id: details.program_id,
            attach_type: described.attach_type,
            target: described.target,
            details: described.details.into_iter().collect(),
            missed: details.missed.unwrap_or(0),
            missed_known: details.missed.is_some(),
            ours: ours(&owners),
            owners,
            pins: pins.of(Kind::Link, id),
        });
    }
    Ok(pb::LinkList { links, owners_known: owners.known })
}

pub fn btfs(context: &Context<'_>) -> Answer<pb::BtfList> {
    let mut programs: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for id in inventory::ids(Kind::Program)? {
        context.check_cancelled()?;
        if let Some(details) = inventory::program(id)? {
            programs.entry(details.btf_id).or_default().push(id);
        }
    }
    let mut maps: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for id in inventory::ids(Kind::Map)? {
        context.check_cancelled()?;
        if let Some(fd) = inventory::open_map(id)? {
            maps.entry(map::info(fd.as_fd())?.btf_id).or_default().push(id);
        }
    }
    let mut btfs = Vec::new();
    for id in inventory::ids(Kind::Btf)? {
        let Some(details) = inventory::btf(id)? else { continue };
        btfs.push(pb::BtfEntry {
            id,
            name: details.name,
            bytes: details.bytes,
            kernel: details.kernel,
            program_ids: programs.remove(&id).unwrap_or_default(),
            map_ids: maps.remove(&id).unwrap_or_default(),
        });
    }
    Ok(pb::BtfList { btfs })
}

/// The types of an id. The kernel's own are megabytes that most clients have: their name is enough.
pub fn btf_by_id(context: &Context<'_>, request: &pb::GetBtfById) -> Answer<pb::BtfBlob> {
    let gone = || Failure::new("no-btf", format!("There are no types with id {} on this host.", request.id));
    let details = inventory::btf(request.id)?.ok_or_else(gone)?;
    if details.kernel && !details.is_split() {
        return Ok(pb::BtfBlob { bytes: details.bytes, name: details.name, ..Default::default() });
    }
    let (details, bytes) = inventory::btf_bytes(request.id)?.ok_or_else(gone)?;
    let split = details.is_split();
    let blob = context.send_blob(&bytes)?;
    Ok(pb::BtfBlob { blob, bytes: bytes.len() as u64, name: details.name, split })
}

pub fn net(watches: &Watches, context: &Context<'_>) -> Answer<pb::NetAttachmentList> {
    let owners = owners::scan(context, &watches.descriptors())?;
    let interfaces = netlink::interfaces()?;
    let mut attachments = Vec::new();
    for interface in &interfaces {
        context.check_cancelled()?;
        let of = |kind: &str, mode: &str, program_id: u32| pb::NetAttachment {
            ifindex: interface.index,
            iface: interface.name.clone(),
            kind: kind.into(),
            mode: mode.into(),
            program_id,
            ..Default::default()
        };
        attachments.extend(interface.xdp.iter().map(|xdp| of("xdp", xdp.mode, xdp.program_id)));
        for (kind, direction, attach_type) in inventory::SHARED_HOOKS {
            if kind == "netkit" && interface.kind != "netkit" {
                continue;
            }
            // Kernels before 6.6 have no such hooks, and say EINVAL.
            for (program_id, link_id) in inventory::on_interface(interface.index, attach_type).unwrap_or_default() {
                attachments.push(pb::NetAttachment { link_id, ..of(kind, direction, program_id) });
            }
        }
    }
    for (ifindex, filter) in netlink::filters()? {
        let iface = interfaces.iter().find(|interface| interface.index == ifindex);
        attachments.push(pb::NetAttachment {
            ifindex,
            iface: iface.map_or_else(String::new, |interface| interface.name.clone()),
            kind: "tc".into(),
            mode: filter.direction.into(),
            program_id: filter.program_id,
            name: filter.name,
            handle: filter.handle,
            priority: filter.priority,
            ..Default::default()
        });
    }
    let links = xdp_links()?;
    for attachment in &mut attachments {
        attachment.ours = ours(&owners.of(Kind::Program, attachment.program_id));
        let program_name = || inventory::program(attachment.program_id).ok().flatten().map(|found| found.name);
        if attachment.name.is_empty() {
            attachment.name = program_name().unwrap_or_default();
        }
        if attachment.kind == "xdp" {
            let link = links.get(&(attachment.ifindex, attachment.program_id));
            attachment.link_id = link.copied().unwrap_or(0);
        }
    }
    Ok(pb::NetAttachmentList { attachments })
}

/// XDP links by interface and program: netlink does not say which of what it shows has one.
fn xdp_links() -> Answer<BTreeMap<(u32, u32), u32>> {
    let mut links = BTreeMap::new();
    for id in inventory::ids(Kind::Link)? {
        if let Some(inventory::LinkDetails { target: inventory::LinkTarget::Xdp { ifindex }, program_id, .. }) =
            inventory::link(id)?
        {
            links.insert((ifindex, program_id), id);
        }
    }
    Ok(links)
}
