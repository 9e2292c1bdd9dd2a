//! An object as it was sent, with the wishes that came along: opened anew for every attempt to load it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ringside_bpf::log::{self, LogBuffer};
use ringside_bpf::object::{Object, OpenOptions};
use ringside_bpf::program::{self, Program};
use ringside_proto::messages as pb;

use super::elf::Elf;
use super::kinds;
use crate::allowed;
use crate::audit::About;
use crate::blobs::Blob;
use crate::confine;
use crate::failure::libc_errno::{ENOENT, ESRCH};
use crate::failure::{Answer, Failure};
use crate::knowledge::attach_types;
use crate::requests::Context;
use crate::rpc::{explain, object};

pub struct Source {
    pub bytes: Arc<Blob>,
    pub options: pb::ObjectOptions,
    /// Of the kernel, given by the user.
    types: Option<Arc<Blob>>,
}

/// Programs that cannot be loaded here, by name, with the reason.
pub type Failed = BTreeMap<String, Failure>;

/// What an attempt changes in the object because of those before it.
#[derive(Default)]
pub struct Changes<'a> {
    /// Kernel symbols that are made optional.
    pub optional: BTreeSet<&'a str>,
    /// Configuration values for hosts that do not show theirs.
    pub kconfig: String,
}

impl Source {
    pub fn new(context: &Context<'_>, object_blob: u32, options: Option<pb::ObjectOptions>) -> Answer<Self> {
        let bytes = context.blob(object_blob)?;
        let options = options.unwrap_or_default();
        let types = match options.kernel_btf_blob {
            0 => None,
            blob => Some(context.blob(blob)?),
        };
        // Before anything reads these bytes, and they are what is loaded: every version that is opened is made from them.
        let name = if options.name.is_empty() { "this object" } else { options.name.as_str() };
        allowed::check(name, bytes.sha256())?;
        if let Some(types) = &types {
            // What a program reads where is decided by them.
            allowed::check("the kernel's types that came along", types.sha256())?;
        }
        explain::check_elf(&bytes)?;
        confine::check_object(&bytes, *bytes.sha256())?;
        if let Some(types) = &types {
            explain::check_types(types)?;
        }
        Ok(Self { bytes, options, types })
    }

    /// The same object with one program chosen.
    pub fn only(&self, program: &str) -> Self {
        let options = pb::ObjectOptions { programs: vec![program.to_owned()], ..self.options.clone() };
        Self { bytes: Arc::clone(&self.bytes), options, types: self.types.clone() }
    }

    pub fn about(&self) -> About {
        About { name: self.options.name.clone(), sha256: *self.bytes.sha256() }
    }

    /// Opened, with globals, sizes, types and targets set and programs chosen. Programs that miss their target are put into
    /// `failed`, and those that stand there already are not tried again.
    pub fn open_leaving(&self, changes: &Changes<'_>, failed: &mut Failed) -> Answer<Object> {
        let object = self.read(changes)?;
        for size in &self.options.map_sizes {
            object::resize(&object, size)?;
        }
        for global in &self.options.globals {
            object::set_global(&object, global)?;
        }
        for option in &self.options.program_options {
            set_type(find(&object, &option.program)?, option)?;
        }
        object::choose_programs(&object, &self.options.programs)?;
        for option in &self.options.program_options {
            let program = find(&object, &option.program)?;
            if program.autoload()
                && !failed.contains_key(program.name())
                && let Err(failure) = set_target(&object, program, &option.target)
            {
                failed.insert(option.program.clone(), failure);
            }
        }
        Ok(object)
    }

    fn read(&self, changes: &Changes<'_>) -> Answer<Object> {
        let changed = match changes.optional.is_empty() {
            true => None,
            false => Elf::read(&self.bytes).map(|elf| elf.with_weak(&changes.optional)),
        };
        let kconfig = format!("{}\n{}", self.options.kconfig, changes.kconfig);
        let bytes = changed.as_deref().unwrap_or(&self.bytes);
        let given = OpenOptions {
            name: &self.options.name,
            log: Some(LogBuffer::new(self.options.log_limit_bytes)?),
            kconfig: kconfig.trim(),
            kernel_types: self.types.as_ref().map(|types| &types[..]),
        };
        let (opened, messages) = log::capture(|| Object::open(bytes, given));
        let object = opened.map_err(|error| explain::open(&error, &messages))?;
        if object.programs().is_empty() {
            return Err(explain::no_programs());
        }
        without_missing_links(&object)?;
        Ok(object)
    }

