import type { FieldFigures, MeasurePage, RecordField, RecordInfo, RowsAsk } from '../model/index.ts';
import { bigReader, fieldBytes, floatNumberReader, recordBytes } from './decode.ts';
import type { RowDecoder } from './rows.ts';
import { columns, resolvePath } from './schema.ts';
import type { RowPlace } from './store.ts';
import type { RowsInOrder } from './view.ts';

/** How long one answer may hold the thread, and rows between two looks at the clock. */
const SLICE_MS = 20;
const ROWS_PER_LOOK = 256;

type MeasureAsk = Omit<RowsAsk & { ask: 'measure' }, 'ask' | 'view'>;

/**
 * Time and numbers of the rows at some places of a view, exactly: a part of them at a time, to be asked for again from
 * `next` on. Rows that have left the store since the places were counted are missed.
 */
export function measureRows(view: RowsInOrder, { ranges, evicted, from }: MeasureAsk): MeasurePage {
  view.update();
  const gone = view.evictedMatching - evicted;
  const total = ranges.reduce((sum, range) => sum + range.to - range.from, 0);
  const until = performance.now() + SLICE_MS;
  const figures = new Figures(view.decoder);
  let missed = 0;
  let at = from;
  for (const index of indices(ranges, from)) {
    if ((at - from) % ROWS_PER_LOOK === ROWS_PER_LOOK - 1 && performance.now() >= until) break;
    const place = index - gone < 0 ? null : view.placeAt(index - gone);
    if (place === null) missed++;
    else figures.add(place);
    at++;
  }
  return { ...figures.read(), missed, next: at < total ? at : null };
}

function* indices(ranges: MeasureAsk['ranges'], from: number): Generator<number> {
  let skipped = 0;
  for (const range of ranges) {
    const size = range.to - range.from;
    for (let index = range.from + Math.max(0, from - skipped); index < range.to; index++) yield index;
    skipped += size;
  }
}

/** One number of a record, exactly: null where the record has none. */
type Read = (place: RowPlace, end: number) => bigint | number | null;

interface Tally {
  path: string;
  field: RecordField;
  /** By record type. */
  readers: (Read | null)[];
  count: number;
  first: bigint | number;
  last: bigint | number;
  sum: bigint | number;
  least: bigint | number;
  most: bigint | number;
}

class Figures {
  readonly #decoder: RowDecoder;
  readonly #tallies: Tally[];
  #rows = 0;
  #times: { first: bigint; last: bigint; oldest: bigint; newest: bigint } | null = null;

  constructor(decoder: RowDecoder) {
    this.#decoder = decoder;
    this.#tallies = columns(decoder.schema, 1).flatMap(({ id, field }) => {
      if (field === null || !isNumber(field)) return [];
      const readers = decoder.schema.records.map((record) => readerOf(record, id));
      return [{ path: id, field, readers, count: 0, first: 0, last: 0, sum: 0, least: 0, most: 0 }];
    });
  }

  add(place: RowPlace): void {
    const type = this.#decoder.typeOf(place);
    const end = place.offset + recordBytes(this.#decoder.schema.records[type]!, place.length);
    this.#rows++;
    this.#addTime(this.#decoder.timeOf(place));
    for (const tally of this.#tallies) {
      const value = tally.readers[type]?.(place, end) ?? null;
      if (value !== null) addTo(tally, value);
    }
  }

  #addTime(time: bigint): void {
    const times = this.#times;
    if (times === null) {
      this.#times = { first: time, last: time, oldest: time, newest: time };
      return;
    }
    times.last = time;
    if (time < times.oldest) times.oldest = time;
    if (time > times.newest) times.newest = time;
  }

  read(): Pick<MeasurePage, 'rows' | 'times' | 'fields'> {
    const times = this.#times;
    const text = (time: bigint): string => time.toString();
    return {
      rows: this.#rows,
      times: times && {
        first: text(times.first),
        last: text(times.last),
        oldest: text(times.oldest),
        newest: text(times.newest),
      },
      fields: this.#tallies.filter(({ count }) => count > 0).map(figuresOf),
    };
  }
}

function addTo(tally: Tally, value: bigint | number): void {
  if (tally.count === 0) tally.first = tally.least = tally.most = value;
  tally.sum = tally.count === 0 ? value : sumOf(tally.sum, value);
  tally.last = value;
  if (value < tally.least) tally.least = value;
  if (value > tally.most) tally.most = value;
  tally.count++;
}

function sumOf(a: bigint | number, b: bigint | number): bigint | number {
  return typeof a === 'bigint' && typeof b === 'bigint' ? a + b : Number(a) + Number(b);
}

function figuresOf({ path, field, count, first, last, sum, least, most }: Tally): FieldFigures {
  return {
    path,
    field,
    count,
    first: String(first),
    last: String(last),
    sum: String(sum),
    least: String(least),
    most: String(most),
  };
}

/** Numbers that can be subtracted: no names, no addresses. */
function isNumber(field: RecordField): boolean {
  return field.kind === 'int' || field.kind === 'uint' || field.kind === 'float';
}

function readerOf(record: RecordInfo, path: string): Read | null {
  const field = resolvePath(record, path);
  if (field === undefined || !isNumber(field)) return null;
  const need = field.offset + fieldBytes(field);
  const read = field.kind === 'float' ? floatNumberReader(field) : bigReader(field);
  return (place, end) => {
    if (place.offset + need > end) return null;
    const value = read(place.chunk.slab.view, place.offset);
    return typeof value === 'number' && Number.isNaN(value) ? null : value;
  };
}
