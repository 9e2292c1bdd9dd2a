import type { ChartSpec, CostSample } from '@ringside/core/model';
import { clock } from '../shared/format.ts';
import { costLines } from './costs.ts';
import { type ChartData, plotOf } from './merge.ts';
import { groupsMeaning, seriesMeaning } from './meaning.ts';
import { costFormat, formatOf } from './units.ts';

/** A chart's numbers: as written for people, and as they are. */
export interface Table {
  heads: string[];
  rows: { texts: string[]; values: (string | number | null)[] }[];
}

/** The numbers of a chart, the newest first where it goes over time; null while there are none. */
export function tableOf(chart: ChartSpec, known: ChartData | null, costs: readonly CostSample[]): Table | null {
  const { source } = chart;
  if (source.from === 'cost') {
    const { xs, lines } = costLines(costs, source.of);
    return overTime(xs, lines, costFormat(source.of));
  }
  const data = known?.data;
  switch (data?.kind) {
    case undefined:
      return null;
    case 'series': {
      const { format, name, counts } = seriesMeaning(chart, data);
      const { xs, lines } = plotOf(data, false, 0, counts);
      const named = lines.map(({ label, rest, ys }) => ({
        label: rest ? 'all others' : label === '' ? name : label,
        ys,
      }));
      return overTime(xs, named, format);
    }
    case 'groups': {
      const { by, heads, formats } = groupsMeaning(chart, data);
      return {
        heads: [...by.map((path) => path.replace(/^@/, '')), ...heads],
        rows: data.rows.map(({ texts, measures: values }) => ({
          texts: [...texts, ...values.map((value, i) => formats[i]!(value))],
          values: [...texts, ...values],
        })),
      };
    }
    case 'histogram': {
      const format = formatOf('avg', data.field);
      return {
        heads: ['from', 'below', 'count'],
        rows: data.slots.map(({ low, high, count }) => ({
          texts: [format(low), format(high), String(count)],
          values: [low, high, count],
        })),
      };
    }
    case 'heatmap': {
      const format = formatOf('avg', data.field);
      const bounds = new Map(data.slots.map((slot) => [slot.slot, slot]));
      const rows: Table['rows'] = [];
      for (let i = data.cells.length - 3; i >= 0; i -= 3) {
        const at = data.cells[i]! * data.width;
        const { low, high } = bounds.get(data.cells[i + 1]!) ?? { low: 0, high: 0 };
        const hits = data.cells[i + 2]!;
        rows.push({ texts: [clock(at), format(low), format(high), String(hits)], values: [iso(at), low, high, hits] });
      }
      return { heads: ['time', 'from', 'below', 'count'], rows };
    }
  }
}

function overTime(
  xs: readonly number[],
  lines: readonly { label: string; ys: readonly (number | null)[] }[],
  format: (value: number | null) => string,
): Table {
  const rows = xs.map((seconds, i) => ({
    texts: [clock(seconds * 1000), ...lines.map(({ ys }) => format(ys[i] ?? null))],
    values: [iso(seconds * 1000), ...lines.map(({ ys }) => ys[i] ?? null)],
  }));
  return { heads: ['time', ...lines.map(({ label }) => label)], rows: rows.reverse() };
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** RFC 4180, times in ISO 8601. A text that a spreadsheet would run as a formula gets an apostrophe. */
export function csvOf({ heads, rows }: Table): string {
  const cell = (value: string | number | null): string => {
    if (value === null) return '';
    const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return [heads, ...rows.map(({ values }) => values)].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
