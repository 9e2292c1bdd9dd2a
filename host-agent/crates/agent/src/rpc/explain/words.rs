//! Picking names and sentences out of what libbpf and the verifier say.

/// The first message that is about the cause, without the prefix.
pub fn first_warning(messages: &str) -> Option<String> {
    messages.lines().map(plain).find(|line| !line.is_empty() && !line.starts_with("Error in bpf_create_map_xattr"))
}

/// The first line with these words, without the prefix.
pub fn line_with(messages: &str, words: &str) -> Option<String> {
    messages.lines().find(|line| line.contains(words)).map(plain)
}

/// What stands in quotes behind `before` in a line that also has `after`.
pub fn quoted(messages: &str, before: &str, after: &str) -> Option<String> {
    messages.lines().find_map(|line| {
        let (name, rest) = line.split_once(before)?.1.split_once('\'')?;
        rest.contains(after).then(|| name.to_owned())
    })
}

pub fn plain(line: &str) -> String {
    line.trim_start_matches("libbpf: ").trim().trim_end_matches('.').to_owned()
}

/// With a small first letter, for the middle of a sentence.
pub fn lower(named: &str) -> String {
    let mut characters = named.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_their_quotes() {
        let messages =
            "libbpf: map 'a': found\nlibbpf: extern (func ksym) 'bpf_x': not found in kernel or module BTFs\n";
        assert_eq!(quoted(messages, "(func ksym) '", "not found").as_deref(), Some("bpf_x"));
        assert_eq!(quoted(messages, "(func ksym) '", "incompatible"), None);
        assert_eq!(first_warning(messages).as_deref(), Some("map 'a': found"));
    }
}
