/** What of a function's registers is read later: a register that is not may be used for something else meanwhile. */
import { InsnClass, jumpTarget, Opcode, type Insn } from '../../bpf/index.ts';

/** A stretch of instructions that run one after the other, or not at all. */
export interface Block {
  /** First and last, as places in the list of instructions. */
  first: number;
  last: number;
  /** Blocks that may come next. */
  next: number[];
}

const TAIL_CALL = 12;
const REGISTERS = 0x3ff;
const bit = (register: number): number => 1 << register;
const ARGUMENTS = bit(1) | bit(2) | bit(3) | bit(4) | bit(5);

/** `ja` by a register (jump tables): where it leads is not in the instruction. */
const JA_REGISTER = 0x0d;

/** Null for a function whose jumps lead where nobody can tell. */
export function blocksOf(insns: readonly Insn[]): Block[] | null {
  const placeOf = new Map(insns.map(({ index }, place) => [index, place]));
  const starts = new Set([0]);
  const targets: (number | null)[] = [];
  for (const [place, insn] of insns.entries()) {
    if (insn.code === JA_REGISTER) return null;
    const slot = jumpTarget(insn);
    const target = slot === null ? null : placeOf.get(slot);
    if (target === undefined) return null;
    targets.push(target);
    if (target !== null) starts.add(target);
    if (target !== null || insn.code === Opcode.exit || isTailCall(insn)) starts.add(place + 1);
  }
  const firsts = [...starts].filter((place) => place < insns.length).sort((a, b) => a - b);
  const blockAt = new Map(firsts.map((place, block) => [place, block]));
  return firsts.map((first, block) => {
    const last = (firsts[block + 1] ?? insns.length) - 1;
    const insn = insns[last]!;
    const target = targets[last] ?? null;
    const next = target === null ? [] : [blockAt.get(target)!];
    const goesOn = insn.code !== Opcode.exit && insn.code !== Opcode.ja && insn.code !== Opcode.jaLong;
    if (goesOn && last + 1 < insns.length) next.push(block + 1);
    return { first, last, next };
  });
}

/** Where it succeeds, what stands behind it does not run. */
const isTailCall = ({ code, src, imm }: Insn): boolean => code === Opcode.call && src === 0 && imm === TAIL_CALL;

/** Registers that are read before they are written anew, from before each instruction on: a bit each. */
export function liveBefore(insns: readonly Insn[], blocks: readonly Block[]): Uint16Array {
  const live = new Uint16Array(insns.length);
  for (let changed = true; changed;) {
    changed = false;
    for (let b = blocks.length - 1; b >= 0; b--) {
      const { first, last, next } = blocks[b]!;
      let after = next.reduce((all, block) => all | live[blocks[block]!.first]!, 0);
      for (let place = last; place >= first; place--) {
        const { reads, writes } = registers(insns[place]!);
        after = (after & ~writes) | reads;
        if (live[place] !== after) {
          live[place] = after;
          changed = true;
        }
      }
    }
  }
  return live;
}

/** The lowest register that nobody reads from there on; null when all are. */
export function freeRegister(live: number): number | null {
  for (let register = 0; register <= 9; register++) if ((live & bit(register)) === 0) return register;
  return null;
}

/** In doubt an instruction reads, and does not write. */
function registers({ code, dst, src, imm64 }: Insn): { reads: number; writes: number } {
  const fromRegister = (code & 8) !== 0;
  switch (code & 7) {
    case InsnClass.ld:
      // What is not a constant loads from the packet of r6, and spoils what a call spoils.
      return imm64 === null ? { reads: bit(6) | bit(src), writes: 0 } : { reads: 0, writes: bit(dst) };
    case InsnClass.ldx:
      return { reads: bit(src), writes: bit(dst) };
    case InsnClass.st:
      return { reads: bit(dst), writes: 0 };
    case InsnClass.stx:
      // Of the atomic ones some compare with r0.
      return { reads: bit(dst) | bit(src) | ((code & 0xe0) === 0xc0 ? bit(0) : 0), writes: 0 };
    case InsnClass.alu:
    case InsnClass.alu64: {
      const move = code >> 4 === 0xb;
      const source = fromRegister && code >> 4 !== 0xd ? bit(src) : 0;
      return { reads: (move ? 0 : bit(dst)) | source, writes: bit(dst) };
    }
    default:
      if (code === Opcode.exit) return { reads: bit(0), writes: REGISTERS };
      if (code === Opcode.call) return { reads: ARGUMENTS, writes: bit(0) | ARGUMENTS };
      if (code === Opcode.callRegister) return { reads: ARGUMENTS | bit(dst), writes: bit(0) | ARGUMENTS };
      return { reads: bit(dst) | (fromRegister ? bit(src) : 0), writes: 0 };
  }
}
