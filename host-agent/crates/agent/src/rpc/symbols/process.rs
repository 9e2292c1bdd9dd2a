//! Functions of a process: its binaries as it has them mapped (also in a container, also deleted ones), the vDSO, and what a
//! runtime wrote into its perf map. In the child only: blazesym maps other people's files.

use std::fs;
use std::path::Path;

use blazesym::Pid;
use blazesym::normalize::{NormalizeOpts, Normalizer, UserMeta};
use blazesym::symbolize::source::{Process, Source};
use blazesym::symbolize::{CodeInfo, Input, Symbolized, Symbolizer};
use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::rpc::host::hex;

/// `lines` also asks debug information for files, lines and inlined functions: much more to read.
pub fn symbolize(pid: u32, addresses: &[u64], lines: bool) -> Answer<Vec<pb::Symbol>> {
    let mut symbols = named(pid, addresses, lines, true)
        // Odd debug information must not cost the names.
        .or_else(|_| named(pid, addresses, false, true))
        // map_files needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE in the first user namespace; paths do without.
        .or_else(|_| named(pid, addresses, false, false))
        .map_err(|error| unreadable(pid, &error))?;
    place(pid, addresses, &mut symbols);
    Ok(symbols)
}

fn named(pid: u32, addresses: &[u64], lines: bool, map_files: bool) -> blazesym::Result<Vec<pb::Symbol>> {
    let symbolizer = Symbolizer::builder().enable_code_info(lines).enable_inlined_fns(lines).build();
    let mut process = Process::new(Pid::from(pid));
    process.debug_syms = lines;
    process.map_files = map_files;
    let found = symbolizer.symbolize(&Source::Process(process), Input::AbsAddr(addresses))?;
    Ok(found.iter().map(symbol).collect())
}

fn unreadable(pid: u32, error: &blazesym::Error) -> Failure {
    if !Path::new(&format!("/proc/{pid}")).exists() {
        return Failure::new("target-not-found", format!("There is no process {pid} any more."))
            .hint("Addresses of a process get their names while it runs.");
    }
    // A process that has ended and was not waited for has no memory any more.
    if fs::read(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.is_empty()) {
        return Failure::new(
            "target-not-found",
            format!("Process {pid} has no memory: it has ended, or is a kernel thread."),
        );
    }
    Failure::new("no-permission", format!("The memory map of process {pid} cannot be read: {error}."))
        .hint("This needs the right to trace the process (CAP_SYS_PTRACE).")
}

/// An address that belongs to no known function stays without a name.
fn symbol(found: &Symbolized<'_>) -> pb::Symbol {
    let Symbolized::Sym(found) = found else { return pb::Symbol::default() };
    let module = found.module.as_ref().map_or_else(String::new, |module| module.to_string_lossy().into_owned());
    let (file, line) = place_in_source(found.code_info.as_deref());
    let inlined = found.inlined.iter().map(|inlined| {
        let (file, line) = place_in_source(inlined.code_info.as_ref());
        pb::Symbol { name: inlined.name.to_string(), file, line, ..Default::default() }
    });
    pb::Symbol {
        name: found.name.to_string(),
        offset: found.offset as u64,
        module,
        file,
        line,
        inlined: inlined.collect(),
        ..Default::default()
    }
}

fn place_in_source(code: Option<&CodeInfo<'_>>) -> (String, u32) {
    code.map_or_else(|| (String::new(), 0), |code| (code.to_path().display().to_string(), code.line.unwrap_or(0)))
}

/// Which file each address stands in, where in it, and the file's build id: enough to find the name later and elsewhere,
/// also for what has no symbol here. What cannot be told stays as it is.
fn place(pid: u32, addresses: &[u64], symbols: &mut [pb::Symbol]) {
    let normalizer = Normalizer::builder().enable_build_ids(true).enable_build_id_caching(true).build();
    // By path as the process knows the file, then by the link through which it can be read wherever it is.
    for map_files in [false, true] {
        let options = NormalizeOpts { map_files, ..Default::default() };
        let Ok(placed) = normalizer.normalize_user_addrs_opts(Pid::from(pid), addresses, &options) else { return };
        for (symbol, (offset, meta)) in symbols.iter_mut().zip(placed.outputs) {
            let Some(UserMeta::Elf(elf)) = placed.meta.get(meta) else { continue };
            if map_files {
                symbol.build_id = elf.build_id.as_deref().map_or_else(String::new, hex);
            } else {
                symbol.module = elf.path.to_string_lossy().into_owned();
                symbol.module_offset = offset;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn outer(at: &mut u64) -> u64 {
        inner(at)
    }

    #[inline(always)]
    fn inner(at: &mut u64) -> u64 {
        *at = std::hint::black_box(*at).wrapping_mul(31);
        std::hint::black_box(*at)
    }

    #[test]
    fn own_functions_have_names_places_and_build_ids() {
        let address = own_functions_have_names_places_and_build_ids as fn() as usize as u64;
        let found = symbolize(std::process::id(), &[address, 1], true).expect("own process");
        let own = &found[0];
        assert!(own.name.contains("own_functions_have_names"), "{own:?}");
        assert!(own.file.ends_with("process.rs") && own.line > 0 && own.module_offset > 0, "{own:?}");
        assert!(own.module.contains("/deps/"), "{own:?}");
        assert_eq!(found[1], pb::Symbol::default());
        let short = &symbolize(std::process::id(), &[address], false).expect("own process")[0];
        assert!(short.name.contains("own_functions_have_names") && short.line == 0, "{short:?}");
    }

    #[test]
    fn inlined_functions_are_named_inside_of_theirs() {
        assert!(outer(&mut 7) > 0);
        let start = outer as fn(&mut u64) -> u64 as usize as u64;
        let addresses: Vec<u64> = (start..start + 32).collect();
        let found = symbolize(std::process::id(), &addresses, true).expect("own process");
        let inlined = found.iter().filter(|symbol| symbol.name.ends_with("outer")).flat_map(|symbol| &symbol.inlined);
        assert!(inlined.clone().any(|symbol| symbol.name.contains("inner") && symbol.line > 0), "{found:?}");
    }

    #[test]
    fn a_process_that_is_gone_says_so() {
        let mut child = std::process::Command::new("/bin/true").spawn().expect("a child");
        let pid = child.id();
        std::thread::sleep(std::time::Duration::from_millis(200));
        let zombie = symbolize(pid, &[1], true).expect_err("a zombie");
        assert_eq!(zombie.code, "target-not-found", "{zombie:?}");
        child.wait().expect("ended");
        let gone = symbolize(pid, &[1], true).expect_err("gone");
        assert!(gone.message.contains(&pid.to_string()) && gone.code == "target-not-found");
    }
}
