import type { RunEvent } from '../model/index.ts';
import type { Filter } from './expr/compile.ts';
import { RowCursor } from './rowCursor.ts';
import type { RowDecoder } from './rows.ts';

/**
 * Hands out each row of a stream once, in order, as it comes: what `ringside attach` prints. It keeps no rows; those
 * that leave the store before they are taken are counted as `missed`.
 */
export class EventTap {
  /** Rows that passed the filter and were handed out: the ledger's `shown`. */
  shown = 0;
  readonly #cursor: RowCursor;

  constructor(decoder: RowDecoder, filter: Filter) {
    this.#cursor = new RowCursor(decoder, filter);
  }

  get decoder(): RowDecoder {
    return this.#cursor.decoder;
  }

  get filter(): Filter {
    return this.#cursor.filter;
  }

  /** Rows that left the store before anyone took them. */
  get missed(): number {
    return this.#cursor.missed;
  }

  /** True while rows are stored that have not been looked at. */
  get behind(): boolean {
    return this.#cursor.behind;
  }

  /** The next matching rows, at most `limit`; an empty array means that nothing is left for now. */
  take(limit: number): (RunEvent & { type: 'event' })[] {
    const events: (RunEvent & { type: 'event' })[] = [];
    const cursor = this.#cursor;
    while (events.length < limit) {
      const loaded = cursor.load();
      if (loaded === null) break;
      const { chunk, count } = loaded;
      let row = 0;
      for (; row < count && events.length < limit; row++) {
        if (cursor.mask[row] === 0) continue;
        const offset = cursor.batch.offsets[row]!;
        events.push(this.decoder.event({ seq: cursor.next + row, chunk, offset, length: chunk.lengthAt(offset) }));
      }
      cursor.next += row;
    }
    this.shown += events.length;
    return events;
  }

  /** Looks past matching rows without decoding them (`--output none`) and returns how many matched. */
  skip(): number {
    const before = this.shown;
    const cursor = this.#cursor;
    for (let loaded = cursor.load(); loaded !== null; loaded = cursor.load()) {
      for (let row = 0; row < loaded.count; row++) this.shown += cursor.mask[row]!;
      cursor.next += loaded.count;
    }
    return this.shown - before;
  }
}
