/**
 * A coverage-guided fuzzer: inputs that make a block of the target run for the first time, or for a new order of magnitude
 * of times, join the corpus and are changed further. The counts come from scripts/lib/instrument.mjs.
 */
import { asBytes, mutate, randomFrom, type Random } from './mutate.ts';

export interface Feedback {
  counters: Uint8Array;
  compared: (number | string)[];
  words: (number | string)[];
}

interface Entry {
  bytes: Uint8Array;
  compared: (number | string)[];
  /** How often it was changed. */
  tries: number;
}

export class Fuzzer {
  readonly corpus: Entry[] = [];
  /** For each block, the orders of magnitude seen, as bits. */
  readonly #seen: Uint8Array;
  readonly #words: Uint8Array[];
  readonly #random: Random;
  runs = 0;

  constructor(
    private readonly target: (bytes: Uint8Array) => void,
    private readonly feedback: Feedback,
    private readonly longest: number,
    seed: number,
  ) {
    this.#seen = new Uint8Array(feedback.counters.length);
    this.#random = randomFrom(seed);
    this.#words = feedback.words.flatMap((word) =>
      typeof word === 'string'
        ? [asBytes(word, 0), asBytes(`${word}\0`, 0)]
        : [1, 2, 4, 8].filter((size) => word < 256 ** size).map((size) => asBytes(word, size)),
    );
  }

  /** Blocks that ran at least once. */
  get covered(): number {
    return this.#seen.reduce((sum, bits) => sum + (bits === 0 ? 0 : 1), 0);
  }

  /** Runs one input; it joins the corpus when it does something new. What the target throws goes through. */
  add(bytes: Uint8Array): boolean {
    this.runs++;
    const { counters, compared } = this.feedback;
    counters.fill(0);
    compared.length = 0;
    this.target(bytes);
    let isNew = false;
    for (let block = 0; block < counters.length; block++) {
      const count = counters[block]!;
      if (count === 0) continue;
      const magnitude = 1 << (31 - Math.clz32(count));
      if ((this.#seen[block]! & magnitude) !== 0) continue;
      this.#seen[block]! |= magnitude;
      isNew = true;
    }
    if (isNew) this.corpus.push({ bytes: bytes.slice(), compared: compared.slice(0, 128), tries: 0 });
    return isNew;
  }

  /** Changes one of the corpus. */
  next(): Uint8Array {
    const parent = this.#choose();
    if (!parent) return new Uint8Array(0);
    parent.tries++;
    const other = this.corpus[this.#random(this.corpus.length)]!.bytes;
    const { compared } = parent;
    return mutate(parent.bytes, this.#random, { words: this.#words, compared, other, longest: this.longest });
  }

  /** The least tried of a few: new ones get their turn, and small ones are preferred among equals. */
  #choose(): Entry | undefined {
    let best: Entry | undefined;
    for (let draws = 0; draws < 3; draws++) {
      const entry = this.corpus[this.#random(Math.max(1, this.corpus.length))];
      if (entry && (!best || entry.tries + entry.bytes.length / 256 < best.tries + best.bytes.length / 256))
        best = entry;
    }
    return best;
  }
}
