import type { RunEvent } from '../model/index.ts';
import { Batch, BATCH_ROWS } from './expr/batch.ts';
import type { Filter } from './expr/compile.ts';
import type { RowDecoder } from './rows.ts';

/**
 * Hands out each row of a stream once, in order, as it comes: what `ringside attach` prints. It keeps no rows; those
 * that leave the store before they are taken are counted as `missed`.
 */
export class EventTap {
  readonly decoder: RowDecoder;
  readonly filter: Filter;
  /** Rows that passed the filter and were handed out: the ledger's `shown`. */
  shown = 0;
  /** Rows that left the store before anyone took them. */
  missed = 0;
  #next: number;
  readonly #batch = new Batch();
  readonly #mask = new Uint8Array(BATCH_ROWS);

  constructor(decoder: RowDecoder, filter: Filter) {
    this.decoder = decoder;
    this.filter = filter;
    this.#next = decoder.stream.firstSeq;
  }

  /** True while rows are stored that have not been looked at. */
  get behind(): boolean {
    return this.#next < this.decoder.stream.delivered;
  }

  /** The next matching rows, at most `limit`; an empty array means that nothing is left for now. */
  take(limit: number): (RunEvent & { type: 'event' })[] {
    const events: (RunEvent & { type: 'event' })[] = [];
    const { stream, store } = this.decoder;
    while (events.length < limit && this.#next < stream.delivered) {
      if (this.#next < stream.firstSeq) {
        this.missed += stream.firstSeq - this.#next;
        this.#next = stream.firstSeq;
        continue;
      }
      const chunk = stream.chunkOf(this.#next)!;
      this.#batch.stream = stream.name;
      this.#batch.hosts = store.hosts;
      const count = this.#batch.load(chunk, this.#next - chunk.firstSeq);
      this.filter.select(this.#batch, this.#mask);
      let row = 0;
      for (; row < count && events.length < limit; row++) {
        if (this.#mask[row] === 0) continue;
        const offset = this.#batch.offsets[row]!;
        events.push(this.decoder.event({ seq: this.#next + row, chunk, offset, length: chunk.lengthAt(offset) }));
      }
      this.#next += row;
    }
    this.shown += events.length;
    return events;
  }

  /** Looks past matching rows without decoding them (`--output none`) and returns how many matched. */
  skip(): number {
    const before = this.shown;
    const { stream, store } = this.decoder;
    while (this.#next < stream.delivered) {
      const from = Math.max(this.#next, stream.firstSeq);
      this.missed += from - this.#next;
      const chunk = stream.chunkOf(from)!;
      this.#batch.stream = stream.name;
      this.#batch.hosts = store.hosts;
      const count = this.#batch.load(chunk, from - chunk.firstSeq);
      this.filter.select(this.#batch, this.#mask);
      for (let row = 0; row < count; row++) this.shown += this.#mask[row]!;
      this.#next = from + count;
    }
    return this.shown - before;
  }
}
