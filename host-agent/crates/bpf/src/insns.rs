//! The little of BPF's instruction set that is needed to know how large a record can be.

/// One 8-byte instruction, in the byte order of the host (objects of another order are refused before).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insn {
    pub code: u8,
    pub dst: u8,
    pub src: u8,
    pub off: i16,
    pub imm: i32,
}

impl From<[u8; 8]> for Insn {
    fn from(raw: [u8; 8]) -> Self {
        let (low, high) = (raw[1] & 0xf, raw[1] >> 4);
        let (dst, src) = if cfg!(target_endian = "little") { (low, high) } else { (high, low) };
        Self {
            code: raw[0],
            dst,
            src,
            off: i16::from_ne_bytes([raw[2], raw[3]]),
            imm: i32::from_ne_bytes([raw[4], raw[5], raw[6], raw[7]]),
        }
    }
}

const LD: u8 = 0x00;
const LDX: u8 = 0x01;
const JMP: u8 = 0x05;
const JMP32: u8 = 0x06;
const ALU32_MOV_IMM: u8 = 0xb4;
const ALU64_MOV_IMM: u8 = 0xb7;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
/// LD | IMM | DW takes two slots.
const LOAD_IMM64: u8 = 0x18;

/// Helpers that make a record, with the register that holds its size.
const RECORD_HELPERS: [(i32, u8); 3] = [
    (130, 3), // bpf_ringbuf_output(ring, data, size, flags)
    (131, 2), // bpf_ringbuf_reserve(ring, size, flags)
    (198, 2), // bpf_ringbuf_reserve_dynptr(ring, size, flags, dynptr)
];

/// The largest record that these instructions can put into any ring buffer: 0 when they make none, `None` when a size
/// is not a constant that can be read off the code right before the call.
pub fn largest_record(insns: &[Insn]) -> Option<u32> {
    let targets = jump_targets(insns);
    let mut largest = 0;
    for (at, insn) in insns.iter().enumerate() {
        if insn.code != CALL || insn.src != 0 {
            continue;
        }
        if let Some((_, register)) = RECORD_HELPERS.iter().find(|(helper, _)| *helper == insn.imm) {
            largest = largest.max(constant_before(insns, &targets, at, *register)?);
        }
    }
    Some(largest)
}

/// The constant in `register` at instruction `at`, if straight-line code before it sets it.
fn constant_before(insns: &[Insn], targets: &[bool], at: usize, register: u8) -> Option<u32> {
    let mut here = at;
    // A jump that lands between the assignment and the call could bring another value along.
    while !targets[here] && here > 0 {
        here -= 1;
        let insn = insns[here];
        match insn.code {
            ALU64_MOV_IMM | ALU32_MOV_IMM if insn.dst == register => return u32::try_from(insn.imm).ok(),
            CALL | EXIT => return None,
            code => {
                let class = code & 0x07;
                let writes_dst = class == LD || class == LDX || class == 0x04 || class == 0x07;
                // An atomic exchange or fetch leaves the old value in its source register.
                let fetches = code & 0xe7 == 0xc3 && insn.src == register;
                if (writes_dst && insn.dst == register) || fetches {
                    return None;
                }
            }
        }
    }
    None
}

fn jump_targets(insns: &[Insn]) -> Vec<bool> {
    let mut targets = vec![false; insns.len()];
    let mut at = 0;
    while at < insns.len() {
        let insn = insns[at];
        let class = insn.code & 0x07;
        if (class == JMP || class == JMP32) && insn.code != EXIT && insn.code != CALL {
            // BPF_JMP32 | BPF_JA keeps its distance in imm.
            let distance = if insn.code == 0x06 { i64::from(insn.imm) } else { i64::from(insn.off) };
            if let Some(target) = usize::try_from(at as i64 + 1 + distance).ok().and_then(|to| targets.get_mut(to)) {
                *target = true;
            }
        }
        at += if insn.code == LOAD_IMM64 { 2 } else { 1 };
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Insn = Insn { code: 0, dst: 0, src: 0, off: 0, imm: 0 };

    fn mov(dst: u8, imm: i32) -> Insn {
        Insn { code: ALU64_MOV_IMM, dst, imm, ..NOTHING }
    }

    fn call(helper: i32) -> Insn {
        Insn { code: CALL, imm: helper, ..NOTHING }
    }

    #[test]
    fn a_constant_reserve_is_known() {
        assert_eq!(largest_record(&[mov(2, 64), mov(3, 0), call(131)]), Some(64));
        assert_eq!(largest_record(&[mov(3, 40), call(130), mov(2, 8), call(131)]), Some(40));
        assert_eq!(largest_record(&[mov(2, 64), call(14)]), Some(0));
    }

    #[test]
    fn a_computed_size_is_not() {
        let copy = Insn { code: 0xbf, dst: 3, src: 7, ..NOTHING };
        assert_eq!(largest_record(&[mov(3, 40), copy, call(130)]), None);
        assert_eq!(largest_record(&[call(131)]), None);
    }

    #[test]
    fn a_jump_in_between_makes_it_unknown() {
        let over = Insn { code: 0x05, off: 1, ..NOTHING };
        assert_eq!(largest_record(&[mov(2, 8), over, mov(2, 64), mov(4, 0), call(131)]), None);
    }
}
