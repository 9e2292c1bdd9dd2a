//! Kernel modules: which are loaded, and which that is not loaded has a name.

mod candidates;
mod packed;

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::functions::for_each_line;
use super::names::without_suffix;
use crate::binary::elf::Elf;
use crate::binary::symbols;
use crate::confine;
use packed::{MOST_BYTES, Packing};

/// What reading modules may take for one request, however many names are missing: guesses are left after that.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A module of this kernel that is on the disk and not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unloaded {
    pub module: String,
    /// Its symbols say so; else its name does.
    pub certain: bool,
}

/// Looks for names in the modules of this kernel that are not loaded.
pub struct Search {
    folder: PathBuf,
    left: Cell<Duration>,
}

impl Default for Search {
    fn default() -> Self {
        let (_, release) = ringside_bpf::os::uname();
        Self::in_folder(Path::new("/lib/modules").join(release))
    }
}

impl Search {
    fn in_folder(folder: PathBuf) -> Self {
        Self { folder, left: Cell::new(PATIENCE) }
    }

    pub fn function(&self, name: &str) -> Option<Unloaded> {
        self.find(name, &[name])
    }

    /// Tracepoints are called like their module, or their category is.
    pub fn tracepoint(&self, category: Option<&str>, name: &str) -> Option<Unloaded> {
        // The function that calls its programs (from 5.10 on), and what it hangs on.
        let symbols = [format!("__traceiter_{name}"), format!("__tracepoint_{name}")];
        let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
        let in_category = category.and_then(|category| self.find(&format!("{category}_{name}"), &symbols));
        in_category.or_else(|| self.find(name, &symbols))
    }

    /// A module that defines one of the symbols; candidates are named like `like`.
    fn find(&self, like: &str, symbols: &[&str]) -> Option<Unloaded> {
        if let Some(module) = exported_by(&self.folder, symbols) {
            // What a loaded module exports and the kernel does not list is no name for a probe.
            return (!is_loaded(&module)).then_some(Unloaded { module, certain: true });
        }
        let mut guess = None;
        for candidate in candidates::of(&self.folder, like) {
            let begin = Instant::now();
            let found = defines(&candidate.path, symbols, self.left.get());
            self.left.set(self.left.get().saturating_sub(begin.elapsed()));
            match found {
                Some(true) => return Some(Unloaded { module: candidate.module, certain: true }),
                Some(false) => {}
                None if candidate.likely => {
                    guess.get_or_insert(Unloaded { module: candidate.module, certain: false });
                }
                None => {}
            }
        }
        guess
    }
}

/// Is it loaded, or built in so that it shows parameters or types?
pub fn is_loaded(module: &str) -> bool {
    !module.contains('/') && Path::new("/sys/module").join(module).exists()
}

/// Lines are `alias symbol:NAME MODULE`, for exported symbols only.
fn exported_by(folder: &Path, symbols: &[&str]) -> Option<String> {
    let mut module = None;
    for_each_line(BufReader::new(File::open(folder.join("modules.symbols")).ok()?), |line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let symbol = words.next().and_then(|word| word.strip_prefix("symbol:"));
        if symbol.is_some_and(|symbol| symbols.contains(&symbol)) {
            module = words.next().map(str::to_owned);
        }
    });
    module
}

/// None where that cannot be told: no such file, damaged, or not in that time.
fn defines(path: &Path, wanted: &[&str], patience: Duration) -> Option<bool> {
    if patience.is_zero() {
        return None;
    }
    let file = File::open(path).ok()?;
    let mut head = [0; 6];
    (&file).read_exact(&mut head).ok()?;
    if Packing::of(&head)? == Packing::Plain {
        return defined_in(&Elf::open(path).ok()?, wanted);
    }
    if file.metadata().ok()?.len() > MOST_BYTES {
        return None;
    }
    // Unpackers are foreign code, and take what time they like.
    confine::module_defines(&fs::read(path).ok()?, wanted, patience)
}

fn defined_in(module: &Elf, wanted: &[&str]) -> Option<bool> {
    let is_wanted = |name: &str| {
        // The compiler's variants will be told when the module is there; parts of functions are none.
        wanted.contains(&without_suffix(name)) && !name.contains(".cold") && !name.contains(".part")
    };
    symbols::any_defined(module, &mut |name| is_wanted(name)).ok()
}

/// What the confined child does with a packed module. None if it is damaged.
pub fn packed_defines(bytes: &[u8], wanted: &[&str]) -> Option<bool> {
    defined_in(&Elf::of(packed::unpacked(bytes).ok()?).ok()?, wanted)
}

/// Loaded modules that have types, for fentry.
pub fn with_types() -> Vec<String> {
    let Ok(entries) = fs::read_dir("/sys/kernel/btf") else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name != "vmlinux");
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of modules whose only file, elf.ko, is this test's own executable: that has libelf's functions.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("ringside-modules-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("modules.symbols"), "# Aliases\nalias symbol:rm_exported rm_conntrack\n").expect("write");
        fs::write(folder.join("modules.dep"), "elf.ko: rm.ko\nrmgone/rmgone.ko.xz:\n").expect("write");
        let own = std::env::current_exe().expect("own path");
        std::os::unix::fs::symlink(own, folder.join("elf.ko")).expect("link");
        folder
    }

    #[test]
    fn the_module_is_found_by_its_symbols_or_guessed_by_its_name() {
        let folder = folder("names");
        let search = Search::in_folder(folder.clone());
        let of = |function: &str| search.function(function).map(|found| (found.module, found.certain));
        assert_eq!(of("rm_exported"), Some(("rm_conntrack".into(), true)));
        assert_eq!(of("elf_begin"), Some(("elf".into(), true)));
        assert_eq!(of("elf_no_such_function"), None, "its symbols say that it has not");
        assert_eq!(of("rmgone_read"), Some(("rmgone".into(), false)), "it cannot be read");
        assert_eq!(of("vfs_read"), None);
        fs::remove_dir_all(&folder).expect("clean up");
    }

    #[test]
    fn time_is_up_for_all_names_together() {
        let folder = folder("time");
        let search = Search { left: Cell::new(Duration::ZERO), ..Search::in_folder(folder.clone()) };
        let guess = Some(Unloaded { module: "elf".into(), certain: false });
        assert_eq!(search.function("elf_begin"), guess);
        fs::remove_dir_all(&folder).expect("clean up");
    }

    #[test]
    fn packed_files_that_hold_no_module_say_nothing() {
        assert_eq!(packed_defines(b"\x28\xb5\x2f\xfd", &["a"]), None);
        assert_eq!(packed_defines(b"", &["a"]), None);
    }
}
