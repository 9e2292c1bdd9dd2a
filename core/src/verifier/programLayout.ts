/**
 * Where each instruction of a loaded program comes from. libbpf appends the functions that a program calls behind it,
 * each once, in the order in which calls to them are met (depth first); the verifier counts over the whole.
 */
import {
  CallKind,
  decodeInsns,
  INSN_BYTES,
  Opcode,
  type BpfFunction,
  type BpfObject,
  type LineInfo,
} from '../bpf/index.ts';

export interface LaidOutFunction {
  function: BpfFunction;
  /** Index of its first instruction in the loaded program. */
  start: number;
  /** Number of 8-byte slots. */
  slots: number;
  calls: BpfFunction[];
}

/** The functions of a loaded program in order, the program itself first; empty when the object has no such program. */
export function programLayout(object: BpfObject, name: string): LaidOutFunction[] {
  const program = object.functions.find((f) => f.name === name && f.program);
  const layout: LaidOutFunction[] = [];
  const append = (fn: BpfFunction): LaidOutFunction => {
    const last = layout.at(-1);
    const start = last ? last.start + last.slots : 0;
    const entry = { function: fn, start, slots: fn.size / INSN_BYTES, calls: calledFunctions(object, fn) };
    layout.push(entry);
    return entry;
  };
  const visit = (entry: LaidOutFunction): void => {
    for (const callee of entry.calls) if (!layout.some((l) => l.function === callee)) visit(append(callee));
  };
  if (program) visit(append(program));
  return layout;
}

/** Source line of an instruction of the loaded program; null without line information. */
export function lineOfInsn(object: BpfObject, layout: readonly LaidOutFunction[], index: number): LineInfo | null {
  const entry = layout.find((l) => index >= l.start && index < l.start + l.slots);
  if (!entry) return null;
  return object.line(entry.function.section, entry.function.offset + (index - entry.start) * INSN_BYTES);
}

/** Functions that a function calls or takes the address of, in the order of its instructions. */
function calledFunctions(object: BpfObject, fn: BpfFunction): BpfFunction[] {
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
