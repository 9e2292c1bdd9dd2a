import type { FieldValue, SeriesLine, SummaryData, SummarySpec } from '../../model/index.ts';
import type { Batch } from '../expr/batch.ts';
import type { RowDecoder } from '../rows.ts';
import type { Accumulator } from './accumulator.ts';
import { hashOf, KeyTable, RowKeys } from './keys.ts';
import { fieldOf, numberColumn, timeColumn, typeColumn, type NumberColumn } from './numbers.ts';
import { needsSketch, Tally } from './tally.ts';
import { Timeline } from './timeline.ts';

/** Lines that are told apart; rows of further values are one line. Percentiles cost kilobytes a bucket. */
const LINE_LIMIT = 64;
const LINE_LIMIT_WITH_PERCENTILES = 8;
/** Most lines of one answer beside the rest. */
const MOST_TOP = 12;

type SeriesSpec = SummarySpec & { kind: 'series' };

interface Line {
  label: string;
  value: FieldValue;
  rows: number;
}

/** One line's share of a bucket. */
interface Cell {
  rows: number;
  tally: Tally | null;
}

/** A measure over time, as one line or as one a value of a column. Line 0 is of what no other line holds. */
export class Series implements Accumulator {
  readonly #spec: SeriesSpec;
  readonly #decoder: RowDecoder;
  readonly #keys: RowKeys | null;
  readonly #type: ReturnType<typeof typeColumn>;
  readonly #time: NumberColumn;
  readonly #value: NumberColumn | null;
  readonly #sketch: boolean;
  readonly #table = new KeyTable<number>();
  readonly #lines: Line[] = [{ label: '', value: null, rows: 0 }];
  readonly #timeline: Timeline<(Cell | undefined)[]>;
  #told = { epoch: 0, shown: '' };
  /** States before this one were told of other lines or buckets. */
  #wholeBefore = 1;

  /** @throws RingsideError `unknown-field`, `bad-value` */
  constructor(decoder: RowDecoder, spec: SeriesSpec) {
    const { of, field } = spec.measure;
    this.#spec = spec;
    this.#decoder = decoder;
    this.#keys = spec.by === '' ? null : new RowKeys(decoder, [spec.by]);
    this.#type = typeColumn(decoder.schema);
    this.#time = timeColumn(decoder.schema);
    this.#value = of === 'count' || of === 'rate' ? null : numberColumn(decoder.schema, field);
    this.#sketch = needsSketch(of);
    this.#timeline = new Timeline<(Cell | undefined)[]>(spec.seconds, () => [], mergeCells);
  }

  get state(): number {
    return this.#timeline.state + 1;
  }

  add(batch: Batch, mask: Uint8Array): void {
    for (let row = 0; row < batch.count; row++) {
      if (mask[row] === 0) continue;
      const type = this.#type(batch, row);
      const cells = this.#timeline.at(this.#time(batch, row, type));
      if (cells === null) continue;
      const line = this.#keys === null ? 0 : this.#lineOf(this.#keys, batch, row, type);
      this.#lines[line]!.rows++;
      const cell = (cells[line] ??= { rows: 0, tally: this.#value === null ? null : new Tally(this.#sketch) });
      cell.rows++;
      if (this.#value !== null) cell.tally?.add(this.#value(batch, row, type));
    }
  }

  #lineOf(keys: RowKeys, batch: Batch, row: number, type: number): number {
    const length = keys.write(batch, row, type);
    const hash = hashOf(keys.bytes, length);
    const known = this.#table.get(keys.bytes, length, hash);
    if (known !== null) return known;
    if (this.#lines.length > (this.#sketch ? LINE_LIMIT_WITH_PERCENTILES : LINE_LIMIT)) return 0;
    const { texts, values } = keys.read(batch, row, type);
    const line = this.#lines.push({ label: texts[0]!, value: values[0] ?? null, rows: 0 }) - 1;
    this.#table.put(keys.bytes, length, hash, line);
    return line;
  }

  read(since: number): { data: SummaryData; whole: boolean } {
    const timeline = this.#timeline;
    const shown = this.#shown();
    const names = JSON.stringify(shown);
    if (timeline.epoch !== this.#told.epoch || names !== this.#told.shown) this.#wholeBefore = this.state;
    this.#told = { epoch: timeline.epoch, shown: names };
    const whole = since < this.#wholeBefore;
    const from = whole ? timeline.first : timeline.changedSince(since);
    const { width, first, end, early } = timeline;
    const { field } = this.#spec.measure;
    return {
      whole,
      data: {
        kind: 'series',
        field: this.#value === null ? null : fieldOf(this.#decoder.schema, field),
        lines: shown.map((lines) => this.#line(lines, from)),
        width,
        first,
        from,
        end,
        early,
      },
    };
  }

  /** The lines of an answer, each as the lines that it stands for: the largest, then all others as one. */
  #shown(): number[][] {
    if (this.#keys === null) return [[0]];
    const own = this.#lines.map((_, line) => line).slice(1);
    own.sort((a, b) => this.#lines[b]!.rows - this.#lines[a]!.rows || a - b);
    const top = Math.max(1, Math.min(this.#spec.top, MOST_TOP));
    // In the order in which they came, so that a line keeps its colour when another overtakes it.
    const large = own.slice(0, top).sort((a, b) => a - b);
    const small = own.slice(top).sort((a, b) => a - b);
    const rest = this.#lines[0]!.rows > 0 ? [0, ...small] : small;
    return [...large.map((line) => [line]), ...(rest.length > 0 ? [rest] : [])];
  }

  #line(lines: readonly number[], from: number): SeriesLine {
    const alone = lines.length === 1 && lines[0] !== 0 ? this.#lines[lines[0]!] : undefined;
    const values: (number | null)[] = [];
    for (let number = from; number < this.#timeline.end; number++) {
      values.push(this.#read(this.#timeline.get(number), lines));
    }
    return {
      label: alone?.label ?? '',
      value: alone?.value ?? null,
      rest: this.#keys !== null && alone === undefined,
      values,
    };
  }

  #read(cells: (Cell | undefined)[] | null, lines: readonly number[]): number | null {
    const { of } = this.#spec.measure;
    if (of === 'count' || of === 'rate') {
      const rows = lines.reduce((sum, line) => sum + (cells?.[line]?.rows ?? 0), 0);
      return of === 'count' ? rows : (rows * 1000) / this.#timeline.width;
    }
    const found = lines.map((line) => cells?.[line]?.tally ?? null).filter((tally) => tally !== null);
    if (found.length === 1) return found[0]!.read(of);
    const all = new Tally(this.#sketch);
    for (const tally of found) all.merge(tally);
    return all.read(of);
  }
}

function mergeCells(into: (Cell | undefined)[], from: (Cell | undefined)[]): void {
  for (const [line, cell] of from.entries()) {
    const there = into[line];
    if (cell === undefined) continue;
    if (there === undefined) {
      into[line] = cell;
      continue;
    }
    there.rows += cell.rows;
    if (cell.tally !== null) there.tally?.merge(cell.tally);
  }
}
