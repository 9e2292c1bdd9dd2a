import type { FieldFigures, MeasurePage } from '@ringside/core/model';
import { count, nanos } from '../../shared/format.ts';

/** Figures of selected rows, as far as they are known. */
export type Measured = Omit<MeasurePage, 'next'>;

export const NOTHING: Measured = { rows: 0, missed: 0, times: null, fields: [] };

/** Adds the figures of the rows that follow. */
export function merged(before: Measured, after: Measured): Measured {
  const fields = before.fields.map((field) => {
    const more = after.fields.find(({ path }) => path === field.path);
    return more === undefined ? field : mergedField(field, more);
  });
  const own = after.fields.filter(({ path }) => !fields.some((field) => field.path === path));
  return {
    rows: before.rows + after.rows,
    missed: before.missed + after.missed,
    times: mergedTimes(before.times, after.times),
    fields: [...fields, ...own],
  };
}

function mergedTimes(a: Measured['times'], b: Measured['times']): Measured['times'] {
  if (a === null || b === null) return a ?? b;
  return {
    first: a.first,
    last: b.last,
    oldest: BigInt(b.oldest) < BigInt(a.oldest) ? b.oldest : a.oldest,
    newest: BigInt(b.newest) > BigInt(a.newest) ? b.newest : a.newest,
  };
}

function mergedField(a: FieldFigures, b: FieldFigures): FieldFigures {
  const float = a.field.kind === 'float';
  const less = (x: string, y: string): boolean => (float ? Number(x) < Number(y) : BigInt(x) < BigInt(y));
  return {
    ...a,
    count: a.count + b.count,
    last: b.last,
    sum: float ? String(Number(a.sum) + Number(b.sum)) : String(BigInt(a.sum) + BigInt(b.sum)),
    least: less(b.least, a.least) ? b.least : a.least,
    most: less(a.most, b.most) ? b.most : a.most,
  };
}

/** The difference between a field's first and last number, with its sign: "+12", "−3", "0". */
export function differenceOf({ field, first, last }: FieldFigures): string {
  if (field.kind === 'float') return signed(String(Number(last) - Number(first)));
  return signed(String(BigInt(last) - BigInt(first)));
}

function signed(text: string): string {
  if (text.startsWith('-')) return `−${text.slice(1)}`;
  return text === '0' ? '0' : `+${text}`;
}

/** To three places behind the point. */
export function averageOf({ field, sum, count: numbers }: FieldFigures): string {
  if (field.kind === 'float') return String(Number(sum) / numbers);
  const thousandths = (BigInt(sum) * 1000n) / BigInt(numbers);
  const size = thousandths < 0n ? -thousandths : thousandths;
  const rest = String(size % 1000n)
    .padStart(3, '0')
    .replace(/0+$/, '');
  return `${thousandths < 0n ? '-' : ''}${size / 1000n}${rest === '' ? '' : `.${rest}`}`;
}

/** From the first to the last of two rows, or between the oldest and the newest of many. */
export function spanText({ rows, times }: Measured): string {
  if (times === null) return 'unknown';
  const of = (from: string, to: string): bigint => BigInt(to) - BigInt(from);
  if (rows !== 2) return nanos(Number(of(times.oldest, times.newest)));
  const delta = of(times.first, times.last);
  return `${delta < 0n ? '−' : '+'}${nanos(Number(delta < 0n ? -delta : delta))}`;
}

/** The same in nanoseconds, exactly. */
export function spanNanos({ rows, times }: Measured): string {
  if (times === null) return '';
  return String(rows === 2 ? BigInt(times.last) - BigInt(times.first) : BigInt(times.newest) - BigInt(times.oldest));
}

export interface FigureTable {
  heads: string[];
  rows: string[][];
}

/** Of two rows: each value and the difference; of more: sum, average, least and most. */
export function tableOf(measured: Measured): FigureTable {
  if (measured.rows === 2) {
    const heads = ['field', 'first', 'second', 'difference'];
    return {
      heads,
      rows: measured.fields.map((f) => [
        f.path,
        f.first,
        f.count < 2 ? '' : f.last,
        f.count < 2 ? 'unknown' : differenceOf(f),
      ]),
    };
  }
  const heads = ['field', 'rows', 'sum', 'average', 'least', 'most'];
  return { heads, rows: measured.fields.map((f) => [f.path, count(f.count), f.sum, averageOf(f), f.least, f.most]) };
}

/** Tab-separated, as spreadsheets take it. */
export function copyOf(measured: Measured): string {
  const { heads, rows } = tableOf(measured);
  const span = [measured.rows === 2 ? 'time between (ns)' : 'span (ns)', spanNanos(measured)];
  return [['rows', String(measured.rows)], span, heads, ...rows].map((cells) => cells.join('\t')).join('\n');
}
