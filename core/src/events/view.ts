import type { Column, RowsPage } from '../model/index.ts';
import { Batch, BATCH_ROWS, MaskWords } from './expr/batch.ts';
import type { Filter } from './expr/compile.ts';
import { RowList } from './rowList.ts';
import type { RowDecoder } from './rows.ts';
import type { RowPlace } from './store.ts';

/** How long one slice of filtering may hold the thread, so that frames and answers come in between. */
const SLICE_MS = 8;
/** Most rows of one page; a grid shows some dozens. */
const PAGE_LIMIT = 2000;

/** What a page needs from the view; the engine adds the run's name. */
export type ViewPage = Omit<RowsPage, 'runId' | 'where' | 'filterError'> & {
  /** Matching rows that have left the store: an index plus this stays the same while rows leave. */
  evicted: number;
};

/** Rows in some order, with what is known of their number. */
export type RowsInOrder = Pick<View, 'decoder' | 'matching' | 'evictedMatching' | 'partial' | 'update' | 'placeAt'> & {
  /** The row at a place, whether or not it is still stored. */
  seqAt(index: number): number | null;
  indexOf(seq: number): number | null;
};

/** Writes rows as text. */
export interface RowWriter {
  readonly columns: Column[];
  cells(place: RowPlace): string[];
}

export interface ViewOptions {
  /** Milliseconds of one slice. */
  sliceMs?: number;
  /** Begin with the rows that come from now on, not with what is stored. */
  fromNow?: boolean;
}

/**
 * A filter over one stream, kept up to date as it is asked: nothing happens while nobody asks. Without a filter there is
 * no list of rows at all. Working through many stored rows is cut into slices on the event loop; meanwhile pages show
 * what is found so far and say `partial`.
 */
export class View {
  readonly decoder: RowDecoder;
  readonly filter: Filter;
  readonly #sliceMs: number;
  readonly #rows = new RowList();
  readonly #batch = new Batch();
  readonly #mask = new Uint8Array(BATCH_ROWS);
  readonly #words = new MaskWords();
  #next: number;
  readonly #from: number;
  #evictedMatching = 0;
  #scheduled: NodeJS.Immediate | null = null;
  #waiting: (() => void)[] = [];

  constructor(decoder: RowDecoder, filter: Filter, options: ViewOptions = {}) {
    this.decoder = decoder;
    this.filter = filter;
    this.#sliceMs = options.sliceMs ?? SLICE_MS;
    this.#from = options.fromNow === true ? decoder.stream.delivered : 0;
    this.#next = this.#from;
  }

  /** The next row to look at; without a filter the next one to come. */
  get next(): number {
    return this.filter.everything ? this.decoder.stream.delivered : this.#next;
  }

