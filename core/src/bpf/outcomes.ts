/**
 * Which values a function can return, by the same small abstract interpretation as the agent's (guard/outcome.rs), on an
 * object that is not loaded. What is not followed (memory, helpers' results, pointers) counts as any value.
 */
import { CodeLinks } from './codeLinks.ts';
import { CallKind, decodeInsns, InsnClass, jumpTarget, Opcode, type Insn } from './insns.ts';
import type { BpfFunction, BpfObject } from './object.ts';

/** Constants in ascending order; null = any value. Unsigned 64-bit. */
export type Values = readonly bigint[] | null;

/** More constants than this are not told apart. */
const MOST_VALUES = 8;
/** Of all programs of an object together. */
const MOST_STEPS = 2_000_000;
const MOST_FRAMES = 16;
const TAIL_CALL = 12;
const REGISTERS = 10;

type Registers = Values[];

export class Outcomes {
  readonly #links: CodeLinks;
  readonly #returns = new Map<BpfFunction, Values>();
  readonly #entered: BpfFunction[] = [];
  #steps = 0;
  /** Values where the whole program ends although a function has not returned. */
  #ends: Values = [];

  constructor(object: BpfObject) {
    this.#links = new CodeLinks(object);
  }

  /** What the program can end with. */
  of(program: BpfFunction): Values {
    this.#ends = [];
    this.#returns.clear();
    const returned = join(this.#function(program), this.#ends);
    // A program that never ends was misread.
    return returned?.length === 0 ? null : returned;
  }

  #function(fn: BpfFunction): Values {
    const known = this.#returns.get(fn);
    if (known !== undefined) return known;
    if (this.#entered.includes(fn) || this.#entered.length >= MOST_FRAMES) return null;
    this.#entered.push(fn);
    const returned = this.#follow(fn);
    this.#entered.pop();
    this.#returns.set(fn, returned);
    return returned;
  }

  #follow(fn: BpfFunction): Values {
    const insns = decodeInsns(fn.section.data.subarray(fn.offset, fn.offset + fn.size));
    const byIndex = new Map(insns.map((insn, i) => [insn.index, i]));
    const joints = new Set(insns.map(jumpTarget).filter((t) => t !== null));
    const states = new Map<number, Registers>([[0, Array<Values>(REGISTERS).fill(null)]]);
    const waiting = [0];
    let returned: Values = [];
    for (let start = waiting.pop(); start !== undefined; start = waiting.pop()) {
      const registers = [...states.get(start)!];
      for (let at = start; ;) {
        const i = byIndex.get(at);
        if (i === undefined || ++this.#steps > MOST_STEPS) return null;
        if (at !== start && joints.has(at)) {
          if (enter(states, at, registers)) waiting.push(at);
          break;
        }
        const insn = insns[i]!;
        if (insn.code === Opcode.exit) {
          returned = join(returned, registers[0]!);
          break;
        }
        const target = jumpTarget(insn);
        if (target === null) {
          if (!this.#step(fn, registers, insn)) break;
          at += insn.slots;
          continue;
        }
        if (!byIndex.has(target) || insn.code === 0x0d) return null; // outside, or an indirect jump
        if (insn.code === Opcode.ja || insn.code === Opcode.jaLong) {
          if (enter(states, target, registers)) waiting.push(target);
          break;
        }
        const taken = branch(registers, insn, true);
        if (taken && enter(states, target, taken)) waiting.push(target);
        const other = branch(registers, insn, false);
        if (!other) break;
        registers.splice(0, REGISTERS, ...other);
        at += insn.slots;
      }
    }
    return returned;
  }

  /** False when the way ends here. */
  #step(fn: BpfFunction, registers: Registers, insn: Insn): boolean {
    const cls = insn.code & 7;
    if (insn.imm64 !== null) {
      const constant = insn.src === 0 && this.#links.relocation(fn, insn) === undefined;
      set(registers, insn.dst, constant ? [insn.imm64] : null);
    } else if (cls === InsnClass.alu || cls === InsnClass.alu64) {
      set(registers, insn.dst, arithmetic(registers, insn));
    } else if (cls === InsnClass.ldx) {
      set(registers, insn.dst, null);
    } else if (cls === InsnClass.stx) {
      atomic(registers, insn);
    } else if (insn.code === Opcode.call) {
      return this.#call(fn, registers, insn);
    } else if (cls === InsnClass.ld) {
      this.#ends = join(this.#ends, [0n]); // a packet load out of bounds ends the program
      registers.fill(null, 0, 6);
    } else if (cls !== InsnClass.st) {
      registers.fill(null);
      this.#ends = null;
    }
    return true;
  }

  #call(fn: BpfFunction, registers: Registers, insn: Insn): boolean {
    let result: Values = null;
    if (insn.src === CallKind.local) {
      const callee = this.#links.callee(fn, insn);
      result = callee ? this.#function(callee) : null;
    } else if (insn.src !== CallKind.helper || insn.imm === TAIL_CALL) {
      this.#ends = null; // another program decides; a function of the kernel may throw
    }
    registers.fill(null, 0, 6);
    registers[0] = result;
    return result?.length !== 0;
  }
}

const set = (registers: Registers, register: number, values: Values): void => {
  if (register < REGISTERS) registers[register] = values;
};
const get = (registers: Registers, register: number): Values => registers[register] ?? null;

function of(values: Iterable<bigint>): Values {
  const all = [...new Set(values)];
  return all.length > MOST_VALUES ? null : all.sort((a, b) => (a < b ? -1 : 1));
}

