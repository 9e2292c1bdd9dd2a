//! VerifyObject: every program opened and loaded alone, so that each gets a verdict and a whole log of its own.

use std::time::Instant;

use ringside_bpf::log;
use ringside_bpf::object::Object;
use ringside_bpf::stats;
use ringside_proto::messages as pb;

use super::explain;
use crate::failure::libc_errno::ENOSPC;
use crate::failure::{Answer, Failure};
use crate::plan::source::{Changes, Failed, Source};
use crate::plan::{Facts, maps};
use crate::requests::Context;

/// BPF_LOG_LEVEL1 | BPF_LOG_STATS: the path and the figures.
const DEFAULT_LOG_LEVEL: u32 = 1 | 4;
const ONLY_STATISTICS: u32 = 4;

pub fn verify(context: &Context<'_>, request: pb::VerifyObject) -> Answer<pb::VerifyResult> {
    let source = Source::new(context, request.object_blob, request.options)?;
    let object = source.open_leaving(&Changes::default(), &mut Failed::new())?;
    let facts = Facts::of(&source, &object);
    let programs = object.programs();
    let names: Vec<(String, bool)> =
        programs.iter().map(|program| (program.name().to_owned(), program.autoload())).collect();
    drop(programs);
    let mut programs = Vec::new();
    for (done, (name, wanted)) in names.iter().enumerate() {
        context.check_cancelled()?;
        context.progress(format!("verify {name}"), done as u64, names.len() as u64);
        programs.push(judge(context, &source.only(name), &facts, name, *wanted)?);
    }
    Ok(pb::VerifyResult { programs })
}

/// One program's verdict.
fn judge(
    context: &Context<'_>,
    source: &Source,
    facts: &Facts<'_>,
    name: &str,
    wanted: bool,
) -> Answer<pb::ProgramVerdict> {
    let level = if source.options.log_level == 0 { DEFAULT_LOG_LEVEL } else { source.options.log_level };
    let mut attempt = Attempt::new(source, name)?;
    let mut verdict = pb::ProgramVerdict { name: name.to_owned(), section: attempt.section()?, ..Default::default() };
    if !wanted {
        verdict.verdict = "skipped".into();
        let why = Failure::new("usage", format!("Program {name} is not loaded by default, or was not chosen."));
        verdict.error = Some(why.hint("Choose it by name.").into_message(0));
        return Ok(verdict);
    }
    if let Some(no_target) = attempt.no_target.take() {
        verdict.verdict = "rejected".into();
        verdict.libbpf_log = String::from_utf8_lossy(&no_target.log).into_owned();
        verdict.error = Some(no_target.into_message(0));
        return Ok(verdict);
    }
    let started = Instant::now();
    let (mut loaded, mut messages) = attempt.load(level)?;
    verdict.verify_micros = started.elapsed().as_micros() as u64;
    let log = attempt.object.log().map(|log| log.bytes().to_vec()).unwrap_or_default();
    if matches!(&loaded, Err(error) if error.errno == ENOSPC) {
        // The log did not fit, which says nothing about the program: ask again without the path.
        verdict.log_truncated = true;
        attempt = Attempt::new(source, name)?;
        (loaded, messages) = attempt.load(ONLY_STATISTICS)?;
    }
    verdict.instructions = attempt.instructions()?;
    match loaded {
        Ok(()) => verdict.verdict = "accepted".into(),
        Err(error) => {
            verdict.verdict = "rejected".into();
            // Where the verifier was not even asked, a name that the kernel does not have says more than its errno.
            let no_place = if log.is_empty() { facts.no_place(name) } else { None };
            let failure = no_place.unwrap_or_else(|| explain::load(&error, &attempt.object, &messages));
            // The log goes as a blob of its own, once.
            verdict.error = Some(failure.log(Vec::new()).into_message(0));
        }
    }
    verdict.log_blob = context.send_blob(&log)?;
    verdict.libbpf_log = messages;
    Ok(verdict)
}

/// The object opened anew, with one program only.
struct Attempt {
    object: Object,
    name: String,
    /// The program's own target is missing: it cannot even be tried.
    no_target: Option<Failure>,
}

impl Attempt {
    fn new(source: &Source, name: &str) -> Answer<Self> {
        let mut failed = Failed::new();
        let object = source.open_leaving(&Changes::default(), &mut failed)?;
        let mut decided = maps::choose(&object, &source.options)?;
        maps::weigh(&object, &source.options, &mut decided)?;
        maps::pin_nothing(&object)?;
        Ok(Self { object, name: name.to_owned(), no_target: failed.remove(name) })
    }

    fn program(&self) -> Answer<ringside_bpf::program::Program<'_>> {
        let missing = || Failure::new("agent-internal", format!("Program {} vanished from its object.", self.name));
        self.object.program(&self.name).ok_or_else(missing)
    }

    fn section(&self) -> Answer<String> {
        Ok(self.program()?.section().to_owned())
    }

    fn load(&self, level: u32) -> Answer<(ringside_bpf::Result<()>, String)> {
        self.program()?.set_log_level(level)?;
        Ok(log::capture(|| self.object.load()))
    }

    /// As the kernel rewrote them, else as in the object.
    fn instructions(&self) -> Answer<u32> {
        let program = self.program()?;
        let translated = program.fd().and_then(|fd| stats::program(fd).ok()).map(|info| info.translated);
        Ok(translated.unwrap_or_else(|| program.insn_count()))
    }
}
