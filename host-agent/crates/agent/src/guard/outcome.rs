//! Which values a program can end with, by a small abstract interpretation of its instructions. Conservative: what it does
//! not follow (memory, helpers' results, pointers) counts as any value.

use std::collections::{BTreeMap, BTreeSet};

use ringside_bpf::insns::{self, Insn};

use super::values::Values;

/// Larger programs are not looked into: they can end with anything.
const MOST_INSNS: usize = 100_000;
/// Steps of one analysis, so that no program keeps the agent busy.
const MOST_STEPS: usize = 4_000_000;
/// Functions that call functions that call … no deeper than the kernel lets them.
const MOST_FRAMES: usize = 16;

const TAIL_CALL: i32 = 12;
/// Arguments of tracing programs are words, one after the other.
const ARGUMENT_BYTES: u32 = 8;
/// Loads of a word, or of its lower half, which is an int: LDX with W, DW, and W with its sign.
const WHOLE_LOADS: [u8; 3] = [0x61, 0x79, 0x81];

/// Values of r0 at the ends of the program that begins with the first instruction.
pub fn of(insns: &[Insn]) -> Values {
    of_deciding_after(insns, None)
}

/// The same for a program whose argument of this number is what others have decided before it.
pub fn of_deciding_after(insns: &[Insn], earlier: Option<u32>) -> Values {
    if insns.is_empty() || insns.len() > MOST_INSNS {
        return Values::Any;
    }
    let mut analysis = Analysis {
        insns,
        joints: insns::jump_targets(insns),
        earlier: earlier.and_then(|number| i16::try_from(number * ARGUMENT_BYTES).ok()),
        functions: BTreeMap::new(),
        entered: Vec::new(),
        steps: 0,
        ends: Values::NONE,
    };
    let returned = analysis.function(0);
    // What leaves the program from within a function (a tail call, a packet load out of bounds) ends it just the same.
    returned.join(analysis.ends)
}

/// R0 to R9; the frame pointer is never a constant.
type Registers = [Values; 10];

struct Analysis<'a> {
    insns: &'a [Insn],
    /// Where jumps land: only there states are kept.
    joints: Vec<bool>,
    /// Where an earlier decision stands among the program's arguments.
    earlier: Option<i16>,
    /// What functions return, by their first instruction.
    functions: BTreeMap<usize, Values>,
    entered: Vec<usize>,
    steps: usize,
    /// Values of r0 where the whole program ends although a function has not returned.
    ends: Values,
}

/// Where an instruction leads.
enum Next {
    /// To these places, with the registers as they are then.
    To(Vec<(usize, Registers)>),
    Return(Values),
    /// Nobody knows.
    Lost,
}

