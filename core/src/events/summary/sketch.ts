const word = new DataView(new ArrayBuffer(8));
/** Bits of the upper word below exponent and six bits of mantissa: buckets are 1/64 of their octave wide. */
const SHIFT = 14;
export const PER_OCTAVE = 64;
/** Buckets that are made room for at once. */
const GROWTH = 64;

/** The bucket of a positive number: rises with it. */
export function bucketOf(value: number): number {
  word.setFloat64(0, value);
  return word.getUint32(0) >>> SHIFT;
}

/** The smallest number of a bucket. */
export function bucketLow(bucket: number): number {
  word.setUint32(0, bucket << SHIFT);
  word.setUint32(4, 0);
  return word.getFloat64(0);
}

/** Counts by size, for quantiles: each within 0.8 % of the right one, whatever the numbers are. */
export class Sketch {
  count = 0;
  least = Number.POSITIVE_INFINITY;
  most = Number.NEGATIVE_INFINITY;
  zeros = 0;
  readonly positive = new Buckets();
  /** Of the numbers below zero, by their size. */
  readonly negative = new Buckets();

  add(value: number): void {
    this.count++;
    if (value < this.least) this.least = value;
    if (value > this.most) this.most = value;
    if (value > 0) this.positive.add(bucketOf(value));
    else if (value < 0) this.negative.add(bucketOf(-value));
    else this.zeros++;
  }

  merge(other: Sketch): void {
    this.count += other.count;
    this.zeros += other.zeros;
    this.least = Math.min(this.least, other.least);
    this.most = Math.max(this.most, other.most);
    for (const [bucket, count] of other.positive.ascending()) this.positive.add(bucket, count);
    for (const [bucket, count] of other.negative.ascending()) this.negative.add(bucket, count);
  }

  /** The number below which the share `q` (0 … 1) of all lies; null when there is none. */
  quantile(q: number): number | null {
    if (this.count === 0) return null;
    let left = Math.max(1, Math.ceil(q * this.count));
    for (const [bucket, count] of this.negative.descending()) {
      left -= count;
      if (left <= 0) return this.#clamp(-middle(bucket));
    }
    left -= this.zeros;
    if (left <= 0) return 0;
    for (const [bucket, count] of this.positive.ascending()) {
      left -= count;
      if (left <= 0) return this.#clamp(middle(bucket));
    }
    return this.most;
  }

  #clamp(value: number): number {
    return Math.min(this.most, Math.max(this.least, value));
  }
}

/** Whole numbers up to 64 have a bucket each, and then are what its lower bound says. */
function middle(bucket: number): number {
  const [low, high] = [bucketLow(bucket), bucketLow(bucket + 1)];
  return high - low <= 1 ? Math.ceil(low) : (low + high) / 2;
}

/** Counts of buckets in a row, as many as were needed so far. */
export class Buckets {
  #first = 0;
  #counts = new Uint32Array(0);

  add(bucket: number, count = 1): void {
    let at = bucket - this.#first;
    if (at < 0 || at >= this.#counts.length) {
      this.#grow(bucket);
      at = bucket - this.#first;
    }
    this.#counts[at] = this.#counts[at]! + count;
  }

  *ascending(): Generator<[bucket: number, count: number]> {
    for (let at = 0; at < this.#counts.length; at++)
      if (this.#counts[at]! > 0) yield [this.#first + at, this.#counts[at]!];
  }

  *descending(): Generator<[bucket: number, count: number]> {
    for (let at = this.#counts.length - 1; at >= 0; at--)
      if (this.#counts[at]! > 0) yield [this.#first + at, this.#counts[at]!];
  }

  #grow(bucket: number): void {
    const old = this.#counts;
    const first = old.length === 0 ? bucket : Math.min(this.#first, bucket);
    const end = old.length === 0 ? bucket + 1 : Math.max(this.#first + old.length, bucket + 1);
    const from = Math.max(0, first - (first < this.#first || old.length === 0 ? GROWTH / 2 : 0));
    const counts = new Uint32Array(end - from + GROWTH / 2);
    counts.set(old, old.length === 0 ? 0 : this.#first - from);
    this.#first = from;
    this.#counts = counts;
  }
}
