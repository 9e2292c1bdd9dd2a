/**
 * Where each instruction of a loaded program comes from. libbpf appends the functions that a program calls behind it,
 * each once, in the order in which calls to them are met (depth first); the verifier counts over the whole.
 */
import { calledFunctions, INSN_BYTES, type BpfFunction, type BpfObject, type LineInfo } from '../bpf/index.ts';

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

/** The function that an instruction of the loaded program belongs to. */
export function functionOfInsn(layout: readonly LaidOutFunction[], index: number): LaidOutFunction | null {
  return layout.find((l) => index >= l.start && index < l.start + l.slots) ?? null;
}

/** Source line of an instruction of the loaded program; null without line information. */
export function lineOfInsn(object: BpfObject, layout: readonly LaidOutFunction[], index: number): LineInfo | null {
  const entry = functionOfInsn(layout, index);
  if (!entry) return null;
  return object.line(entry.function.section, entry.function.offset + (index - entry.start) * INSN_BYTES);
}
