/** One function with marks in it: three slots that set a cell of a map, wherever a block begins that can bear them. */
import { decodeInsns, INSN_BYTES, jumpTarget, Opcode, CallKind, type Insn } from '../../bpf/index.ts';
import { blocksOf, freeRegister, liveBefore } from './liveness.ts';

/** Slots of a mark: the address of its cell (two), and the store. */
export const MARK_SLOTS = 3;
export const CELL_BYTES = 8;
const STORE_DOUBLE = 0x7a; // BPF_ST | BPF_MEM | BPF_DW

export interface Mark {
  /** The slot of the function that it stands before. */
  slot: number;
  register: number;
  cell: number;
  /** Slots of the block that has run when the cell is set. */
  from: number;
  to: number;
}

/** Marks for every block that has a register to spare somewhere; cells are counted on from `cell`. */
export function marksOf(insns: readonly Insn[], cell: number): Mark[] {
  const blocks = blocksOf(insns);
  if (blocks === null) return [];
  const live = liveBefore(insns, blocks);
  const marks: Mark[] = [];
  for (const { first, last } of blocks) {
    for (let place = first; place <= last; place++) {
      const register = freeRegister(live[place]!);
      if (register === null) continue;
      const end = insns[last]!;
      const [from, to] = [insns[first]!.index, end.index + end.slots - 1];
      marks.push({ slot: insns[place]!.index, register, cell: cell + marks.length, from, to });
      break;
    }
  }
  return marks;
}

/** Where the slots of a section go when marks are put in. */
export class Moved {
  readonly #slots: readonly number[];
  /** `marks` by slot of the section, ascending. */
  constructor(marks: readonly { slot: number }[]) {
    this.#slots = marks.map(({ slot }) => slot);
  }

  /** Of what stands at a slot, its mark before it included: where jumps to it lead. */
  start(slot: number): number {
    let [low, high] = [0, this.#slots.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#slots[middle]! < slot) low = middle + 1;
      else high = middle;
    }
    return slot + low * MARK_SLOTS;
  }

  /** Of the instruction itself. */
  at(slot: number): number {
    return this.start(slot + 1) - 1;
  }
}

/**
 * A section's code with marks. Jumps and calls within it are led on; those that relocations lead are left alone. Null
 * when a jump gets too long for its field.
 */
export function withMarks(
  code: Uint8Array,
  marks: readonly Mark[],
  moved: Moved,
  relocated: ReadonlySet<number>,
): Uint8Array | null {
  const out = new Uint8Array(code.length + marks.length * MARK_SLOTS * INSN_BYTES);
  const view = new DataView(out.buffer);
  for (const insn of decodeInsns(code)) {
    const { index, slots } = insn;
    const at = moved.at(index);
    out.set(code.subarray(index * INSN_BYTES, (index + slots) * INSN_BYTES), at * INSN_BYTES);
    const local = insn.code === Opcode.call && insn.src === CallKind.local && !relocated.has(index);
    const target = local ? index + 1 + insn.imm : jumpTarget(insn);
    if (target === null) continue;
    const distance = moved.start(target) - (at + 1);
    if (local || insn.code === Opcode.jaLong) view.setInt32(at * INSN_BYTES + 4, distance, true);
    else if (distance < -0x8000 || distance > 0x7fff) return null;
    else view.setInt16(at * INSN_BYTES + 2, distance, true);
  }
  for (const { slot, register, cell } of marks) {
    const at = moved.start(slot) * INSN_BYTES;
    // The address is a relocation's business; REL keeps its addend in the instruction.
    view.setUint8(at, Opcode.loadImm64);
    view.setUint8(at + 1, register);
    view.setInt32(at + 4, cell * CELL_BYTES, true);
    view.setUint8(at + 2 * INSN_BYTES, STORE_DOUBLE);
    view.setUint8(at + 2 * INSN_BYTES + 1, register);
    view.setInt32(at + 2 * INSN_BYTES + 4, 1, true);
  }
  return out;
}
