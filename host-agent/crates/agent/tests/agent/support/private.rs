//! A view of the file system that only the agent under test has: `/dev`, `/run` and `/etc` of its own, in which the test puts
//! what a host would have there. The agent itself has no switch for tests.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{PATIENCE, agent_file};

static COUNTER: AtomicU32 = AtomicU32::new(0);

const SCRIPT: &str = r#"set -e
mount -t tmpfs none /run
cp -a /etc /run/etc
mount -t tmpfs none /etc
cp -a /run/etc/. /etc
rm -rf /run/etc /etc/ringside
mount -t tmpfs -o dev none /dev
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/urandom c 1 9
eval "$PREPARE"
unset PREPARE
exec "$0" "$@""#;

/// The agent, started where these lines of sh have prepared its view.
pub fn command(prepare: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", SCRIPT, &agent_file()]).env("PREPARE", prepare);
    command
}

/// A place of this test's own on the disk, which goes with it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ringside-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).expect("a new folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What listens in the place of syslog or journald.
pub struct Daemon {
    socket: UnixDatagram,
    folder: Folder,
}

impl Daemon {
    pub fn start() -> Self {
        let folder = Folder::new("log");
        let socket = UnixDatagram::bind(folder.0.join("socket")).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { socket, folder }
    }

    /// Lines of sh that put it at /dev/log.
    pub fn as_syslog(&self) -> String {
        format!("ln -s '{}/socket' /dev/log", self.folder.0.display())
    }

    /// Lines of sh that put it where journald listens.
    pub fn as_journald(&self) -> String {
        format!("mkdir -p /run/systemd/journal; ln -s '{}/socket' /run/systemd/journal/socket", self.folder.0.display())
    }

    pub fn next(&self) -> String {
        let mut bytes = [0; 8192];
        let length = self.socket.recv(&mut bytes).expect("an entry");
        String::from_utf8(bytes[..length].to_vec()).expect("ASCII")
    }

    pub fn says_nothing_for(&self, time: Duration) {
        self.socket.set_read_timeout(Some(time)).expect("a timeout");
        let heard = self.socket.recv(&mut [0; 8192]);
        self.socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        assert!(heard.is_err(), "nothing was to be said");
    }
}
