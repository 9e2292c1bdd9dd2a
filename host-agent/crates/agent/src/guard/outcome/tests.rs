use proptest::prelude::*;

use super::*;

const NOTHING: Insn = Insn { code: 0, dst: 0, src: 0, off: 0, imm: 0 };
const LEAVE: Insn = Insn { code: 0x95, ..NOTHING };

fn mov(dst: u8, imm: i32) -> Insn {
    Insn { code: 0xb7, dst, imm, ..NOTHING }
}

fn copy(dst: u8, src: u8) -> Insn {
    Insn { code: 0xbf, dst, src, ..NOTHING }
}

fn call(imm: i32) -> Insn {
    Insn { code: 0x85, imm, ..NOTHING }
}

fn if_not(dst: u8, imm: i32, off: i16) -> Insn {
    Insn { code: 0x55, dst, imm, off, ..NOTHING }
}

const READ: Insn = Insn { code: 0x61, dst: 3, src: 1, ..NOTHING };

#[test]
fn a_program_that_only_passes() {
    assert_eq!(of(&[mov(0, 2), LEAVE]), Values::one(2));
    // Both branches end with the same verdict.
    assert_eq!(of(&[READ, mov(0, 2), if_not(3, 7, 1), LEAVE, mov(0, 2), LEAVE]), Values::one(2));
}

#[test]
fn one_branch_drops() {
    let insns = [mov(6, 2), READ, if_not(3, 7, 1), mov(6, 1), copy(0, 6), LEAVE];
    assert_eq!(of(&insns), Values::of([1, 2]));
}

#[test]
fn a_branch_that_is_never_taken_does_not_count() {
    assert_eq!(of(&[mov(3, 7), mov(0, 2), if_not(3, 7, 1), LEAVE, mov(0, 1), LEAVE]), Values::one(2));
}

#[test]
fn what_a_helper_gives_is_not_known() {
    assert_eq!(of(&[call(14), LEAVE]), Values::Any);
    let masked = Insn { code: 0x57, imm: 1, ..NOTHING };
    assert_eq!(of(&[call(7), masked, LEAVE]), Values::of([0, 1]));
    // It comes back with nothing only if there is no such program.
    assert_eq!(of(&[call(TAIL_CALL), mov(0, 2), LEAVE]), Values::Any);
}

#[test]
fn an_earlier_decision_is_passed_on() {
    let argument = |number: i16| Insn { code: 0x79, dst: 7, src: 6, off: 8 * number, ..NOTHING };
    let start = [copy(6, 1), argument(1), call(14)];
    let passing = [&start[..], &[copy(0, 7), LEAVE]].concat();
    assert_eq!(of_deciding_after(&passing, Some(1)).besides_earlier(), Some(&[][..]));
    assert_eq!(of_deciding_after(&passing, Some(2)), Values::Any, "another argument");
    assert_eq!(of(&passing), Values::Any);
    // if (earlier) return earlier; return -1;
    let adding = [&start[..], &[if_not(7, 0, 2), mov(0, -1), LEAVE, copy(0, 7), LEAVE]].concat();
    assert_eq!(of_deciding_after(&adding, Some(1)).besides_earlier(), Some(&[u64::MAX][..]));
    let changed = Insn { code: 0x07, dst: 7, imm: 1, ..NOTHING };
    let other = [&start[..], &[changed, copy(0, 7), LEAVE]].concat();
    assert_eq!(of_deciding_after(&other, Some(1)), Values::Any);
}

#[test]
fn functions_are_followed() {
    let function = Insn { code: 0x85, src: 1, imm: 1, ..NOTHING };
    assert_eq!(of(&[function, LEAVE, mov(0, 2), LEAVE]), Values::one(2));
    let recursive = Insn { code: 0x85, src: 1, imm: -1, ..NOTHING };
    assert_eq!(of(&[recursive, LEAVE]), Values::Any);
}

#[test]
fn a_packet_load_may_end_the_program() {
    let load_byte = Insn { code: 0x30, ..NOTHING };
    assert_eq!(of(&[load_byte, mov(0, -1), LEAVE]), Values::of([0, u64::MAX]));
}

#[test]
fn a_loop_comes_to_an_end() {
    let add = Insn { code: 0x07, dst: 0, imm: 1, ..NOTHING };
    let back = Insn { code: 0x05, off: -2, ..NOTHING };
    assert_eq!(of(&[mov(0, 0), add, back]), Values::NONE);
    let until = Insn { code: 0x55, dst: 3, imm: 9, off: -3, ..NOTHING };
    assert_eq!(of(&[mov(0, 0), add, READ, until, LEAVE]), Values::Any);
}

#[test]
fn nonsense_can_end_with_anything() {
    assert_eq!(of(&[]), Values::Any);
    assert_eq!(of(&[mov(0, 2)]), Values::Any);
    assert_eq!(of(&[Insn { code: 0x05, off: -20, ..NOTHING }]), Values::Any);
}

/// Where the arguments of a program that is run for real begin.
const ARGUMENTS: u64 = 0xffff_c0ff_ee00_0000;

