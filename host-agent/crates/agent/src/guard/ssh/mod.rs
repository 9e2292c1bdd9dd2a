//! The way that the client's own ssh connection takes through this host: interfaces, control groups, processes. What is
//! attached there can cut off the very person who attaches it.

mod connection;
mod interfaces;
mod processes;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ringside_bpf::os;

pub use connection::Connection;

use crate::rpc::host;

/// Address and port of the ssh client, as far as they are told; "local" without an ssh connection, "ssh" where only a daemon
/// above shows that there is one.
pub fn client() -> (String, String) {
    match Connection::given() {
        Some(Connection { client, client_port, zone, .. }) => {
            let zone = zone.map_or_else(String::new, |zone| format!("%{zone}"));
            (format!("{client}{zone}"), client_port.to_string())
        }
        None if Connection::denied() || processes::daemons_above().is_empty() => ("local".to_owned(), String::new()),
        None => ("ssh".to_owned(), String::new()),
    }
}

/// Plain data, so that rules can be tested without an sshd. `None` of it means: no ssh connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshPath {
    /// None where only sshd was found above us, and not where its client is.
    pub client: Option<IpAddr>,
    /// By index, with why they are on the way ("the route to 192.0.2.7").
    pub interfaces: BTreeMap<i32, String>,
    /// Why any interface may be on the way.
    pub any_interface: Option<String>,
    /// Below the root of the unified hierarchy: "/system.slice/ssh.service".
    pub cgroups: Vec<String>,
    pub daemons: Vec<u32>,
}

impl SshPath {
    /// As the start script told it, else as the processes above this one show it. None without an ssh connection. Its places
    /// are looked up only if `placed`: they cost a look at every process of the host.
    pub fn of_this_agent(placed: bool) -> Option<Self> {
        if Connection::denied() {
            return None;
        }
        match Connection::given() {
            Some(connection) if placed => Some(Self::of(&connection)),
            Some(connection) => Some(Self { client: Some(connection.client), ..Self::default() }),
            None if processes::daemons_above().is_empty() => None,
            None if !placed => Some(Self::default()),
            None => {
                let any =
                    "the agent runs below sshd, which did not tell by which interface its client comes".to_owned();
                Some(Self { any_interface: Some(any), ..Self::with_daemons(Self::default()) })
            }
        }
    }

    fn of(connection: &Connection) -> Self {
        let (interfaces, any_interface) = interfaces::carrying(connection);
        let path = Self { client: Some(connection.client), interfaces, any_interface, ..Self::default() };
        Self::with_daemons(path)
    }

    fn with_daemons(path: Self) -> Self {
        let daemons = processes::daemons();
        Self { cgroups: processes::cgroups(&daemons), daemons, ..path }
    }

    /// Why this interface is on the way; none when it is not.
    pub fn interface(&self, name: &str) -> Option<String> {
        let index = os::interface_index(name)?;
        self.interfaces.get(&index).or(self.any_interface.as_ref()).cloned()
    }

    /// The group of an sshd that is this one or lies below it.
    pub fn cgroup(&self, chosen: &str) -> Option<&str> {
        let root = host::cgroup2()?;
        let path = std::fs::canonicalize(place(&root, chosen)).ok()?;
        let below_root = path.strip_prefix(&root).ok()?;
        let group = Path::new("/").join(below_root);
        self.cgroups.iter().find(|of_sshd| Path::new(of_sshd.as_str()).starts_with(&group)).map(String::as_str)
    }

    pub fn daemon(&self, pid: u32) -> bool {
        self.daemons.contains(&pid)
    }

    /// "from 192.0.2.7"
    pub fn words(&self) -> String {
        self.client
            .map_or_else(|| "your ssh connection".to_owned(), |client| format!("your ssh connection from {client}"))
    }
}

fn place(root: &str, chosen: &str) -> PathBuf {
    crate::attach::cgroup_place(root, chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_above_sshd_are_on_the_way() {
        let path = SshPath { cgroups: vec!["/ringside-no-such.slice/ssh.service".into()], ..SshPath::default() };
        assert_eq!(host::cgroup2().is_none(), path.cgroup("/").is_none());
        assert_eq!(path.cgroup("/ringside-no-such.slice"), None);
    }

    #[test]
    fn interfaces_are_told_by_their_index() {
        let lo = os::interface_index("lo").expect("lo");
        let path = SshPath { interfaces: BTreeMap::from([(lo, "the route".into())]), ..SshPath::default() };
        assert_eq!(path.interface("lo").as_deref(), Some("the route"));
        assert_eq!(SshPath::default().interface("lo"), None);
        let any = SshPath { any_interface: Some("a tunnel".into()), ..SshPath::default() };
        assert_eq!(any.interface("lo").as_deref(), Some("a tunnel"));
        assert_eq!(any.interface("ringside-none"), None);
    }
}
