//! Kernel modules: which are loaded, and in which that is not loaded a name may stand.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::functions::for_each_line;

/// Modules whose functions begin otherwise than the module.
const PREFIXES: &[(&str, &str)] = &[
    ("br", "bridge"),
    ("dm", "dm_mod"),
    ("drm", "drm"),
    ("iwl", "iwlwifi"),
    ("ovl", "overlay"),
    ("scsi", "scsi_mod"),
    ("sd", "sd_mod"),
    ("snd", "snd"),
    ("svm", "kvm_amd"),
    ("usb", "usbcore"),
    ("virtnet", "virtio_net"),
    ("vmx", "kvm_intel"),
    ("zpl", "zfs"),
];

/// A module of this kernel that is on the disk and not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unloaded {
    pub module: String,
    /// The module's symbol table says so; else its name does.
    pub certain: bool,
}

/// Which module that is not loaded has (or by its name should have) a function.
pub fn unloaded_with(function: &str) -> Option<Unloaded> {
    let (_, release) = ringside_bpf::os::uname();
    let folder = Path::new("/lib/modules").join(release);
    in_folder(&folder, function).filter(|found| !is_loaded(&found.module))
}

/// Is it loaded, or built in so that it shows parameters or types?
pub fn is_loaded(module: &str) -> bool {
    !module.contains('/') && Path::new("/sys/module").join(module).exists()
}

fn in_folder(folder: &Path, function: &str) -> Option<Unloaded> {
    exported_by(folder, function)
        .map(|module| Unloaded { module, certain: true })
        .or_else(|| named_like(folder, function))
}

/// Lines are `alias symbol:NAME MODULE`, for exported symbols only.
fn exported_by(folder: &Path, function: &str) -> Option<String> {
    let wanted = format!("symbol:{function}");
    let mut module = None;
    for_each_line(BufReader::new(File::open(folder.join("modules.symbols")).ok()?), |line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        if words.next() == Some(&wanted) {
            module = words.next().map(str::to_owned);
        }
    });
    module
}

/// `nfs_file_read` is `nfs`'s: the module with the longest name that the function begins with. Lines of modules.dep are
/// `PATH: PATHS THAT IT NEEDS`.
fn named_like(folder: &Path, function: &str) -> Option<Unloaded> {
    let function = function.trim_start_matches('_');
    let (first, _) = function.split_once('_')?;
    let alias = PREFIXES.iter().find(|(prefix, _)| *prefix == first).map(|(_, module)| *module);
    let mut best: Option<(usize, String, PathBuf)> = None;
    for_each_line(BufReader::new(File::open(folder.join("modules.dep")).ok()?), |line| {
        let Some((path, _)) = line.split_once(':') else { return };
        let module = module_name(path);
        let score = match function.strip_prefix(module.as_str()) {
            Some(rest) if rest.starts_with('_') => module.len(),
            _ if alias == Some(module.as_str()) => first.len(),
            _ => return,
        };
        if best.as_ref().is_none_or(|(known, ..)| score > *known) {
            best = Some((score, module, folder.join(path)));
        }
    });
    let (_, module, _) = best?;
    Some(Unloaded { module, certain: false })
}

/// `kernel/fs/nfs/nfs-v4.ko.xz` is loaded as `nfs_v4`.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
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

    #[test]
    fn the_module_is_found_by_its_symbols_or_by_its_name() {
        let folder = std::env::temp_dir().join(format!("ringside-modules-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("modules.symbols"), "# Aliases\nalias symbol:nf_ct_get_tuple nf_conntrack\n")
            .expect("write");
        fs::write(
            folder.join("modules.dep"),
            "kernel/fs/nfs/nfs.ko.xz: kernel/net/sunrpc.ko.xz\nkernel/fs/nfs/nfs-v4.ko.xz:\nkernel/kvm-intel.ko: kernel/kvm.ko\n",
        )
        .expect("write");
        let of = |function: &str| in_folder(&folder, function).map(|found| (found.module, found.certain));
        assert_eq!(of("nf_ct_get_tuple"), Some(("nf_conntrack".into(), true)));
        assert_eq!(of("nfs_file_read"), Some(("nfs".into(), false)));
        assert_eq!(of("__nfs_v4_open"), Some(("nfs_v4".into(), false)));
        assert_eq!(of("vmx_vcpu_run"), Some(("kvm_intel".into(), false)));
        assert_eq!(of("vfs_read"), None);
        fs::remove_dir_all(&folder).expect("clean up");
    }
}
