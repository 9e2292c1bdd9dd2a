import { RingsideError } from '../errors.ts';
import type { ErrorData, FoundRows, RowDetail, RowFind, RowSort, RowsAsk, RowsLook, RowsPage } from '../model/index.ts';
import type { RowsQuery, RowsView, StreamSchema } from '../model/index.ts';
import { compileExpr } from './expr/compile.ts';
import { RowColours } from './rowColours.ts';
import { RowDecoder } from './rows.ts';
import { NO_LOOK, RowLook } from './rowLook.ts';
import { findRow } from './search/findRow.ts';
import { findFilter, markFound } from './search/findFilter.ts';
import { SortedView } from './sort/sortedView.ts';
import type { EventStore } from './store.ts';
import { pageOf, View, type RowsInOrder, type ViewOptions } from './view.ts';

/** Views kept per run: a panel has one or two, and the last filters are likely to come back. */
const VIEW_LIMIT = 6;
/** Orders kept per run: each costs 4 to 8 bytes a row. */
const SORT_LIMIT = 2;
/** Looks and searches kept per run. */
const LOOK_LIMIT = 4;

/** The views over one run's streams: makes them as they are asked for and keeps the last few. */
export class RunViews {
  readonly #store: EventStore;
  readonly #schemas: () => readonly StreamSchema[];
  readonly #options: Pick<ViewOptions, 'sliceMs'>;
  readonly #decoders = new Map<string, RowDecoder>();
  /** By stream and expression, the least recently asked first. */
  readonly #views = new Map<string, View>();
  #colours = RowColours.none;
  /** By stream, expression and order. */
  readonly #sorts = new Map<string, SortedView>();
  /** By stream and look. */
  readonly #looks = new Map<string, RowLook>();

  /**
   * `schemas` may grow while the run starts; the first one is the run's main stream.
   * @param options of each view; tests that want whole answers have slices without an end
   */
  constructor(store: EventStore, schemas: () => readonly StreamSchema[], options: Pick<ViewOptions, 'sliceMs'> = {}) {
    this.#store = store;
    this.#schemas = schemas;
    this.#options = options;
  }

  /** Answers a panel's question for rows; an expression that does not compile comes back as `filterError`, without rows. */
  page(query: RowsQuery): RowsPage {
    const decoder = this.decoder(query.stream);
    try {
      const view = this.#view(decoder, query.where);
      const { rows, sortError } = this.#inOrder(view, query.sort);
      const look = this.#look(decoder, query.look);
      const page = pageOf(rows, look, query);
      if (query.rules !== undefined) this.#colour(decoder, page.rows, query.rules);
      if (query.find !== undefined) markFound(page.rows, query.find, look);
      return {
        ...page,
        runId: query.runId,
        where: query.where,
        filterError: null,
        ...(rows instanceof SortedView && { sorted: rows.progress }),
        ...(sortError !== null && { sortError }),
      };
    } catch (error) {
      if (!(error instanceof RingsideError)) throw error;
      const { stream, columns } = decoder;
      return {
        runId: query.runId,
        stream: stream.name,
        where: query.where,
        columns,
        first: 0,
        rows: [],
        matching: 0,
        stored: stream.stored,
        delivered: stream.delivered,
        partial: false,
        filterError: error.toData(),
        ...placeOf(error),
      };
    }
  }

  /** The rows of a question in their order. @throws RingsideError when its expression does not fit. */
  view({ stream, where, sort }: RowsView): RowsInOrder {
    return this.rows(stream, where, sort);
  }

