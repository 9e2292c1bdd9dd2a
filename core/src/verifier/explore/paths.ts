/** The ways that the verifier went: a log is a list of stretches, each of which goes on from a step of an earlier one. */
import { lastNotAbove } from '../log/logText.ts';
import { LineKind, type VerifierLog } from '../log/index.ts';

export type StretchEnd = 'exit' | 'pruned' | 'rejected' | 'cut';

/** Steps that were verified one after the other. */
export interface Stretch {
  first: number;
  last: number;
  /** The step that it goes on from; -1 = the beginning, or not in the log. */
  parent: number;
}

export class Stretches {
  readonly #log: VerifierLog;
  readonly firsts: Uint32Array;
  /** Parent step + 1. */
  readonly #parents: Uint32Array;
  #children: Map<number, number> | null = null;

  constructor(log: VerifierLog) {
    this.#log = log;
    const firsts: number[] = [];
    const parents: number[] = [];
    for (let step = 0; step < log.stepCount; step++) {
      const previous = log.previous(step);
      if (step > 0 && previous === step - 1) continue;
      firsts.push(step);
      parents.push(previous + 1);
    }
    this.firsts = Uint32Array.from(firsts);
    this.#parents = Uint32Array.from(parents);
  }

  get length(): number {
    return this.firsts.length;
  }

  of(step: number): number {
    return lastNotAbove(this.firsts, step);
  }

  at(index: number): Stretch {
    return { first: this.firsts[index]!, last: this.#last(index), parent: this.#parents[index]! - 1 };
  }

  #last(index: number): number {
    return (this.firsts[index + 1] ?? this.#log.stepCount) - 1;
  }

  /** The step before on the same path; -1 at its beginning. */
  previous(step: number): number {
    const index = this.of(step);
    return index >= 0 && this.firsts[index] === step ? this.#parents[index]! - 1 : step - 1;
  }

  /** How many stretches go on from a step, besides the step after it. */
  branchesAt(step: number): number {
    if (!this.#children) {
      this.#children = new Map();
      for (const parent of this.#parents) {
        if (parent > 0) this.#children.set(parent - 1, (this.#children.get(parent - 1) ?? 0) + 1);
      }
    }
    return this.#children.get(step) ?? 0;
  }

  /** How a stretch came to its end; `rejected` says whether the log's last step failed. */
  end(index: number, rejected: boolean): StretchEnd {
    const last = this.#last(index);
    if (rejected && last === this.#log.stepCount - 1) return 'rejected';
    const next = index + 1 < this.length ? this.#log.stepLine(last + 1) : this.#log.lineCount;
    for (let line = this.#log.stepLine(last) + 1; line < next; line++) {
      const kind = this.#log.kind(line);
      if (kind === LineKind.pruned && !this.#log.line(line).startsWith('from')) return 'pruned';
      if (kind === LineKind.branch) break;
    }
    return this.#log.stepText(last).startsWith('(95)') ? 'exit' : 'cut';
  }
}

/** One way from the beginning to a step, in pieces of stretches. */
export class Route {
  readonly leaf: number;
  readonly length: number;
  readonly #firsts: Float64Array;
  /** Steps before each piece. */
  readonly #before: Float64Array;

  constructor(stretches: Stretches, leaf: number) {
    const pieces: { first: number; count: number }[] = [];
    // Each parent is an earlier step, so this ends.
    for (let step = leaf; step >= 0;) {
      const { first, parent } = stretches.at(stretches.of(step));
      pieces.push({ first, count: step - first + 1 });
      step = parent < first ? parent : -1;
    }
    pieces.reverse();
    this.#firsts = new Float64Array(pieces.length);
    this.#before = new Float64Array(pieces.length);
    let length = 0;
    pieces.forEach(({ first, count }, i) => {
      this.#firsts[i] = first;
      this.#before[i] = length;
      length += count;
    });
    this.leaf = leaf;
    this.length = length;
  }

  /** -1 beyond its ends. */
  stepAt(index: number): number {
    if (!(index >= 0 && index < this.length)) return -1;
    const piece = lastNotAbove(this.#before, index);
    return this.#firsts[piece]! + (index - this.#before[piece]!);
  }

  /** Where a step is on it; -1 when it is not. */
  indexOf(step: number): number {
    const piece = lastNotAbove(this.#firsts, step);
    if (piece < 0) return -1;
    const index = this.#before[piece]! + (step - this.#firsts[piece]!);
    return index < (this.#before[piece + 1] ?? this.length) ? index : -1;
  }
}
