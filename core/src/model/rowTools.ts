/** What a trace panel can ask of rows beyond their cells: places of single rows, figures of selected ones, colour rules. */
import type { RecordField } from './record.ts';
import type { RowsQuery } from './panel.ts';

/** Which rows are meant, and in which order they stand. */
export type RowsView = Omit<RowsQuery, 'runId' | 'first' | 'count' | 'evicted' | 'rules'>;

/** Where rows of a stream are in a view now. */
export interface RowPlaces {
  /** One a row that was asked for. */
  places: RowPlaceInfo[];
  /** Rows of the view that have left the store: `index` plus this stays the same while rows leave. */
  evicted: number;
  /** The filter is still working through the stored rows: a row without an index may get one. */
  partial: boolean;
  /** When the oldest stored row of the stream was made, ns since the epoch; null when none is stored. */
  oldest: string | null;
}

export interface RowPlaceInfo {
  seq: number;
  /** Within the filtered view; null when the filter hides it or it has left. */
  index: number | null;
  /** When it was made, ns since the epoch; null when it has left. */
  time: string | null;
}

/** One field's numbers over some rows. Numbers are texts, exact: integers of any size, or floats. */
export interface FieldFigures {
  path: string;
  field: RecordField;
  /** Rows that have such a number. */
  count: number;
  first: string;
  last: string;
  sum: string;
  least: string;
  most: string;
}

/** A part of the figures of selected rows; to be asked for again from `next` on. */
export interface MeasurePage {
  /** Rows that were measured, and rows that had left the store. */
  rows: number;
  missed: number;
  /** Of the first and the last row in the order of the view, and of the oldest and the newest; ns since the epoch. */
  times: { first: string; last: string; oldest: string; newest: string } | null;
  fields: FieldFigures[];
  /** How many of the selected rows have been looked at when there are more; null when all have. */
  next: number | null;
}

/** Colours of rows; each is drawn with a mark of its own, so that colour is not needed to tell them apart. */
export type RowColour = 'red' | 'orange' | 'yellow' | 'green' | 'blue' | 'purple' | 'grey';

/** Rows that pass `where` get the colour; the first rule that is on and fits counts. */
export interface ColourRule {
  where: string;
  colour: RowColour;
  on: boolean;
}

/** A row that somebody wants to find again. */
export interface Bookmark {
  stream: string;
  seq: number;
  /** When the row was made, ns since the epoch. */
  time: string;
  note: string;
}

/**
 * What is done against loss: a larger ring (in the source), a larger store, or another folder for recordings (the
 * setting), other values of the program's knobs, a look into the log.
 */
export type Remedy = 'ring' | 'store' | 'recording' | 'globals' | 'log';
