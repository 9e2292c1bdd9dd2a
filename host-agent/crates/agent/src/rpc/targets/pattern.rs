//! Shell wildcards: `*`, `?` and `[a-z]`. Written for names, so `*` also takes slashes.

#[derive(Debug, Clone)]
pub struct Pattern {
    letters: Vec<char>,
}

impl Pattern {
    /// "" takes everything.
    pub fn new(text: &str) -> Self {
        Self { letters: if text.is_empty() { vec!['*'] } else { text.chars().collect() } }
    }

    /// The text itself, if nothing in it stands for something else.
    pub fn literal(&self) -> Option<String> {
        (!self.letters.iter().any(|letter| "*?[".contains(*letter))).then(|| self.letters.iter().collect())
    }

    pub fn with(&self, letter: char, instead: char) -> Self {
        Self { letters: self.letters.iter().map(|own| if *own == letter { instead } else { *own }).collect() }
    }

    pub fn has(&self, letter: char) -> bool {
        self.letters.contains(&letter)
    }

    /// Goes back to the last star only, so that no pattern takes longer than pattern times name.
    pub fn takes(&self, name: &str) -> bool {
        let mut star: Option<(usize, &str)> = None;
        let (mut at, mut rest) = (0, name);
        loop {
            if self.letters.get(at) == Some(&'*') {
                star = Some((at, rest));
                at += 1;
                continue;
            }
            let mut letters = rest.chars();
            match letters.next() {
                None if at == self.letters.len() => return true,
                Some(letter) => {
                    if let Some(length) = self.one(at, letter) {
                        at += length;
                        rest = letters.as_str();
                        continue;
                    }
                }
                None => {}
            }
            let Some((place, from)) = star else { return false };
            let mut letters = from.chars();
            if letters.next().is_none() {
                return false;
            }
            star = Some((place, letters.as_str()));
            (at, rest) = (place + 1, letters.as_str());
        }
    }

    /// How many letters of the pattern stand for this one; none if it does not fit.
    fn one(&self, at: usize, letter: char) -> Option<usize> {
        match self.letters.get(at)? {
            '?' => Some(1),
            '[' => match self.set(at, letter) {
                Some((length, fits)) => fits.then_some(length),
                None => (letter == '[').then_some(1),
            },
            own => (*own == letter).then_some(1),
        }
    }

    /// `[a-z_]` and `[!a-z]`; none if it has no end.
    fn set(&self, at: usize, letter: char) -> Option<(usize, bool)> {
        let end = at + 2 + self.letters.get(at + 2..)?.iter().position(|other| *other == ']')?;
        let mut members = &self.letters[at + 1..end];
        let not = matches!(members.first(), Some('!' | '^'));
        if not {
            members = &members[1..];
        }
        let mut fits = false;
        while let Some((first, rest)) = members.split_first() {
            match rest {
                ['-', last, behind @ ..] => {
                    fits |= (*first..=*last).contains(&letter);
                    members = behind;
                }
                _ => {
                    fits |= *first == letter;
                    members = rest;
                }
            }
        }
        Some((end + 1 - at, fits != not))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wildcards_are_the_shells() {
        let takes = |pattern: &str, name: &str| Pattern::new(pattern).takes(name);
        assert!(takes("", "anything") && takes("*", "") && takes("vfs_*", "vfs_read") && takes("*_read", "vfs_read"));
        assert!(takes("v?s_[rw]*", "vfs_write") && takes("[!a-u]fs", "vfs") && takes("a[b", "a[b"));
        assert!(!takes("vfs", "vfs_read") && !takes("?", "") && !takes("[a-u]fs", "vfs") && !takes("*x", "vfs"));
        assert!(takes("sys*:*open*", "syscalls:sys_enter_openat"));
        assert_eq!(Pattern::new("vfs_read").literal().as_deref(), Some("vfs_read"));
        assert_eq!(Pattern::new("vfs_rea?").literal(), None);
    }

    /// The same by trying everything.
    fn slow(pattern: &[char], name: &[char]) -> bool {
        match (pattern.first(), name.first()) {
            (None, None) => true,
            (Some('*'), _) => slow(&pattern[1..], name) || !name.is_empty() && slow(pattern, &name[1..]),
            (Some('?'), Some(_)) => slow(&pattern[1..], &name[1..]),
            (Some(own), Some(letter)) => own == letter && slow(&pattern[1..], &name[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn going_back_to_the_last_star_is_enough(pattern in "[ab*?]{0,8}", name in "[ab]{0,8}") {
            let letters: Vec<char> = if pattern.is_empty() { vec!['*'] } else { pattern.chars().collect() };
            let all: Vec<char> = name.chars().collect();
            prop_assert_eq!(Pattern::new(&pattern).takes(&name), slow(&letters, &all));
        }

        #[test]
        fn any_pattern_ends(pattern in ".{0,30}", name in ".{0,60}") {
            Pattern::new(&pattern).takes(&name);
        }
    }
}
