//! In words, who is where a program wanted to go.

use std::fs;

use ringside_bpf::link;

/// Processes that are looked at for an owner.
const MOST_NAMED: usize = 3;

/// "XDP program 42 (drop_all) by link 7 of loader (pid 123)"; plain words when the kernel does not tell.
pub fn of_programs(what: &str, ids: &[u32]) -> String {
    if ids.is_empty() {
        return format!("another {what}");
    }
    let named: Vec<String> = ids
        .iter()
        .map(|id| match link::program_name(*id).filter(|name| !name.is_empty()) {
            Some(name) => format!("{id} ({name})"),
            None => id.to_string(),
        })
        .collect();
    let links = link::links_of(ids);
    let by = match links.is_empty() {
        true => ", without a link".to_owned(),
        false => format!(" by link {}", links.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    };
    let holders = holders(ids, &links);
    let of = if holders.is_empty() { String::new() } else { format!(" of {}", holders.join(", ")) };
    format!("{what} {}{by}{of}", named.join(", "))
}

/// Processes that hold a descriptor of one of these programs or links.
fn holders(programs: &[u32], links: &[u32]) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holding = pids.filter(|pid| holds(*pid, programs, links));
    holding
        .take(MOST_NAMED)
        .map(|pid| {
            let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            format!("{} (pid {pid})", command.trim())
        })
        .collect()
}

fn holds(pid: u32, programs: &[u32], links: &[u32]) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.flatten().any(|entry| {
        // Only descriptors of BPF objects are worth a second look.
        let of_bpf = fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("anon_inode:bpf"));
        of_bpf && {
            let number = entry.file_name();
            let info =
                fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", number.to_string_lossy())).unwrap_or_default();
            info_names(&info, programs, links)
        }
    })
}

fn info_names(info: &str, programs: &[u32], links: &[u32]) -> bool {
    info.lines().filter_map(|line| line.split_once(':')).any(|(key, value)| {
        let among = |ids: &[u32]| value.trim().parse().is_ok_and(|id| ids.contains(&id));
        (key == "prog_id" && among(programs)) || (key == "link_id" && among(links))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_tells_what_it_is() {
        let info = "pos:\t0\nflags:\t02000002\nlink_type:\txdp\nlink_id:\t7\nprog_tag:\tab\nprog_id:\t42\n";
        assert!(info_names(info, &[42], &[]) && info_names(info, &[], &[7]) && !info_names(info, &[7], &[42]));
    }

    #[test]
    fn nobody_known_is_still_somebody() {
        assert_eq!(of_programs("XDP program", &[]), "another XDP program");
    }
}
