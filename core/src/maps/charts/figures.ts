/** What charts of a map show of its entries: each look at the map is taken in, and what came of them can be read any time. */
import { compileReader, renderCell } from '../../events/index.ts';
import { HeatCells } from '../../events/summary/heatCells.ts';
import { Timeline } from '../../events/summary/timeline.ts';
import { RingsideError } from '../../errors.ts';
import type {
  FieldValue,
  GroupRow,
  HistogramScale,
  MapFigure,
  MapSummarySpec,
  RecordField,
  SeriesLine,
  SummaryData,
} from '../../model/index.ts';
import { slotBounds, slotTotals } from '../view/histogram.ts';
import type { MapTable } from '../view/table.ts';

/** Entries that are told apart over time. */
const LINE_LIMIT = 64;
/** Most lines, and most bars, of one answer. */
const MOST_LINES = 12;
const MOST_BARS = 100;

/** One look at a map, as the figures take it in. */
export interface Look {
  table: MapTable;
  map: { name: string; type: string; maxEntries: number };
  /** The rows that the chart's filter lets through, those with the most of its figure first. */
  rows: Uint32Array;
  /** ms since the epoch, and of the look before; null = what was between is not known. */
  at: number;
  before: number | null;
}

export interface Figures {
  /** Rises with every look that changed something, from 1. */
  readonly state: number;
  take(look: Look): void;
  /** What has changed since the state `since`; null before the first look. */
  read(since: number): { data: SummaryData; whole: boolean } | null;
}

export function figuresOf(spec: MapSummarySpec): Figures {
  switch (spec.kind) {
    case 'series':
      return new EntryLines(spec);
    case 'groups':
      return new TopEntries(spec);
    case 'heatmap':
      return new SlotsOverTime(spec.seconds);
  }
}

const figureOf = (table: MapTable, row: number, of: MapFigure): number =>
  of === 'rate' ? table.rateAt(row) : table.counterOf(row);

const known = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** The member that is drawn, for its unit: a change a second has another one. */
function fieldOf(table: MapTable, of: MapFigure): RecordField | null {
  return of === 'rate' ? null : (table.layout.field(table.rateOf) ?? null);
}

function keyOf(table: MapTable, row: number): { text: string; value: FieldValue } {
  const { layout } = table;
  const field = layout.field('key');
  if (field === undefined) return { text: '', value: null };
  const base = table.base(row);
  const value = compileReader(field)(table.view, base, base + layout.stride);
  return { text: renderCell(field, value), value };
}

interface Line {
  key: Uint8Array;
  label: string;
  value: FieldValue;
  /** Of all looks together: by this the largest lines are chosen. */
  weight: number;
}

/** The largest entries over time, a line each. */
class EntryLines implements Figures {
  readonly #of: MapFigure;
  readonly #top: number;
  readonly #timeline: Timeline<Map<number, number>>;
  readonly #lines: Line[] = [];
  readonly #byKey = new Map<string, number>();
  #field: RecordField | null = null;
  #entries: number | null = null;
  #told = { epoch: 0, shown: '' };
  /** States before this one were told of other lines or buckets. */
  #wholeBefore = 1;

  constructor({ of, top, seconds }: MapSummarySpec & { kind: 'series' }) {
    this.#of = of;
    this.#top = Math.max(1, Math.min(top, MOST_LINES));
    this.#timeline = new Timeline<Map<number, number>>(seconds, () => new Map(), newerWins);
  }

  get state(): number {
    return this.#timeline.state + 1;
  }

