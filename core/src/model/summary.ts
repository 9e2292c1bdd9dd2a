/**
 * What the engine computes of a stream's rows: groups, values over time, histograms, heatmaps. The rows stay in the
 * engine; a panel asks again and gets what has changed.
 */
import type { ErrorData } from '../errors.ts';
import type { FieldValue, RecordField } from './record.ts';
import type { MeasurePage, RowPlaces, RowsView } from './rowTools.ts';
import type { FoundRows, RowFind, RowSort, RowsLook } from './rowsLook.ts';

/** What is made of a field's numbers; "count" and "rate" need no field. "last" is the newest row's. */
export type MeasureOf = 'count' | 'rate' | 'sum' | 'avg' | 'min' | 'max' | 'last' | 'p50' | 'p90' | 'p95' | 'p99';

export interface Measure {
  of: MeasureOf;
  /** Path of a number in the record; "" for "count" and "rate". */
  field: string;
}

export type SummarySpec =
  /** One line per combination of the values of `by`, the `top` largest by the measure at index `order`. */
  | {
      kind: 'groups';
      by: string[];
      measures: Measure[];
      order: number;
      top: number;
      /** Another order than the largest measure first. */
      sort?: { by: 'key' | 'measure'; at: number; descending: boolean };
    }
  /** A measure over time, split by a field's largest values or not (""), over the last `seconds` (0 = the whole run). */
  | { kind: 'series'; measure: Measure; by: string; top: number; seconds: number }
  | { kind: 'histogram'; field: string; scale: 'log2' | 'linear' }
  /** How often each size of a value came, over time. */
  | { kind: 'heatmap'; field: string; seconds: number };

/** Of an entry of a map: a number in its value, or how much that changes a second. */
export type MapFigure = 'value' | 'rate';

/** What is drawn of a map's entries, by a look at it every second or less often. `field` "" = the first that counts. */
export type MapSummarySpec =
  /** The `top` entries with the most of the figure, a line each, over the last `seconds` (0 = as long as it is shown). */
  | { kind: 'series'; field: string; of: MapFigure; top: number; seconds: number }
  /** The `top` entries with the most of the figure now. */
  | { kind: 'groups'; field: string; of: MapFigure; top: number }
  /** What histograms that the map holds counted, over time. */
  | { kind: 'heatmap'; seconds: number };

export interface MapSummaryQuery {
  runId: string;
  /** "" = the first host of the run. */
  host: string;
  map: string;
  /** EXPR over key, value and rate; "" = all. */
  where: string;
  spec: MapSummarySpec;
  /** As in SummaryQuery. */
  since: number;
}

export interface SummaryQuery {
  runId: string;
  /** Map name, "printk", or "" for the run's first stream. */
  stream: string;
  /** EXPR; "" = all. */
  where: string;
  spec: SummarySpec;
  /** The `state` of the last answer: what has not changed since is left out. 0 = everything. */
  since: number;
}

/** One group: the values that it stands for, as shown and as they are, and its measures. */
export interface GroupRow {
  texts: string[];
  values: FieldValue[];
  /** null where no row of the group has such a number. */
  measures: (number | null)[];
}

export interface SeriesLine {
  /** "" for the only line of a series that is not split. */
  label: string;
  /** The value behind the label; null for the only line and for the rest. */
  value: FieldValue;
  /** True for what the other lines do not show. */
  rest: boolean;
  /** One per bucket from `from` on; null where nothing came (counts are 0 then). */
  values: (number | null)[];
}

export interface TimeBuckets {
  /** Milliseconds of one bucket. */
  width: number;
  /** Number of the oldest bucket that counts: it begins at `first * width` (ms since the epoch). */
  first: number;
  /** Number of the first bucket that this answer holds: what the panel has of earlier ones still holds. */
  from: number;
  /** One past the newest bucket. */
  end: number;
  /** Rows that were older than the oldest bucket. */
  early: number;
}

