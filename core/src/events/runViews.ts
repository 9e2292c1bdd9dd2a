import { RingsideError } from '../errors.ts';
import type { RowDetail, RowsPage, RowsQuery, RowsView, StreamSchema } from '../model/index.ts';
import { compileExpr } from './expr/compile.ts';
import { RowColours } from './rowColours.ts';
import { RowDecoder } from './rows.ts';
import type { EventStore } from './store.ts';
import { View } from './view.ts';

/** Views kept per run: a panel has one or two, and the last filters are likely to come back. */
const VIEW_LIMIT = 6;

/** The views over one run's streams: makes them as they are asked for and keeps the last few. */
export class RunViews {
  readonly #store: EventStore;
  readonly #schemas: () => readonly StreamSchema[];
  readonly #decoders = new Map<string, RowDecoder>();
  /** By stream and expression, the least recently asked first. */
  readonly #views = new Map<string, View>();
  #colours = RowColours.none;

  /** `schemas` may grow while the run starts; the first one is the run's main stream. */
  constructor(store: EventStore, schemas: () => readonly StreamSchema[]) {
    this.#store = store;
    this.#schemas = schemas;
  }

  /** Answers a panel's question for rows; an expression that does not compile comes back as `filterError`, without rows. */
  page(query: RowsQuery): RowsPage {
    const decoder = this.decoder(query.stream);
    try {
      const view = this.#view(decoder, query.where);
      const page = view.page(query.first, query.count, query.evicted);
      if (query.rules !== undefined) this.#colour(decoder, page.rows, query.rules);
      return { ...page, runId: query.runId, where: query.where, filterError: null };
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

  /** The view of a question. @throws RingsideError when its expression does not fit. */
  view({ stream, where }: RowsView): View {
    return this.#view(this.decoder(stream), where);
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
    const view = this.#views.get(key) ?? new View(decoder, compileExpr(where, decoder.schema));
    this.#views.delete(key);
    this.#views.set(key, view);
    for (const [oldKey, oldView] of this.#views) {
      if (this.#views.size <= VIEW_LIMIT) break;
      this.#drop(oldKey, oldView);
    }
    return view;
  }

  #drop(key: string, view: View): void {
    view.dispose();
    this.#views.delete(key);
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
