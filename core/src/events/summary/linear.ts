/** Slots that are shown at most; half as many after they have become wider. */
const SLOTS = 48;
const NARROWEST_FLOAT = 2 ** -20;

/** Counts in slots of equal width, which doubles until all numbers have a place: no number is ever put in a wrong one. */
export class LinearSlots {
  #width: number;
  /** Number of the first slot: it begins at `#first * #width`. */
  #first = 0;
  #counts: number[] = [];

  constructor(float: boolean) {
    this.#width = float ? NARROWEST_FLOAT : 1;
  }

  add(value: number): void {
    let slot = Math.floor(value / this.#width);
    if (this.#counts.length === 0) this.#first = slot;
    while (Math.max(slot, this.#first + this.#counts.length - 1) - Math.min(slot, this.#first) >= SLOTS) {
      this.#widen();
      slot = Math.floor(value / this.#width);
    }
    while (slot < this.#first) {
      this.#counts.unshift(0);
      this.#first--;
    }
    while (slot >= this.#first + this.#counts.length) this.#counts.push(0);
    this.#counts[slot - this.#first] = this.#counts[slot - this.#first]! + 1;
  }

  slots(): { low: number; high: number; count: number }[] {
    return this.#counts.map((count, at) => {
      const low = (this.#first + at) * this.#width;
      return { low, high: low + this.#width, count };
    });
  }

  #widen(): void {
    const old = this.#counts;
    const before = this.#first;
    this.#width *= 2;
    this.#first = Math.floor(before / 2);
    this.#counts = [];
    for (const [at, count] of old.entries()) {
      const place = Math.floor((before + at) / 2) - this.#first;
      this.#counts[place] = (this.#counts[place] ?? 0) + count;
    }
  }
}
