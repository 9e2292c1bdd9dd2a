/** The path of instructions that led to a step, with calls and returns matched, and where values on it come from. */
import { pathTo, type VerifierLog } from '../log/index.ts';

/** How a value came to be. */
export type Source =
  | { kind: 'call'; at: number; function: string }
  /** Loaded from memory through a register. */
  | { kind: 'load'; at: number; base: number; offset: number }
  | { kind: 'constant'; at: number }
  /** The program's own first argument. */
  | { kind: 'context'; at: number }
  /** An argument that the kernel gives to a callback. */
  | { kind: 'callback'; at: number; register: number }
  | { kind: 'unknown'; at: number };

export interface Origin {
  source: Source;
  /** Path indices and registers that the value passed, the latest first, the place asked for included. */
  through: { at: number; register: number }[];
  /** It was calculated with on the way. */
  derived: boolean;
  /** Path indices of calls that passed it as an argument, the outermost first. */
  passed: number[];
}

/** More steps than this are not followed. */
const MAX_HOPS = 10_000;

export class Path {
  readonly steps: readonly number[];
  readonly #log: VerifierLog;
  /** Path index of the call that entered the function of each step; -1 in the program itself. */
  readonly #caller: Int32Array;
  /** For the last step in a called function, the path index of the call. */
  readonly #callOf = new Map<number, number>();
  readonly #texts = new Map<number, string>();

  constructor(log: VerifierLog, step: number) {
    this.#log = log;
    this.steps = pathTo(log, step);
    this.#caller = new Int32Array(this.steps.length).fill(-1);
    const open: number[] = [];
    for (let i = 0; i < this.steps.length; i++) {
      this.#caller[i] = open.at(-1) ?? -1;
      if (i + 1 === this.steps.length) break;
      const text = this.text(i);
      if (text.startsWith('(85)') && this.insn(i + 1) !== this.insn(i) + 1) open.push(i);
      else if (text.startsWith('(95)') && open.length > 0) this.#callOf.set(i, open.pop()!);
    }
  }

  get length(): number {
    return this.steps.length;
  }

  insn(at: number): number {
    return this.#log.stepInsn(this.steps[at]!);
  }

  /** "(7b) *(u64 *)(r0 +0) = r1" */
  text(at: number): string {
    let text = this.#texts.get(at);
    if (text === undefined) {
      text = this.#log.stepText(this.steps[at]!);
      this.#texts.set(at, text);
    }
    return text;
  }

  /** Path indices of the calls that are open at a step, the innermost first. */
  callers(at: number): number[] {
    const calls: number[] = [];
    for (let call = this.#caller[at] ?? -1; call >= 0; call = this.#caller[call]!) calls.push(call);
    return calls;
  }

  /** Where the value of a register before a step comes from. */
  origin(at: number, register: number): Origin {
    const origin: Origin = { source: { kind: 'unknown', at }, through: [{ at, register }], derived: false, passed: [] };
    let reg = register;
    let slot: number | null = null;
    let frame = this.#caller[at] ?? -1;
    const pass = (k: number) => origin.through.push({ at: k, register: reg });
    for (let k = at - 1, hops = 0; k >= -1 && hops < MAX_HOPS; k--, hops++) {
      if (k < 0) {
        if (reg === 1 && slot === null) origin.source = { kind: 'context', at: 0 };
        return origin;
      }
      const entered = this.#callOf.get(k);
      if (entered !== undefined && this.#caller[entered] === frame) {
        if (reg === 0 && slot === null) {
          frame = entered;
          pass(k);
        } else k = entered;
        continue;
      }
      if (k === frame) {
        if (!/^\(85\) call pc/.test(this.text(k))) {
          origin.source = { kind: 'callback', at: k, register: reg };
          return origin;
        }
        origin.passed.unshift(k);
        frame = this.#caller[k]!;
        pass(k);
        continue;
      }
      const text = this.text(k);
      if (slot !== null) {
        const stored = /^\([0-9a-f]{2}\) \*\(u64 \*\)\(r10 -(\d+)\) = r(\d+)/.exec(text);
        if (stored && Number(stored[1]) === slot) {
          reg = Number(stored[2]);
          slot = null;
          pass(k);
        }
        continue;
      }
      const defined = definition(text);
      if (defined?.register !== reg) continue;
      if (defined.kind === 'move') {
        reg = defined.from;
        pass(k);
      } else if (defined.kind === 'arithmetic') {
        origin.derived = true;
        pass(k);
      } else if (defined.kind === 'load' && defined.base === 10) {
        slot = -defined.offset;
      } else {
        origin.source =
          defined.kind === 'load'
            ? { kind: 'load', at: k, base: defined.base, offset: defined.offset }
            : defined.kind === 'call'
              ? { kind: 'call', at: k, function: defined.function }
              : { kind: 'constant', at: k };
        return origin;
      }
    }
    return origin;
  }
}

type Definition =
  | { register: number; kind: 'move'; from: number }
  | { register: number; kind: 'arithmetic' }
  | { register: number; kind: 'load'; base: number; offset: number }
  | { register: number; kind: 'call'; function: string }
  | { register: number; kind: 'constant' };

/** What an instruction writes to a register; null for the others. */
export function definition(text: string): Definition | null {
  const call = /^\(85\) call (\S+)/.exec(text);
  if (call)
    return call[1]!.startsWith('pc') ? null : { register: 0, kind: 'call', function: call[1]!.replace(/#.*$/, '') };
  const match = /^\([0-9a-f]{2}\) [rw](\d+) (.*)$/.exec(text);
  if (!match) return null;
  const register = Number(match[1]);
  const rest = match[2]!;
  if (!rest.startsWith('= ')) return { register, kind: 'arithmetic' };
  const right = rest.slice(2);
  const move = /^(?:\([su]\d+\))?[rw](\d+)$/.exec(right);
  if (move) return { register, kind: 'move', from: Number(move[1]) };
  const load = /^\*\([su]\d+ \*\)\(r(\d+) ([+-]\d+)\)$/.exec(right);
  if (load) return { register, kind: 'load', base: Number(load[1]), offset: Number(load[2]) };
  return /^(?:-[rw]|be|le|bswap|swab)/.test(right) ? { register, kind: 'arithmetic' } : { register, kind: 'constant' };
}

/** The memory that an instruction reads or writes; null for the others. */
export function memoryAccess(text: string): { base: number; offset: number; size: number; write: boolean } | null {
  const match = /^\([0-9a-f]{2}\) (?:[rw]\d+ = |lock )?\*\([su](\d+) \*\)\(r(\d+) ([+-]\d+)\)( [+|&^]?= )?/.exec(text);
  if (!match) return null;
  return {
    base: Number(match[2]),
    offset: Number(match[3]),
    size: Number(match[1]) / 8,
    write: match[4] !== undefined,
  };
}
