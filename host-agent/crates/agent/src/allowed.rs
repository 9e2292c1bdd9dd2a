//! What this host lets run: `/etc/ringside/allowed-objects` and its signature, which only root may write. Read anew for every
//! object, so that a list that was replaced counts at once. Whatever is there and not in order allows nothing.

use std::fs::{self, File as Open, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ringside_allowed::{Fault, File, Files, Policy, policy};
use ringside_bpf::os;
use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};
use crate::rpc::host::hex;

const FOLDER: &str = "/etc/ringside";
/// Some 30,000 objects with their comments.
const MOST_BYTES: u64 = 4 << 20;
const OTHERS_MAY_WRITE: u32 = 0o022;

/// Refuses bytes that the host's list does not name. `what`: "execsnoop", "the kernel's types that came along".
pub fn check(what: &str, sha256: &[u8; 32]) -> Answer<()> {
    allows(&of_folder(Path::new(FOLDER)), what, sha256)
}

/// For those who ask what kind of host this is.
pub fn describe() -> pb::ObjectPolicy {
    let state = |state: &str| pb::ObjectPolicy { state: state.into(), ..Default::default() };
    match of_folder(Path::new(FOLDER)) {
        Err(fault) => pb::ObjectPolicy { fault, ..state("broken") },
        Ok(Policy::Nothing(fault)) => pb::ObjectPolicy { fault: place(&fault), ..state("broken") },
        Ok(Policy::Anything) => state("none"),
        Ok(Policy::Listed { objects, signer }) => {
            let kind = state(if signer.is_some() { "signed" } else { "unsigned" });
            pb::ObjectPolicy { objects: objects.len() as u32, signer: signer.unwrap_or_default(), ..kind }
        }
    }
}

fn place(fault: &Fault) -> String {
    format!("{FOLDER}/{fault}")
}

fn allows(policy: &Result<Policy, String>, what: &str, sha256: &[u8; 32]) -> Answer<()> {
    let hash = hex(sha256);
    let broken = |fault: &str| {
        let message = format!(
            "This host lets no object be loaded, because its list of allowed ones is not in order: {fault}. It was {what} (SHA-256 {hash})."
        );
        Err(Failure::new("object-not-allowed", message).hint(
            "Root of the host puts the files in order or removes them; `ringside doctor HOST` shows their state.",
        ))
    };
    match policy {
        Err(fault) => broken(fault),
        Ok(Policy::Nothing(fault)) => broken(&place(fault)),
        Ok(Policy::Anything) => Ok(()),
        Ok(Policy::Listed { objects, .. }) if objects.contains(sha256) => Ok(()),
        Ok(Policy::Listed { objects, signer }) => {
            let signed = signer.as_ref().map_or_else(String::new, |signer| format!(", signed by {signer}"));
            let (count, list) = (objects.len(), File::List.name());
            let message = format!(
                "This host does not let {what} (SHA-256 {hash}) be loaded: it is not among the {count} in {FOLDER}/{list}{signed}."
            );
            Err(Failure::new("object-not-allowed", message)
                .hint("Take an object that is on the list, or have whoever keeps it add this hash (`ringside inspect FILE` shows a file's)."))
        }
    }
}

/// Errors: the folder itself is not in order.
fn of_folder(folder: &Path) -> Result<Policy, String> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Policy::Anything),
        Err(error) => return Err(format!("{}: {error}", folder.display())),
        Ok(facts) if !facts.is_dir() => return Err(format!("{}: not a folder", folder.display())),
        Ok(facts) => in_roots_hands(&facts).map_err(|why| format!("{}: {why}", folder.display()))?,
    }
    let mut contents = [None, None, None];
    for (content, file) in contents.iter_mut().zip(File::ALL) {
        match read(&folder.join(file.name())) {
            Ok(bytes) => *content = bytes,
            Err(what) => return Ok(Policy::Nothing(Fault { file, what })),
        }
    }
    let [list, signature, signers] = &contents;
    let files = Files { list: list.as_deref(), signature: signature.as_deref(), signers: signers.as_deref() };
    Ok(policy(files, os::realtime_ns() / 1_000_000_000))
}

