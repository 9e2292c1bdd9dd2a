import type { SummaryPage, SummarySpec } from '../../model/index.ts';
import { Batch, BATCH_ROWS } from '../expr/batch.ts';
import type { Filter } from '../expr/compile.ts';
import type { RowDecoder } from '../rows.ts';
import type { Accumulator } from './accumulator.ts';
import { Heatmap, Histogram } from './distribution.ts';
import { Groups } from './groups.ts';
import { Series } from './series.ts';

/** A figure of a stream's rows, kept up to date: each row is looked at once, and may leave the store afterwards. */
export class Summary {
  readonly decoder: RowDecoder;
  readonly filter: Filter;
  readonly #accumulator: Accumulator;
  readonly #batch = new Batch();
  readonly #mask = new Uint8Array(BATCH_ROWS);
  #next: number;
  #counted = 0;
  #missed = 0;

  /** Begins with the rows that are stored. @throws RingsideError `unknown-field`, `bad-value` */
  constructor(decoder: RowDecoder, filter: Filter, spec: SummarySpec) {
    this.decoder = decoder;
    this.filter = filter;
    this.#accumulator = accumulatorOf(decoder, spec);
    this.#next = decoder.stream.firstSeq;
  }

  /** True while stored rows are still to be looked at. */
  get behind(): boolean {
    return this.#next < this.decoder.stream.delivered;
  }

  /** Looks at new rows for some milliseconds. Returns true when nothing is left. */
  advance(milliseconds: number): boolean {
    const { stream, store } = this.decoder;
    const until = performance.now() + milliseconds;
    while (this.#next < stream.delivered) {
      if (this.#next < stream.firstSeq) {
        this.#missed += stream.firstSeq - this.#next;
        this.#next = stream.firstSeq;
        continue;
      }
      const chunk = stream.chunkOf(this.#next)!;
      this.#batch.stream = stream.name;
      this.#batch.hosts = store.hosts;
      const count = this.#batch.load(chunk, this.#next - chunk.firstSeq);
      this.filter.select(this.#batch, this.#mask);
      for (let row = 0; row < count; row++) this.#counted += this.#mask[row]!;
      this.#accumulator.add(this.#batch, this.#mask);
      this.#next += count;
      if (performance.now() >= until) return !this.behind;
    }
    return true;
  }

  /** What is known so far, without what has not changed since the state `since`. */
  page(since: number): SummaryPage {
    const { data, whole } = this.#accumulator.read(since);
    return {
      stream: this.decoder.stream.name,
      where: this.filter.text,
      state: this.#accumulator.state,
      whole,
      data,
      counted: this.#counted,
      missed: this.#missed,
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
