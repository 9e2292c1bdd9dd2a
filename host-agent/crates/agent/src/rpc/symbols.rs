//! Symbolize.

use std::fs;

use ringside_proto::messages as pb;

use crate::failure::{Answer, Failure};

pub fn symbolize(request: pb::Symbolize) -> Answer<pb::SymbolizeResult> {
    if request.pid != 0 {
        return Err(Failure::new("unsupported-by-kernel", "User-space symbols are not there yet."));
    }
    let text = fs::read("/proc/kallsyms")
        .map_err(|error| Failure::new("no-permission", format!("The kernel's symbols cannot be read: {error}.")))?;
    Ok(pb::SymbolizeResult { symbols: kernel_symbols(&text, &request.addresses) })
}

fn kernel_symbols(_text: &[u8], _addresses: &[u64]) -> Vec<pb::Symbol> {
    Vec::new()
}
