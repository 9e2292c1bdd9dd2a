/**
 * What the Maps panel asks the engine, and what it gets: the maps of a run or of a host, and windows of rows of the one that
 * is shown. Sorting, filtering, deltas and histograms are the engine's; a map of a million entries never crosses as a whole.
 */
import type { ErrorData } from '../errors.ts';
import type { Count } from './inventory.ts';
import type { Column } from './panel.ts';

/** Whose maps are shown. */
export type MapsScope = { kind: 'run'; runId: string } | { kind: 'host'; host: string };

/** One map, by its number in the kernel of its host. */
export interface MapTarget {
  host: string;
  id: number;
}

/**
 * How the kernel lets its contents be reached: keys and values; the next value of a queue or stack; whether something is in
 * a bloom filter; how full a ring is; a value for each owner; pages of memory; not at all.
 */
export type MapAccess = 'entries' | 'next' | 'member' | 'positions' | 'owners' | 'pages' | 'nothing';

export interface MapSummary extends MapTarget {
  name: string;
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  /** Kernel memory; null = not known. */
  memoryBytes: Count | null;
  access: MapAccess;
  /** null = not counted yet, or not to be counted. */
  entries: number | null;
  /** Entries that were changed, added or deleted a second; null = not known yet. */
  changesPerSecond: number | null;
  /** There are more changes than were looked at. */
  atLeast: boolean;
  /** It belongs to a run of this window. */
  owned: boolean;
  /** The runs or processes that hold it, in words; "" = nobody is known. */
  owner: string;
  pins: string[];
  frozen: boolean;
}

export interface MapsListing {
  maps: MapSummary[];
  /** Hosts of the scope that cannot be read now, and why. */
  away: { host: string; error: ErrorData }[];
  /** The run is over, or has not begun. */
  note: string;
  /** Of a recording that was played to its end: when maps were read, and which of these is shown (ms since the epoch). */
  kept?: { times: number[]; at: number };
  /** The run ended with its connection, and its hosts are connected again: it can be started again. */
  restartable?: true;
}

export interface MapSort {
  /** Id of a column. */
  column: string;
  descending: boolean;
}

/** How one map is looked at. */
export interface MapLook {
  /** EXPR over key, value, rate (and cpu[…] of per-CPU maps); "" = all. */
  where: string;
  sort: MapSort;
  /** Per-CPU maps: a column for each CPU instead of the sum. */
  split: boolean;
  /** The member whose change a second is shown; "" = the first that counts. */
  rateOf: string;
  /** Nothing new is read. */
  paused: boolean;
}

export interface MapColumn extends Column {
  role: 'key' | 'value' | 'rate' | 'trend';
  /** Typing into its cells writes. */
  editable: boolean;
}

export type HistogramScale = 'log2' | 'linear';

/** In what way a map holds histograms; null = it does not look so. */
export interface HistogramShape {
  /** Slots of each value, slots as the entries of the map, or a slot as a part of the key. */
  in: 'value' | 'entries' | 'key';
  scale: HistogramScale;
  /** Its names say so; else it only could be one. */
  sure: boolean;
}

/** Why there is nothing new, or nothing at all. */
export interface MapTrouble {
  /** "gone": the map is no more. "away": its host cannot be reached. "refused": it cannot be read. */
  kind: 'gone' | 'away' | 'refused';
  error: ErrorData;
}

export interface MapRow {
  /** Stays the same while the entry is there. */
  seq: number;
  cells: string[];
  /** Places of cells that were changed at the last look. */
  marks: number[];
}

export interface MapRowsPage {
  target: MapTarget;
  where: string;
  columns: MapColumn[];
  first: number;
  rows: MapRow[];
  /** Rows that the filter lets through. */
  matching: number;
  /** Entries that are held here, and that the map has; null = not known. */
  held: number;
  entries: number | null;
  /** Rises with every look at the map. */
  look: number;
  /** When the map was read last, milliseconds since the epoch; null = never. */
  readAt: number | null;
  /** Milliseconds from one look to the next, as long as somebody asks. */
  everyMs: number;
  /** The order or the filter is being worked out; rows are those of before. */
  sorting: boolean;
  access: MapAccess;
  perCpu: number;
  /** Members that count, hence may be followed by `rateOf`, and the one that is. */
  counters: string[];
  rateOf: string;
  histogram: HistogramShape | null;
  /** Values are numbers of maps: Enter opens one. */
  ofMaps: boolean;
  /** Why nothing can be written; "" = it can. */
  readOnly: string;
  canAdd: boolean;
  canDelete: boolean;
  /** What an entry to be added may look like, as JSON. */
  template: { key: string; value: string };
  /** Writes that can be taken back. */
  undo: number;
  trouble: MapTrouble | null;
  /** A filter that is not an expression, and where in it the fault lies. */
  filterError: ErrorData | null;
  filterErrorAt?: number;
}

export interface MapEntryDetail {
  seq: number;
  /** One line, and JSON as `ringside map set` takes it. */
  key: string;
  value: string;
  fields: { path: string; type: string; text: string }[];
  /** Of per-CPU maps: a line for each CPU. */
  perCpu: string[];
  hex: string;
  /** The followed member at the last looks: milliseconds since the epoch, value, change a second. */
  history: { at: number; value: number; rate: number | null }[];
}

export interface MapHistogram {
  /** Which entry it is of; "" = the whole map. */
  title: string;
  /** From the first slot that counts to the last one. */
  slots: { from: string; to: string; count: Count; share: number }[];
  total: Count;
}

export interface MapHistograms {
  look: number;
  histograms: MapHistogram[];
  /** There are so many. */
  of: number;
}

export type MapChange =
  /** A cell, as it was typed. */
  | { do: 'edit'; seq: number; column: string; text: string }
  /** Keys and values as JSON, or text that is none; key "" for maps without keys. */
  | { do: 'add'; key: string; value: string }
  | { do: 'delete'; seqs: number[] }
  /** Takes the next value of a queue or stack. */
  | { do: 'pop' }
  /** Takes the last write back. */
  | { do: 'undo' };

export interface MapChanged {
  /** What was done, as a sentence. */
  text: string;
  undo: number;
}

export type MapsQuery =
  /** `at`: of a recording, the time at which its maps are shown. */
  | { ask: 'list'; at?: number }
  | { ask: 'rows'; target: MapTarget; look: MapLook; first: number; count: number }
  | { ask: 'entry'; target: MapTarget; seq: number }
  | { ask: 'histograms'; target: MapTarget; scale: HistogramScale | ''; first: number; count: number }
  | { ask: 'change'; target: MapTarget; change: MapChange };

export interface MapsAnswers {
  list: MapsListing;
  rows: MapRowsPage;
  entry: MapEntryDetail | null;
  histograms: MapHistograms;
  change: MapChanged;
}

export type MapsAnswer<Q extends MapsQuery> = MapsAnswers[Q['ask']];