impl Analysis<'_> {
    fn function(&mut self, start: usize) -> Values {
        if let Some(known) = self.functions.get(&start) {
            return *known;
        }
        if self.entered.contains(&start) || self.entered.len() >= MOST_FRAMES {
            return Values::Any;
        }
        self.entered.push(start);
        let returned = self.follow(start);
        self.entered.pop();
        self.functions.insert(start, returned);
        returned
    }

    fn follow(&mut self, start: usize) -> Values {
        let mut registers = [Values::Any; 10];
        if start == 0 {
            registers[1] = Values::Context;
        }
        let mut seen: BTreeMap<usize, Registers> = BTreeMap::from([(start, registers)]);
        let mut waiting = BTreeSet::from([start]);
        let mut returned = Values::NONE;
        while let Some(place) = waiting.pop_first() {
            let Some(registers) = seen.get(&place) else { return Values::Any };
            match self.straight_on(place, *registers) {
                Next::Lost => return Values::Any,
                Next::Return(value) => returned = returned.join(value),
                Next::To(places) => {
                    for (place, registers) in places {
                        if merge(&mut seen, place, registers) {
                            waiting.insert(place);
                        }
                    }
                }
            }
        }
        returned
    }

    /// From there to the next place where ways part or meet.
    fn straight_on(&mut self, mut at: usize, mut registers: Registers) -> Next {
        loop {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return Next::Lost;
            }
            let next = self.step(at, registers);
            let Next::To(places) = &next else { return next };
            if places.iter().any(|(place, _)| *place >= self.insns.len()) {
                return Next::Lost;
            }
            match places[..] {
                [(only, then)] if !self.joints[only] => (at, registers) = (only, then),
                _ => return next,
            }
        }
    }

    fn step(&mut self, at: usize, mut registers: Registers) -> Next {
        let insn = self.insns[at];
        let on = at + 1;
        match insn.code & 0x07 {
            LD => self.load(at, registers),
            LDX => {
                let earlier = get(&registers, insn.src) == Values::Context
                    && WHOLE_LOADS.contains(&insn.code)
                    && self.earlier == Some(insn.off);
                set(&mut registers, insn.dst, if earlier { Values::EARLIER } else { Values::Any });
                Next::To(vec![(on, registers)])
            }
            ST => Next::To(vec![(on, registers)]),
            STX => {
                atomic(&mut registers, insn);
                Next::To(vec![(on, registers)])
            }
            ALU | ALU64 => {
                let value = arithmetic(&registers, insn);
                set(&mut registers, insn.dst, value);
                Next::To(vec![(on, registers)])
            }
            _ => self.jump(at, registers),
        }
    }

    fn load(&mut self, at: usize, mut registers: Registers) -> Next {
        let insn = self.insns[at];
        if insn.code == LOAD_IMM64 {
            let Some(second) = self.insns.get(at + 1) else { return Next::Lost };
            let value = match insn.src {
                0 => Values::one(u64::from(insn.imm as u32) | u64::from(second.imm as u32) << 32),
                // A map, a map's value, a function: addresses.
                _ => Values::Any,
            };
            set(&mut registers, insn.dst, value);
            return Next::To(vec![(at + 2, registers)]);
        }
        // BPF_LD_ABS and BPF_LD_IND end the program with 0 when the packet is too short.
        self.ends = self.ends.join(Values::one(0));
        clobber(&mut registers);
        Next::To(vec![(at + 1, registers)])
    }

    fn jump(&mut self, at: usize, registers: Registers) -> Next {
        let insn = self.insns[at];
        let to = |distance: i64| usize::try_from(at as i64 + 1 + distance).ok();
        let narrow = insn.code & 0x07 == JMP32;
        match insn.code & 0xf0 {
            CALL => self.call(at, registers),
            EXIT => Next::Return(registers[0]),
            // An indirect jump (gotox) goes anywhere.
            GOTO if insn.code & BY_REGISTER != 0 => Next::Lost,
            GOTO => {
                let distance = if narrow { i64::from(insn.imm) } else { i64::from(insn.off) };
                to(distance).map_or(Next::Lost, |place| Next::To(vec![(place, registers)]))
            }
            operation => {
                let Some(place) = to(i64::from(insn.off)) else { return Next::Lost };
                let mut places = Vec::with_capacity(2);
                places.extend(branch(registers, insn, operation, narrow, true).map(|then| (place, then)));
                places.extend(branch(registers, insn, operation, narrow, false).map(|other| (at + 1, other)));
                Next::To(places)
            }
        }
    }

    fn call(&mut self, at: usize, mut registers: Registers) -> Next {
        const OF_HELPER: u8 = 0;
        const OF_FUNCTION: u8 = 1;
        let insn = self.insns[at];
        let mut result = Values::Any;
        match insn.src {
            // A tail call that succeeds never comes back: another program decides.
            OF_HELPER if insn.imm == TAIL_CALL => self.ends = Values::Any,
            OF_HELPER => {}
            OF_FUNCTION => {
                let Ok(place) = usize::try_from(at as i64 + 1 + i64::from(insn.imm)) else { return Next::Lost };
                if place >= self.insns.len() {
                    return Next::Lost;
                }
                result = self.function(place);
                if result.is_none() {
                    // It never returns.
                    return Next::To(Vec::new());
                }
            }
            // Of the kernel's functions one throws (bpf_throw), which ends the program with what it was given.
            _ => self.ends = Values::Any,
        }
        clobber(&mut registers);
        registers[0] = result;
        Next::To(vec![(at + 1, registers)])
    }
}