export type SummaryData =
  | {
      kind: 'groups';
      by: (RecordField | null)[];
      fields: (RecordField | null)[];
      rows: GroupRow[];
      /** Groups that are told apart, and rows that belong to further ones. */
      groups: number;
      restRows: number;
      /** Most groups that are told apart. */
      limit?: number;
    }
  /** `entries`: of a map, from which the lines are the largest. */
  | ({ kind: 'series'; field: RecordField | null; lines: SeriesLine[]; entries?: number } & TimeBuckets)
  /** Slots in ascending order; each holds `low` ≤ value < `high`. */
  | {
      kind: 'histogram';
      field: RecordField | null;
      slots: { low: number; high: number; count: number }[];
      measured: number;
      least: number | null;
      most: number | null;
      average: number | null;
      percentiles: { p50: number | null; p90: number | null; p99: number | null };
    }
  /** Cells as bucket, slot, count, one after the other; a slot's bounds are in `slots`. */
  | ({
      kind: 'heatmap';
      field: RecordField | null;
      slots: { slot: number; low: number; high: number }[];
      cells: number[];
    } & TimeBuckets);

export interface SummaryPage {
  /** The stream, or the map. */
  stream: string;
  where: string;
  /** Changes whenever something does; to be given back as `since`. */
  state: number;
  /** True when `data` is whole, and replaces what the panel has. */
  whole: boolean;
  /** null when the question does not fit the records: `error` says why. */
  data: SummaryData | null;
  /** Rows (of a map: looks at it) that were counted, and rows that had left the store before they could be. */
  counted: number;
  missed: number;
  /** Stored rows are still being looked at. */
  partial: boolean;
  error: ErrorData | null;
}

/** How rows are written to a file. */
export type RowsFormat = 'csv' | 'jsonl' | 'markdown' | 'json';

/** Questions about a run's rows and maps, each with its answer in RowsAnswers. */
export type RowsAsk =
  | ({ ask: 'summary' } & Omit<SummaryQuery, 'runId'>)
  | ({ ask: 'mapSummary' } & Omit<MapSummaryQuery, 'runId'>)
  /** Rows as text, from a row on: asked again with `next` until that is null. */
  | {
      ask: 'export';
      stream: string;
      where: string;
      format: RowsFormat;
      columns: string[];
      from: number;
      to: number;
      rows: number;
      /** Rows in another order: `from` and `next` are places in it, and `to` means nothing. */
      sort?: RowSort;
      /** Derived columns and formats: the columns are then written as they are shown. */
      look?: RowsLook;
    }
  /** The row nearest to a place of the view that has what is searched for. */
  | {
      ask: 'find';
      stream: string;
      where: string;
      sort?: RowSort;
      look?: RowsLook;
      find: RowFind;
      /** Index within the view, counted when `evicted` rows had left; the row there counts only when `direction` is 0. */
      from: number;
      evicted: number;
      direction: -1 | 0 | 1;
    }
  /** What can stand at a place of an expression. */
  | { ask: 'complete'; stream: string; text: string; at: number }
  /** Where rows are in a view. */
  | { ask: 'places'; view: RowsView; seqs: number[] }
  /** Figures of the rows at some places of a view, `ranges` as counted when `evicted` had left, from the `from`th on. */
  | { ask: 'measure'; view: RowsView; evicted: number; ranges: { from: number; to: number }[]; from: number }
  /** What is wrong with an expression, if anything is. */
  | { ask: 'check'; stream: string; where: string };

export interface RowsAnswers {
  summary: SummaryPage;
  mapSummary: SummaryPage;
  export: ExportPage;
  complete: Completions;
  places: RowPlaces;
  measure: MeasurePage;
  check: ErrorData | null;
  find: FoundRows;
}
export type RowsAnswer<Q extends RowsAsk> = RowsAnswers[Q['ask']];

export interface ExportPage {
  text: string;
  rows: number;
  /** The row to go on with; null when there is no more. */
  next: number | null;
  /** Rows that had left the store before they were written. */
  missed: number;
  /** Rows delivered when the answer was made. */
  delivered: number;
}

export interface Completion {
  /** What is inserted. */
  text: string;
  kind: 'field' | 'value' | 'operator';
  /** The field's type, or how often the value was seen. */
  detail: string;
}

export interface Completions {
  /** The part of the text that is replaced. */
  from: number;
  to: number;
  items: Completion[];
}
