//! Signatures as `ssh-keygen -Y sign` makes them (SSHSIG, PROTOCOL.sshsig of OpenSSH): read, and held against a message.

use ed25519_compact::{PublicKey, Signature as Ed25519};
use sha2::{Digest, Sha256};

use crate::base64;
use crate::reader::{ED25519, Reader, ed25519_key, word};

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
const BEGIN: &[u8] = b"-----BEGIN SSH SIGNATURE-----";
const END: &[u8] = b"-----END SSH SIGNATURE-----";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// In ssh's own encoding.
    pub key: Vec<u8>,
    pub namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: Hash,
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Sha256 => b"sha256",
            Self::Sha512 => b"sha512",
        }
    }

    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha512 => hmac_sha512::Hash::hash(message).to_vec(),
        }
    }
}

/// Errors: what the armour or its content is wrong in, or asks for that is not supported.
pub fn parse(armour: &[u8]) -> Result<Signature, String> {
    let blob = unarmoured(armour).ok_or("no armoured SSH signature, as ssh-keygen -Y sign writes it")?;
    let raw = Raw::read(&blob).ok_or("a damaged SSH signature")?;
    if raw.version != VERSION {
        return Err(format!("version {} of SSH signatures, which this agent does not know", raw.version));
    }
    let known = [Hash::Sha256, Hash::Sha512].into_iter().find(|hash| hash.name() == raw.hash);
    let hash = known.ok_or_else(|| format!("its hash algorithm is {}: sha512 or sha256 is needed", word(raw.hash)))?;
    let mut inner = Reader::new(raw.signature);
    let (kind, bytes) = (inner.string(), inner.string());
    match (kind, bytes, inner.end()) {
        (Some(ED25519), Some(bytes), Some(())) if bytes.len() == Ed25519::BYTES => Ok(Signature {
            key: raw.key.to_vec(),
            namespace: raw.namespace.to_vec(),
            reserved: raw.reserved.to_vec(),
            hash,
            bytes: bytes.to_vec(),
        }),
        (Some(kind), ..) if kind != ED25519 => {
            Err(format!("made with a key of type {}: ssh-ed25519 is the only one that is supported", word(kind)))
        }
        _ => Err("a damaged SSH signature".into()),
    }
}

struct Raw<'a> {
    version: u32,
    key: &'a [u8],
    namespace: &'a [u8],
    reserved: &'a [u8],
    hash: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Raw<'a> {
    fn read(blob: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(blob);
        if reader.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let version = reader.number()?;
        let (key, namespace, reserved) = (reader.string()?, reader.string()?, reader.string()?);
        let (hash, signature) = (reader.string()?, reader.string()?);
        reader.end()?;
        Some(Self { version, key, namespace, reserved, hash, signature })
    }
}

/// Between one beginning and one end, with nothing else around.
fn unarmoured(armour: &[u8]) -> Option<Vec<u8>> {
    let inner = armour.trim_ascii().strip_prefix(BEGIN)?.strip_suffix(END)?;
    if !inner.starts_with(b"\n") && !inner.starts_with(b"\r\n") {
        return None;
    }
    let letters: Vec<u8> = inner.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    base64::decode(&letters)
}

impl Signature {
    /// Whether the key in it has signed this message, for this namespace.
    pub fn is_of(&self, message: &[u8]) -> bool {
        let key = ed25519_key(&self.key).and_then(|key| PublicKey::from_slice(key).ok());
        let signature = Ed25519::from_slice(&self.bytes).ok();
        // The crate refuses keys of small order and scalars that are not reduced.
        key.zip(signature).is_some_and(|(key, signature)| key.verify(self.signed(message), &signature).is_ok())
    }

    /// What is signed in truth: the message's hash, and what it is for.
    fn signed(&self, message: &[u8]) -> Vec<u8> {
        let mut signed = MAGIC.to_vec();
        for field in [&self.namespace, &self.reserved, self.hash.name(), &self.hash.of(message)] {
            signed.extend((field.len() as u32).to_be_bytes());
            signed.extend_from_slice(field);
        }
        signed
    }
}
