//! Which CPUs there are. Per-CPU map values count *possible* CPUs, perf events open only on *online* ones.

use std::fs;

/// Numbers of the online CPUs, which may have gaps.
pub fn online() -> Vec<u32> {
    read("/sys/devices/system/cpu/online")
}

/// How many CPUs the kernel may ever have: the length of a per-CPU value.
pub fn possible_count() -> usize {
    read("/sys/devices/system/cpu/possible").last().map_or(1, |last| *last as usize + 1)
}

fn read(path: &str) -> Vec<u32> {
    let cpus = fs::read_to_string(path).map(|text| parse_list(&text)).unwrap_or_default();
    if cpus.is_empty() { vec![0] } else { cpus }
}

/// `0-2,5` → 0, 1, 2, 5. Parts that are no numbers are left out.
fn parse_list(text: &str) -> Vec<u32> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            cpus.extend(first..=last);
        }
    }
    cpus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_with_gaps() {
        assert_eq!(parse_list("0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(parse_list("0"), [0]);
        assert_eq!(parse_list(""), Vec::<u32>::new());
    }
}
