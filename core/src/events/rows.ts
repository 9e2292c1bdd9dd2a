import type { Column, FieldValue, RecordInfo, RowDetail, RunEvent, StreamSchema } from '../model/index.ts';
import { compileReader, decodeRecord, recordBytes, type Reader } from './decode.ts';
import { renderCell, renderDetail } from './render.ts';
import { columns, completeSchema, leavesOf, recordSelector, resolvePath, type RecordSelector } from './schema.ts';
import type { EventStore, EventStream, RowPlace, StoreHost } from './store.ts';
import { hexDump, visibleText } from './text.ts';
import { clockText, eventTime, wallTime, type TimeReader } from './time.ts';

/** Reads one cell of a record; undefined for a column that its type has not. */
type CellReader = { field: NonNullable<Column['field']>; read: Reader } | undefined;

/** Decodes the rows of one stream: to cells for the grid, to an event for JSON, to the row detail. */
export class RowDecoder {
  readonly store: EventStore;
  readonly stream: EventStream;
  readonly schema: StreamSchema;
  readonly #select: RecordSelector;
  readonly #times: TimeReader[];
  #firstTime: bigint | null = null;
  #columns: Column[] = [];
  #columnHosts = -1;
  #cells: CellReader[][] = [];

  constructor(store: EventStore, stream: EventStream, schema: StreamSchema) {
    this.store = store;
    this.stream = stream;
    this.schema = completeSchema(schema);
    this.#select = recordSelector(this.schema);
    this.#times = this.schema.records.map(eventTime);
  }

  /** The grid's columns; the host's comes when a second host does. */
  get columns(): Column[] {
    const hosts = this.store.hosts.length;
    if (hosts !== this.#columnHosts) {
      this.#columnHosts = hosts;
      this.#columns = columns(this.schema, hosts);
      this.#cells = this.schema.records.map((record) => this.#columns.map((column) => cellReader(record, column)));
    }
    return this.#columns;
  }

  /** One row as text, a cell per column. */
  cells(place: RowPlace): string[] {
    const list = this.columns;
    const { view } = place.chunk.slab;
    const type = this.#select(view, place.offset, place.length);
    const record = this.schema.records[type]!;
    const end = place.offset + recordBytes(record, place.length);
    const toWall = this.toWallTime(place);
    const { names } = this.#host(place);
    return list.map((column, index) => {
      const cell = this.#cells[type]![index];
      if (cell !== undefined) return renderCell(cell.field, cell.read(view, place.offset, end), toWall, names);
      return this.#fixedCell(column.id, place, record, type);
    });
  }

  /** Which record type of the schema a row is of. */
  typeOf(place: RowPlace): number {
    return this.#select(place.chunk.slab.view, place.offset, place.length);
  }

  /** When a row was made, nanoseconds since the epoch. */
  timeOf(place: RowPlace): bigint {
    return this.#time(place, this.typeOf(place));
  }

  /** When the first row was made, of those that were stored when somebody asked first. */
  get firstTime(): bigint {
    if (this.#firstTime === null) {
      const place = this.stream.place(this.stream.firstSeq);
      if (place === null) return 0n;
      this.#firstTime = this.timeOf(place);
    }
    return this.#firstTime;
  }

  /** One row as the `event` line of `ringside attach --json`. */
  event(place: RowPlace): RunEvent & { type: 'event' } {
    const { view } = place.chunk.slab;
    const type = this.#select(view, place.offset, place.length);
    const record = this.schema.records[type]!;
    return {
      type: 'event',
      host: this.#host(place).name,
      stream: this.stream.name,
      record: record.type,
      time: this.#time(place, type).toString(),
      cpu: place.chunk.cpuAt(place.offset),
      seq: place.seq,
      fields: decodeRecord(record, view, place.offset, place.length),
    };
  }

  /** Everything of one row: its leaves with types, places and values, and its bytes. */
  detail(place: RowPlace): RowDetail {
    const { view, bytes } = place.chunk.slab;
    const type = this.#select(view, place.offset, place.length);
    const record = this.schema.records[type]!;
    const end = place.offset + recordBytes(record, place.length);
    const toWall = this.toWallTime(place);
    const { names } = this.#host(place);
    const fields = leavesOf(record).map(({ path, field }) => {
      const value: FieldValue = compileReader(field)(view, place.offset, end);
      const size = field.size > 0 ? field.size : Math.max(0, end - place.offset - field.offset);
      return {
        path,
        type: field.type,
        value,
        text: renderDetail(field, value, toWall, names),
        offset: field.offset,
        size,
      };
    });
    return {
      seq: place.seq,
      time: this.#time(place, type).toString(),
      record: record.type,
      fields,
      hex: hexDump(bytes, place.offset, place.offset + place.length),
    };
  }

  #fixedCell(id: string, place: RowPlace, record: RecordInfo, type: number): string {
    switch (id) {
      case '@time':
        return clockText(this.#time(place, type));
      case '@host':
        return visibleText(this.#host(place).name);
      case '@record':
        return record.type;
      default:
        return '';
    }
  }

  #host(place: RowPlace): StoreHost {
    return this.store.hosts[place.chunk.host]!;
  }

  #time(place: RowPlace, type: number): bigint {
    const { chunk, offset, length } = place;
    return this.#times[type]!(chunk.slab.view, offset, length, chunk.timeAt(offset), chunk.clocks);
  }

  /** Turns a kernel clock in a row into wall time; null when it is none. */
  toWallTime(place: RowPlace): (clock: bigint) => bigint | null {
    return (clock) => wallTime(clock, place.chunk.timeAt(place.offset), place.chunk.clocks);
  }
}

function cellReader(record: RecordInfo, column: Column): CellReader {
  if (column.field === null) return undefined;
  const field = resolvePath(record, column.id);
  return field === undefined ? undefined : { field, read: compileReader(field) };
}
