/** Rows that one step handles: about a millisecond. */
const STEP = 1 << 16;
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/**
 * Positions in an order that gets finer by every key, the least significant key first. Positions with equal keys keep
 * their order (it is stable), so arrival decides at last. 64-bit keys are an upper and a lower word for each position.
 */
export class RadixOrder {
  readonly upper: Uint32Array;
  readonly lower: Uint32Array;
  #order: Uint32Array;
  #spare: Uint32Array;
  readonly #counts = new Uint32Array(DIGITS);

  constructor(count: number) {
    this.upper = new Uint32Array(count);
    this.lower = new Uint32Array(count);
    this.#order = new Uint32Array(count);
    this.#spare = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.#order[i] = i;
  }

  /** The positions, first to last. */
  get order(): Uint32Array {
    return this.#order;
  }

  /** Orders by the keys that are in `upper` and `lower`; bits that are the same in all keys cost nothing. */
  *byKeys(): Generator<void> {
    yield* this.#byWord(this.lower);
    yield* this.#byWord(this.upper);
  }

  *#byWord(words: Uint32Array): Generator<void> {
    const differing = yield* differingBits(words);
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
      if (((differing >>> shift) & (DIGITS - 1)) !== 0) yield* this.#byDigit(words, shift);
    }
  }

  *#byDigit(words: Uint32Array, shift: number): Generator<void> {
    const counts = this.#counts.fill(0);
    for (let from = 0; from < words.length; from += STEP) {
      count(words, from, Math.min(words.length, from + STEP), shift, counts);
      yield;
    }
    let sum = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const size = counts[digit]!;
      counts[digit] = sum;
      sum += size;
    }
    for (let from = 0; from < words.length; from += STEP) {
      scatter(words, shift, counts, this.#order, this.#spare, from, Math.min(words.length, from + STEP));
      yield;
    }
    [this.#order, this.#spare] = [this.#spare, this.#order];
  }

  /** Puts the positions that are marked behind the others, each kind in its order. */
  *behind(marked: Uint8Array): Generator<void> {
    let at = 0;
    for (const wanted of [0, 1]) {
      for (let i = 0; i < this.#order.length; i++) {
        if (marked[this.#order[i]!] === wanted) this.#spare[at++] = this.#order[i]!;
        if (i % STEP === STEP - 1) yield;
      }
    }
    [this.#order, this.#spare] = [this.#spare, this.#order];
  }
}

function* differingBits(words: Uint32Array): Generator<void, number> {
  let [any, all] = [0, 0xffffffff];
  for (let from = 0; from < words.length; from += STEP) {
    const end = Math.min(words.length, from + STEP);
    for (let i = from; i < end; i++) {
      any |= words[i]!;
      all &= words[i]!;
    }
    yield;
  }
  return any ^ all;
}

// The two loops below are where sorting millions of rows spends its time: plain typed arrays, no calls.

function count(words: Uint32Array, from: number, end: number, shift: number, counts: Uint32Array): void {
  for (let i = from; i < end; i++) {
    const digit = (words[i]! >>> shift) & (DIGITS - 1);
    counts[digit] = counts[digit]! + 1;
  }
}

function scatter(
  words: Uint32Array,
  shift: number,
  places: Uint32Array,
  order: Uint32Array,
  into: Uint32Array,
  from: number,
  end: number,
): void {
  for (let i = from; i < end; i++) {
    const position = order[i]!;
    const digit = (words[position]! >>> shift) & (DIGITS - 1);
    const place = places[digit]!;
    places[digit] = place + 1;
    into[place] = position;
  }
}
