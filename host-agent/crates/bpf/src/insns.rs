//! The little of BPF's instruction set that is needed: to know how large a record can be, and to write the agent's own
//! few programs without a compiler.

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

impl Insn {
    /// As the kernel takes it.
    pub fn to_bytes(self) -> [u8; 8] {
        let registers =
            if cfg!(target_endian = "little") { self.src << 4 | self.dst } else { self.dst << 4 | self.src };
        let (off, imm) = (self.off.to_ne_bytes(), self.imm.to_ne_bytes());
        [self.code, registers, off[0], off[1], imm[0], imm[1], imm[2], imm[3]]
    }
}

/// R10 is the frame pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reg {
    R0 = 0,
    R1 = 1,
    R2 = 2,
    R3 = 3,
    R4 = 4,
    R6 = 6,
    R7 = 7,
    R10 = 10,
}

/// Numbers of helper functions (BPF_FUNC_*).
pub mod helper {
    pub const MAP_LOOKUP_ELEM: i32 = 1;
    pub const KTIME_GET_NS: i32 = 5;
    pub const GET_SMP_PROCESSOR_ID: i32 = 8;
    pub const GET_CURRENT_PID_TGID: i32 = 14;
    pub const GET_STACK: i32 = 67;
    pub const PROBE_READ_KERNEL_STR: i32 = 115;
    pub const RINGBUF_OUTPUT: i32 = 130;
    pub const RINGBUF_RESERVE: i32 = 131;
    pub const RINGBUF_SUBMIT: i32 = 132;
    pub const RINGBUF_RESERVE_DYNPTR: i32 = 198;
}

/// Writes a program instruction by instruction.
#[derive(Debug, Default)]
pub struct Asm(Vec<Insn>);

/// A forward jump that still has to land somewhere.
#[must_use]
pub struct Jump(usize);

impl Asm {
    fn push(&mut self, code: u8, dst: u8, src: u8, off: i16, imm: i32) -> &mut Self {
        self.0.push(Insn { code, dst, src, off, imm });
        self
    }

    pub fn mov(&mut self, dst: Reg, src: Reg) -> &mut Self {
        self.push(0xbf, dst as u8, src as u8, 0, 0)
    }

    pub fn set(&mut self, dst: Reg, value: i32) -> &mut Self {
        self.push(ALU64_MOV_IMM, dst as u8, 0, 0, value)
    }

    pub fn add(&mut self, dst: Reg, value: i32) -> &mut Self {
        self.push(0x07, dst as u8, 0, 0, value)
    }

    pub fn load_u64(&mut self, dst: Reg, base: Reg, offset: i16) -> &mut Self {
        self.push(0x79, dst as u8, base as u8, offset, 0)
    }

    pub fn store_u64(&mut self, base: Reg, offset: i16, src: Reg) -> &mut Self {
        self.push(0x7b, base as u8, src as u8, offset, 0)
    }

    pub fn store_u32(&mut self, base: Reg, offset: i16, src: Reg) -> &mut Self {
        self.push(0x63, base as u8, src as u8, offset, 0)
    }

    pub fn atomic_add_u64(&mut self, base: Reg, offset: i16, src: Reg) -> &mut Self {
        self.push(0xdb, base as u8, src as u8, offset, 0)
    }

    /// A map by its descriptor (BPF_PSEUDO_MAP_FD).
    pub fn map(&mut self, dst: Reg, fd: i32) -> &mut Self {
        self.push(LOAD_IMM64, dst as u8, 1, 0, fd).push(0, 0, 0, 0, 0)
    }

    pub fn call(&mut self, helper: i32) -> &mut Self {
        self.push(CALL, 0, 0, 0, helper)
    }

    pub fn exit(&mut self) -> &mut Self {
        self.push(EXIT, 0, 0, 0, 0)
    }

    pub fn jump_if_zero(&mut self, register: Reg) -> Jump {
        self.push(0x15, register as u8, 0, 0, 0);
        Jump(self.0.len() - 1)
    }

    /// The jump goes to whatever comes next.
    pub fn land(&mut self, jump: Jump) {
        self.0[jump.0].off = (self.0.len() - jump.0 - 1) as i16;
    }

    pub fn finish(self) -> Vec<Insn> {
        self.0
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
    (helper::RINGBUF_OUTPUT, 3),         // bpf_ringbuf_output(ring, data, size, flags)
    (helper::RINGBUF_RESERVE, 2),        // bpf_ringbuf_reserve(ring, size, flags)
    (helper::RINGBUF_RESERVE_DYNPTR, 2), // bpf_ringbuf_reserve_dynptr(ring, size, flags, dynptr)
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

/// Numbers of the helpers that these instructions call.
pub fn helpers(insns: &[Insn]) -> Vec<i32> {
    let mut called: Vec<i32> = Vec::new();
    let mut at = 0;
    while let Some(insn) = insns.get(at) {
        if insn.code == CALL && insn.src == 0 {
            called.push(insn.imm);
        }
        at += if insn.code == LOAD_IMM64 { 2 } else { 1 };
    }
    called
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

/// True for each instruction that some jump leads to.
pub fn jump_targets(insns: &[Insn]) -> Vec<bool> {
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
    fn bytes_and_back() {
        let insn = Insn { code: 0x7b, dst: 7, src: 10, off: -8, imm: -2 };
        assert_eq!(Insn::from(insn.to_bytes()), insn);
    }

    #[test]
    fn a_constant_reserve_is_known() {
        assert_eq!(largest_record(&[mov(2, 64), mov(3, 0), call(131)]), Some(64));
        assert_eq!(largest_record(&[mov(3, 40), call(130), mov(2, 8), call(131)]), Some(40));
        assert_eq!(largest_record(&[mov(2, 64), call(14)]), Some(0));
    }

    #[test]
    fn called_helpers_are_told_from_functions_and_constants() {
        let local = Insn { src: 1, ..call(7) };
        let wide = Insn { code: LOAD_IMM64, ..NOTHING };
        assert_eq!(helpers(&[call(6), local, wide, call(9), call(14)]), [6, 14]);
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