function join(a: Values, b: Values): Values {
  return a === null || b === null ? null : of([...a, ...b]);
}

const same = (a: Values, b: Values): boolean =>
  a === b || (a !== null && b !== null && a.length === b.length && a.every((value, i) => value === b[i]));

/** True when that place has to be looked at again. */
function enter(states: Map<number, Registers>, at: number, registers: Registers): boolean {
  const known = states.get(at);
  if (!known) {
    states.set(at, [...registers]);
    return true;
  }
  const joined = known.map((values, i) => join(values, registers[i]!));
  if (joined.every((values, i) => same(values, known[i]!))) return false;
  states.set(at, joined);
  return true;
}

function atomic(registers: Registers, insn: Insn): void {
  if ((insn.code & 0xe0) !== 0xc0) return;
  if (insn.imm === 0xf1) set(registers, 0, null);
  else if (insn.imm === 0x100) set(registers, insn.dst, null);
  else if ((insn.imm & 1) !== 0) set(registers, insn.src, null);
}

const operand = (registers: Registers, insn: Insn): Values =>
  (insn.code & 8) === 0 ? [BigInt.asUintN(64, BigInt(insn.imm))] : get(registers, insn.src);

function arithmetic(registers: Registers, insn: Insn): Values {
  // Forms that came later (signed division, moves with sign extension) say so in the offset.
  if (insn.off !== 0) return null;
  const bits = (insn.code & 7) === InsnClass.alu64 ? 64 : 32;
  const narrow = (values: Values): Values => (values === null ? null : of(values.map((v) => BigInt.asUintN(bits, v))));
  const left = narrow(get(registers, insn.dst));
  const right = narrow(operand(registers, insn));
  const operation = insn.code & 0xf0;
  if (operation === 0xb0) return right;
  if (operation === 0x80) return left === null ? null : narrow(left.map((v) => -v));
  if (operation === 0x50 && (left === null) !== (right === null)) return masked(left ?? right!);
  const change = binary(operation, bits);
  if (!change || left === null || right === null) return null;
  return narrow(of(left.flatMap((a) => right.map((b) => change(a, b)))));
}

function binary(operation: number, bits: 32 | 64): ((a: bigint, b: bigint) => bigint) | null {
  const by = (b: bigint): bigint => b & BigInt(bits - 1);
  switch (operation) {
    case 0x00:
      return (a, b) => a + b;
    case 0x10:
      return (a, b) => a - b;
    case 0x20:
      return (a, b) => a * b;
    case 0x40:
      return (a, b) => a | b;
    case 0x50:
      return (a, b) => a & b;
    case 0x60:
      return (a, b) => a << by(b);
    case 0x70:
      return (a, b) => a >> by(b);
    case 0xa0:
      return (a, b) => a ^ b;
    case 0xc0:
      return (a, b) => BigInt.asIntN(bits, a) >> by(b);
    default:
      return null; // division, remainder, byte order
  }
}

/** What `unknown & mask` can be, where that is few values. */
function masked(masks: readonly bigint[]): Values {
  const [mask] = masks;
  if (masks.length !== 1 || mask === undefined) return null;
  const bits = Array.from({ length: 64 }, (_, i) => 1n << BigInt(i)).filter((bit) => (mask & bit) !== 0n);
  if (bits.length > Math.log2(MOST_VALUES)) return null;
  return of(bits.reduce<bigint[]>((all, bit) => [...all, ...all.map((value) => value | bit)], [0n]));
}

/** The registers on one side of a conditional jump; null when that side cannot be reached. */
function branch(registers: Registers, insn: Insn, taken: boolean): Registers | null {
  const wide = (insn.code & 7) === InsnClass.jmp;
  const operation = insn.code & 0xf0;
  const [left, right] = [get(registers, insn.dst), operand(registers, insn)];
  const holds = condition(operation, wide ? 64 : 32);
  const [constant] = right ?? [];
  if (!holds || right?.length !== 1 || constant === undefined) return [...registers];
  const equal = (operation === 0x10 && taken) || (operation === 0x50 && !taken);
  // A 32-bit comparison says nothing of the upper half.
  const kept = left === null ? (equal && wide ? [constant] : null) : left.filter((v) => holds(v, constant) === taken);
  if (kept?.length === 0) return null;
  const then = [...registers];
  set(then, insn.dst, kept);
  return then;
}

function condition(operation: number, bits: 32 | 64): ((a: bigint, b: bigint) => boolean) | null {
  const u = (value: bigint): bigint => BigInt.asUintN(bits, value);
  const s = (value: bigint): bigint => BigInt.asIntN(bits, value);
  const table: Record<number, (a: bigint, b: bigint) => boolean> = {
    0x10: (a, b) => u(a) === u(b),
    0x20: (a, b) => u(a) > u(b),
    0x30: (a, b) => u(a) >= u(b),
    0x40: (a, b) => (u(a) & u(b)) !== 0n,
    0x50: (a, b) => u(a) !== u(b),
    0x60: (a, b) => s(a) > s(b),
    0x70: (a, b) => s(a) >= s(b),
    0xa0: (a, b) => u(a) < u(b),
    0xb0: (a, b) => u(a) <= u(b),
    0xc0: (a, b) => s(a) < s(b),
    0xd0: (a, b) => s(a) <= s(b),
  };
  return table[operation] ?? null; // may_goto
}
