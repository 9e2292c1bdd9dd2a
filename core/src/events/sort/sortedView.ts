import type { RowOrder, RowSort, SortProgress } from '../../model/index.ts';
import { Batch, BATCH_ROWS } from '../expr/batch.ts';
import type { RowPlace } from '../store.ts';
import { typeColumn } from '../summary/numbers.ts';
import type { View } from '../view.ts';
import type { IntegerKeys } from './integerKeys.ts';
import { checkOrder, MOST_WORDS, orderKey, type OrderKey, type OrderWord } from './keys.ts';
import { RadixOrder } from './radix.ts';

/** How long one slice of sorting may hold the thread. */
const SLICE_MS = 8;
/** A sort that nobody has asked about for so long stops until somebody does. */
const FORGOTTEN_AFTER_MS = 3_000;

/**
 * The rows of a view that had come before some moment, in another order. It is made once, in slices on the event loop
 * and only as long as somebody asks; rows that come later are counted, not shown. Rows that leave the store keep their
 * places, so that nothing moves.
 */
export class SortedView {
  readonly view: View;
  readonly #by: readonly { key: OrderKey; descending: boolean }[];
  readonly #until: number;
  readonly #sliceMs: number;
  readonly #work: Generator<void>;
  #base = 0;
  /** Rows of the order as they came; null when there is none between them. */
  #distances: Uint32Array | null = null;
  /** Places in `#distances`, or distances themselves, first to last; null until it is made. */
  #order: Uint32Array | null = null;
  #evictedBefore = 0;
  #evictedAtStart = 0;
  #done = 0;
  #total = 1;
  #askedAt = 0;
  #scheduled: NodeJS.Immediate | null = null;
  #waiting: (() => void)[] = [];

  /** @throws RingsideError `unknown-field`, `bad-value` */
  constructor(view: View, { by, until }: RowSort, sliceMs = SLICE_MS) {
    const { decoder } = view;
    checkOrder(
      decoder.schema,
      by.map(({ column }) => column),
    );
    this.view = view;
    this.#by = by.map((one: RowOrder) => ({ key: orderKey(decoder, one.column), descending: one.descending }));
    this.#until = Math.min(until, decoder.stream.delivered);
    this.#sliceMs = sliceMs;
    this.#work = this.#sort();
  }

  get decoder(): View['decoder'] {
    return this.view.decoder;
  }

  /** Rows in the order; 0 until it is made. */
  get matching(): number {
    return this.#order?.length ?? 0;
  }

  /** Places do not change when rows leave. */
  get evictedMatching(): number {
    return 0;
  }

  get partial(): boolean {
    return this.#order === null;
  }

  /** How far it is, what came since, and what has left. */
  get progress(): SortProgress {
    const { view } = this;
    const counted = view.matching + view.evictedMatching;
    return {
      until: this.#until,
      done: this.#order === null ? Math.min(0.99, this.#done / this.#total) : 1,
      waiting: this.#order === null ? 0 : Math.max(0, counted - this.#order.length - this.#evictedBefore),
      gone: this.#order === null ? 0 : Math.min(this.#order.length, view.evictedMatching - this.#evictedAtStart),
    };
  }

  /** Works on the order for one slice; what is left is done in the background. True when it is made. */
  update(): boolean {
    this.view.update();
    this.#askedAt = Date.now();
    return this.#slice();
  }