/// Runs a program for real, with `unknown` for whatever it reads but the earlier decision. None when it does not end well.
fn run(insns: &[Insn], unknown: &[u64], earlier: u64) -> Option<u64> {
    let mut registers = [0_u64; 11];
    registers[1] = ARGUMENTS;
    let (mut at, mut read) = (0_usize, 0);
    for _ in 0..500 {
        let insn = *insns.get(at)?;
        let wide = matches!(insn.code & 7, 7 | 5);
        let narrow = |value: u64| if wide { value } else { u64::from(value as u32) };
        let operand = if insn.code & 8 != 0 { registers[usize::from(insn.src)] } else { i64::from(insn.imm) as u64 };
        let (a, b) = (narrow(registers[usize::from(insn.dst)]), narrow(operand));
        let bits = if wide { 63 } else { 31 };
        let signed = |value: u64| if wide { value as i64 } else { i64::from(value as u32 as i32) };
        at += 1;
        let jump = match (insn.code & 7, insn.code & 0xf0) {
            (1, _) => {
                let known = registers[usize::from(insn.src)] == ARGUMENTS && insn.off == 0;
                registers[usize::from(insn.dst)] = if known { earlier } else { unknown[read % unknown.len()] };
                read += 1;
                continue;
            }
            (5, 0x90) => return Some(registers[0]),
            (4 | 7, operation) => {
                let result = match operation {
                    0x00 => a.wrapping_add(b),
                    0x10 => a.wrapping_sub(b),
                    0x20 => a.wrapping_mul(b),
                    0x40 => a | b,
                    0x50 => a & b,
                    0x60 => a << (b & bits),
                    0x70 => a >> (b & bits),
                    0x80 => a.wrapping_neg(),
                    0xa0 => a ^ b,
                    0xb0 => b,
                    0xc0 => (signed(a) >> (b & bits)) as u64,
                    _ => return None,
                };
                registers[usize::from(insn.dst)] = narrow(result);
                continue;
            }
            (5 | 6, 0x10) => a == b,
            (5 | 6, 0x20) => a > b,
            (5 | 6, 0x30) => a >= b,
            (5 | 6, 0x40) => a & b != 0,
            (5 | 6, 0x50) => a != b,
            (5 | 6, 0x60) => signed(a) > signed(b),
            (5 | 6, 0x70) => signed(a) >= signed(b),
            (5 | 6, 0xa0) => a < b,
            (5 | 6, 0xb0) => a <= b,
            (5 | 6, 0xc0) => signed(a) < signed(b),
            (5 | 6, 0xd0) => signed(a) <= signed(b),
            _ => return None,
        };
        if jump {
            at = usize::try_from(at as i64 + i64::from(insn.off)).ok()?;
        }
    }
    None
}

fn any_insn() -> impl Strategy<Value = Insn> {
    let small = prop_oneof![-2_i32..4, any::<i32>()];
    let register = 0_u8..4;
    let operations =
        prop::sample::select(vec![0x00_u8, 0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x80, 0xa0, 0xb0, 0xb0, 0xc0]);
    let conditions = prop::sample::select(vec![0x10_u8, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0]);
    let by = prop::sample::select(vec![0_u8, 8]);
    prop_oneof![
        (
            operations,
            prop::sample::select(vec![4_u8, 7]),
            by.clone(),
            register.clone(),
            register.clone(),
            small.clone()
        )
            .prop_map(|(operation, class, by, dst, src, imm)| Insn {
                code: operation | class | by,
                dst,
                src,
                off: 0,
                imm
            }),
        (conditions, prop::sample::select(vec![5_u8, 6]), by, register.clone(), register.clone(), small, -3_i16..5)
            .prop_map(|(operation, class, by, dst, src, imm, off)| Insn {
                code: operation | class | by,
                dst,
                src,
                off,
                imm
            }),
        register.prop_map(|dst| Insn { code: 0x79, dst, src: 1, ..NOTHING }),
        Just(LEAVE),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever a run ends with was foreseen.
    #[test]
    fn no_outcome_is_missed(
        body in prop::collection::vec(any_insn(), 0..30),
        unknown in prop::collection::vec(prop_oneof![0_u64..4, any::<u64>()], 1..8),
    ) {
        let mut insns: Vec<Insn> = (0..4).map(|register| mov(register, 0)).collect();
        insns.extend(body);
        insns.push(LEAVE);
        if let Some(value) = run(&insns, &unknown, 7) {
            let foreseen = of(&insns);
            let covers = foreseen.known().is_none_or(|values| values.contains(&value));
            prop_assert!(covers, "{value} is not among {foreseen:?}");
        }
    }

    /// Nor is one beside what was decided before.
    #[test]
    fn no_outcome_is_missed_beside_an_earlier_decision(
        body in prop::collection::vec(any_insn(), 0..30),
        unknown in prop::collection::vec(prop_oneof![0_u64..4, any::<u64>()], 1..8),
        earlier in prop_oneof![0_u64..4, any::<u64>()],
    ) {
        let mut insns: Vec<Insn> = [0, 2, 3].into_iter().map(|register| mov(register, 0)).collect();
        insns.extend(body);
        insns.push(LEAVE);
        if let Some(value) = run(&insns, &unknown, earlier) {
            let foreseen = of_deciding_after(&insns, Some(0));
            let passed_on = matches!(foreseen, Values::Earlier(..)) && value as u32 == earlier as u32;
            let covers = foreseen.besides_earlier().is_none_or(|values| values.contains(&value));
            prop_assert!(covers || passed_on, "{value} is not among {foreseen:?}");
        }
    }

    #[test]
    fn damaged_programs_are_survived(
        raw in prop::collection::vec(any::<[u8; 8]>(), 0..60),
    ) {
        let insns: Vec<Insn> = raw.into_iter().map(Insn::from).collect();
        of(&insns);
    }
}
