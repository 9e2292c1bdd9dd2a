/** What the followed member of each entry was at the last looks: only changes are kept, so an idle map keeps nothing. */
import type { Changes } from './table.ts';

const MOST_LOOKS = 120;
/** Samples of all looks together: some 40 MB. */
const MOST_SAMPLES = 2_000_000;

interface Look {
  /** Milliseconds since the epoch. */
  at: number;
  /** Ascending, with their values. */
  rows: Uint32Array;
  before: Float64Array;
  after: Float64Array;
}

export interface Sample {
  at: number;
  value: number;
  /** Change a second since the look before; null at the first one. */
  rate: number | null;
}

export class MapHistory {
  #looks: Look[] = [];
  #samples = 0;

  /** `whole`: the first look, which finds everything and changes nothing. */
  add(at: number, changes: Changes, whole: boolean): void {
    const look = whole
      ? { at, rows: new Uint32Array(0), before: new Float64Array(0), after: new Float64Array(0) }
      : { at, ...sorted(changes) };
    this.#looks.push(look);
    this.#samples += look.rows.length;
    while (this.#looks.length > MOST_LOOKS || (this.#samples > MOST_SAMPLES && this.#looks.length > 2))
      this.#samples -= this.#looks.shift()!.rows.length;
  }

  clear(): void {
    this.#looks = [];
    this.#samples = 0;
  }

  /** The row is another entry's now. */
  samples(row: number, now: number, count = MOST_LOOKS): Sample[] {
    const looks = this.#looks.slice(-count);
    const found = looks.map((look) => indexOf(look.rows, row));
    const first = found.findIndex((index) => index >= 0);
    let value = first < 0 ? now : looks[first]!.before[found[first]!]!;
    return looks.map(({ at, after }, i) => {
      const before = value;
      if (found[i]! >= 0) value = after[found[i]!]!;
      const seconds = i === 0 ? 0 : (at - looks[i - 1]!.at) / 1000;
      return { at, value, rate: seconds > 0 ? (value - before) / seconds : null };
    });
  }
}

function sorted({ rows, before, after }: Changes): Changes {
  let ascending = true;
  for (let i = 1; i < rows.length && ascending; i++) ascending = rows[i - 1]! < rows[i]!;
  if (ascending) return { rows, before, after };
  const order = Uint32Array.from(rows, (_, i) => i).sort((a, b) => rows[a]! - rows[b]!);
  const by = (values: Float64Array): Float64Array => Float64Array.from(order, (i) => values[i]!);
  return { rows: Uint32Array.from(order, (i) => rows[i]!), before: by(before), after: by(after) };
}

/** Binary search; -1 = not there. */
function indexOf(rows: Uint32Array, row: number): number {
  let [low, high] = [0, rows.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = rows[middle]!;
    if (found === row) return middle;
    if (found < row) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
