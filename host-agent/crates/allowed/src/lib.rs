//! Which objects a host lets run: a list of SHA-256 hashes, which `ssh-keygen -Y sign` may have signed and whose signers are
//! named in the format of OpenSSH. Only bytes come in: who may write the files is for the caller to check.
//!
//! Whatever is not exactly understood allows nothing.
#![forbid(unsafe_code)]

mod base64;
mod list;
mod reader;
mod signature;
mod signers;

use std::fmt;

/// What a signature is for (`ssh-keygen -Y sign -n`), so that one made for something else does not count.
pub const NAMESPACE: &str = "ringside-objects";

/// The files' bytes; none where there is no such file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files<'a> {
    pub list: Option<&'a [u8]>,
    pub signature: Option<&'a [u8]>,
    pub signers: Option<&'a [u8]>,
}

/// What a host allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Every object.
    Anything,
    /// These, by their SHA-256. `signer`: who has signed the list; none where nobody has to.
    Listed { objects: list::Hashes, signer: Option<String> },
    /// None at all, because of this.
    Nothing(Fault),
}

/// Why nothing may run: in which of the three files, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub file: File,
    pub what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    List,
    Signature,
    Signers,
}

impl File {
    pub const ALL: [Self; 3] = [Self::List, Self::Signature, Self::Signers];

    pub fn name(self) -> &'static str {
        match self {
            Self::List => "allowed-objects",
            Self::Signature => "allowed-objects.sig",
            Self::Signers => "allowed-signers",
        }
    }

    fn fault(self, what: impl Into<String>) -> Fault {
        Fault { file: self, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.file.name(), self.what)
    }
}

/// `now`: seconds since the Unix epoch, for signers that are valid for a time.
pub fn policy(files: Files<'_>, now: u64) -> Policy {
    decide(files, now).unwrap_or_else(Policy::Nothing)
}

fn decide(files: Files<'_>, now: u64) -> Result<Policy, Fault> {
    let Some(list) = files.list else {
        return match files.signers {
            None => Ok(Policy::Anything),
            Some(_) => Err(File::List.fault("missing, although allowed-signers says that a signed list is to count")),
        };
    };
    let signer = match files.signers {
        None => None,
        Some(signers) => Some(verified(list, files.signature, signers, now)?),
    };
    let objects = list::parse(list).map_err(|what| File::List.fault(what))?;
    Ok(Policy::Listed { objects, signer })
}

/// Who has signed the list.
fn verified(list: &[u8], signature: Option<&[u8]>, signers: &[u8], now: u64) -> Result<String, Fault> {
    let refused = |what: String| File::Signature.fault(what);
    let armour = signature.ok_or_else(|| refused("missing, although allowed-signers names who has to sign".into()))?;
    let signature = signature::parse(armour).map_err(refused)?;
    if signature.namespace != NAMESPACE.as_bytes() {
        let other = String::from_utf8_lossy(&signature.namespace).into_owned();
        return Err(refused(format!("made for the namespace {other:?}, not {NAMESPACE}")));
    }
    let signers = signers::parse(signers).map_err(|what| File::Signers.fault(what))?;
    let signer = signers::find(&signers, &signature.key, now).map_err(refused)?;
    match signature.is_of(list) {
        true => Ok(signer),
        false => {
            Err(refused("it is not the signature of this list, which was changed since or belongs to another".into()))
        }
    }
}

#[cfg(test)]
mod tests;
