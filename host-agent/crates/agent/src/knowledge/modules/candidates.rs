//! Which modules may have a function: no list on the disk says it, but most functions begin with a word of their module.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::is_loaded;
use crate::knowledge::functions::for_each_line;

/// More files are not opened for one name.
const MOST: usize = 12;

/// Modules whose functions begin otherwise than the module.
const PREFIXES: &[(&str, &str)] = &[
    ("blkif", "xen_blkfront"),
    ("bond", "bonding"),
    ("br", "bridge"),
    ("dm", "dm_mod"),
    ("ib", "ib_core"),
    ("ieee80211", "mac80211"),
    ("ip6t", "ip6_tables"),
    ("ipt", "ip_tables"),
    ("iwl", "iwlwifi"),
    ("lo", "loop"),
    ("mlx5e", "mlx5_core"),
    ("nft", "nf_tables"),
    ("nl80211", "cfg80211"),
    ("nvme", "nvme_core"),
    ("ovl", "overlay"),
    ("ovs", "openvswitch"),
    ("rpc", "sunrpc"),
    ("scsi", "scsi_mod"),
    ("sd", "sd_mod"),
    ("smb2", "cifs"),
    ("svc", "sunrpc"),
    ("svm", "kvm_amd"),
    ("usb", "usbcore"),
    ("virtblk", "virtio_blk"),
    ("virtnet", "virtio_net"),
    ("vmx", "kvm_intel"),
    ("wg", "wireguard"),
    ("xprt", "sunrpc"),
    ("xs", "sunrpc"),
    ("xt", "x_tables"),
    ("zpl", "zfs"),
];

/// A module that is not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub module: String,
    pub path: PathBuf,
    /// Likely enough to be named where its file cannot be read.
    pub likely: bool,
}

/// Likeliest first. Lines of modules.dep are `PATH: PATHS THAT IT NEEDS`.
pub fn of(folder: &Path, function: &str) -> Vec<Candidate> {
    let function = function.trim_start_matches('_');
    let Some((first, _)) = function.split_once('_').filter(|(first, _)| first.len() > 1) else { return Vec::new() };
    let Ok(list) = File::open(folder.join("modules.dep")) else { return Vec::new() };
    let mut found: Vec<(u32, Candidate)> = Vec::new();
    for_each_line(BufReader::new(list), |line| {
        let Some((path, _)) = line.split_once(':') else { return };
        let module = module_name(path);
        let score = score(path, &module, function, first);
        if score > 0 && !is_loaded(&module) {
            found.push((score, Candidate { module, path: folder.join(path), likely: score >= LIKELY }));
        }
    });
    found.sort_by(|(score, one), (other_score, other)| other_score.cmp(score).then(one.module.cmp(&other.module)));
    found.into_iter().take(MOST).map(|(_, candidate)| candidate).collect()
}

const LIKELY: u32 = 1000;

/// 0 for no relation. `nfs_file_read` is `nfs`'s before all: the longest name that the function begins with.
fn score(path: &str, module: &str, function: &str, first: &str) -> u32 {
    let alias = || PREFIXES.iter().any(|(prefix, known)| *prefix == first && *known == module);
    let word = |text: &str| text.split(['_', '-']).any(|word| word == first);
    let begins = |text: &str| first.len() > 2 && text.starts_with(first);
    let folder = || path.rsplit('/').nth(1).unwrap_or_default();
    match function.strip_prefix(module) {
        Some(rest) if rest.starts_with('_') => LIKELY + module.len() as u32,
        _ if alias() => LIKELY + first.len() as u32,
        _ if word(module) => 400,
        _ if begins(module) => 300,
        // kernel/drivers/ata/libata.ko, kernel/fs/smb/client/cifs.ko
        _ if word(folder()) || module.ends_with(first) => 200,
        _ if begins(folder()) => 100,
        _ => 0,
    }
}

/// `kernel/fs/nfs/nfs-v4.ko.xz` is loaded as `nfs_v4`.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split(".ko").next().unwrap_or(file).replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn modules_that_are_called_like_the_function_come_first() {
        let folder = std::env::temp_dir().join(format!("ringside-candidates-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let paths = [
            "kernel/fs/rmnfs/rmnfs.ko.xz: kernel/net/sunrpc.ko.xz",
            "kernel/fs/rmnfs/rmnfs-v4.ko.xz:",
            "kernel/arch/x86/kvm/rmkvm-intel.ko: kernel/kvm.ko",
            "kernel/drivers/rmata/rmlib.ko.zst:",
            "kernel/net/ipv4/tcp_rmbbr.ko:",
            "updates/dkms/zfs.ko.gz:", // built into no kernel
        ];
        fs::write(folder.join("modules.dep"), paths.join("\n") + "\n").expect("write");
        let names = |function: &str| {
            let found = of(&folder, function).into_iter();
            found.map(|candidate| (candidate.module, candidate.likely)).collect::<Vec<_>>()
        };
        let likely = |name: &str| (name.to_owned(), true);
        let unlikely = |name: &str| (name.to_owned(), false);
        assert_eq!(names("rmnfs_file_read"), [likely("rmnfs"), unlikely("rmnfs_v4")]);
        assert_eq!(names("__rmnfs_v4_open"), [likely("rmnfs_v4"), likely("rmnfs")]);
        assert_eq!(names("rmata_queue"), [unlikely("rmlib")]);
        assert_eq!(names("rmbbr_main"), [unlikely("tcp_rmbbr")]);
        assert_eq!(names("zpl_iter_read"), [likely("zfs")]);
        assert_eq!(names("vfs_read"), []);
        assert_eq!(names("schedule"), []);
        fs::remove_dir_all(&folder).expect("clean up");
    }
}