  take({ table, rows, at, before }: Look): void {
    this.#field = fieldOf(table, this.#of);
    this.#entries = rows.length;
    // A few more than are shown: who is among the largest for a moment need not be so in the end.
    for (const row of rows.subarray(0, this.#top * 2)) this.#lineOf(table, row);
    const found: [number, number][] = [];
    for (const [i, line] of this.#lines.entries()) {
      const row = table.find(line.key);
      const value = row < 0 ? Number.NaN : figureOf(table, row, this.#of);
      if (!Number.isFinite(value)) continue;
      line.weight += Math.abs(value);
      found.push([i, value]);
    }
    // Also into the buckets since the last look: a value stands until it changes, and a change a second is of that time.
    const { width } = this.#timeline;
    for (let ms = before === null ? at : before + width; ms < at; ms += width) this.#put(ms, found);
    this.#put(at, found);
  }

  #put(ms: number, found: readonly [number, number][]): void {
    const bucket = this.#timeline.at(ms);
    for (const [line, value] of found) bucket?.set(line, value);
  }

  #lineOf(table: MapTable, row: number): void {
    const key = table.key(row);
    const name = Buffer.from(key).toString('latin1');
    if (this.#byKey.has(name) || this.#lines.length >= LINE_LIMIT) return;
    const { text, value } = keyOf(table, row);
    this.#byKey.set(name, this.#lines.push({ key: key.slice(), label: text, value, weight: 0 }) - 1);
  }

  read(since: number): { data: SummaryData; whole: boolean } | null {
    if (this.#entries === null) return null;
    const timeline = this.#timeline;
    const shown = this.#shown();
    const names = shown.join();
    if (timeline.epoch !== this.#told.epoch || names !== this.#told.shown) this.#wholeBefore = this.state;
    this.#told = { epoch: timeline.epoch, shown: names };
    const whole = since < this.#wholeBefore;
    const from = whole ? timeline.first : timeline.changedSince(since);
    const lines = shown.map((line): SeriesLine => {
      const { label, value } = this.#lines[line]!;
      const values = Array.from({ length: timeline.end - from }, (_, i) => timeline.get(from + i)?.get(line) ?? null);
      return { label, value, rest: false, values };
    });
    const { width, first, end, early } = timeline;
    const times = { width, first, from, end, early };
    return { whole, data: { kind: 'series', field: this.#field, lines, entries: this.#entries, ...times } };
  }

  /** In the order in which they came, so that a line keeps its colour when another overtakes it. */
  #shown(): number[] {
    const byWeight = this.#lines.map((_, i) => i).sort((a, b) => this.#lines[b]!.weight - this.#lines[a]!.weight);
    return byWeight.slice(0, this.#top).sort((a, b) => a - b);
  }
}

function newerWins(into: Map<number, number>, from: Map<number, number>): void {
  for (const [line, value] of from) into.set(line, value);
}

/** The entries with the most of a figure now. */
class TopEntries implements Figures {
  state = 1;
  readonly #of: MapFigure;
  readonly #top: number;
  #data: SummaryData | null = null;

  constructor({ of, top }: MapSummarySpec & { kind: 'groups' }) {
    this.#of = of;
    this.#top = Math.max(1, Math.min(top, MOST_BARS));
  }

  take({ table, rows }: Look): void {
    this.state++;
    const other: MapFigure = this.#of === 'rate' ? 'value' : 'rate';
    const top = Array.from(rows.subarray(0, this.#top), (row): GroupRow => {
      const { text, value } = keyOf(table, row);
      const measures = [this.#of, other].map((of) => known(figureOf(table, row, of)));
      return { texts: [text], values: [value], measures };
    });
    this.#data = {
      kind: 'groups',
      by: [table.layout.field('key') ?? null],
      fields: [fieldOf(table, this.#of), fieldOf(table, other)],
      rows: top,
      groups: rows.length,
      restRows: 0,
    };
  }

  read(): { data: SummaryData; whole: boolean } | null {
    return this.#data === null ? null : { data: this.#data, whole: true };
  }
}

/** What the slots of a map's histograms counted from look to look. */
class SlotsOverTime implements Figures {
  readonly #cells: HeatCells;
  #scale: HistogramScale = 'log2';
  #before: number[] | null = null;

  constructor(seconds: number) {
    this.#cells = new HeatCells(seconds, (slot) => {
      const { from, to } = slotBounds(slot, this.#scale);
      return { slot, low: Number(from), high: Number(to) };
    });
  }

  get state(): number {
    return this.#cells.state;
  }

  /** @throws RingsideError `bad-value` when the map holds no histogram. */
  take({ table, map, rows, at }: Look): void {
    const found = slotTotals(table, map, rows);
    if (found === null)
      throw new RingsideError(
        'bad-value',
        `${map.name} holds no histogram: neither its values nor its keys have slots.`,
        {
          remedy: 'A histogram is an array of 8 or more counters, an array map of counters, or a key with a "slot".',
        },
      );
    const { scale, totals } = found;
    this.#scale = scale;
    const before = this.#before;
    this.#before = totals;
    // What was counted before the first look has no time.
    if (before === null) this.#cells.add(at, 0, 0);
    else
      for (const [slot, total] of totals.entries()) {
        // Less than before: the program began to count anew.
        const hits = total - (before[slot] ?? 0);
        if (hits !== 0) this.#cells.add(at, slot, hits < 0 ? total : hits);
      }
  }

  read(since: number): { data: SummaryData; whole: boolean } | null {
    return this.#before === null ? null : this.#cells.read(since, null);
  }
}