    /// A load goes without a log until something fails, unless a level was asked for.
    pub fn set_log_level(&self, object: &Object) -> Answer<()> {
        let level = self.options.log_level;
        let mut programs = object.programs().into_iter().filter(|program| level != 0 && program.autoload());
        Ok(programs.try_for_each(|program| program.set_log_level(level))?)
    }

    /// What was said about the target of a program.
    pub fn target(&self, program: &str) -> Option<&HashMap<String, String>> {
        self.options.program_options.iter().find(|option| option.program == program).map(|option| &option.target)
    }
}

/// Operations with a link are registered without one on kernels that know no such links; the agent takes them back.
fn without_missing_links(object: &Object) -> Answer<()> {
    const STRUCT_OPS: u32 = 26;
    let operations = object.maps().into_iter().filter(|map| map.kind() == STRUCT_OPS && map.flags() & LINK != 0);
    let operations: Vec<_> = operations.collect();
    if operations.is_empty() || attach_types::missing(attach_types::STRUCT_OPS_LINK).is_none() {
        return Ok(());
    }
    for map in operations {
        map.set_flags(map.flags() & !LINK)?;
    }
    Ok(())
}

/// BPF_F_LINK
const LINK: u32 = 1 << 13;

fn find<'o>(object: &'o Object, name: &str) -> Answer<Program<'o>> {
    object.program(name).ok_or_else(|| object::no_program(object, name))
}

fn set_type(program: Program<'_>, option: &pb::ProgramOption) -> Answer<()> {
    if !option.r#type.is_empty() {
        let unknown = || {
            let message = format!("There is no program type {}.", option.r#type);
            Failure::new("bad-value", message).hint("Names are bpftool's: xdp, sched_cls, kprobe, tracing …")
        };
        program.set_type(program::type_by_name(&option.r#type).ok_or_else(unknown)?)?;
    }
    if !option.attach_type.is_empty() {
        let unknown = || {
            let message = format!("There is no attach type {}.", option.attach_type);
            Failure::new("bad-value", message).hint("Names are libbpf's: xdp, cgroup_inet_ingress, trace_fentry …")
        };
        program.set_expected_attach_type(program::attach_type_by_name(&option.attach_type).ok_or_else(unknown)?)?;
    }
    Ok(())
}

/// Only for kinds whose target the verifier must know; all others choose theirs when they are attached.
fn set_target(object: &Object, program: Program<'_>, target: &HashMap<String, String>) -> Answer<()> {
    if !matches!(program.kind(), kinds::TRACING | kinds::LSM | kinds::EXT) {
        return Ok(());
    }
    let name = target.get("func").or_else(|| target.get("event")).map(String::as_str);
    if let Some(wanted) = target.get("program") {
        let other = loaded_program(wanted)?;
        let set = || program.set_program_target(object, other, name.unwrap_or(""));
        let (set, messages) = log::capture(set);
        return set.map_err(|error| {
            let function = name.or_else(|| program.section().split_once('/').map(|(_, name)| name)).unwrap_or("");
            let message = format!("Program {wanted} of this host has no function {function} in its BTF.");
            Failure::new("target-not-found", message).errno(error.errno).log(messages)
        });
    }
    let Some(name) = name else { return Ok(()) };
    // A category, which BTF names do not have.
    let name = name.rsplit('/').next().unwrap_or(name);
    let (set, messages) = log::capture(|| program.set_kernel_target(name));
    set.map_err(|error| match error.errno {
        ENOENT | ESRCH => explain::no_target(program.name(), &format!("kernel function, event or hook {name}"))
            .errno(error.errno)
            .log(messages),
        _ => explain::whole(&error, &messages),
    })
}

/// A program of the host by its id or name.
fn loaded_program(wanted: &str) -> Answer<std::os::fd::OwnedFd> {
    let found = match wanted.parse() {
        Ok(id) => program::open_by_id(id),
        Err(_) => program::open_by_name(wanted),
    };
    found.map_err(|error| match error.errno {
        ENOENT => Failure::new("target-not-found", format!("No program {wanted} is loaded on this host."))
            .errno(error.errno)
            .hint("`ringside programs` lists them with their ids."),
        _ => error.into(),
    })
}
