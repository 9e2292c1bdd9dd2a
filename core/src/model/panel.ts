/**
 * The trace panel's protocol with the extension host (which passes it on to the engine): the panel pulls the rows that
 * it shows. Both sides validate with the guards of core/src/protocol/trace.ts.
 */
import type { RecordField, FieldValue } from './record.ts';
import type {
  CellFormat,
  DerivedColumn,
  FoundRows,
  RowFind,
  RowOrder,
  RowSort,
  RowsLook,
  SortProgress,
} from './rowsLook.ts';
import type { ChartSpec } from './chartsPanel.ts';
import type { Bookmark, ColourRule, Remedy } from './rowTools.ts';
import type { Completions, Measure, RowsAnswer, RowsAsk, SummaryPage, SummaryQuery } from './summary.ts';
import type { AttachSpec, RunSummary } from './run.ts';
import type { ErrorData } from '../errors.ts';

/** A column as the grid shows it: a leaf of the schema, or one of the fixed ones (time, host, cpu, stream …). */
export interface Column {
  /** Path in the record: "pid", "addr.v4"; "@time", "@host", "@cpu", "@stream", "@seq" for the fixed ones. */
  id: string;
  title: string;
  align: 'left' | 'right';
  /** A sensible width in characters. */
  width: number;
  field: RecordField | null;
  /** A derived column whose expression does not fit the records: why. */
  error?: ErrorData;
}

export interface RowsQuery {
  runId: string;
  /** Map name, "printk", "map:NAME", or "" for the run's first stream. */
  stream: string;
  /** EXPR; "" = all. */
  where: string;
  /** Index of the first wanted row within the filtered view; -1 = the last `count` rows (follow). */
  first: number;
  count: number;
  /**
   * `evicted` of the page by which the asker counts `first`. Rows that have left since are made up for, so that the same
   * question gets the same rows while a full store moves on below it. Left out: `first` counts from what is stored now.
   */
  evicted?: number;
  /** EXPRs of the colour rules that are on; the page says for each row which is the first that it passes. */
  rules?: string[];
  /** Another order than that of arrival, of the rows up to some moment. */
  sort?: RowSort;
  /** Derived columns and other formats than the fields have. */
  look?: RowsLook;
  /** What is searched for: rows of the page that have it are marked. */
  find?: RowFind;
}

/** One page of rows, already rendered as text: at most some hundred a time, so text costs nothing. */
export interface RowsPage {
  runId: string;
  stream: string;
  where: string;
  columns: Column[];
  /** Index of rows[0] within the filtered view. */
  first: number;
  rows: PageRow[];
  /** Rows in the filtered view (grows while running). */
  matching: number;
  /** Rows in the store, and rows ever delivered (evicted ones counted). */
  stored: number;
  delivered: number;
  /** True while a new filter is still working through the stored rows. */
  partial: boolean;
  /** A filter that is not an expression: what is wrong and where. */
  filterError: ErrorData | null;
  /** Where in `where` the fault lies: index of a character, from 0. */
  filterErrorAt?: number;
  /**
   * Rows of the filtered view that have left the store since the run began. Row indices count from the oldest row that
   * is still stored, so when this grows by n the panel moves its position and selection up by n.
   */
  evicted?: number;
  /** With a sort: how far it is. Before it is done there are no rows. */
  sorted?: SortProgress;
  /** A sort that does not fit the records: the rows come as they were made. */
  sortError?: ErrorData;
}

export interface PageRow {
  seq: number;
  /** Empty when the row has left the store, which only rows of a sorted view do in place. */
  cells: string[];
  gone?: true;
  /** It has what is searched for. */
  found?: true;
  /** The first colour rule that it passes. */
  rule?: number;
}

export interface RowDetail {
  seq: number;
  time: string;
  record: string;
  fields: { path: string; type: string; value: FieldValue; text: string; offset: number; size: number }[];
  hex: string;
}

/**
 * What can be done with a run beyond its buttons: pause or resume at its source, restart with other globals, change a variable,
 * end in time, keep the last minutes, show its maps.
 */