/// True when that place has to be looked at again.
fn merge(seen: &mut BTreeMap<usize, Registers>, place: usize, registers: Registers) -> bool {
    let Some(before) = seen.get_mut(&place) else {
        seen.insert(place, registers);
        return true;
    };
    let mut changed = false;
    for (known, new) in before.iter_mut().zip(registers) {
        let joined = known.join(new);
        changed |= joined != *known;
        *known = joined;
    }
    changed
}

const LD: u8 = 0;
const LDX: u8 = 1;
const ST: u8 = 2;
const STX: u8 = 3;
const ALU: u8 = 4;
const JMP32: u8 = 6;
const ALU64: u8 = 7;
const LOAD_IMM64: u8 = 0x18;
const BY_REGISTER: u8 = 0x08;
const GOTO: u8 = 0x00;
const CALL: u8 = 0x80;
const EXIT: u8 = 0x90;

fn set(registers: &mut Registers, register: u8, value: Values) {
    if let Some(place) = registers.get_mut(usize::from(register)) {
        *place = value;
    }
}

fn get(registers: &Registers, register: u8) -> Values {
    registers.get(usize::from(register)).copied().unwrap_or(Values::Any)
}

/// What a call leaves behind.
fn clobber(registers: &mut Registers) {
    registers[..6].fill(Values::Any);
}

fn atomic(registers: &mut Registers, insn: Insn) {
    const MODE: u8 = 0xe0;
    const ATOMIC: u8 = 0xc0;
    const FETCH: i32 = 0x01;
    const COMPARE_AND_EXCHANGE: i32 = 0xf1;
    const LOAD_ACQUIRE: i32 = 0x100;
    if insn.code & MODE != ATOMIC {
        return;
    }
    match insn.imm {
        COMPARE_AND_EXCHANGE => set(registers, 0, Values::Any),
        LOAD_ACQUIRE => set(registers, insn.dst, Values::Any),
        fetching if fetching & FETCH != 0 => set(registers, insn.src, Values::Any),
        _ => {}
    }
}

/// The operand of an ALU or jump instruction.
fn operand(registers: &Registers, insn: Insn) -> Values {
    match insn.code & BY_REGISTER {
        0 => Values::one(i64::from(insn.imm) as u64),
        _ => get(registers, insn.src),
    }
}

fn arithmetic(registers: &Registers, insn: Insn) -> Values {
    let wide = insn.code & 0x07 == ALU64;
    let narrow = |value: u64| if wide { value } else { u64::from(value as u32) };
    let shift = |by: u64| (by & if wide { 63 } else { 31 }) as u32;
    let (left, right) = (get(registers, insn.dst), operand(registers, insn));
    let operation = insn.code & 0xf0;
    // Forms that came later (signed division, moves with sign extension) say so in the offset, which was 0 before.
    if insn.off != 0 {
        return Values::Any;
    }
    if operation == MOVE && (matches!(right, Values::Earlier(..)) || (wide && right == Values::Context)) {
        return right;
    }
    // Older instruction sets extend the sign of an int by shifting it up and down again.
    if left == Values::EARLIER && SHIFTS.contains(&operation) && right.known() == Some(&[32]) {
        return left;
    }
    let (left, right) = (left.map(narrow), right.map(narrow));
    let result = match operation {
        0x00 => left.combine(right, u64::wrapping_add),
        0x10 => left.combine(right, u64::wrapping_sub),
        0x20 => left.combine(right, u64::wrapping_mul),
        0x40 => left.combine(right, |a, b| a | b),
        0x50 => and(left, right),
        0x60 => left.combine(right, |a, b| a << shift(b)),
        0x70 => left.combine(right, |a, b| a >> shift(b)),
        0x80 => left.map(u64::wrapping_neg),
        0xa0 => left.combine(right, |a, b| a ^ b),
        MOVE => right,
        0xc0 if wide => left.combine(right, |a, b| ((a as i64) >> shift(b)) as u64),
        0xc0 => left.combine(right, |a, b| ((a as u32 as i32) >> shift(b)) as u32 as u64),
        // Division, remainder, byte order.
        _ => Values::Any,
    };
    result.map(narrow)
}

