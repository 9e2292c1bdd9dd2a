//! A whole list as one text: a client reads a hundred thousand lines in the time that it takes for some hundred messages.

use std::fmt::Write as _;

use ringside_proto::messages as pb;

/// The list with a line for each entry in place of the entries: the name, then name, type, offset and size of each argument,
/// with tabs between them.
pub fn listed(list: &pb::TargetList) -> pb::TargetList {
    let mut text = String::new();
    for target in &list.targets {
        column(&mut text, &target.name);
        for argument in &target.arguments {
            text.push('\t');
            column(&mut text, &argument.name);
            text.push('\t');
            column(&mut text, &argument.r#type);
            let _ = write!(text, "\t{}\t{}", argument.offset, argument.size);
        }
        text.push('\n');
    }
    pb::TargetList { text, total: list.total, ..Default::default() }
}

/// No name has a tab or a line end in it; if one had, it would not become another name's.
fn column(text: &mut String, value: &str) {
    text.extend(value.chars().map(|letter| if letter.is_control() { '?' } else { letter }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_lines_stays_one() {
        let target = pb::TargetEntry { name: "a\tb\nc".into(), ..Default::default() };
        let text = listed(&pb::TargetList { targets: vec![target], total: 1, ..Default::default() });
        assert_eq!((text.text.as_str(), text.total, text.targets.len()), ("a?b?c\n", 1, 0));
    }
}
