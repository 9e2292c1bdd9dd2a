import { RingsideError } from '../errors.ts';
import type { ExportPage, FieldValue, RecordInfo, RowsAsk, RowsFormat } from '../model/index.ts';
import { compileReader, recordBytes, type Reader } from './decode.ts';
import { compileExpr } from './expr/compile.ts';
import { RowCursor } from './rowCursor.ts';
import type { RowLook } from './rowLook.ts';
import type { RowDecoder } from './rows.ts';
import type { RunViews } from './runViews.ts';
import { resolvePath } from './schema.ts';
import { isoTime } from './time.ts';
import type { RowPlace } from './store.ts';

/** Rows of one page; and how long a page may hold the thread. */
const MOST_ROWS = 20_000;
const SLICE_MS = 25;

type ExportedViews = Pick<RunViews, 'decoder' | 'look' | 'rows'>;
type ExportAsk = Omit<RowsAsk & { ask: 'export' }, 'ask'>;

/**
 * Rows `from` … `to` (0 = all that are there now) that pass `where`, as text: a page at a time, to be asked for again
 * from `next` on. CSV is RFC 4180 with a header, times in ISO 8601 with all nanoseconds; JSONL has the `event` lines of
 * `ringside attach --json`, with the wanted columns alone where some are named.
 */
export function exportRows(views: ExportedViews, ask: ExportAsk): ExportPage {
  if (ask.sort !== undefined) return exportSorted(views, ask);
  const decoder = views.decoder(ask.stream);
  const { stream } = decoder;
  const cursor = new RowCursor(decoder, compileExpr(ask.where, decoder.schema));
  const writer = new RowWriter(views.look(ask.stream, ask.look), ask.format, ask.columns);
  const end = ask.to > 0 ? Math.min(ask.to, stream.delivered) : stream.delivered;
  const until = performance.now() + SLICE_MS;
  const parts: string[] = ask.from <= 0 ? [writer.head()] : [];
  cursor.next = Math.max(ask.from, stream.firstSeq);
  const missed = ask.from > 0 ? cursor.next - ask.from : 0;
  let rows = 0;
  const most = Math.min(MOST_ROWS, ask.rows > 0 ? ask.rows : MOST_ROWS);
  while (cursor.next < end && rows < most && performance.now() < until) {
    const { chunk, count } = cursor.load()!;
    const wanted = Math.min(count, end - cursor.next);
    let row = 0;
    for (; row < wanted && rows < most; row++) {
      if (cursor.mask[row] === 0) continue;
      const offset = cursor.batch.offsets[row]!;
      parts.push(writer.row({ seq: cursor.next + row, chunk, offset, length: chunk.lengthAt(offset) }));
      rows++;
    }
    cursor.next += row;
  }
  const text = parts.join('');
  return { text, rows, next: cursor.next < end ? cursor.next : null, missed, delivered: stream.delivered };
}

/** The rows of an order that is made before the first one is written. */
function exportSorted(views: ExportedViews, ask: ExportAsk): ExportPage {
  const rows = views.rows(ask.stream, ask.where, ask.sort);
  const { delivered } = rows.decoder.stream;
  if (!rows.update()) return { text: '', rows: 0, next: ask.from, missed: 0, delivered };
  const writer = new RowWriter(views.look(ask.stream, ask.look), ask.format, ask.columns);
  const until = performance.now() + SLICE_MS;
  const parts: string[] = ask.from <= 0 ? [writer.head()] : [];
  const most = Math.min(MOST_ROWS, ask.rows > 0 ? ask.rows : MOST_ROWS);
  let [written, missed, at] = [0, 0, Math.max(0, ask.from)];
  for (; at < rows.matching && written < most && performance.now() < until; at++) {
    const place = rows.placeAt(at);
    if (place === null) missed++;
    else {
      parts.push(writer.row(place));
      written++;
    }
  }
  return { text: parts.join(''), rows: written, next: at < rows.matching ? at : null, missed, delivered };
}

interface ColumnReader {
  id: string;
  /** What stands above it. */
  title: string;
  /** By record type; undefined where it has none. */
  readers: (Reader | undefined)[];
}

/** Writes rows in one format. */
class RowWriter {
  readonly #decoder: RowDecoder;
  readonly #format: RowsFormat;
  readonly #columns: ColumnReader[];
  readonly #whole: boolean;

  readonly #look: RowLook;

  constructor(look: RowLook, format: RowsFormat, wanted: readonly string[]) {
    const { decoder } = look;
    this.#look = look;
    if (format === 'json') throw new RingsideError('usage', 'Rows are exported as CSV, JSONL or Markdown.');
    this.#decoder = decoder;
    this.#format = format;
    this.#whole = wanted.length === 0;
    const known = new Map(look.columns.map((column) => [column.id, column]));
    const ids = this.#whole ? [...known.keys()] : wanted.filter((id) => known.has(id));
    this.#columns = ids.map((id) => ({
      id,
      title: known.get(id)!.title,
      readers: decoder.schema.records.map((record) => readerOf(record, id)),
    }));
  }

  /** What stands above the rows. */
  head(): string {
    const names = this.#columns.map(({ title }) => title);
    if (this.#format === 'csv') return `${names.map((name) => csvCell(name, false)).join(',')}\r\n`;
    if (this.#format === 'markdown')
      return `| ${names.map(markdownCell).join(' | ')} |\n|${names.map(() => ' --- |').join('')}\n`;
    return '';
  }

  row(place: RowPlace): string {
    const event = this.#decoder.event(place);
    if (this.#format === 'jsonl' && this.#whole) return `${JSON.stringify(event)}\n`;
    const type = this.#decoder.typeOf(place);
    const record = this.#decoder.schema.records[type]!;
    const end = place.offset + recordBytes(record, place.length);
    const values = this.#columns.map(({ id, readers }): FieldValue => {
      if (!this.#look.isPlain(id)) return this.#look.valueOf(place, id);
      const read = readers[type];
      if (read !== undefined) return read(place.chunk.slab.view, place.offset, end);
      return fixedValue(event, id);
    });
    if (this.#format === 'jsonl') {
      const named = this.#columns.flatMap(({ id, title }, i) =>
        id.startsWith('@') ? [] : [[id.startsWith('=') ? title : id, values[i] ?? null] as const],
      );
      const fields = Object.fromEntries(named);
      return `${JSON.stringify({ ...event, fields })}\n`;
    }
    const texts = values.map(plain);
    if (this.#format === 'markdown') return `| ${texts.map(markdownCell).join(' | ')} |\n`;
    return `${texts.map((text, i) => csvCell(text, typeof values[i] === 'string')).join(',')}\r\n`;
  }
}

function readerOf(record: RecordInfo, id: string): Reader | undefined {
  if (id.startsWith('@') || id.startsWith('=')) return undefined;
  const field = resolvePath(record, id);
  return field === undefined ? undefined : compileReader(field);
}

function fixedValue(event: ReturnType<RowDecoder['event']>, id: string): FieldValue {
  switch (id) {
    case '@time':
      return isoTime(event.time);
    case '@host':
      return event.host;
    case '@record':
      return event.record;
    default:
      return null;
  }
}

function plain(value: FieldValue): string {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/**
 * Quoted where it must be. A text that a spreadsheet would run as a formula gets an apostrophe: names come from hosts, and
 * somebody may have chosen one.
 */
function csvCell(text: string, isText: boolean): string {
  const harmless = isText && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replace(/"/g, '""')}"` : harmless;
}

function markdownCell(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replace(/[\\|`<>*_]/g, '\\$&');
}
