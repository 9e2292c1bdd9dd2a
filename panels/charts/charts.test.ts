import { describe, expect, it } from 'vitest';
import type { ChartSpec, MapSummarySpec, SummaryData, SummaryPage } from '@ringside/core/model';
import { chartsState } from './guards.ts';
import { type ChartData, merged, plotOf, type SeriesData } from './merge.ts';
import { csvOf, tableOf } from './table.ts';
import { bytes, costFormat, formatOf, short, tickTexts } from './units.ts';
import { chartTitle } from './words.ts';

const page = (data: SummaryData, whole: boolean, state = 2): SummaryPage => {
  return { stream: 'events', where: '', state, whole, data, counted: 1, missed: 0, partial: false, error: null };
};
const series = (first: number, from: number, values: (number | null)[]): SeriesData => ({
  kind: 'series',
  field: null,
  lines: [{ label: '', value: null, rest: false, values }],
  ...{ width: 1000, first, from, end: from + values.length, early: 0 },
});
const ofMap = (look: ChartSpec['look'], spec: MapSummarySpec): ChartSpec => ({
  ...{ id: 'm', title: '', look, wide: false },
  source: { from: 'map', host: '', map: 'flows', where: '', spec },
});

describe('charts of a map', () => {
  const known = (data: SummaryData): ChartData => merged(null, page(data, true))!;

  it('are called after the map and what of it they show', () => {
    const line = ofMap('line', { kind: 'series', field: 'value.bytes', of: 'rate', top: 6, seconds: 300 });
    expect(chartTitle(line)).toBe('flows: value.bytes a second, each entry');
    const gauge = ofMap('gauge', { kind: 'series', field: '', of: 'value', top: 1, seconds: 300 });
    expect(chartTitle(gauge)).toBe('flows: value, the largest entry');
    expect(chartTitle(ofMap('heatmap', { kind: 'heatmap', seconds: 300 }))).toBe(
      'flows: how its slots fill, over time',
    );
  });

  it('write what goes down with its sign, and leave out what is not known', () => {
    const chart = ofMap('line', { kind: 'series', field: '', of: 'rate', top: 6, seconds: 300 });
    const table = tableOf(chart, known(series(10, 10, [null, -1500, 3])), [])!;
    expect(table.heads).toEqual(['time', 'change a second']);
    expect(table.rows.map(({ texts }) => texts[1])).toEqual(['3.0/s', '−1.50 k/s', '–']);
  });

  it('have bars by their figure, with the other one beside', () => {
    const chart = ofMap('bars', { kind: 'groups', field: 'value', of: 'rate', top: 6 });
    const rows = [{ texts: ['1'], values: [1], measures: [20, 400] }];
    const table = tableOf(
      chart,
      known({ kind: 'groups', by: [null], fields: [null, null], rows, groups: 1, restRows: 0 }),
      [],
    )!;
    expect(table.heads).toEqual(['key', 'value a second', 'value']);
    expect(table.rows[0]!.texts).toEqual(['1', '20/s', '400']);
  });
});

const valuesOf = (data: ChartData | null): unknown => (data?.data as SeriesData).lines[0]!.values;

describe('answers put together', () => {
  it('replace the buckets that changed and keep those before', () => {
    const known = merged(null, page(series(10, 10, [1, 2, 3]), true));
    const next = merged(known, page(series(10, 12, [4, 5]), false, 3));
    expect(valuesOf(next)).toEqual([1, 2, 4, 5]);
    expect(next?.state).toBe(3);
  });

  it('let go of buckets that have left, and fill those in which nothing came', () => {
    const known = merged(null, page(series(10, 10, [1, 2, 3]), true));
    const next = merged(known, page(series(11, 15, [9]), false));
    expect(valuesOf(next)).toEqual([2, 3, null, null, 9]);
    expect((next!.data as SeriesData).from).toBe(11);
  });

  it('begin anew with a whole answer', () => {
    const known = merged(null, page(series(10, 10, [1, 2, 3]), true));
    expect(valuesOf(merged(known, page(series(10, 12, [7]), true)))).toEqual([7]);
  });

  it('keep a heatmap in order', () => {
    const heat = (from: number, cells: number[]): SummaryData => {
      return { kind: 'heatmap', field: null, slots: [], cells, width: 1000, first: 10, from, end: 13, early: 0 };
    };
    const known = merged(null, page(heat(10, [10, 1, 5, 12, 1, 2]), true));
    expect(merged(known, page(heat(12, [12, 1, 3]), false))?.data).toMatchObject({ cells: [10, 1, 5, 12, 1, 3] });
  });
});