  /** Resolves when the order is made, or the work was given up. */
  async sorted(): Promise<void> {
    if (this.update()) return;
    this.#askedAt = Number.POSITIVE_INFINITY;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  dispose(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
    this.#work.return(undefined);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** The row at a place; null where there is none. */
  seqAt(index: number): number | null {
    const position = this.#order?.[index];
    if (position === undefined) return null;
    return this.#base + (this.#distances === null ? position : this.#distances[position]!);
  }

  /** Where the row at a place lies; null when it has left the store. */
  placeAt(index: number): RowPlace | null {
    const seq = this.seqAt(index);
    return seq === null ? null : this.decoder.stream.place(seq);
  }

  /** The place of a row; null when it is not in the order. It looks at all of them. */
  indexOf(seq: number): number | null {
    const order = this.#order;
    if (order === null || seq < this.#base || seq >= this.#until) return null;
    const position = this.#distances === null ? seq - this.#base : lowerBound(this.#distances, seq - this.#base);
    if (this.#distances !== null && this.#distances[position] !== seq - this.#base) return null;
    const index = order.indexOf(position);
    return index < 0 ? null : index;
  }

  #slice(): boolean {
    const until = performance.now() + this.#sliceMs;
    while (this.#order === null && performance.now() < until) if (this.#work.next().done === true) break;
    if (this.#order !== null) {
      for (const resolve of this.#waiting.splice(0)) resolve();
      return true;
    }
    if (Date.now() - this.#askedAt > FORGOTTEN_AFTER_MS) return false;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = null;
      this.#slice();
    });
    return false;
  }

  *#sort(): Generator<void> {
    while (this.view.next < this.#until) {
      this.view.update();
      yield;
    }
    const rows = this.view.rowsBefore(this.#until);
    this.#base = rows.base;
    this.#distances = rows.distances;
    this.#evictedBefore = this.#evictedAtStart = this.view.evictedMatching;
    const radix = new RadixOrder(rows.count);
    this.#total = Math.max(1, rows.count * this.#by.length * 3);
    for (const one of this.#by.toReversed()) yield* this.#byKey(radix, one.key, one.descending);
    this.#order = radix.order;
  }

  /** From the last word of the values to the first, then those without a value behind all others. */
  *#byKey(radix: RadixOrder, key: OrderKey, descending: boolean): Generator<void> {
    const { upper, lower } = radix;
    const missing = new Uint8Array(upper.length);
    if (key.integers !== null) {
      yield* this.#byIntegers(radix, key.integers, descending, missing);
      return;
    }
    const type = typeColumn(this.decoder.schema);
    let [most, any] = [1, false];
    yield* this.#each((batch, row, position) => {
      const words = batch === null ? 0 : key.words(batch, row, type(batch, row));
      if (words > most) most = words;
      if (words > 0) return;
      missing[position] = 1;
      any = true;
    });
    const word: OrderWord = { upper: 0, lower: 0 };
    const flip = descending ? 0xffffffff : 0;
    this.#total += (Math.min(most, MOST_WORDS) - 1) * upper.length * 2;
    for (let index = Math.min(most, MOST_WORDS) - 1; index >= 0; index--) {
      yield* this.#each((batch, row, position) => {
        if (batch === null || missing[position] !== 0) {
          upper[position] = lower[position] = 0;
          return;
        }
        key.read(batch, row, type(batch, row), index, word);
        upper[position] = word.upper ^ flip;
        lower[position] = word.lower ^ flip;
      });
      yield* radix.byKeys();
      this.#done += upper.length;
    }
    if (any) yield* radix.behind(missing);
  }

  /** The same for integers that are read for a batch of rows at once. */
  *#byIntegers(radix: RadixOrder, keys: IntegerKeys, descending: boolean, missing: Uint8Array): Generator<void> {
    const flip = descending ? 0xffffffff : 0;
    const found = { missing: false };
    yield* this.#batches((batch, count, position) => {
      if (batch !== null && batch.chunk.recordLength >= keys.need) {
        keys.fill(batch.chunk.slab, batch.offsets, count, radix, position, flip);
        return;
      }
      // Keys of rows that are missing decide nothing, but must not be read beyond a slab's end.
      for (let row = 0; row < count; row++) {
        if (batch !== null && batch.lengthOf(row) >= keys.need) {
          keys.fill(batch.chunk.slab, batch.offsets.subarray(row), 1, radix, position + row, flip);
        } else {
          radix.upper[position + row] = radix.lower[position + row] = 0;
          missing[position + row] = 1;
          found.missing = true;
        }
      }
    });
    yield* radix.byKeys(keys.wide);
    this.#done += radix.lower.length;
    if (found.missing) yield* radix.behind(missing);
  }

  /** Rows as they came, by the first `count` offsets of a batch; one without a batch that has left meanwhile. */
  *#batches(visit: (batch: Batch | null, count: number, position: number) => void): Generator<void> {
    const { stream } = this.decoder;
    const distances = this.#distances;
    const total = distances?.length ?? this.#until - this.#base;
    const batch = new Batch();
    for (let position = 0, count: number; position < total; position += count, this.#done += count) {
      const seq = this.#base + (distances === null ? position : distances[position]!);
      const chunk = stream.chunkOf(seq);
      if (chunk === null) {
        count = 1;
        visit(null, count, position);
        if (position % BATCH_ROWS === 0) yield;
        continue;
      }
      const loaded = batch.load(chunk, seq - chunk.firstSeq);
      count = distances === null ? Math.min(loaded, total - position) : gather(batch, distances, position, loaded);
      visit(batch, count, position);
      yield;
    }
  }

  /** Every row as it came, with its position; without a batch where it has left meanwhile. */
  *#each(visit: (batch: Batch | null, row: number, position: number) => void): Generator<void> {
    const { stream, store } = this.decoder;
    const distances = this.#distances;
    const count = distances?.length ?? this.#until - this.#base;
    const batch = new Batch();
    for (let position = 0; position < count;) {
      const seq = this.#base + (distances === null ? position : distances[position]!);
      const chunk = stream.chunkOf(seq);
      const before = position;
      if (chunk === null) {
        visit(null, 0, position++);
        if (position % BATCH_ROWS === 0) yield;
      } else {
        batch.stream = stream.name;
        batch.hosts = store.hosts;
        const end = seq + batch.load(chunk, seq - chunk.firstSeq);
        for (let next = seq; next < end;) {
          visit(batch, next - seq, position++);
          if (position >= count) break;
          next = this.#base + (distances === null ? position : distances[position]!);
        }
        yield;
      }
      this.#done += position - before;
    }
  }
}

/** Moves the offsets of the rows that are in the list to the front of the batch, and returns how many there are. */
function gather({ offsets }: Batch, distances: Uint32Array, position: number, loaded: number): number {
  const first = distances[position]!;
  let count = 0;
  for (let at = position; at < distances.length; at++) {
    const row = distances[at]! - first;
    if (row >= loaded) break;
    offsets[count++] = offsets[row]!;
  }
  return count;
}

function lowerBound(sorted: Uint32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
