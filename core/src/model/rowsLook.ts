/** How the rows of a trace are shown: their order, derived columns, formats; and what is searched for in them. */

/** One column to order rows by; a derived one is "=" and its expression. */
export interface RowOrder {
  column: string;
  descending: boolean;
}

/** An order of the rows that had come before some moment. Rows that are equal in all columns stay as they came. */
export interface RowSort {
  by: RowOrder[];
  /** `delivered` at the moment: rows from this number on are not in it. */
  until: number;
}

export interface SortProgress {
  until: number;
  /** 0 … 1; with 1 the rows are there. */
  done: number;
  /** Matching rows that came since. */
  waiting: number;
  /** Rows of the order that have left the store. */
  gone: number;
}

/** How a cell is written, where that is not left to the field's own meaning. */
export type CellFormat =
  | 'dec'
  | 'hex'
  | 'oct'
  | 'bin'
  | 'bytes'
  | 'duration-ns'
  | 'duration-us'
  | 'duration-ms'
  | 'duration-s'
  | 'clock'
  | 'clock-ns'
  | 'iso'
  | 'epoch'
  | 'elapsed'
  | 'ipv4'
  | 'port'
  | 'errno'
  | 'signal'
  | 'char'
  | 'text';

/** A column that is computed: its id is "=" and the expression. */
export interface DerivedColumn {
  expr: string;
  /** "" = the expression itself. */
  title: string;
}

export interface RowsLook {
  derived: DerivedColumn[];
  /** By column id. */
  formats: Record<string, CellFormat>;
}

/** What is searched for: a text in the shown cells, or an EXPR. */
export interface RowFind {
  text: string;
  by: 'text' | 'expr';
  /** Ids of the columns in whose cells a text is looked for; [] = all. */
  columns: string[];
}

export interface FoundRows {
  /** Rows of the view that have it, as far as it has been looked. */
  matches: number;
  partial: boolean;
  /** The row that was found from the place on; null = there is none (yet, while partial). */
  row: { seq: number; index: number; evicted: number } | null;
  /** Which of the matches it is, from 1, in the order of arrival; null where nobody counted. */
  ordinal: number | null;
  /** The search went over the end of the view. */
  wrapped: boolean;
}