  /** The stored matching rows before `seq`: the first one, and the distances from it to each; null when there are no gaps. */
  rowsBefore(seq: number): { base: number; distances: Uint32Array | null; count: number } {
    this.#forgetEvicted();
    if (!this.filter.everything) {
      const rows = this.#rows.copyBefore(seq);
      return { ...rows, count: rows.distances.length };
    }
    const base = Math.min(seq, Math.max(this.decoder.stream.firstSeq, this.#from));
    return { base, distances: null, count: seq - base };
  }

  /** Matching rows that are stored, as far as the view has looked. */
  get matching(): number {
    this.#forgetEvicted();
    const { stream } = this.decoder;
    return this.filter.everything ? stream.delivered - Math.max(stream.firstSeq, this.#from) : this.#rows.length;
  }

  /** Rows that matched and have left since. */
  get evictedMatching(): number {
    this.#forgetEvicted();
    const { stream } = this.decoder;
    return this.filter.everything ? Math.max(0, stream.firstSeq - this.#from) : this.#evictedMatching;
  }

  /** True while stored rows are still to be looked at. */
  get partial(): boolean {
    return !this.filter.everything && this.#next < this.decoder.stream.delivered;
  }

  /** See `pageOf`. */
  page(first: number, count: number, evicted?: number): ViewPage {
    return pageOf(this, this.decoder, { first, count, evicted });
  }

  /** Where the matching row at an index lies. */
  placeAt(index: number): RowPlace | null {
    const seq = this.seqAt(index);
    return seq === null ? null : this.decoder.stream.place(seq);
  }

  seqAt(index: number): number | null {
    const { stream } = this.decoder;
    if (this.filter.everything) return index < 0 ? null : Math.max(stream.firstSeq, this.#from) + index;
    return this.#rows.at(index) ?? null;
  }

  /** How many of the matching rows that are stored come before a row. */
  countBefore(seq: number): number {
    this.#forgetEvicted();
    if (!this.filter.everything) return this.#rows.indexOf(seq);
    return Math.max(0, seq - Math.max(this.decoder.stream.firstSeq, this.#from));
  }

  /** The index of a row among the matching ones; null when the filter hides it, or it is not stored or looked at yet. */
  indexOf(seq: number): number | null {
    this.#forgetEvicted();
    const { stream } = this.decoder;
    if (this.filter.everything) {
      const first = Math.max(stream.firstSeq, this.#from);
      return seq < first || seq >= stream.delivered ? null : seq - first;
    }
    const index = this.#rows.indexOf(seq);
    return this.#rows.at(index) === seq ? index : null;
  }

  /** Looks at new rows for one slice of time; what is left is done in the background. Returns true when nothing is left. */
  update(): boolean {
    this.#scan(this.#sliceMs);
    if (!this.partial) {
      for (const resolve of this.#waiting.splice(0)) resolve();
      return true;
    }
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = null;
      this.update();
    });
    return false;
  }

  /** Resolves when every row that was stored at some moment since the call has been looked at, or the view is disposed. */
  async caughtUp(): Promise<void> {
    if (this.update()) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Stops the work in the background. */
  dispose(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #scan(milliseconds: number): void {
    this.#forgetEvicted();
    if (this.filter.everything) return;
    const { stream } = this.decoder;
    const until = performance.now() + milliseconds;
    while (this.#next < stream.delivered) {
      const chunk = stream.chunkOf(this.#next)!;
      this.#batch.stream = stream.name;
      this.#batch.hosts = this.decoder.store.hosts;
      const count = this.#batch.load(chunk, this.#next - chunk.firstSeq);
      this.filter.select(this.#batch, this.#mask);
      const mask = this.#mask;
      for (let row = this.#words.next(mask, 0, count); row < count; row = this.#words.next(mask, row + 1, count))
        this.#rows.push(this.#next + row);
      this.#next += count;
      if (performance.now() >= until) return;
    }
  }

  #forgetEvicted(): void {
    const { firstSeq } = this.decoder.stream;
    this.#evictedMatching += this.#rows.dropBefore(firstSeq);
    if (this.#next < firstSeq) this.#next = firstSeq;
  }
}

/**
 * A page of rendered rows from index `first` of the matching rows, or the last `count` of them for -1. `first` counts
 * from the rows that were stored when `evicted` had left. A row in the middle that has left is there without cells.
 */
export function pageOf(
  rows: RowsInOrder,
  writer: RowWriter,
  { first, count, evicted }: { first: number; count: number; evicted?: number | undefined },
): ViewPage {
  rows.update();
  const { stream } = rows.decoder;
  const { columns } = writer;
  const { matching } = rows;
  const wanted = Math.max(0, Math.min(count, PAGE_LIMIT));
  const gone = evicted === undefined ? 0 : rows.evictedMatching - evicted;
  const start = first < 0 ? Math.max(0, matching - wanted) : Math.max(0, Math.min(first - gone, matching));
  const page: ViewPage['rows'] = [];
  for (let index = start; index < Math.min(start + wanted, matching); index++) {
    const place = rows.placeAt(index);
    const seq = place === null ? rows.seqAt(index) : place.seq;
    if (place !== null) page.push({ seq: place.seq, cells: writer.cells(place) });
    else if (seq !== null) page.push({ seq, cells: [], gone: true });
  }
  return {
    stream: stream.name,
    columns,
    first: start,
    rows: page,
    matching,
    stored: stream.stored,
    delivered: stream.delivered,
    partial: rows.partial,
    evicted: rows.evictedMatching,
  };
}
