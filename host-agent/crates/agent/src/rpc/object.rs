//! LoadObject and CloseObject, and what both they and VerifyObject need: an object opened and adjusted as asked.

use std::sync::mpsc;
use std::time::Duration;

use ringside_bpf::object::Object;
use ringside_bpf::{map, os, stats};
use ringside_proto::messages as pb;

use super::host;
use crate::failure::{Answer, Failure};
use crate::plan::maps::Decided;
use crate::plan::{self, source::Source};
use crate::privilege;
use crate::requests::Context;
use crate::session::{Loaded, Session};
use crate::stream::drain::Command;

pub fn load(session: &mut Session, context: &Context<'_>, request: pb::LoadObject) -> Answer<pb::LoadResult> {
    let source = Source::new(context, request.object_blob, request.options)?;
    // libbpf loads without a log and asks for one only after a failure: a log costs the verifier a lot of time.
    let loaded = plan::load(context, &source, &mut |new| privilege::check_still_had("This object", new))?;
    context.check_cancelled()?;
    let programs = programs(&loaded.object)?;
    let maps = maps(&loaded.object, &loaded.maps)?;
    let left_out = left_out(context, loaded.left_out)?;
    let map_memory_bytes = loaded.maps.iter().map(|map| map.memory).sum();
    let capabilities = privilege::names(&privilege::needed(&loaded.object));
    let object_id = session.add(loaded.object, source.about());
    Ok(pb::LoadResult {
        object_id,
        programs,
        maps,
        left_out,
        map_memory_bytes,
        libbpf_log: loaded.messages,
        capabilities,
    })
}

/// With the verifier's log of each that got one.
pub fn left_out(context: &Context<'_>, left: Vec<plan::Left>) -> Answer<Vec<pb::LeftOut>> {
    let message = |left: plan::Left| {
        let log_blob = context.send_blob(&left.reason.log)?;
        let reason = Some(left.reason.into_message(log_blob));
        Ok(pb::LeftOut { program: left.program, section: left.section, reason, instead: left.instead })
    };
    left.into_iter().map(message).collect()
}

pub fn close(session: &mut Session, context: &Context<'_>, request: pb::CloseObject) -> Answer<pb::Empty> {
    let mut loaded = session.remove(request.object_id)?;
    loaded.attached.clear();
    close_streams(context, request.object_id, &loaded);
    Ok(pb::Empty {})
}

/// Takes the object's rings from the drain thread. Records that nobody has fetched are given up.
fn close_streams(context: &Context<'_>, object: u32, loaded: &Loaded) {
    let streams: Vec<u16> = loaded.streams.iter().map(|stream| stream.id).collect();
    if streams.is_empty() && loaded.prints.is_none() {
        return;
    }
    context.drain.forget(&streams);
    let (done, closed) = mpsc::sync_channel(1);
    context.drain.send(Command::Close { streams, object, done });
    // A blocked stdout may keep the drain thread busy; it closes them as soon as it gets on.
    let _ = closed.recv_timeout(Duration::from_secs(1));
}

/// Turns autoload on for these programs and off for all others; an empty list leaves the object's own choice.
pub fn choose_programs(object: &Object, wanted: &[String]) -> Answer<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    for name in wanted {
        if object.program(name).is_none() {
            return Err(no_program(object, name));
        }
    }
    for program in object.programs() {
        program.set_autoload(wanted.iter().any(|name| name == program.name()))?;
    }
    Ok(())
}

pub fn resize(object: &Object, size: &pb::MapSize) -> Answer<()> {
    let map = object.map(&size.map).ok_or_else(|| no_map(object, &size.map))?;
    let refused = |error: ringside_bpf::Error| {
        Failure::new("bad-value", format!("{error}."))
            .errno(error.errno)
            .hint("A ring's size is a power of two of whole pages; a map of variables has one entry and can only grow.")
    };
    if size.max_entries != 0 {
        map.set_max_entries(size.max_entries).map_err(refused)?;
    }
    if size.value_size != 0 {
        map.set_value_size(size.value_size).map_err(refused)?;
    }
    Ok(())
}

pub fn no_program(object: &Object, name: &str) -> Failure {
    let known: Vec<&str> = object.programs().iter().map(|program| program.name()).collect();
    Failure::new("unknown-program", format!("The object has no program {name}."))
        .hint(format!("It has {}.", known.join(", ")))
}

pub fn no_map(object: &Object, name: &str) -> Failure {
    let known: Vec<&str> = object.maps().iter().map(|map| map.name()).collect();
    let hint = if known.is_empty() { "It has none.".to_owned() } else { format!("It has {}.", known.join(", ")) };
    Failure::new("unknown-map", format!("The object has no map {name}.")).hint(hint)
}

pub fn set_global(object: &Object, wanted: &pb::GlobalValue) -> Answer<()> {
    let globals = object.globals();
    let Some(global) = globals.iter().find(|global| global.name == wanted.variable) else {
        let known: Vec<&str> = globals.iter().map(|global| global.name.as_str()).collect();
        let hint = match known.is_empty() {
            true => "The object has none; declare one as `const volatile` at file level.".to_owned(),
            false => format!("It has {}.", known.join(", ")),
        };
        let message = format!("The object has no global variable {}.", wanted.variable);
        return Err(Failure::new("unknown-variable", message).hint(hint));
    };
    if global.size as usize != wanted.value.len() {
        let (name, size, given) = (&global.name, global.size, wanted.value.len());
        return Err(Failure::new("bad-value", format!("Variable {name} has {size} bytes, the value {given}.")));
    }
    Ok(object.set_global(global, &wanted.value)?)
}

pub fn programs(object: &Object) -> Answer<Vec<pb::LoadedProgram>> {
    let describe = |program: ringside_bpf::program::Program<'_>| {
        let info = program.fd().map(stats::program).transpose()?.unwrap_or_default();
        Ok(pb::LoadedProgram {
            name: program.name().into(),
            section: program.section().into(),
            r#type: program.type_name().into(),
            id: info.id,
            tag: if info.id == 0 { String::new() } else { host::hex(&info.tag) },
            loaded: info.id != 0,
        })
    };
    object.programs().into_iter().map(describe).collect()
}

pub fn maps(object: &Object, decided: &[Decided]) -> Answer<Vec<pb::LoadedMap>> {
    let describe = |map: ringside_bpf::map::Map<'_>| {
        // A map that the kernel does not have (autocreate off) keeps what the object says.
        let info = map.fd().and_then(|fd| map::info(fd).ok());
        pb::LoadedMap {
            name: map.name().into(),
            r#type: map.type_name().into(),
            id: info.as_ref().map_or(0, |info| info.id),
            key_size: map.key_size(),
            value_size: map.value_size(),
            max_entries: info.as_ref().map_or_else(|| map.max_entries(), |info| info.max_entries),
            flags: info.map_or_else(|| map.flags(), |info| info.flags).into(),
            chosen: plan::maps::of(decided, map.name()).map_or_else(String::new, |map| map.chosen.clone()),
            memory_bytes: plan::maps::of(decided, map.name()).map_or(0, |map| map.memory),
            pinned: map.pin_path().to_owned(),
        }
    };
    os::trim_memory();
    Ok(object.maps().into_iter().map(describe).collect())
}
