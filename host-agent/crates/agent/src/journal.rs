//! What the agent says on stderr: JSON lines, and never more than the cap, so that a looping fault fills no disk.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

const CAP: usize = 256 * 1024;
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

pub fn error(code: &str, message: &str) {
    line("error", code, message);
}

pub fn info(code: &str, message: &str) {
    line("info", code, message);
}

fn line(level: &str, code: &str, message: &str) {
    let text = format!("{{\"level\":{},\"code\":{},\"message\":{}}}\n", quote(level), quote(code), quote(message));
    let before = WRITTEN.fetch_add(text.len(), Ordering::Relaxed);
    if before < CAP {
        // Nobody may be reading any more; that is no reason to stop.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// A JSON string. Control characters, which could drive a terminal, are escaped.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04x}", control as u32)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_from_elsewhere_is_quoted() {
        assert_eq!(super::quote("a\"b\\c\n\x1b[31m"), "\"a\\\"b\\\\c\\n\\u001b[31m\"");
    }
}
