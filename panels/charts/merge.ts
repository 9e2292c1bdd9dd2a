import type { FieldValue, RecordField, SummaryData, SummaryPage } from '@ringside/core/model';

export type SeriesData = SummaryData & { kind: 'series' };
export type HeatmapData = SummaryData & { kind: 'heatmap' };

/** What the panel knows of a chart: the engine's answers put together. */
export interface ChartData {
  data: SummaryData;
  state: number;
  counted: number;
  missed: number;
  partial: boolean;
}

/**
 * Takes an answer into what is known. The engine leaves out what has not changed: buckets before `from` are those of
 * before, as far as they have not left.
 */
export function merged(known: ChartData | null, page: SummaryPage): ChartData | null {
  if (page.data === null) return null;
  const { state, counted, missed, partial } = page;
  const old = page.whole ? null : (known?.data ?? null);
  return { data: old === null ? page.data : joined(old, page.data), state, counted, missed, partial };
}

function joined(old: SummaryData, data: SummaryData): SummaryData {
  if (old.kind === 'series' && data.kind === 'series') return joinedSeries(old, data);
  if (old.kind === 'heatmap' && data.kind === 'heatmap') return joinedHeatmap(old, data);
  return data;
}

function joinedSeries(old: SeriesData, data: SeriesData): SeriesData {
  const lines = data.lines.map((line, i) => {
    const before = old.lines[i]?.values ?? [];
    // What is known begins at old.from, and counts up to where the answer begins.
    const kept = before.slice(Math.max(0, data.first - old.from), Math.max(0, data.from - old.from));
    // Buckets between in which nothing came were never told.
    while (kept.length < data.from - Math.max(data.first, Math.min(old.from, data.from))) kept.push(null);
    return { ...line, values: [...kept, ...line.values] };
  });
  return { ...data, lines, from: Math.max(data.first, Math.min(old.from, data.from)) };
}

function joinedHeatmap(old: HeatmapData, data: HeatmapData): HeatmapData {
  const cells: number[] = [];
  for (let i = 0; i < old.cells.length; i += 3) {
    const bucket = old.cells[i]!;
    if (bucket >= data.first && bucket < data.from) cells.push(bucket, old.cells[i + 1]!, old.cells[i + 2]!);
  }
  return { ...data, cells: cells.concat(data.cells), from: data.first };
}

/** Lines over time as columns for a chart: x in seconds since the epoch, then one array per line. */
export interface Plot {
  xs: number[];
  lines: { label: string; value: FieldValue; rest: boolean; ys: (number | null)[] }[];
  field: RecordField | null;
}

/**
 * The series as it is drawn. The newest bucket is not full yet, so while rows may come it is left out; and where none have
 * come for `idleMs`, counts have gone to 0.
 */
export function plotOf(data: SeriesData, live: boolean, idleMs: number, counts: boolean): Plot {
  const width = data.width / 1000;
  const begin = data.from;
  const idle = live ? Math.min(600, Math.floor(idleMs / data.width)) : 0;
  const end = live && idle === 0 && data.end - begin > 1 ? data.end - 1 : data.end;
  const xs: number[] = [];
  for (let bucket = begin; bucket < end + idle; bucket++) xs.push(bucket * width);
  const lines = data.lines.map(({ label, value, rest, values }) => {
    const ys = values.slice(0, end - begin).map((value) => (counts ? (value ?? 0) : value));
    while (ys.length < xs.length) ys.push(counts ? 0 : null);
    return { label, value, rest, ys };
  });
  return { xs, lines, field: data.field };
}
