//! Who may sign: lines of principals, options, key type, key and comment (ALLOWED SIGNERS of ssh-keygen(1)).

use crate::NAMESPACE;
use crate::base64;
use crate::reader::{ED25519, ed25519_key, key_type, word};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    line: usize,
    principals: String,
    /// In ssh's own encoding.
    key: Vec<u8>,
    namespaces: Option<String>,
    /// Seconds since the Unix epoch.
    valid_after: Option<u64>,
    valid_before: Option<u64>,
    /// What of this line is not supported: its key then signs nothing.
    unsupported: Option<String>,
}

/// Errors: the first line that does not have the format.
pub fn parse(text: &[u8]) -> Result<Vec<Signer>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "not UTF-8")?;
    let mut signers = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let signer = signer(index + 1, line).ok_or_else(|| {
            format!(
                "line {} is not \"PRINCIPAL [OPTIONS] ssh-ed25519 KEY\" (ssh-keygen(1), ALLOWED SIGNERS)",
                index + 1
            )
        })?;
        signers.push(signer);
    }
    Ok(signers)
}

fn signer(line: usize, text: &str) -> Option<Signer> {
    let (principals, rest) = word_of(text)?;
    let (mut kind, mut rest) = word_of(rest)?;
    let mut options = "";
    if !is_key_type(kind) {
        options = kind;
        (kind, rest) = word_of(rest).filter(|(kind, _)| is_key_type(kind))?;
    }
    let key = base64::decode(word_of(rest)?.0.as_bytes())?;
    if key_type(&key)? != kind.as_bytes() {
        return None;
    }
    let principals = principals.trim_matches('"').to_owned();
    let (namespaces, valid_after, valid_before, unsupported) = (None, None, None, None);
    let mut signer = Signer { line, principals, key, namespaces, valid_after, valid_before, unsupported };
    if kind.as_bytes() == ED25519 {
        ed25519_key(&signer.key)?;
    } else {
        signer.unsupported = Some(format!(
            "its key is of type {}: ssh-ed25519 is the only one that is supported",
            word(kind.as_bytes())
        ));
    }
    split(options, ',').into_iter().filter(|option| !option.is_empty()).try_for_each(|option| signer.take(option))?;
    Some(signer)
}

/// Up to the next space that is not in quotes, and what is behind it.
fn word_of(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let mut quoted = false;
    let end = text.find(|letter: char| {
        quoted ^= letter == '"';
        letter.is_whitespace() && !quoted
    });
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    (!word.is_empty()).then_some((word, rest))
}

/// At each `separator` that is not in quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|letter: char| {
        quoted ^= letter == '"';
        letter == separator && !quoted
    })
    .collect()
}

/// Types of OpenSSH all begin like this, and no option does.
fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|prefix| word.starts_with(prefix))
}

impl Signer {
    /// None for an option that has no value and needs one, or has a wrong one.
    fn take(&mut self, option: &str) -> Option<()> {
        let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        let value =
            value.map(|value| value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value));
        match name.to_ascii_lowercase().as_str() {
            "namespaces" => self.namespaces = Some(value?.to_owned()),
            "valid-after" => self.valid_after = Some(self.time(value?)),
            "valid-before" => self.valid_before = Some(self.time(value?)),
            other => {
                let what = format!("its option {} is not supported", word(other.as_bytes()));
                self.unsupported.get_or_insert(what);
            }
        }
        Some(())
    }

    /// A time without Z is in the host's own time zone, which an agent does not know.
    fn time(&mut self, text: &str) -> u64 {
        seconds(text).unwrap_or_else(|| {
            let what = format!("its time {} is not YYYYMMDDZ or YYYYMMDDHHMM[SS]Z", word(text.as_bytes()));
            self.unsupported.get_or_insert(what);
            0
        })
    }

    fn obstacle(&self, now: u64) -> Option<String> {
        if let Some(what) = &self.unsupported {
            return Some(what.clone());
        }
        if self.namespaces.as_ref().is_some_and(|patterns| !matches(patterns, NAMESPACE)) {
            return Some(format!("its key may not sign for the namespace {NAMESPACE}"));
        }
        if self.valid_after.is_some_and(|from| now < from) {
            return Some("its key is not valid yet".into());
        }
        self.valid_before.is_some_and(|until| now >= until).then(|| "its key is not valid any more".into())
    }
}

/// The principals of the first line with this key that may sign. Errors: why none does.
pub fn find(signers: &[Signer], key: &[u8], now: u64) -> Result<String, String> {
    let mut why = None;
    for signer in signers.iter().filter(|signer| signer.key == key) {
        match signer.obstacle(now) {
            None => return Ok(signer.principals.clone()),
            Some(what) => {
                why.get_or_insert_with(|| format!("line {} of allowed-signers names its key, but {what}", signer.line));
            }
        }
    }
    Err(why.unwrap_or_else(|| "made with a key that allowed-signers does not name".into()))
}

/// Patterns separated by commas, `*` and `?`; one that begins with `!` and matches forbids.
fn matches(patterns: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(forbidden) if fits(forbidden.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= fits(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// Without recursion: the last star is the only place to go back to.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut read, mut star) = (0, 0, None);
    while read < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, read));
                at += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[read] => (at, read) = (at + 1, read + 1),
            _ => match star {
                Some((after, begun)) => {
                    star = Some((after, begun + 1));
                    (at, read) = (after, begun + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

/// YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z.
fn seconds(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('Z')?;
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to).map_or(Some(0), |part| part.parse::<u64>().ok());
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    Some(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Since the Unix epoch, in the Gregorian calendar: years begin in March, so that a leap day is the last of one.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}
