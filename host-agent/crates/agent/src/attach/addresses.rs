//! Addresses of kernel functions, for names that the kernel cannot resolve to one place by itself.

use std::fs::File;
use std::io::{BufRead, BufReader};

/// Of every function called `name`, or of those of one module for `module:name`. Empty when the kernel hides addresses.
pub fn of(name: &str) -> Vec<u64> {
    let (module, function) = match name.split_once(':') {
        Some((module, function)) => (Some(module), function),
        None => (None, name),
    };
    let Ok(symbols) = File::open("/proc/kallsyms") else { return Vec::new() };
    let lines = BufReader::new(symbols).lines().map_while(Result::ok);
    let mut found: Vec<u64> =
        lines.filter_map(|line| address(&line, module, function)).filter(|address| *address != 0).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `ffffffff81000000 T name [module]`
fn address(line: &str, module: Option<&str>, function: &str) -> Option<u64> {
    let mut fields = line.split_ascii_whitespace();
    let (address, kind, name) = (fields.next()?, fields.next()?, fields.next()?);
    let within = fields.next().map(|field| field.trim_matches(['[', ']']));
    let is_code = matches!(kind, "t" | "T" | "w" | "W");
    let fits = is_code && name == function && module.is_none_or(|module| within == Some(module));
    fits.then(|| u64::from_str_radix(address, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn functions_are_told_from_data_and_by_module() {
        let line = "ffffffffc0100010 t probe_here\t[nf_tables]";
        assert_eq!(address(line, None, "probe_here"), Some(0xffff_ffff_c010_0010));
        assert_eq!(address(line, Some("nf_tables"), "probe_here"), Some(0xffff_ffff_c010_0010));
        assert_eq!(address(line, Some("other"), "probe_here"), None);
        assert_eq!(address("ffffffff81000000 D probe_here", None, "probe_here"), None);
        assert_eq!(address("", None, "probe_here"), None);
    }
}
