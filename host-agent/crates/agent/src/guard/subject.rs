//! What the rules look at: a program that is about to be attached, as plain data.

use std::cell::OnceCell;
use std::collections::HashMap;

use ringside_bpf::btf;
use ringside_bpf::insns::Insn;
use ringside_bpf::program::Program;
use ringside_proto::messages as pb;

use super::outcome;
use super::values::Values;

pub struct Subject {
    pub program: String,
    /// The name of its kind in the table of `attach/kinds.rs`: "xdp", "kprobe.multi" …
    pub kind: &'static str,
    /// What stands behind the first slash of the section.
    pub in_section: String,
    /// It runs on return from what it probes.
    pub on_return: bool,
    pub attach_type: u32,
    pub choices: HashMap<String, String>,
    insns: Vec<Insn>,
    ends: OnceCell<Values>,
}

impl Subject {
    /// None for what has no kind: attaching it fails, and says why.
    pub fn of(program: &Program<'_>, choices: &HashMap<String, String>) -> Option<Self> {
        let kind = crate::attach::kind_name(program, choices)?;
        let section = program.section();
        let prefix = section.trim_start_matches('?');
        Some(Self {
            program: program.name().to_owned(),
            kind,
            in_section: section.split_once('/').map_or_else(String::new, |(_, target)| target.to_owned()),
            on_return: prefix.starts_with("kret") || prefix.starts_with("uret"),
            attach_type: program.expected_attach_type(),
            choices: choices.clone(),
            // As loaded: with the functions that it calls.
            insns: program.insns(),
            ends: OnceCell::new(),
        })
    }

    pub fn choice(&self, key: &str) -> Option<&str> {
        self.choices.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The kernel function that it is for, chosen or written; "" where that is not said.
    pub fn function(&self) -> &str {
        let place = self.choice("func").unwrap_or(&self.in_section);
        let place = place.split_once('+').map_or(place, |(function, _)| function);
        place.rsplit(':').next().unwrap_or(place)
    }

    /// Values that it can end with; none when nothing is known of them.
    pub fn ends(&self) -> Option<&[u64]> {
        let ends = self.ends.get_or_init(|| match outcome::of(&self.insns) {
            Values::Any => outcome::of_deciding_after(&self.insns, self.earlier_decision()),
            known => known,
        });
        // A program that never ends was misread, or ends in a way that is not followed.
        if ends.is_none() { None } else { ends.besides_earlier() }
    }

    /// The number of the argument in which a program gets what was decided before it: behind those of the function.
    fn earlier_decision(&self) -> Option<u32> {
        let function = self.function();
        match self.kind {
            _ if function.is_empty() => None,
            "lsm" => btf::kernel_parameters(&format!("bpf_lsm_{function}")),
            "fmod_ret" => btf::kernel_parameters(function),
            _ => None,
        }
    }

    /// Whether it calls one of these helpers; the first of them.
    pub fn calls(&self, helpers: &[(i32, &'static str)]) -> Option<&'static str> {
        const CALL: u8 = 0x85;
        let called = |insn: &Insn| {
            let helper = helpers.iter().find(|(number, _)| *number == insn.imm);
            helper.filter(|_| insn.code == CALL && insn.src == 0).map(|(_, name)| *name)
        };
        self.insns.iter().find_map(called)
    }

    pub fn finding(&self, rule: &str, target: impl Into<String>, reason: String, cutting: bool) -> pb::Finding {
        pb::Finding { rule: rule.into(), program: self.program.clone(), target: target.into(), reason, cutting }
    }
}

#[cfg(test)]
impl Subject {
    pub fn sample(kind: &'static str, insns: Vec<Insn>) -> Self {
        Self {
            program: "sample".into(),
            kind,
            in_section: String::new(),
            on_return: false,
            attach_type: 0,
            choices: HashMap::new(),
            insns,
            ends: OnceCell::new(),
        }
    }

    pub fn ending_with(kind: &'static str, value: i32) -> Self {
        let code = |code, imm| Insn { code, dst: 0, src: 0, off: 0, imm };
        Self::sample(kind, vec![code(0xb7, value), code(0x95, 0)])
    }

    pub fn calling(kind: &'static str, helper: i32) -> Self {
        let code = |code, imm| Insn { code, dst: 0, src: 0, off: 0, imm };
        Self::sample(kind, vec![code(0x85, helper), code(0xb7, 0), code(0x95, 0)])
    }

    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.choices.insert(key.into(), value.into());
        self
    }

    pub fn in_section(self, target: &str) -> Self {
        Self { in_section: target.into(), ..self }
    }
}