export type RunControl = 'suspend' | 'globals' | 'variable' | 'timeLimit' | 'recordLast' | 'maps';

/** Panel → extension host. */
export type ToHost =
  | { type: 'ready' }
  | { type: 'rows'; id: number; query: RowsQuery }
  | { type: 'detail'; id: number; runId: string; stream: string; seq: number }
  | { type: 'pause'; paused: boolean }
  | { type: 'stop' }
  /** Asks for how long the run goes on without the window. */
  | { type: 'keep' }
  | { type: 'restart' }
  /** Begins a recording, or ends it. */
  | { type: 'record' }
  | { type: 'control'; what: RunControl }
  | { type: 'copy'; text: string }
  | { type: 'complete'; id: number; runId: string; stream: string; text: string; at: number }
  /** Writes the rows of the view to a file that the user names; the columns are those that show, [] = all of them. */
  | {
      type: 'export';
      stream: string;
      where: string;
      format: 'csv' | 'jsonl' | 'markdown';
      columns: string[];
      sort?: RowSort;
      look?: RowsLook;
    }
  /** Where the next row is that has what is searched for. */
  | { type: 'find'; id: number; runId: string; ask: FindAsk }
  /** The groups of the view, as far as they are counted. */
  | { type: 'groups'; id: number; query: SummaryQuery }
  /** Opens the run's page of charts, with a chart more or (null) as it is. */
  | { type: 'chart'; chart: ChartSpec | null }
  /** A question about rows that is no page of them. */
  | { type: 'ask'; id: number; runId: string; ask: TraceAsk }
  /** Goes to where the source declares a field of a record type ("struct event"), or the type ("" as path). */
  | { type: 'declaration'; record: string; path: string }
  /** Does something against the loss of a stream's records. */
  | { type: 'remedy'; remedy: Remedy; stream: string }
  | { type: 'state'; state: PanelState };

/** Questions that a trace panel may ask beside pages of rows. */
export type TraceAsk = RowsAsk & { ask: 'places' | 'measure' | 'check' | 'summary' };

/** Extension host → panel. */
export type ToPanel =
  | { type: 'init'; run: RunSummary | null; state: PanelState }
  | { type: 'run'; run: RunSummary }
  | { type: 'rows'; id: number; page: RowsPage }
  | { type: 'detail'; id: number; detail: RowDetail | null }
  | { type: 'found'; id: number; found: FoundRows }
  | { type: 'groups'; id: number; page: SummaryPage }
  | { type: 'completions'; id: number; completions: Completions }
  | { type: 'answer'; id: number; answer: RowsAnswer<TraceAsk> }
  | { type: 'failed'; id: number; error: ErrorData };

/** What survives a window reload: small, without data. */
export interface PanelState {
  runId: string;
  stream: string;
  where: string;
  hidden: string[];
  widths: Record<string, number>;
  /** Order, columns and groups; left out where nothing of it was chosen. */
  layout?: TraceLayout;
  /** Enough to attach again after the window was reloaded. */
  spec: AttachSpec | null;
  /** Of the program, whatever run it is shown in; left out while nobody has made any. */
  colours?: ColourRule[];
  /** Of the run `runId`, or of its recording. */
  bookmarks?: Bookmark[];
}

export type FindAsk = Omit<RowsAsk & { ask: 'find' }, 'ask'>;

/** What was chosen about the table of a trace: remembered for each program. */
export interface TraceLayout {
  sort: RowOrder[];
  /** Ids of columns in their order, and of those that stay at the left. */
  order: string[];
  pinned: string[];
  derived: DerivedColumn[];
  formats: Record<string, CellFormat>;
  /** Rows are shown by groups; null = one by one. */
  groups: GroupChoice | null;
}

/** Groups by the values of some columns. */
export interface GroupChoice {
  by: string[];
  measures: Measure[];
  sort: { by: 'key' | 'measure'; at: number; descending: boolean };
  top: number;
}
