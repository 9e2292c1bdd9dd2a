import type { SummaryPage, SummarySpec } from '../../model/index.ts';
import type { Filter } from '../expr/compile.ts';
import { RowCursor } from '../rowCursor.ts';
import type { RowDecoder } from '../rows.ts';
import type { Accumulator } from './accumulator.ts';
import { Heatmap, Histogram } from './distribution.ts';
import { Groups } from './groups.ts';
import { Series } from './series.ts';

/** A figure of a stream's rows, kept up to date: each row is looked at once, and may leave the store afterwards. */
export class Summary {
  readonly #cursor: RowCursor;
  readonly #accumulator: Accumulator;
  #counted = 0;

  /** Begins with the rows that are stored. @throws RingsideError `unknown-field`, `bad-value` */
  constructor(decoder: RowDecoder, filter: Filter, spec: SummarySpec) {
    this.#cursor = new RowCursor(decoder, filter);
    this.#accumulator = accumulatorOf(decoder, spec);
  }

  get decoder(): RowDecoder {
    return this.#cursor.decoder;
  }

  /** True while stored rows are still to be looked at. */
  get behind(): boolean {
    return this.#cursor.behind;
  }

  /** Looks at new rows for some milliseconds. Returns true when nothing is left. */
  advance(milliseconds: number): boolean {
    const until = performance.now() + milliseconds;
    const cursor = this.#cursor;
    for (let loaded = cursor.load(); loaded !== null; loaded = cursor.load()) {
      for (let row = 0; row < loaded.count; row++) this.#counted += cursor.mask[row]!;
      this.#accumulator.add(cursor.batch, cursor.mask);
      cursor.next += loaded.count;
      if (performance.now() >= until) return !this.behind;
    }
    return true;
  }

  /** What is known so far, without what has not changed since the state `since`. */
  page(since: number, spec?: SummarySpec): SummaryPage {
    const { data, whole } = this.#accumulator.read(since, spec);
    return {
      stream: this.decoder.stream.name,
      where: this.#cursor.filter.text,
      state: this.#accumulator.state,
      whole,
      data,
      counted: this.#counted,
      missed: this.#cursor.missed,
      partial: this.behind,
      error: null,
    };
  }
}

function accumulatorOf(decoder: RowDecoder, spec: SummarySpec): Accumulator {
  switch (spec.kind) {
    case 'groups':
      return new Groups(decoder, spec);
    case 'series':
      return new Series(decoder, spec);
    case 'histogram':
      return new Histogram(decoder, spec);
    case 'heatmap':
      return new Heatmap(decoder, spec);
  }
}
