//! On whose behalf the agent acts: the user that it runs as, who that was before sudo, the login that the kernel noted, and
//! where the ssh connection comes from.

use std::fs;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ringside_bpf::os;

use super::entry::Entry;
use crate::guard::client_of_ssh;

/// The fields of an entry, in their order.
const KEYS: [&str; 7] = ["uid", "user", "sudo-user", "sudo-uid", "login-uid", "from", "port"];
/// What another process may say of itself.
const LONGEST: u16 = 1024;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Who(Vec<(&'static str, String)>);

static CURRENT: Mutex<Option<Who>> = Mutex::new(None);

fn locked() -> MutexGuard<'static, Option<Who>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whom this process acts for, found at the first call.
pub fn current() -> Who {
    locked().get_or_insert_with(Who::of_this_process).clone()
}

/// Somebody else has taken the run over.
pub fn replace(who: Who) {
    *locked() = Some(who);
}

impl Who {
    fn of_this_process() -> Self {
        let uid = os::effective_uid();
        let variable = |name| std::env::var(name).unwrap_or_default();
        let (from, port) = client_of_ssh();
        let login = fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
        let all = [
            uid.to_string(),
            name_of(uid).unwrap_or_default(),
            variable("SUDO_USER"),
            variable("SUDO_UID"),
            login_uid(&login).unwrap_or_default(),
            from,
            port,
        ];
        Self(KEYS.into_iter().zip(all).filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Of a process that says nothing of itself.
    fn of_uid(uid: u32) -> Self {
        Self(vec![("uid", uid.to_string()), ("user", name_of(uid).unwrap_or_default())])
    }

    pub fn add_to(&self, entry: Entry) -> Entry {
        self.0.iter().fold(entry, |entry, (key, value)| entry.with(key, value))
    }

    /// Tells another process of ours for whom this one acts.
    pub fn send(to: &mut impl Write) -> io::Result<()> {
        let text = current().encode();
        let text = &text.as_bytes()[..text.len().min(LONGEST.into())];
        to.write_all(&(text.len() as u16).to_le_bytes())?;
        to.write_all(text)
    }

    /// Whom another process of ours acts for; what the kernel says of it has to be known already.
    pub fn receive(from: &mut impl Read, uid: u32) -> Self {
        let mut text = || {
            let mut length = [0; 2];
            from.read_exact(&mut length)?;
            let mut text = vec![0; u16::from_le_bytes(length).min(LONGEST).into()];
            from.read_exact(&mut text)?;
            io::Result::Ok(text)
        };
        Self::decode(&String::from_utf8_lossy(&text().unwrap_or_default()), uid)
    }

    /// A field a line.
    fn encode(&self) -> String {
        let line = |(key, value): &(&str, String)| format!("{key}={}\n", value.replace('\n', " "));
        self.0.iter().map(line).collect()
    }

    /// Only fields that we know, and the user as the kernel says it.
    fn decode(text: &str, uid: u32) -> Self {
        let fields = text.split('\n').filter_map(|line| line.split_once('='));
        let known =
            fields.filter_map(|(key, value)| Some((*KEYS.iter().find(|known| **known == key)?, value.to_owned())));
        let mut who = Self::of_uid(uid);
        who.0.extend(known.filter(|(key, _)| !matches!(*key, "uid" | "user")));
        who
    }
}

/// As /etc/passwd has it: a static program cannot ask the C library. None for users of a directory service.
fn name_of(uid: u32) -> Option<String> {
    name_in(&fs::read_to_string("/etc/passwd").ok()?, uid)
}

fn name_in(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// None when nobody has logged in: the kernel's -1.
fn login_uid(text: &str) -> Option<String> {
    text.trim().parse().ok().filter(|uid: &u32| *uid != u32::MAX).map(|uid| uid.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn users_are_found_by_their_number() {
        let passwd = "root:x:0:0::/root:/bin/sh\nbroken\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(name_in(passwd, 1000).as_deref(), Some("ana"));
        assert_eq!(name_in(passwd, 7), None);
        assert_eq!(login_uid("1000\n").as_deref(), Some("1000"));
        assert_eq!(login_uid("4294967295"), None);
        assert_eq!(login_uid(""), None);
    }

    #[test]
    fn another_process_cannot_say_to_be_another_user() {
        let who = Who::decode("uid=0\nuser=root\nsudo-user=ana\nfrom=192.0.2.7\nevent=load\nnonsense\n", 4_000_000);
        let entry = who.add_to(Entry::new("adopt"));
        assert_eq!(entry.text(), "adopt uid=4000000 sudo-user=ana from=192.0.2.7");
    }

    proptest! {
        #[test]
        fn what_others_say_is_survived(text in "(uid|from|x|=|\n|\\PC){0,40}") {
            Who::decode(&text, 0).add_to(Entry::new("adopt")).text();
        }

        #[test]
        fn what_is_told_arrives(user in "[^\n]{1,20}") {
            let who = Who(vec![("uid", "4000000".into()), ("user", String::new()), ("sudo-user", user)]);
            prop_assert_eq!(Who::decode(&who.encode(), 4_000_000), who);
        }
    }
}
