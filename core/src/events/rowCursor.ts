import { Batch, BATCH_ROWS } from './expr/batch.ts';
import type { Filter } from './expr/compile.ts';
import type { RowDecoder } from './rows.ts';
import type { Chunk } from './slab.ts';

/** Goes over the rows of a stream once, in order, as they come, and counts those that leave the store before. */
export class RowCursor {
  readonly decoder: RowDecoder;
  readonly filter: Filter;
  /** The rows that `load` has found, and which of them pass the filter. */
  readonly batch = new Batch();
  readonly mask = new Uint8Array(BATCH_ROWS);
  /** The first row that has not been looked at. */
  next: number;
  /** Rows that left the store before they were looked at. */
  missed = 0;

  /** Begins with the rows that are stored. */
  constructor(decoder: RowDecoder, filter: Filter) {
    this.decoder = decoder;
    this.filter = filter;
    this.next = decoder.stream.firstSeq;
  }

  /** True while stored rows have not been looked at. */
  get behind(): boolean {
    return this.next < this.decoder.stream.delivered;
  }

  /** Loads the rows at `next`, which the caller moves on; null when none is left for now. */
  load(): { chunk: Chunk; count: number } | null {
    const { stream, store } = this.decoder;
    if (this.next < stream.firstSeq) {
      this.missed += stream.firstSeq - this.next;
      this.next = stream.firstSeq;
    }
    if (!this.behind) return null;
    const chunk = stream.chunkOf(this.next)!;
    this.batch.stream = stream.name;
    this.batch.hosts = store.hosts;
    const count = this.batch.load(chunk, this.next - chunk.firstSeq);
    this.filter.select(this.batch, this.mask);
    return { chunk, count };
  }
}
