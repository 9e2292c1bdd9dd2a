import type { SummaryPage } from '@ringside/core/model';
import type { TimeRange } from './range.ts';

/** Rows per second over time, as the strip draws it. */
export interface RateSeries extends TimeRange {
  /** Milliseconds of one bar. */
  width: number;
  /** Rows a second of each bar, oldest first. */
  rates: number[];
}

/** Most bars that are drawn: neighbours are put together. */
const MOST_BARS = 256;

/** The bars of what the engine counted, within `zoom` if there is one; null while there is nothing. */
export function barsOf(page: SummaryPage | null, zoom: TimeRange | null): RateSeries | null {
  const data = page?.data;
  if (data?.kind !== 'series' || data.end <= data.from) return null;
  const counts = data.lines[0]?.values ?? [];
  const begin = zoom === null ? data.from : Math.max(data.from, Math.floor(zoom.from / data.width));
  const end = zoom === null ? data.end : Math.min(data.end, Math.ceil(zoom.to / data.width));
  if (end <= begin) return null;
  const group = Math.ceil((end - begin) / MOST_BARS);
  const rates: number[] = [];
  for (let at = begin; at < end; at += group) {
    const size = Math.min(group, end - at);
    let sum = 0;
    for (let i = 0; i < size; i++) sum += counts[at + i - data.from] ?? 0;
    rates.push((sum * 1000) / (size * data.width));
  }
  return { from: begin * data.width, to: end * data.width, width: group * data.width, rates };
}

/** A place of the strip (0 … 1) as a time, and back. */
export const timeAt = ({ from, to }: TimeRange, share: number): number =>
  Math.round(from + Math.min(1, Math.max(0, share)) * (to - from));
export const shareOf = ({ from, to }: TimeRange, time: number): number =>
  Math.min(1, Math.max(0, (time - from) / (to - from)));

export type StripMove = 'left' | 'right' | 'grow' | 'shrink' | 'first' | 'last';

/** The range after a key: it moves by a bar, or its end does; without one it begins at the strip's end. */
export function moved(range: TimeRange | null, move: StripMove, series: RateSeries): TimeRange {
  const step = Math.max(series.width, (series.to - series.from) / 50);
  if (range === null) {
    const size = (series.to - series.from) / 10;
    return whole(move === 'first' || move === 'right' ? series.from : series.to - size, size, series);
  }
  const size = range.to - range.from;
  switch (move) {
    case 'left':
      return whole(range.from - step, size, series);
    case 'right':
      return whole(range.from + step, size, series);
    case 'first':
      return whole(series.from, size, series);
    case 'last':
      return whole(series.to - size, size, series);
    case 'grow':
      return whole(range.from, size + step, series);
    case 'shrink':
      return whole(range.from, Math.max(step, size - step), series);
  }
}

/** A range of a size that lies inside of the strip. */
function whole(from: number, size: number, series: RateSeries): TimeRange {
  const fits = Math.min(size, series.to - series.from);
  const start = Math.round(Math.min(Math.max(series.from, from), series.to - fits));
  return { from: start, to: Math.round(start + fits) };
}
