//! One entry of the audit log: an event with fields, as a line for syslog and as fields for journald. Names and paths come
//! from others: whatever they hold, an entry is one line of printable ASCII in which no value can pass for another field.

/// Numbers of syslog(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Warning = 4,
    Notice = 5,
}

/// authpriv: what concerns security, in a file that not everybody may read.
const FACILITY: u8 = 10;
/// How syslog and journald call us.
pub const IDENTIFIER: &str = "ringside-agent";
/// Of one value, once it is escaped.
const LONGEST_VALUE: usize = 512;
/// RFC 3164 allows 1024 bytes, the relay's own words included.
const LONGEST_LINE: usize = 960;
const CUT: &str = "...";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    event: &'static str,
    severity: Severity,
    fields: Vec<(&'static str, String)>,
}

impl Entry {
    pub fn new(event: &'static str) -> Self {
        Self { event, severity: Severity::Notice, fields: Vec::new() }
    }

    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// What is not known ("") is left out.
    pub fn with(mut self, key: &'static str, value: impl AsRef<str>) -> Self {
        let value = printable(value.as_ref());
        if !value.is_empty() {
            self.fields.push((key, value));
        }
        self
    }

    /// "load run=4711-1 name=execsnoop …"; values that are no single word stand in quotes.
    pub fn text(&self) -> String {
        let mut text = self.event.to_owned();
        for (key, value) in &self.fields {
            text.push_str(&format!(" {key}={}", quoted(value)));
        }
        cut(text, LONGEST_LINE)
    }

    /// Without a time, which the host's log puts there itself.
    pub fn syslog(&self, pid: u32) -> String {
        let priority = FACILITY << 3 | self.severity as u8;
        format!("<{priority}>{IDENTIFIER}[{pid}]: {}", self.text())
    }

    /// The fields of journald's native protocol. None of the values has a line break, so each is KEY=VALUE and a line's end.
    pub fn journald(&self, pid: u32) -> String {
        let mut text = format!(
            "MESSAGE={}\nPRIORITY={}\nSYSLOG_FACILITY={FACILITY}\nSYSLOG_IDENTIFIER={IDENTIFIER}\nSYSLOG_PID={pid}\nRINGSIDE_EVENT={}\n",
            self.text(),
            self.severity as u8,
            self.event
        );
        for (key, value) in &self.fields {
            let key = key.to_ascii_uppercase().replace('-', "_");
            text.push_str(&format!("RINGSIDE_{key}={value}\n"));
        }
        text
    }
}

/// Everything but printable ASCII is spelled as `\u{…}`: no line break, no escape sequence of a terminal, no letter that looks
/// like another or turns the direction of the text.
fn printable(text: &str) -> String {
    let mut result = String::with_capacity(text.len().min(LONGEST_VALUE));
    for letter in text.chars() {
        match letter {
            '\\' => result.push_str("\\\\"),
            ' '..='~' => result.push(letter),
            other => result.push_str(&format!("\\u{{{:x}}}", other as u32)),
        }
        if result.len() > LONGEST_VALUE {
            return cut(result, LONGEST_VALUE);
        }
    }
    result
}

/// ASCII only, so any place is between two letters.
fn cut(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        text.truncate(longest - CUT.len());
        text.push_str(CUT);
    }
    text
}

fn quoted(value: &str) -> String {
    match value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=')) {
        true => value.to_owned(),
        false => format!("\"{}\"", value.replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_has_its_facility_its_process_and_its_fields() {
        let entry = Entry::new("load").with("run", "4711-1").with("name", "two words").with("user", "");
        assert_eq!(entry.syslog(7), "<85>ringside-agent[7]: load run=4711-1 name=\"two words\"");
        assert_eq!(Entry::new("refused").warning().syslog(7), "<84>ringside-agent[7]: refused");
        let fields = entry.journald(7);
        assert!(fields.starts_with("MESSAGE=load run=4711-1 name=\"two words\"\nPRIORITY=5\nSYSLOG_FACILITY=10\n"));
        assert!(fields.ends_with("SYSLOG_PID=7\nRINGSIDE_EVENT=load\nRINGSIDE_RUN=4711-1\nRINGSIDE_NAME=two words\n"));
    }

    #[test]
    fn nobody_forges_a_line_or_a_field() {
        let entry =
            Entry::new("load").with("name", "x\n<85>ringside-agent[1]: load run=1\r\0\u{1b}[2J\u{202e}\" uid=0 \\n");
        assert_eq!(
            entry.text(),
            "load name=\"x\\u{a}<85>ringside-agent[1]: load run=1\\u{d}\\u{0}\\u{1b}[2J\\u{202e}\\\" uid=0 \\\\n\""
        );
    }

    #[test]
    fn what_is_too_long_is_cut_and_says_so() {
        let long = Entry::new("load").with("name", "é".repeat(5_000));
        assert!(long.fields[0].1.len() == LONGEST_VALUE && long.fields[0].1.ends_with(CUT));
        let many = (0..100).fold(Entry::new("load"), |entry, _| entry.with("name", "0123456789"));
        assert!(many.text().len() == LONGEST_LINE && many.text().ends_with(CUT));
    }

    /// As a reader takes a line apart: None when a quote is not closed.
    fn read(text: &str) -> Option<Vec<(String, String)>> {
        let (mut found, mut rest) = (Vec::new(), text.split_once(' ').map_or("", |(_, rest)| rest));
        while !rest.is_empty() {
            let (key, after) = rest.split_once('=')?;
            let (value, after) = match after.strip_prefix('"') {
                None => after.split_at(after.find(' ').unwrap_or(after.len())),
                Some(inner) => {
                    let mut escaped = false;
                    let end = inner.find(|letter| {
                        let ends = letter == '"' && !escaped;
                        escaped = letter == '\\' && !escaped;
                        ends
                    })?;
                    (&inner[..end], &inner[end + 1..])
                }
            };
            found.push((key.to_owned(), value.replace("\\\"", "\"")));
            rest = after.strip_prefix(' ').unwrap_or(after);
        }
        Some(found)
    }

    proptest! {
        #[test]
        fn whatever_names_hold_fields_stay_what_they_are(name in ".{1,60}", target in "[\"= \\\\\n]{1,9}") {
            let entry = Entry::new("load").with("name", &name).with("target", &target).with("uid", "0");
            let (text, fields) = (entry.text(), entry.journald(1));
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let keys: Vec<String> = read(&text).expect("a line that can be read").into_iter().map(|(key, _)| key).collect();
            prop_assert_eq!(keys, ["name", "target", "uid"]);
            prop_assert_eq!(fields.lines().count(), 9);
        }
    }
}