fn in_roots_hands(facts: &Metadata) -> Result<(), String> {
    match (facts.uid(), facts.mode() & OTHERS_MAY_WRITE) {
        (0, 0) => Ok(()),
        (0, _) => Err("others than root may write it".into()),
        (owner, _) => Err(format!("it belongs to user {owner}, not to root")),
    }
}

/// None: there is no such file.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let open = match os::open_without_following(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| in_words(&error))?,
    };
    let facts = open.metadata().map_err(|error| in_words(&error))?;
    if !facts.is_file() {
        return Err("not a plain file".into());
    }
    in_roots_hands(&facts)?;
    whole(open).map(Some)
}

fn whole(open: Open) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    open.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| in_words(&error))?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(format!("larger than {} MiB", MOST_BYTES >> 20)),
        false => Ok(bytes),
    }
}

fn in_words(error: &io::Error) -> String {
    const ELOOP: i32 = 40;
    match error.raw_os_error() {
        Some(ELOOP) => "a symbolic link, which is not followed".into(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A folder like /etc/ringside. These tests run as root, whose files count.
    struct Etc(PathBuf);

    impl Etc {
        fn new() -> Self {
            static COUNTER: AtomicU32 = AtomicU32::new(0);
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("ringside-etc-{}-{number}", std::process::id()));
            fs::create_dir(&path).expect("a new folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("0755");
            Self(path)
        }

        fn put(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("0644");
            path
        }

        fn allows(&self, byte: u8) -> Result<(), String> {
            allows(&of_folder(&self.0), "it", &[byte; 32]).map_err(|failure| {
                assert_eq!(failure.code, "object-not-allowed");
                failure.message
            })
        }
    }

    impl Drop for Etc {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_list_of_roots_counts_and_a_new_one_at_once() {
        let etc = Etc::new();
        assert_eq!(of_folder(&etc.0.join("none")), Ok(Policy::Anything));
        assert_eq!(etc.allows(1), Ok(()), "an empty folder restricts nothing");
        etc.put("allowed-objects", &format!("{} one\n", "01".repeat(32)));
        assert_eq!(etc.allows(1), Ok(()));
        let refused = etc.allows(2).expect_err("refused");
        assert!(
            refused.contains(&format!("it (SHA-256 {})", "02".repeat(32)))
                && refused.contains("the 1 in /etc/ringside/allowed-objects."),
            "{refused}"
        );
        etc.put("allowed-objects", &"02".repeat(32));
        assert_eq!((etc.allows(1).is_err(), etc.allows(2)), (true, Ok(())));
    }

    #[test]
    fn what_others_may_have_written_or_what_cannot_be_read_allows_nothing() {
        let list = "01".repeat(32);
        let refused = |etc: &Etc, why: &str| {
            let message = etc.allows(1).expect_err(why);
            assert!(message.contains(why), "{message}");
        };
        let etc = Etc::new();
        let path = etc.put("allowed-objects", &list);
        for mode in [0o664, 0o646] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            refused(&etc, "/etc/ringside/allowed-objects: others than root may write it");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
        chown(&path, Some(12_345), None).expect("the tests run as root");
        refused(&etc, "/etc/ringside/allowed-objects: it belongs to user 12345, not to root");
        fs::remove_file(&path).expect("removed");
        let elsewhere = etc.put("elsewhere", &list);
        symlink(&elsewhere, &path).expect("a link");
        refused(&etc, "allowed-objects: a symbolic link, which is not followed");
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("a folder");
        refused(&etc, "allowed-objects: not a plain file");
        fs::remove_dir(&path).expect("removed");
        etc.put("allowed-objects", &format!("#{}", " ".repeat(MOST_BYTES as usize)));
        refused(&etc, "allowed-objects: larger than 4 MiB");
        etc.put("allowed-objects", &list);
        etc.put("allowed-signers", "");
        refused(&etc, "allowed-objects.sig: missing, although allowed-signers names who has to sign");
        let of_others = Etc::new();
        of_others.put("allowed-objects", &list);
        fs::set_permissions(&of_others.0, fs::Permissions::from_mode(0o777)).expect("a mode");
        refused(&of_others, "others than root may write it");
    }
}