const MOVE: u8 = 0xb0;
const SHIFTS: [u8; 3] = [0x60, 0x70, 0xc0];

fn and(left: Values, right: Values) -> Values {
    let mask = |known: Values| match known.known() {
        Some([one]) => Values::masked(*one),
        _ => Values::Any,
    };
    match (left, right) {
        (Values::Any, known) | (known, Values::Any) => mask(known),
        (left, right) if left.known().is_none() || right.known().is_none() => Values::Any,
        (left, right) => left.combine(right, |a, b| a & b),
    }
}

/// The registers on one side of a conditional jump; none when that side cannot be reached.
fn branch(mut registers: Registers, insn: Insn, operation: u8, narrow: bool, taken: bool) -> Option<Registers> {
    let (left, right) = (get(&registers, insn.dst), operand(&registers, insn));
    let Some(holds) = condition(operation, narrow) else { return Some(registers) };
    let Some([right]) = right.known() else { return Some(registers) };
    let equal = (operation == EQUAL && taken) || (operation == NOT_EQUAL && !taken);
    let left = match left {
        // A 32-bit comparison says nothing of the upper half.
        Values::Any | Values::Earlier(..) if equal && !narrow => Values::one(*right),
        left => left.only(|left| holds(left, *right) == taken),
    };
    if left.is_none() {
        return None;
    }
    set(&mut registers, insn.dst, left);
    Some(registers)
}

const EQUAL: u8 = 0x10;
const NOT_EQUAL: u8 = 0x50;

type Condition = fn(u64, u64) -> bool;

/// None for what is no comparison (may_goto).
fn condition(operation: u8, narrow: bool) -> Option<Condition> {
    const WIDE: [(u8, Condition); 11] = [
        (EQUAL, |a, b| a == b),
        (0x20, |a, b| a > b),
        (0x30, |a, b| a >= b),
        (0x40, |a, b| a & b != 0),
        (NOT_EQUAL, |a, b| a != b),
        (0x60, |a, b| a as i64 > b as i64),
        (0x70, |a, b| a as i64 >= b as i64),
        (0xa0, |a, b| a < b),
        (0xb0, |a, b| a <= b),
        (0xc0, |a, b| (a as i64) < b as i64),
        (0xd0, |a, b| a as i64 <= b as i64),
    ];
    const NARROW: [(u8, Condition); 11] = [
        (EQUAL, |a, b| a as u32 == b as u32),
        (0x20, |a, b| a as u32 > b as u32),
        (0x30, |a, b| a as u32 >= b as u32),
        (0x40, |a, b| a as u32 & b as u32 != 0),
        (NOT_EQUAL, |a, b| a as u32 != b as u32),
        (0x60, |a, b| a as i32 > b as i32),
        (0x70, |a, b| a as i32 >= b as i32),
        (0xa0, |a, b| (a as u32) < b as u32),
        (0xb0, |a, b| a as u32 <= b as u32),
        (0xc0, |a, b| (a as i32) < b as i32),
        (0xd0, |a, b| a as i32 <= b as i32),
    ];
    let table = if narrow { &NARROW } else { &WIDE };
    table.iter().find(|(code, _)| *code == operation).map(|(_, condition)| *condition)
}

#[cfg(test)]
mod tests;
