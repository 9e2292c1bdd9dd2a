//! A loaded program's instructions, as the verifier left them and as machine code.

use std::os::fd::AsFd;

use super::{Kind, open};
use crate::{Result, stats};

/// What the kernel shows of a program's code; what it keeps to itself is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgramCode {
    pub xlated: Vec<u8>,
    pub jited: Vec<u8>,
    pub xlated_bytes: u32,
    pub jited_bytes: u32,
    pub btf_id: u32,
    pub function_addresses: Vec<u64>,
    pub function_bytes: Vec<u32>,
    pub func_info: Vec<u8>,
    pub func_info_record: u32,
    pub line_info: Vec<u8>,
    pub line_info_record: u32,
    pub jited_lines: Vec<u64>,
}

/// None when it is gone by now.
pub fn program_code(id: u32) -> Result<Option<ProgramCode>> {
    let Some(fd) = open(Kind::Program, id)? else { return Ok(None) };
    let sizes = stats::info(fd.as_fd(), |_| {})?;
    let mut code = ProgramCode {
        xlated: vec![0; sizes.xlated_prog_len as usize],
        jited: vec![0; sizes.jited_prog_len as usize],
        function_addresses: vec![0; sizes.nr_jited_ksyms as usize],
        function_bytes: vec![0; sizes.nr_jited_func_lens as usize],
        func_info: vec![0; sizes.nr_func_info as usize * sizes.func_info_rec_size as usize],
        line_info: vec![0; sizes.nr_line_info as usize * sizes.line_info_rec_size as usize],
        jited_lines: vec![0; sizes.nr_jited_line_info as usize],
        ..ProgramCode::default()
    };
    let raw = stats::info(fd.as_fd(), |raw| {
        (raw.xlated_prog_len, raw.xlated_prog_insns) = (sizes.xlated_prog_len, code.xlated.as_mut_ptr() as u64);
        (raw.jited_prog_len, raw.jited_prog_insns) = (sizes.jited_prog_len, code.jited.as_mut_ptr() as u64);
        (raw.nr_jited_ksyms, raw.jited_ksyms) = (sizes.nr_jited_ksyms, code.function_addresses.as_mut_ptr() as u64);
        raw.nr_jited_func_lens = sizes.nr_jited_func_lens;
        raw.jited_func_lens = code.function_bytes.as_mut_ptr() as u64;
        (raw.nr_func_info, raw.func_info) = (sizes.nr_func_info, code.func_info.as_mut_ptr() as u64);
        raw.func_info_rec_size = sizes.func_info_rec_size;
        (raw.nr_line_info, raw.line_info) = (sizes.nr_line_info, code.line_info.as_mut_ptr() as u64);
        raw.line_info_rec_size = sizes.line_info_rec_size;
        (raw.nr_jited_line_info, raw.jited_line_info) =
            (sizes.nr_jited_line_info, code.jited_lines.as_mut_ptr() as u64);
        raw.jited_line_info_rec_size = size_of::<u64>() as u32;
    })?;
    // A pointer that came back as zero: the kernel does not show it to this process.
    shown(&mut code.xlated, raw.xlated_prog_insns);
    shown(&mut code.jited, raw.jited_prog_insns);
    shown(&mut code.function_addresses, raw.jited_ksyms);
    shown(&mut code.function_bytes, raw.jited_func_lens);
    shown(&mut code.jited_lines, raw.jited_line_info);
    (code.xlated_bytes, code.jited_bytes) = (sizes.xlated_prog_len, sizes.jited_prog_len);
    (code.func_info_record, code.line_info_record) = (sizes.func_info_rec_size, sizes.line_info_rec_size);
    code.btf_id = raw.btf_id;
    Ok(Some(code))
}

fn shown<T>(values: &mut Vec<T>, pointer: u64) {
    if pointer == 0 {
        values.clear();
    }
}
