import { RingsideError } from '../errors.ts';
import type { CellFormat, Column, DerivedColumn, ErrorData, FieldValue, RowsLook } from '../model/index.ts';
import { recordBytes } from './decode.ts';
import { Batch } from './expr/batch.ts';
import { compileDerived, DERIVED, derivedFieldValue, type DerivedValue } from './expr/derived.ts';
import { cellWriter, decimal, formatNumber, formatTime, type CellWriter, type FormatContext } from './formats.ts';
import type { RowDecoder } from './rows.ts';
import { resolvePath } from './schema.ts';
import type { RowPlace } from './store.ts';
import { visibleText } from './text.ts';

export const NO_LOOK: RowsLook = { derived: [], formats: {} };

interface Derived {
  column: Column;
  value: DerivedValue | null;
}

/** The rows of a stream with derived columns, and in other formats than the fields have. */
export class RowLook {
  readonly decoder: RowDecoder;
  readonly #derived: Derived[];
  readonly #formats: RowsLook['formats'];
  readonly #batch = new Batch();
  #base: Column[] = [];
  #columns: Column[] = [];
  /** By column, then by record type; undefined for a column that is shown as it is. */
  #writers: (CellWriter | null)[][] = [];

  /** A derived column that does not fit the records stays, with its error and without values. */
  constructor(decoder: RowDecoder, { derived, formats }: RowsLook) {
    this.decoder = decoder;
    this.#derived = derived.map((one) => derivedColumn(decoder, one));
    this.#formats = formats;
  }

  /** The stream's columns and the derived ones behind them. */
  get columns(): Column[] {
    const base = this.decoder.columns;
    if (base !== this.#base) {
      this.#base = base;
      this.#columns = [...base, ...this.#derived.map(({ column }) => column)].map((column) => this.#formatted(column));
      this.#writers = base.map(({ id, field }) => {
        const format = this.#formatOf(id);
        if (format === null || field === null) return [];
        return this.decoder.schema.records.map((record) => {
          const own = resolvePath(record, id);
          return own === undefined ? null : cellWriter(own, format);
        });
      });
    }
    return this.#columns;
  }

  /** One row as text, a cell per column. */
  cells(place: RowPlace): string[] {
    const { columns } = this;
    const { decoder } = this;
    const cells = decoder.cells(place);
    const type = decoder.typeOf(place);
    const { view } = place.chunk.slab;
    const end = place.offset + recordBytes(decoder.schema.records[type]!, place.length);
    const context: FormatContext = { toWallTime: decoder.toWallTime(place), firstTime: decoder.firstTime };
    this.#base.forEach(({ id }, i) => {
      const text =
        id === '@time' ? this.#timeCell(place, context) : this.#writers[i]![type]?.(view, place.offset, end, context);
      if (typeof text === 'string') cells[i] = text;
    });
    this.#derived.forEach(({ value, column }, i) => {
      cells[this.#base.length + i] = value === null ? '' : this.#derivedCell(value, column.id, place, type, context);
    });
    return cells.length === columns.length ? cells : cells.slice(0, columns.length);
  }

  /** What a column that is not plain has in a row: a computed value, or the text that shows. */
  valueOf(place: RowPlace, id: string): FieldValue {
    const derived = this.#derived.find(({ column }) => column.id === id);
    if (derived !== undefined && this.#formatOf(id) === null) {
      if (derived.value === null) return null;
      return derivedFieldValue(derived.value, derived.value.read(this.#one(place), 0, this.decoder.typeOf(place)));
    }
    return this.cells(place)[this.columns.findIndex((column) => column.id === id)] ?? null;
  }

  /** True for a column that is shown as its field is. */
  isPlain(id: string): boolean {
    return !id.startsWith(DERIVED) && this.#formatOf(id) === null;
  }

  #timeCell(place: RowPlace, { firstTime }: FormatContext): string | null {
    const format = this.#formatOf('@time');
    return format === null ? null : formatTime(format, this.decoder.timeOf(place), firstTime);
  }

  #derivedCell(value: DerivedValue, id: string, place: RowPlace, type: number, context: FormatContext): string {
    const found = value.read(this.#one(place), 0, type);
    if (found === null) return '';
    if (value.type === 'boolean') return found === 0 ? 'false' : 'true';
    if (typeof found === 'string') return visibleText(found).slice(0, 256);
    const format = this.#formatOf(id);
    return (format === null ? null : formatNumber(format, found, { ...context, bits: 64 })) ?? decimal(found);
  }

  #one(place: RowPlace): Batch {
    this.#batch.point(place, this.decoder);
    return this.#batch;
  }

  #formatOf(id: string): CellFormat | null {
    return Object.hasOwn(this.#formats, id) ? this.#formats[id]! : null;
  }

  /** Other formats need other room. */
  #formatted(column: Column): Column {
    const format = this.#formatOf(column.id);
    const width = format === null ? undefined : WIDTHS[format];
    return width === undefined ? column : { ...column, width: Math.max(column.title.length, width) };
  }
}

const WIDTHS: Partial<Record<CellFormat, number>> = {
  hex: 12,
  bin: 20,
  oct: 12,
  'clock-ns': 18,
  iso: 30,
  epoch: 20,
  elapsed: 14,
  ipv4: 15,
  errno: 12,
  signal: 12,
};

function derivedColumn(decoder: RowDecoder, { expr, title }: DerivedColumn): Derived {
  const id = `${DERIVED}${expr}`;
  const name = title === '' ? expr : title;
  const column: Column = { id, title: name, align: 'right', width: Math.max(12, name.length), field: null };
  try {
    const value = compileDerived(id, decoder.schema);
    return { value, column: { ...column, align: value.type === 'number' ? 'right' : 'left', field: value.field } };
  } catch (error) {
    if (!(error instanceof RingsideError)) throw error;
    const data: ErrorData = error.toData();
    return { value: null, column: { ...column, align: 'left', error: data } };
  }
}
