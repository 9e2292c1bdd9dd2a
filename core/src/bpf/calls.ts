/** Which function of an object calls which. */
import { CallKind, decodeInsns, INSN_BYTES, Opcode } from './insns.ts';
import type { BpfFunction, BpfObject } from './object.ts';

/** Functions that a function calls or takes the address of, in the order of its instructions. */
export function calledFunctions(object: BpfObject, fn: BpfFunction): BpfFunction[] {
  const { section, offset, size } = fn;
  const relocations = new Map(object.elf.relocations(section).map((r) => [r.offset, r.symbol]));
  const called: BpfFunction[] = [];
  for (const insn of decodeInsns(section.data.subarray(offset, offset + size))) {
    const at = offset + insn.index * INSN_BYTES;
    const isCall = insn.code === Opcode.call && insn.src === CallKind.local;
    if (!isCall && insn.code !== Opcode.loadImm64) continue;
    const symbol = relocations.get(at);
    const target = symbol ? object.elf.sections[symbol.section] : isCall ? section : undefined;
    if (!target) continue;
    // A call without relocation, or one against the section, holds the distance; one against a function's symbol not.
    const base = symbol ? symbol.value : at + INSN_BYTES;
    const distance = isCall ? (insn.imm + (symbol ? 1 : 0)) * INSN_BYTES : Number(insn.imm64 ?? 0n);
    const callee =
      object.functions.find((f) => f.section === target && f.offset === base + distance) ??
      object.functions.find(
        (f) => f.section === target && symbol !== undefined && f.offset === base && f.name === symbol.name,
      );
    if (callee && callee !== fn && !called.includes(callee)) called.push(callee);
  }
  return called;
}
