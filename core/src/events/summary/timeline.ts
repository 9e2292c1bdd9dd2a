/** Buckets of a series over a span of time, and most of one over a whole run. */
const SPAN_BUCKETS = 300;
const MOST_BUCKETS = 512;
const NARROWEST_MS = 250;

interface Bucket<T> {
  item: T;
  /** The state of the timeline when it last changed. */
  changed: number;
}

/**
 * Items by time: in buckets of equal width, which leave after `seconds`, or (0) get wider as a run gets longer, so that
 * there are never more than some hundred.
 */
export class Timeline<T> {
  readonly #make: () => T;
  readonly #merge: (into: T, from: T) => void;
  readonly #sliding: boolean;
  #width: number;
  #first = 0;
  #buckets: (Bucket<T> | null)[] = [];
  /** Rises when what was told before no longer holds. */
  epoch = 1;
  state = 0;
  /** Rows that were older than the oldest bucket. */
  early = 0;

  constructor(seconds: number, make: () => T, merge: (into: T, from: T) => void) {
    this.#make = make;
    this.#merge = merge;
    this.#sliding = seconds > 0;
    this.#width = this.#sliding ? Math.max(NARROWEST_MS, Math.ceil((seconds * 1000) / SPAN_BUCKETS)) : NARROWEST_MS;
  }

  get width(): number {
    return this.#width;
  }

  get first(): number {
    return this.#first;
  }

  get end(): number {
    return this.#first + this.#buckets.length;
  }

  /** The item of a moment (ms since the epoch), to be changed; null for one that is too old. */
  at(ms: number): T | null {
    this.state++;
    let number = Math.floor(ms / this.#width);
    if (this.#buckets.length === 0) this.#first = number;
    if (number < this.#first) {
      if (!this.#makeRoomBefore(number)) {
        this.early++;
        return null;
      }
    } else if (number >= this.end) {
      number = this.#makeRoomAfter(number, ms);
    }
    const bucket = (this.#buckets[number - this.#first] ??= { item: this.#make(), changed: 0 });
    bucket.changed = this.state;
    return bucket.item;
  }

  /** What is in a bucket; null where nothing came. */
  get(number: number): T | null {
    return this.#buckets[number - this.#first]?.item ?? null;
  }

  /** The number of the first bucket that has changed since its user told the state, which is one more than here. */
  changedSince(state: number): number {
    const at = this.#buckets.findIndex((bucket) => bucket !== null && bucket.changed >= state);
    return at < 0 ? this.end : this.#first + at;
  }

  /** Rows may come a little out of order: a place before the oldest bucket is made while there is room. */
  #makeRoomBefore(number: number): boolean {
    const more = this.#first - number;
    if (this.#buckets.length + more > (this.#sliding ? SPAN_BUCKETS : MOST_BUCKETS)) return false;
    this.#buckets.unshift(...new Array<null>(more).fill(null));
    this.#first = number;
    this.epoch++;
    return true;
  }

  #makeRoomAfter(number: number, ms: number): number {
    if (this.#sliding) {
      const first = number - SPAN_BUCKETS + 1;
      if (first > this.#first) {
        this.#buckets.splice(0, first - this.#first);
        this.#first = first;
      }
    } else {
      while (number - this.#first >= MOST_BUCKETS) {
        this.#widen();
        number = Math.floor(ms / this.#width);
      }
    }
    while (this.end <= number) this.#buckets.push(null);
    return number;
  }

  #widen(): void {
    const old = this.#buckets;
    const before = this.#first;
    this.#width *= 2;
    this.#first = Math.floor(before / 2);
    this.#buckets = [];
    for (const [at, bucket] of old.entries()) {
      const place = Math.floor((before + at) / 2) - this.#first;
      while (this.#buckets.length <= place) this.#buckets.push(null);
      const there = this.#buckets[place] ?? null;
      if (bucket === null) continue;
      if (there === null) this.#buckets[place] = bucket;
      else this.#merge(there.item, bucket.item);
    }
    this.epoch++;
  }
}
