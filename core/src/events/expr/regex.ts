import { RegexSyntaxError, parseRegex, type Node, type Range } from './regexParse.ts';

export { RegexSyntaxError };

/** An automaton larger than this is refused: `(a{100}){100}` is a mistake, not a search. */
const STATE_LIMIT = 4096;
/** Deterministic states kept; beyond it the cache starts anew. Bounds memory, not what can be matched. */
const CACHE_LIMIT = 512;
/** Characters that one match looks at. */
const TEXT_LIMIT = 4096;

/**
 * States of the nondeterministic automaton. A `char` state reads one character of its ranges; `split` goes two ways
 * without reading; `begin` and `end` hold only at the text's ends.
 */
type State =
  | { kind: 'char'; ranges: Range[]; next: number }
  | { kind: 'split'; next: number; other: number }
  | { kind: 'begin' | 'end'; next: number }
  | { kind: 'match' };

/** A state of the deterministic automaton, made when a text first needs it. */
interface Step {
  accepts: boolean;
  /** Accepts if the text ends here. */
  acceptsAtEnd: boolean;
  states: number[];
  ascii: (Step | undefined)[];
}

/**
 * A regular expression that takes linear time whatever the pattern: a lazily built deterministic automaton in place of
 * the backtracking of JavaScript's own, which a pattern such as `(a+)+$` from a shared workspace could stall for ever.
 * Searches anywhere in the text; `^` and `$` are the text's ends.
 */
export class LinearRegex {
  readonly #states: State[] = [];
  readonly #start: number;
  #cache = new Map<string, Step>();
  #initial: Step;

  /** @throws RegexSyntaxError when the pattern is not understood or too large. */
  constructor(pattern: string) {
    const match = this.#add({ kind: 'match' });
    this.#start = this.#compile(parseRegex(pattern), match);
    this.#initial = this.#step([this.#start], true);
  }

  test(text: string): boolean {
    let step = this.#initial;
    let seen = 0;
    for (const character of text) {
      if (step.accepts) return true;
      if (++seen > TEXT_LIMIT) return false;
      step = this.#advance(step, character.codePointAt(0)!);
    }
    return step.accepts || step.acceptsAtEnd;
  }

  /**
   * The same straight on the bytes of a char array, up to its NUL; null when they are not printable ASCII, so that the
   * caller decodes the text and asks `test`.
   */
  testBytes(bytes: Uint8Array, start: number, end: number): boolean | null {
    const stop = Math.min(end, start + TEXT_LIMIT);
    let step = this.#initial;
    let at = start;
    for (; at < stop && bytes[at] !== 0; at++) {
      if (step.accepts) return true;
      const byte = bytes[at]!;
      if (byte < 0x20 || byte > 0x7e) return null;
      step = step.ascii[byte] ?? this.#advance(step, byte);
    }
    const complete = at < start + TEXT_LIMIT || at === end || bytes[at] === 0;
    return step.accepts || (complete && step.acceptsAtEnd);
  }

  #advance(step: Step, code: number): Step {
    if (code < 128) {
      const known = step.ascii[code];
      if (known !== undefined) return known;
    }
    const targets: number[] = [];
    for (const index of step.states) {
      const state = this.#states[index]!;
      if (state.kind === 'char' && inRanges(state.ranges, code)) targets.push(state.next);
    }
    // The search may also begin at the next character.
    targets.push(this.#start);
    const next = this.#step(targets, false);
    if (code < 128) step.ascii[code] = next;
    return next;
  }

  /** The deterministic state for a set of states and all that they reach without reading. */
  #step(from: number[], atBegin: boolean): Step {
    const states = this.#closure(from, atBegin, false);
    // At the very beginning the same states may still pass a "^" behind a "$".
    const key = (atBegin ? '^' : '') + states.join(',');
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const step: Step = {
      states,
      accepts: states.some((index) => this.#states[index]!.kind === 'match'),
      acceptsAtEnd: this.#closure(states, atBegin, true).some((index) => this.#states[index]!.kind === 'match'),
      ascii: new Array<Step | undefined>(128).fill(undefined),
    };
    if (this.#cache.size >= CACHE_LIMIT) this.#forget();
    this.#cache.set(key, step);
    return step;
  }

  /** Drops the deterministic states made so far; their links to each other go with them. */
  #forget(): void {
    for (const step of this.#cache.values()) step.ascii.fill(undefined);
    this.#cache.clear();
  }

  #closure(from: readonly number[], atBegin: boolean, atEnd: boolean): number[] {
    const seen = new Set<number>();
    const open = [...from];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (seen.has(index)) continue;
      seen.add(index);
      const state = this.#states[index]!;
      if (state.kind === 'split') open.push(state.next, state.other);
      else if (state.kind === 'begin' && atBegin) open.push(state.next);
      else if (state.kind === 'end' && atEnd) open.push(state.next);
    }
    return [...seen].sort((a, b) => a - b);
  }

  #add(state: State): number {
    if (this.#states.length >= STATE_LIMIT) throw new RegexSyntaxError('The regular expression is too large', 0);
    this.#states.push(state);
    return this.#states.length - 1;
  }

  /** Adds the states of a node and returns where it begins; it ends at `next`. */
  #compile(node: Node, next: number): number {
    switch (node.kind) {
      case 'empty':
        return next;
      case 'char':
        return this.#add({ kind: 'char', ranges: node.ranges, next });
      case 'begin':
      case 'end':
        return this.#add({ kind: node.kind, next });
      case 'sequence':
        return node.items.reduceRight((after, item) => this.#compile(item, after), next);
      case 'choice':
        return node.items
          .map((item) => this.#compile(item, next))
          .reduce((left, right) => this.#add({ kind: 'split', next: left, other: right }));
      case 'repeat':
        return this.#compileRepeat(node, next);
    }
  }

  #compileRepeat(node: Node & { kind: 'repeat' }, next: number): number {
    let start = next;
    if (node.most === null) {
      const loop: State & { kind: 'split' } = { kind: 'split', next: 0, other: next };
      start = this.#add(loop);
      loop.next = this.#compile(node.item, start);
    } else {
      for (let i = node.least; i < node.most; i++) {
        start = this.#add({ kind: 'split', next: this.#compile(node.item, start), other: next });
      }
    }
    for (let i = 0; i < node.least; i++) start = this.#compile(node.item, start);
    return start;
  }
}

function inRanges(ranges: readonly Range[], code: number): boolean {
  for (const range of ranges) if (code >= range[0] && code <= range[1]) return true;
  return false;
}
