/** Rows that one step handles: about a millisecond. */
const STEP = 1 << 16;
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
const SHIFTS = [0, DIGIT_BITS, 2 * DIGIT_BITS];

/**
 * Positions in an order that gets finer by every key, the least significant key first. Positions with equal keys keep
 * their order (it is stable), so arrival decides at last. 64-bit keys are an upper and a lower word for each position;
 * ordering uses them up.
 */
export class RadixOrder {
  readonly upper: Uint32Array;
  readonly lower: Uint32Array;
  #order: Uint32Array;
  #spare: Uint32Array;
  /** Words on their way: they go along with their positions, so that they are read one after the other. */
  readonly #words: Uint32Array;
  readonly #counts = SHIFTS.map(() => new Uint32Array(DIGITS));

  constructor(count: number) {
    this.upper = new Uint32Array(count);
    this.lower = new Uint32Array(count);
    this.#words = new Uint32Array(count);
    this.#order = new Uint32Array(count);
    this.#spare = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.#order[i] = i;
  }

  /** The positions, first to last. */
  get order(): Uint32Array {
    return this.#order;
  }

  /** Orders by the keys that are in `upper` (if `wide`) and `lower`; digits that are the same in all keys cost nothing. */
  *byKeys(wide = true): Generator<void> {
    yield* this.#byWord(this.lower);
    if (wide) yield* this.#byWord(this.upper);
  }

  *#byWord(words: Uint32Array): Generator<void> {
    const differing = yield* differingBits(words);
    const shifts = SHIFTS.filter((shift) => ((differing >>> shift) & (DIGITS - 1)) !== 0);
    for (const [i, shift] of shifts.entries()) {
      const counts = this.#counts[i]!.fill(0);
      for (let from = 0; from < words.length; from += STEP) {
        count(words, from, Math.min(words.length, from + STEP), shift, counts);
        yield;
      }
    }
    let [keys, into] = [words, this.#words];
    for (const [i, shift] of shifts.entries()) {
      const places = startsOf(this.#counts[i]!);
      for (let from = 0; from < words.length; from += STEP) {
        const end = Math.min(words.length, from + STEP);
        if (i === 0) scatterFirst(keys, shift, places, this.#order, this.#spare, into, from, end);
        else scatter(keys, shift, places, this.#order, this.#spare, into, from, end);
        yield;
      }
      [this.#order, this.#spare] = [this.#spare, this.#order];
      [keys, into] = [into, keys];
    }
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

/** Where the positions of each digit begin, in place of how many there are. */
function startsOf(counts: Uint32Array): Uint32Array {
  let sum = 0;
  for (let digit = 0; digit < DIGITS; digit++) {
    const size = counts[digit]!;
    counts[digit] = sum;
    sum += size;
  }
  return counts;
}

// The loops below are where sorting millions of rows spends its time: plain typed arrays, no calls.

function count(words: Uint32Array, from: number, end: number, shift: number, counts: Uint32Array): void {
  for (let i = from; i < end; i++) {
    const digit = (words[i]! >>> shift) & (DIGITS - 1);
    counts[digit] = counts[digit]! + 1;
  }
}

/** The words lie by position: the only time that they are read here and there. */
function scatterFirst(
  words: Uint32Array,
  shift: number,
  places: Uint32Array,
  order: Uint32Array,
  into: Uint32Array,
  wordsInto: Uint32Array,
  from: number,
  end: number,
): void {
  for (let i = from; i < end; i++) {
    const position = order[i]!;
    const word = words[position]!;
    const digit = (word >>> shift) & (DIGITS - 1);
    const place = places[digit]!;
    places[digit] = place + 1;
    into[place] = position;
    wordsInto[place] = word;
  }
}

/** The words lie in the order that there is. */
function scatter(
  words: Uint32Array,
  shift: number,
  places: Uint32Array,
  order: Uint32Array,
  into: Uint32Array,
  wordsInto: Uint32Array,
  from: number,
  end: number,
): void {
  for (let i = from; i < end; i++) {
    const word = words[i]!;
    const digit = (word >>> shift) & (DIGITS - 1);
    const place = places[digit]!;
    places[digit] = place + 1;
    into[place] = order[i]!;
    wordsInto[place] = word;
  }
}
