import type { RecordSource } from '../slab.ts';
import type { EventStore, EventStream, RowPlace } from '../store.ts';
import { wireOfAll, wireOfAny, withWire, type Wire } from './wire.ts';

/** Rows of one chunk that are filtered together: enough to pay for the calls, few enough to stay in the cache. */
export const BATCH_ROWS = 1024;

/** Rows of one chunk, by the places of their bytes. Filters work on batches, not on rows. */
export class Batch {
  readonly offsets = new Uint32Array(BATCH_ROWS);
  count = 0;
  chunk!: RecordSource;
  firstSeq = 0;
  stream = '';
  hosts: EventStore['hosts'] = [];

  /** Points to rows `row` … of the chunk (counted within it) and returns how many fit. */
  load(chunk: RecordSource, row: number): number {
    this.chunk = chunk;
    this.count = Math.min(BATCH_ROWS, chunk.count - row);
    this.firstSeq = chunk.firstSeq + row;
    chunk.fillOffsets(row, this.count, this.offsets);
    return this.count;
  }

  /** Points to a single row of a stream: row 0. */
  point({ chunk, offset, seq }: RowPlace, { stream, store }: { stream: EventStream; store: EventStore }): void {
    this.chunk = chunk;
    this.count = 1;
    this.firstSeq = seq;
    this.offsets[0] = offset;
    this.stream = stream.name;
    this.hosts = store.hosts;
  }

  lengthOf(row: number): number {
    return this.chunk.lengthAt(this.offsets[row]!);
  }

  /** Clears the mask where a record is shorter than `need` bytes. */
  dropShorter(mask: Uint8Array, need: number): void {
    const { recordLength } = this.chunk;
    if (recordLength >= need) return;
    if (recordLength >= 0) {
      mask.fill(0, 0, this.count);
      return;
    }
    for (let row = 0; row < this.count; row++) if (this.lengthOf(row) < need) mask[row] = 0;
  }
}

/**
 * A condition on rows. `refine` clears `mask[row]` (1 = still in) for the rows of the batch that do not meet it and
 * leaves the others; rows that are out already need not be looked at. That makes && free and lets costly conditions
 * see few rows.
 */
export interface Condition {
  refine(batch: Batch, mask: Uint8Array): void;
  /** What of it the agent can evaluate; left out where that is nothing. */
  readonly wire?: Wire;
}

/** Masks of `BATCH_ROWS` rows, four of which are looked at in one step: most rows do not meet a filter. */
export class MaskWords {
  #mask: Uint8Array | undefined;
  #words: Uint32Array = new Uint32Array(0);

  /** The index of the first row at or after `row` that is still in; `count` when there is none. */
  next(mask: Uint8Array, row: number, count: number): number {
    if (mask !== this.#mask) {
      this.#mask = mask;
      this.#words = new Uint32Array(mask.buffer, mask.byteOffset, mask.byteLength >> 2);
    }
    const words = this.#words;
    let at = row;
    while (at < count) {
      if ((at & 3) === 0) while (at + 4 <= count && words[at >> 2] === 0) at += 4;
      if (at >= count || mask[at] !== 0) return Math.min(at, count);
      at++;
    }
    return count;
  }
}

export function all(left: Condition, right: Condition): Condition {
  const words = new MaskWords();
  const both: Condition = {
    refine(batch, mask) {
      left.refine(batch, mask);
      if (words.next(mask, 0, batch.count) < batch.count) right.refine(batch, mask);
    },
  };
  return withWire(both, wireOfAll(left.wire, right.wire));
}

export function any(left: Condition, right: Condition): Condition {
  const taken = new Uint8Array(BATCH_ROWS);
  const either: Condition = {
    refine(batch, mask) {
      const { count } = batch;
      taken.set(mask.subarray(0, count));
      left.refine(batch, taken);
      for (let row = 0; row < count; row++) mask[row] = mask[row]! & ~taken[row]!;
      right.refine(batch, mask);
      for (let row = 0; row < count; row++) mask[row] = mask[row]! | taken[row]!;
    },
  };
  return withWire(either, wireOfAny([left.wire, right.wire]));
}

export function not(inner: Condition): Condition {
  const taken = new Uint8Array(BATCH_ROWS);
  return {
    refine(batch, mask) {
      const { count } = batch;
      taken.set(mask.subarray(0, count));
      inner.refine(batch, taken);
      for (let row = 0; row < count; row++) mask[row] = mask[row]! & ~taken[row]!;
    },
  };
}

export const always: Condition = { refine: () => undefined };
export const never: Condition = {
  refine: (batch, mask) => {
    mask.fill(0, 0, batch.count);
  },
  wire: [],
};

/** A condition asked row by row, for the rows that are still in. `test` gets the row's index in the batch. */
export function perRow(need: number, test: (batch: Batch, row: number, offset: number) => boolean): Condition {
  return {
    refine(batch, mask) {
      if (need > 0) batch.dropShorter(mask, need);
      const { offsets, count } = batch;
      for (let row = 0; row < count; row++) {
        if (mask[row] !== 0 && !test(batch, row, offsets[row]!)) mask[row] = 0;
      }
    },
  };
}

/** A condition that is the same for all rows of a chunk (its host, its CPU). */
export function perChunk(test: (batch: Batch) => boolean): Condition {
  return {
    refine(batch, mask) {
      if (!test(batch)) mask.fill(0, 0, batch.count);
    },
  };
}
