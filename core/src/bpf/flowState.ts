/** What is known of registers and stack at one place of a function. */

import type { BpfFunction } from './object.ts';

/** A value as far as constant propagation knows it; null is anything. */
export type Value =
  | { kind: 'const'; value: number }
  /** Address in the stack of the function at that depth of the call chain. */
  | { kind: 'stack'; depth: number; offset: number }
  /** A map itself, by its index. */
  | { kind: 'map'; map: number }
  /** Address inside a value that was looked up in a map. */
  | { kind: 'mapValue'; map: number; offset: number }
  /** Address inside a section with global variables, by its index. */
  | { kind: 'global'; section: number; offset: number }
  /** Address inside a reserved record, by the number of its call. */
  | { kind: 'record'; call: number; offset: number }
  /** A function of the object, as a callback. */
  | { kind: 'function'; fn: BpfFunction }
  /** The dynptr that a user ring's callback gets. */
  | { kind: 'userDynptr'; map: number }
  /** What lies on the stack as a dynptr: the record of that call. */
  | { kind: 'dynptr'; call: number }
  | Origin
  | null;

/** A number of which only the helper that gave it is known: it says what a field means that holds it. */
export type Origin =
  | { kind: 'clock' }
  /** Of bpf_get_current_uid_gid: the user below, the group above, or one of them alone. */
  | { kind: 'ids'; part: 'both' | 'user' | 'group' }
  | { kind: 'stackId'; map: number; user: boolean };

export function isOrigin(value: Value): value is Origin {
  return value?.kind === 'clock' || value?.kind === 'ids' || value?.kind === 'stackId';
}

/** Where a number of known origin was stored, with the size of the store. */
export interface Mark {
  size: number;
  origin: Origin;
}

export function sameValue(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.kind !== b.kind) return false;
  return Object.entries(a).every(([key, value]) => b[key as keyof typeof b] === value);
}

const REGISTERS = 11;
/** The stack of one function; offsets outside are not tracked. */
const STACK_BYTES = 512;

export class FlowState {
  readonly registers: Value[];
  /** Known bytes of the function's stack, by offset (negative). */
  readonly bytes: Map<number, number>;
  /** Pointers spilled to the stack. */
  readonly spills: Map<number, Value>;
  /** Numbers of known origin on the stack. */
  readonly marks: Map<number, Mark>;

  constructor(
    registers: Value[],
    bytes = new Map<number, number>(),
    spills = new Map<number, Value>(),
    marks = new Map<number, Mark>(),
  ) {
    this.registers = registers;
    this.bytes = bytes;
    this.spills = spills;
    this.marks = marks;
  }

  /** At a function's entry: r1 to r5 are its arguments, r10 its frame. */
  static entry(args: Value[], depth: number): FlowState {
    const registers: Value[] = Array.from({ length: REGISTERS }, () => null);
    args.forEach((value, i) => (registers[i + 1] = value));
    registers[10] = { kind: 'stack', depth, offset: 0 };
    return new FlowState(registers);
  }

  copy(): FlowState {
    return new FlowState([...this.registers], new Map(this.bytes), new Map(this.spills), new Map(this.marks));
  }

  get(register: number): Value {
    return this.registers[register] ?? null;
  }

  /** True when the other has other constants or addresses in its registers: what a call sends may depend on the way. */
  differs(other: FlowState): boolean {
    return this.registers.some((mine, i) => {
      const theirs = other.get(i);
      return mine !== null && theirs !== null && !sameValue(mine, theirs);
    });
  }

  /** Where two ways meet only what both know stays. True when that made this state poorer. */
  meet(other: FlowState): boolean {
    let changed = false;
    for (let i = 0; i < REGISTERS; i++) {
      if (this.registers[i] !== null && !sameValue(this.get(i), other.get(i))) {
        this.registers[i] = null;
        changed = true;
      }
    }
    for (const [offset, byte] of this.bytes) {
      if (other.bytes.get(offset) !== byte) changed = this.bytes.delete(offset) || changed;
    }
    for (const [offset, value] of this.spills) {
      if (!sameValue(value, other.spills.get(offset) ?? null)) changed = this.spills.delete(offset) || changed;
    }
    // A mark stays where the other way stored nothing: zeros, mostly.
    for (const [offset, mark] of other.marks) {
      if (this.marks.has(offset)) continue;
      this.marks.set(offset, mark);
      changed = true;
    }
    return changed;
  }

  /** A store of `size` bytes to the own stack. */
  store(offset: number, size: number, value: Value): void {
    if (offset < -STACK_BYTES || offset + size > 0) return;
    for (let i = -7; i < size; i++) this.spills.delete(offset + i); // every pointer that the store overlaps
    for (let i = -7; i < size; i++) this.marks.delete(offset + i);
    if (isOrigin(value)) this.marks.set(offset, { size, origin: value });
    for (let i = 0; i < size; i++) {
      const byte = value?.kind === 'const' ? byteOf(value.value, i) : null;
      if (byte === null) this.bytes.delete(offset + i);
      else this.bytes.set(offset + i, byte);
    }
    if (size === 8 && value !== null && value.kind !== 'const') this.spills.set(offset, value);
  }

  load(offset: number, size: number): Value {
    if (size === 8) {
      const spilled = this.spills.get(offset);
      if (spilled) return spilled;
    }
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) {
      const byte = this.bytes.get(offset + i);
      if (byte === undefined) return null;
      value = (value << 8n) | BigInt(byte);
    }
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? { kind: 'const', value: Number(value) } : null;
  }

  /** A helper or function got this address and may have written there. */
  forget(offset: number): void {
    for (const key of this.bytes.keys()) if (key >= offset) this.bytes.delete(key);
    for (const key of this.spills.keys()) if (key >= offset) this.spills.delete(key);
    for (const key of this.marks.keys()) if (key >= offset) this.marks.delete(key);
  }
}

/** Byte i of a constant in two's complement. */
export function byteOf(value: number, i: number): number {
  return Number((BigInt.asUintN(64, BigInt(value)) >> BigInt(i * 8)) & 0xffn);
}