  /** The next row of a view that has what is searched for. @throws RingsideError when an expression does not fit. */
  find(ask: Omit<RowsAsk & { ask: 'find' }, 'ask'>): FoundRows {
    const decoder = this.decoder(ask.stream);
    const view = this.#view(decoder, ask.where);
    const { rows } = this.#inOrder(view, ask.sort);
    const look = this.#look(decoder, ask.look);
    return findRow({ view, rows, found: this.#found(view, ask.find, look) }, ask);
  }

  /** How rows of a stream are written. */
  look(stream: string, look: RowsLook | undefined): RowLook {
    return this.#look(this.decoder(stream), look);
  }

  /** The rows of a view in its order. @throws RingsideError when an expression does not fit. */
  rows(stream: string, where: string, sort: RowSort | undefined): RowsInOrder {
    return this.#inOrder(this.#view(this.decoder(stream), where), sort).rows;
  }

  /** Everything of one row; null when it has left the store or not come yet. */
  detail(stream: string, seq: number): RowDetail | null {
    const decoder = this.decoder(stream);
    const place = decoder.stream.place(seq);
    return place === null ? null : decoder.detail(place);
  }

  /** The decoder of a stream ("" = the first one), made anew when its schema has changed. */
  decoder(name: string): RowDecoder {
    const schemas = this.#schemas();
    const schema = schemas.find((candidate) => name === '' || candidate.stream === name) ?? {
      stream: name,
      records: [],
    };
    const known = this.#decoders.get(schema.stream);
    const stream = this.#store.stream(schema.stream);
    if (known !== undefined && known.stream === stream && sameRecords(known.schema, schema)) return known;
    const decoder = new RowDecoder(this.#store, stream, schema);
    this.#decoders.set(schema.stream, decoder);
    for (const [key, view] of this.#views) if (view.decoder === known) this.#drop(key, view);
    for (const [key, look] of this.#looks) if (look.decoder === known) this.#looks.delete(key);
    return decoder;
  }

  /** Stops all work in the background. */
  dispose(): void {
    for (const [key, view] of this.#views) this.#drop(key, view);
  }

  #colour(decoder: RowDecoder, rows: RowsPage['rows'], rules: readonly string[]): void {
    if (!this.#colours.isFor(decoder, rules)) this.#colours = new RowColours(decoder, rules);
    this.#colours.mark(rows);
  }

  #view(decoder: RowDecoder, where: string): View {
    const key = JSON.stringify([decoder.stream.name, where]);
    const view = this.#views.get(key) ?? new View(decoder, compileExpr(where, decoder.schema), this.#options);
    this.#keep(key, view);
    return view;
  }

  #keep(key: string, view: View): void {
    this.#views.delete(key);
    this.#views.set(key, view);
    for (const [oldKey, oldView] of this.#views) {
      if (this.#views.size <= VIEW_LIMIT) break;
      this.#drop(oldKey, oldView);
    }
  }

  #drop(key: string, view: View): void {
    for (const [sortKey, sorted] of this.#sorts) if (sorted.view === view) this.#dropSort(sortKey, sorted);
    view.dispose();
    this.#views.delete(key);
  }

  #inOrder(view: View, sort: RowSort | undefined): { rows: RowsInOrder; sortError: ErrorData | null } {
    if (sort === undefined) return { rows: view, sortError: null };
    try {
      return { rows: this.#sorted(view, sort), sortError: null };
    } catch (error) {
      if (!(error instanceof RingsideError)) throw error;
      return { rows: view, sortError: error.toData() };
    }
  }

  #sorted(view: View, sort: RowSort): SortedView {
    const key = JSON.stringify([view.decoder.stream.name, view.filter.text, sort]);
    const known = this.#sorts.get(key);
    const sorted = known?.view === view ? known : new SortedView(view, sort, this.#options.sliceMs);
    this.#sorts.delete(key);
    this.#sorts.set(key, sorted);
    for (const [oldKey, old] of this.#sorts) {
      if (this.#sorts.size <= SORT_LIMIT) break;
      this.#dropSort(oldKey, old);
    }
    return sorted;
  }

  #dropSort(key: string, sorted: SortedView): void {
    sorted.dispose();
    this.#sorts.delete(key);
  }

  #look(decoder: RowDecoder, look: RowsLook = NO_LOOK): RowLook {
    const key = JSON.stringify([decoder.stream.name, look]);
    const known = this.#looks.get(key) ?? new RowLook(decoder, look);
    this.#looks.delete(key);
    this.#looks.set(key, known);
    for (const old of this.#looks.keys()) {
      if (this.#looks.size <= LOOK_LIMIT) break;
      this.#looks.delete(old);
    }
    return known;
  }

  /** The rows of a view that have what is searched for: a view of its own. */
  #found(view: View, find: RowFind, look: RowLook): View {
    const key = JSON.stringify([view.decoder.stream.name, view.filter.text, 'find', find, this.#lookKey(look)]);
    const known = this.#views.get(key) ?? new View(view.decoder, findFilter(view.filter, find, look), this.#options);
    this.#keep(key, known);
    return known;
  }

  #lookKey(look: RowLook): string {
    for (const [key, known] of this.#looks) if (known === look) return key;
    return '';
  }
}

function sameRecords(a: StreamSchema, b: StreamSchema): boolean {
  if (b.records.length === 0) return a.records.length === 1 && a.records[0]!.confidence === 'none';
  return a.records === b.records;
}

/** Errors of expressions show their place as a caret under the text. */
function placeOf(error: RingsideError): Pick<RowsPage, 'filterErrorAt'> {
  const caret = error.detail.split('\n')[1]?.indexOf('^') ?? -1;
  return caret < 0 ? {} : { filterErrorAt: caret };
}
