import type { MeasureOf } from '../../model/index.ts';
import { Sketch } from './sketch.ts';

const QUANTILES: Partial<Record<MeasureOf, number>> = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 };

/** Whether a measure needs to know how the numbers are spread. */
export function needsSketch(of: MeasureOf): boolean {
  return QUANTILES[of] !== undefined;
}

/** What is known of the numbers of one field in one place (a group, a bucket of time). */
export class Tally {
  /** Numbers that were there. */
  count = 0;
  #sum = 0;
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;
  #last = Number.NaN;
  readonly #sketch: Sketch | null;

  constructor(withSketch: boolean) {
    this.#sketch = withSketch ? new Sketch() : null;
  }

  add(value: number): void {
    // NaN: the row has no such number.
    if (value !== value) return;
    this.count++;
    this.#sum += value;
    if (value < this.#least) this.#least = value;
    if (value > this.#most) this.#most = value;
    this.#last = value;
    this.#sketch?.add(value);
  }

  /** Takes over what another place holds, whose rows came later. */
  merge(other: Tally): void {
    if (other.count === 0) return;
    this.count += other.count;
    this.#sum += other.#sum;
    this.#least = Math.min(this.#least, other.#least);
    this.#most = Math.max(this.#most, other.#most);
    this.#last = other.#last;
    if (other.#sketch !== null) this.#sketch?.merge(other.#sketch);
  }

  /** The measure; null while no row had a number. */
  read(of: Exclude<MeasureOf, 'count' | 'rate'>): number | null {
    if (this.count === 0) return null;
    switch (of) {
      case 'sum':
        return this.#sum;
      case 'avg':
        return this.#sum / this.count;
      case 'min':
        return this.#least;
      case 'max':
        return this.#most;
      case 'last':
        return this.#last;
      default:
        return this.#sketch?.quantile(QUANTILES[of]!) ?? null;
    }
  }
}
