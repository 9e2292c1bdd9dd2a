//! Tracepoints with their fields, and raw tracepoints.

use ringside_proto::messages as pb;

use super::found::{Found, details};
use super::functions::answer_missing;
use crate::failure::libc_errno::EACCES;
use crate::failure::{Answer, no_permission};
use crate::knowledge::{Kernel, events};
use crate::rpc::{host, tracefs_missing};

pub fn tracepoints(found: &mut Found<'_>) -> Answer<()> {
    let kernel = Kernel::default();
    let Some(tracefs) = kernel.tracefs() else { return Err(tracefs_missing()) };
    if !events::readable(tracefs) {
        return Err(no_permission("the tracepoints of this host cannot be listed", EACCES));
    }
    // libbpf writes category/name.
    let wanted = found.pattern.with('/', ':');
    found.pattern = wanted;
    let with_category = found.pattern.has(':');
    for event in kernel.events() {
        let Some((category, name)) = event.split_once(':') else { continue };
        let names = [event.as_str(), name];
        found.offer_as(&names[..if with_category { 1 } else { 2 }], || {
            let format = events::format(tracefs, category, name).unwrap_or_default();
            entry(event, &format)
        })?;
    }
    answer_missing(found, "tracepoint", |wanted| {
        let (category, name) = wanted.split_once(':').unwrap_or(("", wanted));
        kernel.tracepoint(category, name)
    })
}

fn entry(event: &str, format: &str) -> pb::TargetEntry {
    let id = format.lines().find_map(|line| line.strip_prefix("ID:")).unwrap_or_default().trim().to_owned();
    pb::TargetEntry {
        name: event.to_owned(),
        arguments: fields(format),
        details: details([("id", id)]),
        ..Default::default()
    }
}

/// What a tracepoint program can read: the fields without the common ones, which the kernel keeps from programs.
fn fields(format: &str) -> Vec<pb::TargetArgument> {
    let fields = format.lines().filter_map(|line| field(line.trim()));
    fields.filter(|field| !field.name.starts_with("common_")).collect()
}

/// `field:char prev_comm[16]; offset:8; size:16; signed:0;`, with tabs in between.
fn field(line: &str) -> Option<pb::TargetArgument> {
    let mut parts = line.split(';').map(str::trim);
    let declaration = parts.next()?.strip_prefix("field:")?;
    let mut number = |key: &str| parts.next()?.strip_prefix(key)?.parse::<u32>().ok();
    let (offset, size) = (number("offset:")?, number("size:")?);
    let (kind, name) = declared(declaration)?;
    Some(pb::TargetArgument { name, r#type: kind, offset, size })
}

/// Type and name of a C declaration: the name is the last word, brackets behind it belong to the type.
fn declared(declaration: &str) -> Option<(String, String)> {
    let (plain, brackets) = match declaration.find('[') {
        // `__data_loc char[] name` has them in front of the name.
        Some(at) if declaration.ends_with(']') => declaration.split_at(at),
        _ => (declaration, ""),
    };
    let at = plain.rfind(|letter: char| !(letter.is_alphanumeric() || letter == '_'))? + 1;
    let (kind, name) = plain.split_at(plain.len().min(at));
    if name.is_empty() || kind.trim().is_empty() {
        return None;
    }
    Some((format!("{}{brackets}", kind.trim()), name.to_owned()))
}

pub fn raw_tracepoints(found: &mut Found<'_>) -> Answer<()> {
    let kernel = Kernel::default();
    let Some(typed) = kernel.typed() else { return Err(host::no_btf()) };
    let mut last = "";
    for named in typed.raw_tracepoints.iter() {
        if named.name == last {
            continue;
        }
        last = named.name;
        found.offer(named.name, || pb::TargetEntry {
            name: named.name.to_owned(),
            module: typed.modules.get(usize::from(named.module)).cloned().unwrap_or_default(),
            ..Default::default()
        })?;
    }
    answer_missing(found, "raw tracepoint", |name| kernel.raw_tracepoint(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMAT: &str = "name: sched_switch\nID: 372\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
        \tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n\
        \tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n\
        \tfield:const char * filename;\toffset:32;\tsize:8;\tsigned:0;\n\
        \tfield:__data_loc char[] name;\toffset:40;\tsize:4;\tsigned:0;\n\
        \tfield:unsigned long args[6];\toffset:48;\tsize:48;\tsigned:0;\n\
        \tfield:struct sock *sk;\toffset:96;\tsize:8;\tsigned:0;\n\nprint fmt: \"field:int x;\", REC->x\n";

    #[test]
    fn fields_have_names_types_and_places() {
        let entry = entry("sched:sched_switch", FORMAT);
        let found: Vec<(&str, &str, u32, u32)> = entry
            .arguments
            .iter()
            .map(|field| (field.name.as_str(), field.r#type.as_str(), field.offset, field.size))
            .collect();
        assert_eq!(
            found,
            [
                ("prev_comm", "char[16]", 8, 16),
                ("prev_pid", "pid_t", 24, 4),
                ("filename", "const char *", 32, 8),
                ("name", "__data_loc char[]", 40, 4),
                ("args", "unsigned long[6]", 48, 48),
                ("sk", "struct sock *", 96, 8),
            ]
        );
        assert_eq!(entry.details["id"], "372");
    }

    proptest! {
        #[test]
        fn any_text_is_a_format_or_not(text in "(field:|offset:|size:|[a-z_ ;\\[\\]*\t\n0-9é]){0,40}") {
            for field in fields(&text) {
                prop_assert!(!field.name.is_empty() && !field.r#type.is_empty());
            }
        }
    }
}
