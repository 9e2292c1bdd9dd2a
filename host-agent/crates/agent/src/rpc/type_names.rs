//! Names of what programs and links refer to by type: functions of the kernel, of modules and of other programs.

use std::collections::BTreeMap;
use std::rc::Rc;

use ringside_bpf::inventory::{self, BtfDetails, Kind, Types};

use crate::failure::Answer;

/// Types that one request has read so far: the kernel's take a while.
#[derive(Default)]
pub struct TypeNames {
    types: BTreeMap<u32, Option<(BtfDetails, Rc<Types>)>>,
    kernel: Option<Rc<Types>>,
    /// Programs by the id of their BTF: name and id.
    programs: Option<BTreeMap<u32, (String, u32)>>,
}

impl TypeNames {
    /// A function by the ids of its types and of its type there, in words; "" for none, or where it is gone.
    pub fn attach_target(&mut self, (object, type_id): (u32, u32)) -> Answer<String> {
        // Kernels before 5.16 do not name the types: they are the kernel's.
        let object = if object == 0 && type_id != 0 { self.kernel_id()? } else { object };
        if type_id == 0 || object == 0 {
            return Ok(String::new());
        }
        let Some((details, types)) = self.types(object)? else { return Ok(String::new()) };
        let name = types.name(type_id).unwrap_or_default();
        // tp_btf programs refer to a typedef of the tracepoint's name.
        let name = name.strip_prefix("btf_trace_").unwrap_or(&name).to_owned();
        if details.is_split() {
            return Ok(format!("{name} [{}]", details.name));
        }
        match details.kernel {
            true => Ok(name),
            false => Ok(self.program(object)?.map_or(name.clone(), |(program, id)| match program == name {
                true => format!("{name} (program {id})"),
                false => format!("{name} of {program} (program {id})"),
            })),
        }
    }

    fn types(&mut self, id: u32) -> Answer<Option<(BtfDetails, Rc<Types>)>> {
        if let Some(known) = self.types.get(&id) {
            return Ok(known.clone());
        }
        let read = match inventory::btf(id)? {
            None => None,
            Some(details) => {
                let base = if details.is_split() { self.kernel_types()? } else { None };
                // They may be gone by now, or of a kind newer than libbpf.
                Types::by_id(id, base).ok().map(|types| (details, Rc::new(types)))
            }
        };
        self.types.insert(id, read.clone());
        Ok(read)
    }

    fn kernel_types(&mut self) -> Answer<Option<Rc<Types>>> {
        if self.kernel.is_none() {
            let id = self.kernel_id()?;
            self.kernel = if id == 0 { None } else { self.types(id)?.map(|(_, types)| types) };
        }
        Ok(self.kernel.clone())
    }

    fn kernel_id(&self) -> Answer<u32> {
        for id in inventory::ids(Kind::Btf)? {
            if inventory::btf(id)?.is_some_and(|details| details.kernel && !details.is_split()) {
                return Ok(id);
            }
        }
        Ok(0)
    }

    fn program(&mut self, btf_id: u32) -> Answer<Option<(String, u32)>> {
        if self.programs.is_none() {
            let mut programs = BTreeMap::new();
            for id in inventory::ids(Kind::Program)? {
                if let Some(details) = inventory::program(id)? {
                    programs.entry(details.btf_id).or_insert((details.name, id));
                }
            }
            self.programs = Some(programs);
        }
        Ok(self.programs.as_ref().and_then(|programs| programs.get(&btf_id).cloned()))
    }
}
