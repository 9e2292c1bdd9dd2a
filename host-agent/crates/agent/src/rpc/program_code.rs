//! GetProgramCode: a program as the kernel rewrote it, and its machine code.

use ringside_bpf::inventory;
use ringside_proto::messages as pb;

use crate::attach::addresses;
use crate::failure::{Answer, Failure};
use crate::requests::Context;

pub fn get(context: &Context<'_>, request: &pb::GetProgramCode) -> Answer<pb::ProgramCode> {
    let gone =
        || Failure::new("unknown-program", format!("There is no BPF program with the id {} (any more).", request.id));
    let code = inventory::program_code(request.id)?.ok_or_else(gone)?;
    Ok(pb::ProgramCode {
        xlated_blob: context.send_blob(&code.xlated)?,
        jited_blob: context.send_blob(&code.jited)?,
        btf_id: code.btf_id,
        function_addresses: code.function_addresses,
        function_bytes: code.function_bytes,
        func_info: code.func_info,
        func_info_record: code.func_info_record,
        line_info: code.line_info,
        line_info_record: code.line_info_record,
        jited_lines: code.jited_lines,
        xlated_bytes: code.xlated_bytes,
        jited_bytes: code.jited_bytes,
        call_base: addresses::of("__bpf_call_base").first().copied().unwrap_or(0),
    })
}