describe('what is drawn', () => {
  it('leaves out the bucket that is not full yet, while rows may come', () => {
    const data = series(10, 10, [1, null, 3]);
    expect(plotOf(data, true, 0, false)).toMatchObject({ xs: [10, 11], lines: [{ ys: [1, null] }] });
    expect(plotOf(data, false, 0, true)).toMatchObject({ xs: [10, 11, 12], lines: [{ ys: [1, 0, 3] }] });
  });

  it('goes down to 0 when nothing comes any more, where rows are counted', () => {
    const data = series(10, 10, [1, 2]);
    expect(plotOf(data, true, 2500, true).lines[0]!.ys).toEqual([1, 2, 0, 0]);
    expect(plotOf(data, true, 2500, false).lines[0]!.ys).toEqual([1, 2, null, null]);
  });
});

describe('numbers', () => {
  it('are written with their unit', () => {
    const field = { name: 'x', type: '', offset: 0, bits: 0, size: 8, kind: 'uint' as const };
    expect(formatOf('avg', { ...field, format: 'us' })(1500)).toBe('1.50 ms');
    expect(formatOf('sum', { ...field, format: 'bytes' })(1536)).toBe('1.5 KiB');
    expect(formatOf('rate', null)(48_190)).toBe('48.2 k/s');
    expect(formatOf('p99', { ...field, format: 'ns' })(null)).toBe('–');
    expect(formatOf('min', { ...field, format: 'ns' })(-61)).toBe('−61 ns');
    expect([short(1234), short(48_190), short(0.25), short(-3_000_000)]).toEqual(['1,234', '48.2 k', '0.25', '−3 M']);
    expect([bytes(0), bytes(1023), bytes(1 << 30)]).toEqual(['0 B', '1.0 KiB', '1 GiB']);
  });
});

describe('a chart as a table', () => {
  const chart = { id: 'a', title: '', look: 'line' as const, wide: false };
  const measure = { of: 'rate' as const, field: '' };

  it('has the newest first, and CSV with exact times', () => {
    const source = {
      from: 'rows' as const,
      stream: '',
      where: '',
      spec: { kind: 'series' as const, measure, by: '', top: 1, seconds: 300 },
    };
    const known = merged(null, page(series(1_700_000_000, 1_700_000_000, [2, 4]), true));
    const table = tableOf({ ...chart, source }, known, [])!;
    expect(table.heads).toEqual(['time', 'Rows per second']);
    expect(table.rows.map(({ texts }) => texts[1])).toEqual(['4.0/s', '2.0/s']);
    expect(csvOf(table)).toBe('time,Rows per second\r\n2023-11-14T22:13:21.000Z,4\r\n2023-11-14T22:13:20.000Z,2\r\n');
  });

  it('makes texts harmless that a spreadsheet would run', () => {
    expect(
      csvOf({
        heads: ['comm'],
        rows: [
          { texts: [], values: ['=1+1'] },
          { texts: [], values: ['a"b'] },
        ],
      }),
    ).toBe('comm\r\n\'=1+1\r\n"a""b"\r\n');
  });

  it('has a column for what each program costs, unknown ones empty', () => {
    const program = { name: 'p', runsPerSecond: null, nanosPerRun: 61, cpuPercent: null, missedPerSecond: null };
    const costs = [{ at: 1_700_000_000_000, programs: [program] }];
    const table = (of: 'nanos' | 'cpu') => tableOf({ ...chart, source: { from: 'cost', of } }, null, costs)!;
    expect(table('nanos').rows[0]!.texts[1]).toBe('61 ns');
    expect(table('cpu').rows[0]!.texts[1]).toBe('–');
  });
});

it('takes only charts from what an older version stored', () => {
  expect(chartsState({ charts: [{ id: 1 }, null] }).charts).toEqual([]);
  expect(chartsState('x')).toEqual({ runId: '', file: '', charts: [] });
});

describe('the ticks of an axis', () => {
  const share = costFormat('cpu');
  const times = formatOf('avg', { name: 'took', format: 'ms' } as never);
  it('differ, however close they are', () => {
    expect(tickTexts([0, 0.05, 0.1, 0.15], share)).toEqual(['0.00 %', '0.05 %', '0.10 %', '0.15 %']);
    expect(tickTexts([0, 0.02, 0.04], share)).toEqual(['0.00 %', '0.02 %', '0.04 %']);
  });
  it('stay as they are where they differ, or are written in another unit', () => {
    expect(tickTexts([0, 10, 20], share)).toEqual(['0 %', '10.0 %', '20.0 %']);
    expect(tickTexts([12_000_000, 12_000_001], short)).toEqual(['12 M', '12 M']);
    const close = [0.0005, 0.0005001];
    expect(tickTexts(close, times)).toEqual(close.map(times));
    expect(tickTexts([], share)).toEqual([]);
  });
});
