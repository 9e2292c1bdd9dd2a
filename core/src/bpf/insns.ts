/** Decoding of BPF instructions (Documentation/bpf/standardization/instruction-set.rst). */
import { Bytes, malformed } from './bytes.ts';

export const INSN_BYTES = 8;
export const Opcode = { loadImm64: 0x18, call: 0x85, callRegister: 0x8d, exit: 0x95, ja: 0x05, jaLong: 0x06 } as const;
export const InsnClass = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;
/** `src` of a call: a helper, another function of the object, a kernel function. */
export const CallKind = { helper: 0, local: 1, kfunc: 2 } as const;

export interface Insn {
  /** In 8-byte slots from the start of the decoded bytes; ld_imm64 takes two. */
  index: number;
  slots: 1 | 2;
  code: number;
  dst: number;
  src: number;
  off: number;
  imm: number;
  /** The value of ld_imm64, unsigned. */
  imm64: bigint | null;
}

/** Decodes whole instructions. Error: `object-malformed` when the bytes end within one. */
export function decodeInsns(data: Uint8Array): Insn[] {
  if (data.length % INSN_BYTES !== 0) throw malformed('a program is not a whole number of instructions');
  const bytes = new Bytes(data, 'a program');
  const insns: Insn[] = [];
  for (let at = 0; at < data.length;) {
    const code = bytes.u8(at);
    const registers = bytes.u8(at + 1);
    const wide = code === Opcode.loadImm64;
    const imm = bytes.i32(at + 4);
    const imm64 = wide ? (BigInt(bytes.u32(at + 12)) << 32n) | BigInt(bytes.u32(at + 4)) : null;
    const slots = wide ? 2 : 1;
    insns.push({
      index: at / INSN_BYTES,
      slots,
      code,
      dst: registers & 15,
      src: registers >> 4,
      off: bytes.i16(at + 2),
      imm,
      imm64,
    });
    at += slots * INSN_BYTES;
  }
  return insns;
}

/** Slot that a jump goes to; null for what is no jump. */
export function jumpTarget(insn: Insn): number | null {
  const cls = insn.code & 7;
  if (cls !== InsnClass.jmp && cls !== InsnClass.jmp32) return null;
  if (insn.code === Opcode.call || insn.code === Opcode.callRegister || insn.code === Opcode.exit) return null;
  return insn.index + 1 + (insn.code === Opcode.jaLong ? insn.imm : insn.off);
}

/** Bytes that a load or store moves; 0 for other instructions. */
export function accessSize(insn: Insn): number {
  const cls = insn.code & 7;
  if (cls !== InsnClass.ldx && cls !== InsnClass.st && cls !== InsnClass.stx) return 0;
  return [4, 2, 1, 8][(insn.code >> 3) & 3]!;
}

const ALU = ['+=', '-=', '*=', '/=', '|=', '&=', '<<=', '>>=', 'neg', '%=', '^=', '=', 's>>=', 'endian'];
const JUMP = ['goto', '==', '>', '>=', '&', '!=', 's>', 's>=', 'call', 'exit', '<', '<=', 's<', 's<='];
const ATOMIC: Record<number, string> = { 0x00: '+=', 0x40: '|=', 0x50: '&=', 0xa0: '^=' };
const signed = (value: number): string => (value < 0 ? `-${-value}` : `+${value}`);

/** One instruction as the kernel's verifier prints it: "r1 = 42", "if r0 == 0x0 goto pc+3", "call helper#131". */
export function disassemble(insn: Insn): string {
  const r = (n: number, wide = true) => `${wide ? 'r' : 'w'}${n}`;
  const cls = insn.code & 7;
  const wide = cls === InsnClass.alu64 || cls === InsnClass.jmp;
  const memory = (base: number) => `*(u${accessSize(insn) * 8} *)(r${base} ${signed(insn.off)})`;
  const operand = (insn.code & 8) !== 0 ? r(insn.src, wide) : String(insn.imm);
  switch (cls) {
    case InsnClass.ld:
      if (insn.imm64 !== null) return `r${insn.dst} = 0x${insn.imm64.toString(16)}`;
      return `r0 = *skb[${insn.imm}${(insn.code & 0xe0) === 0x40 ? ` + r${insn.src}` : ''}]`;
    case InsnClass.ldx:
      return `r${insn.dst} = ${(insn.code & 0xe0) === 0x80 ? memory(insn.src).replace('*(u', '*(s') : memory(insn.src)}`;
    case InsnClass.st:
      return `${memory(insn.dst)} = ${insn.imm}`;
    case InsnClass.stx:
      if ((insn.code & 0xe0) === 0xc0) {
        return `lock ${memory(insn.dst)} ${ATOMIC[insn.imm & ~1] ?? `atomic(0x${(insn.imm >>> 0).toString(16)})`} r${insn.src}`;
      }
      return `${memory(insn.dst)} = r${insn.src}`;
    case InsnClass.alu:
    case InsnClass.alu64: {
      const operation = ALU[insn.code >> 4] ?? '?';
      const target = r(insn.dst, wide);
      if (operation === 'neg') return `${target} = -${target}`;
      if (operation === 'endian')
        return `r${insn.dst} = ${(insn.code & 8) !== 0 ? 'be' : wide ? 'bswap' : 'le'}${insn.imm} r${insn.dst}`;
      return `${target} ${operation} ${operand}`;
    }
    default:
      return disassembleJump(insn, wide, operand);
  }
}

function disassembleJump(insn: Insn, wide: boolean, operand: string): string {
  if (insn.code === Opcode.exit) return 'exit';
  if (insn.code === Opcode.callRegister) return `callx r${insn.dst}`;
  if (insn.code === Opcode.call) {
    if (insn.src === CallKind.local) return `call pc${signed(insn.imm)}`;
    return insn.src === CallKind.kfunc ? `call kfunc#${insn.imm}` : `call helper#${insn.imm}`;
  }
  if (insn.code === Opcode.ja) return `goto pc${signed(insn.off)}`;
  if (insn.code === Opcode.jaLong) return `gotol pc${signed(insn.imm)}`;
  const comparison = JUMP[insn.code >> 4] ?? '?';
  const right = (insn.code & 8) !== 0 ? operand : `0x${(insn.imm >>> 0).toString(16)}`;
  return `if ${wide ? 'r' : 'w'}${insn.dst} ${comparison} ${right} goto pc${signed(insn.off)}`;
}
