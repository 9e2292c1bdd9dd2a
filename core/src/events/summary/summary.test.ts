import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SummaryData, SummarySpec } from '../../model/index.ts';
import { compileExpr, EventStore, RowDecoder, RunSummaries, RunViews } from '../index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from '../testing.ts';
import { LinearSlots } from './linear.ts';
import { Sketch } from './sketch.ts';
import { Summary } from './summary.ts';
import { Timeline } from './timeline.ts';

const schema = makeSchema(
  makeRecord('struct event', 40, [
    makeField({ name: 'ts', kind: 'uint', offset: 0, size: 8, format: 'ktime' }),
    makeField({ name: 'bytes', kind: 'uint', offset: 8, size: 8 }),
    makeField({ name: 'ret', kind: 'int', offset: 16, size: 4 }),
    makeField({ name: 'state', kind: 'enum', offset: 20, size: 4, values: { '1': 'OPEN', '2': 'CLOSED' } }),
    makeField({ name: 'comm', kind: 'chars', offset: 24, size: 16 }),
  ]),
);
/** A moment as the host's wall clock, in ms, and what its monotonic clock said then. */
const T0 = 1_700_000_000_000;
const CLOCK0 = 5_000_000_000;
const clocks = {
  realtimeMinusMonotonicNs: BigInt(T0) * 1_000_000n - BigInt(CLOCK0),
  realtimeMinusBoottimeNs: 0n,
};

interface Row {
  ms?: number;
  bytes?: number;
  ret?: number;
  state?: number;
  comm?: string;
}

function record({ ms = 0, bytes = 0, ret = 0, state = 1, comm = '' }: Row): Uint8Array {
  const out = new Uint8Array(40);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(CLOCK0) + BigInt(Math.round(ms * 1e6)), true);
  view.setBigUint64(8, BigInt(bytes), true);
  view.setInt32(16, ret, true);
  view.setUint32(20, state, true);
  out.set(new TextEncoder().encode(comm).subarray(0, 16), 24);
  return out;
}

function fresh(options = {}) {
  const store = new EventStore(options);
  const stream = store.stream('events');
  const host = store.addHost('web-1', clocks);
  const decoder = new RowDecoder(store, stream, schema);
  const add = (...rows: Row[]): void => {
    const latest = Math.max(...rows.map(({ ms = 0 }) => ms));
    const readTimeNs = BigInt(T0) * 1_000_000n + BigInt(Math.round(latest * 1e6));
    store.append(stream, host, makeSpan(rows.map(record), { readTimeNs }));
  };
  const summary = (spec: SummarySpec, where = ''): Summary =>
    new Summary(decoder, compileExpr(where, decoder.schema), spec);
  return { store, stream, decoder, add, summary };
}

function dataOf<K extends SummaryData['kind']>(summary: Summary, kind: K, since = 0) {
  summary.advance(1000);
  const { data } = summary.page(since);
  if (data?.kind !== kind) throw new Error(`no ${kind}`);
  return data as SummaryData & { kind: K };
}

describe('groups', () => {
  const spec: SummarySpec = {
    kind: 'groups',
    by: ['comm', 'state'],
    measures: [
      { of: 'count', field: '' },
      { of: 'sum', field: 'bytes' },
      { of: 'avg', field: 'bytes' },
      { of: 'max', field: 'ret' },
      { of: 'p50', field: 'bytes' },
    ],
    order: 1,
    top: 10,
  };

  it('count, add up and rank the rows of each combination of values', () => {
    const { add, summary } = fresh();
    add(
      { comm: 'nginx', bytes: 10, ret: -2 },
      { comm: 'nginx', bytes: 30, ret: -5 },
      { comm: 'nginx', state: 2, bytes: 100 },
      { comm: 'ng', bytes: 7 },
    );
    const { rows, groups, restRows } = dataOf(summary(spec), 'groups');
    expect(rows).toEqual([
      { texts: ['nginx', 'CLOSED'], values: ['nginx', 'CLOSED'], measures: [1, 100, 100, 0, 100] },
      { texts: ['nginx', 'OPEN'], values: ['nginx', 'OPEN'], measures: [2, 40, 20, -2, 10] },
      { texts: ['ng', 'OPEN'], values: ['ng', 'OPEN'], measures: [1, 7, 7, 0, 7] },
    ]);
    expect([groups, restRows]).toEqual([3, 0]);
  });

  it('count what passes the filter, each row once, also rows that have left meanwhile', () => {
    const { add, summary, stream } = fresh({ maxBytes: 1 << 17, slabBytes: 1 << 16 });
    const counting = summary({ ...spec, by: ['comm'], order: 0 }, 'ret < 0');
    for (let i = 0; i < 200; i++) {
      add(...Array.from({ length: 20 }, (_, j) => ({ comm: 'a', ret: j % 2 === 0 ? -1 : 1 })));
      counting.advance(1000);
    }
    expect(stream.evicted).toBeGreaterThan(0);
    expect(dataOf(counting, 'groups').rows[0]!.measures[0]).toBe(2000);
    expect(counting.page(0)).toMatchObject({ counted: 2000, missed: 0, partial: false });
  });

  it('say how many rows left the store before they were counted', () => {
    const { add, summary, stream } = fresh({ maxBytes: 1 << 17, slabBytes: 1 << 16 });
    const counting = summary({ ...spec, by: ['comm'], order: 0 });
    for (let i = 0; i < 400; i++) add(...Array.from({ length: 20 }, () => ({ comm: 'a' })));
    counting.advance(1000);
    const { counted, missed } = counting.page(0);
    expect(missed).toBe(stream.evicted);
    expect(counted + missed).toBe(8000);
  });

  it('are what counting by hand gives (property)', () => {
    const row = fc.record({ comm: fc.constantFrom('a', 'ab', '', 'é'), ret: fc.integer({ min: -3, max: 3 }) });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 200 }), (rows) => {
        const { add, summary } = fresh();
        add(...rows);
        const by: SummarySpec = {
          kind: 'groups',
          by: ['comm', 'ret'],
          measures: [{ of: 'count', field: '' }],
          order: 0,
          top: 100,
        };
        const found = dataOf(summary(by), 'groups').rows.map((group) => [group.texts.join('/'), group.measures[0]]);
        const wanted = new Map<string, number>();
        for (const { comm, ret } of rows) wanted.set(`${comm}/${ret}`, (wanted.get(`${comm}/${ret}`) ?? 0) + 1);
        expect(new Map(found as [string, number][])).toEqual(wanted);
      }),
    );
  });

  it('refuse a field that there is not, and numbers of a text', () => {
    const { summary } = fresh();
    expect(() => summary({ ...spec, by: ['cmm'] })).toThrow(/did you mean "comm"/);
    expect(() => summary({ ...spec, measures: [{ of: 'sum', field: 'comm' }] })).toThrow(/holds no numbers/);
  });

  it('group by host, CPU and record type as well', () => {
    const { add, summary } = fresh();
    add({}, {});
    const { rows } = dataOf(
      summary({ ...spec, by: ['@host', '@cpu', '@record'], measures: [{ of: 'count', field: '' }], order: 0 }),
      'groups',
    );
    expect(rows).toEqual([
      { texts: ['web-1', '', 'struct event'], values: ['web-1', null, 'struct event'], measures: [2] },
    ]);
  });
});

describe('series', () => {
  const rates: SummarySpec = { kind: 'series', measure: { of: 'rate', field: '' }, by: '', top: 5, seconds: 300 };

  it('put rows where their own clock says', () => {
    const { add, summary } = fresh();
    add({ ms: 0 }, { ms: 999 }, { ms: 1000 }, { ms: 3500 });
    const { lines, width, first, end } = dataOf(summary(rates), 'series');
    expect([width, first, end]).toEqual([1000, T0 / 1000, T0 / 1000 + 4]);
    expect(lines).toEqual([{ label: '', value: null, rest: false, values: [2, 1, 0, 1] }]);
  });

  it('tell only what has changed since the last time', () => {
    const { add, summary } = fresh();
    add({ ms: 0 }, { ms: 5000 });
    const series = summary(rates);
    series.advance(1000);
    const before = series.page(0);
    expect(before.whole).toBe(true);
    add({ ms: 5100 }, { ms: 6000 });
    series.advance(1000);
    const after = series.page(before.state);
    expect(after.whole).toBe(false);
    expect(after.data).toMatchObject({ from: T0 / 1000 + 5, end: T0 / 1000 + 7, lines: [{ values: [2, 1] }] });
    expect(series.page(after.state).data).toMatchObject({ from: T0 / 1000 + 7, lines: [{ values: [] }] });
  });

  it('tell everything to whoever knows an older set of lines', () => {
    const { add, summary } = fresh();
    const split = summary({ ...rates, by: 'comm', top: 1 });
    add({ ms: 0, comm: 'a' });
    split.advance(1000);
    const old = split.page(0).state;
    add({ ms: 10, comm: 'b' }, { ms: 20, comm: 'b' }, { ms: 30, comm: 'c' });
    split.advance(1000);
    const one = split.page(old);
    const other = split.page(old);
    expect([one.whole, other.whole]).toEqual([true, true]);
    expect(one.data).toMatchObject({
      lines: [
        { label: 'b', rest: false, values: [2] },
        { rest: true, values: [2] },
      ],
    });
    expect(split.page(one.state).whole).toBe(false);
  });

  it('lose no row when a long run makes the buckets wider (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3_000_000 }), { minLength: 1, maxLength: 60 }), (times) => {
        const { add, summary } = fresh();
        const sorted = [...times].sort((a, b) => a - b);
        for (const ms of sorted) add({ ms });
        const count: SummarySpec = { ...rates, measure: { of: 'count', field: '' }, seconds: 0 };
        const { lines, width, first } = dataOf(summary(count), 'series');
        const { values } = lines[0]!;
        expect(values.length).toBeLessThanOrEqual(512);
        const wanted = values.map((_, i) => sorted.filter((ms) => Math.floor((T0 + ms) / width) === first + i).length);
        expect(values).toEqual(wanted);
      }),
      { numRuns: 40 },
    );
  });

  it('let go of what is older than their span', () => {
    const { add, summary } = fresh();
    const series = summary({ ...rates, seconds: 75 });
    add({ ms: 0 });
    series.advance(1000);
    add({ ms: 100_000 });
    const { first, end, width } = dataOf(series, 'series');
    expect((end - first) * width).toBeLessThanOrEqual(75_000);
    add({ ms: 100 });
    expect(dataOf(series, 'series').early).toBe(1);
  });

  it('measure a field: where no row came there is no value', () => {
    const { add, summary } = fresh();
    add({ ms: 0, bytes: 10 }, { ms: 1, bytes: 30 }, { ms: 2000, bytes: 5 });
    const average: SummarySpec = { ...rates, measure: { of: 'avg', field: 'bytes' } };
    expect(dataOf(summary(average), 'series').lines[0]!.values).toEqual([20, null, 5]);
  });
});

describe('distributions', () => {
  it('count powers of two as libbpf tools do', () => {
    const { add, summary } = fresh();
    add(...[0, 1, 2, 3, 4, 7, 8, 1023].map((bytes) => ({ bytes })));
    const data = dataOf(summary({ kind: 'histogram', field: 'bytes', scale: 'log2' }), 'histogram');
    expect(data.slots.slice(0, 5)).toEqual([
      { low: 0, high: 1, count: 1 },
      { low: 1, high: 2, count: 1 },
      { low: 2, high: 4, count: 2 },
      { low: 4, high: 8, count: 2 },
      { low: 8, high: 16, count: 1 },
    ]);
    expect(data.slots.at(-1)).toEqual({ low: 512, high: 1024, count: 1 });
    expect(data).toMatchObject({ measured: 8, least: 0, most: 1023, average: 131 });
  });

  it('have slots for what is below zero', () => {
    const { add, summary } = fresh();
    add({ ret: -1 }, { ret: -3 }, { ret: 0 });
    const { slots } = dataOf(summary({ kind: 'histogram', field: 'ret', scale: 'log2' }), 'histogram');
    expect(slots).toEqual([
      { low: -4, high: -2, count: 1 },
      { low: -2, high: -1, count: 1 },
      { low: 0, high: 1, count: 1 },
    ]);
  });

  it('put every number in the slot of equal width that it belongs to (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { minLength: 1 }), (numbers) => {
        const linear = new LinearSlots(false);
        for (const number of numbers) linear.add(number);
        const slots = linear.slots();
        expect(slots.length).toBeLessThanOrEqual(48);
        for (const { low, high, count } of slots)
          expect(count).toBe(numbers.filter((number) => number >= low && number < high).length);
        expect(slots.reduce((sum, { count }) => sum + count, 0)).toBe(numbers.length);
      }),
    );
  });

  it('know each quantile within 0.8 % (property)', () => {
    const number = fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.integer({ min: 0, max: 2 ** 52 }));
    fc.assert(
      fc.property(fc.array(number, { minLength: 1 }), fc.constantFrom(0.5, 0.9, 0.99), (numbers, q) => {
        const sketch = new Sketch();
        for (const value of numbers) sketch.add(value);
        const sorted = [...numbers].sort((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
        expect(Math.abs(sketch.quantile(q)! - exact)).toBeLessThanOrEqual(Math.abs(exact) * 0.008 + 1e-9);
      }),
    );
  });

  it('show over time how large values were', () => {
    const { add, summary } = fresh();
    const heatmap = summary({ kind: 'heatmap', field: 'bytes', seconds: 300 });
    add({ ms: 0, bytes: 4 }, { ms: 1, bytes: 5 }, { ms: 2, bytes: 7 }, { ms: 1500, bytes: 4 });
    heatmap.advance(1000);
    const page = heatmap.page(0);
    const first = T0 / 1000;
    expect(page.data).toMatchObject({
      slots: [
        { slot: 5, low: 4, high: 6 },
        { slot: 6, low: 6, high: 8 },
      ],
      cells: [first, 5, 2, first, 6, 1, first + 1, 5, 1],
    });
    add({ ms: 1600, bytes: 6 });
    heatmap.advance(1000);
    expect(heatmap.page(page.state).data).toMatchObject({ from: first + 1, cells: [first + 1, 5, 1, first + 1, 6, 1] });
  });
});

describe('Timeline', () => {
  it('makes room for rows that come a little late', () => {
    const timeline = new Timeline<number[]>(
      300,
      () => [],
      (into, from) => into.push(...from),
    );
    timeline.at(10_000)!.push(1);
    timeline.at(8_000)!.push(2);
    expect([timeline.first, timeline.end, timeline.get(8), timeline.get(9), timeline.early]).toEqual([
      8,
      11,
      [2],
      null,
      0,
    ]);
  });
});

describe('RunSummaries', () => {
  const query = {
    stream: '',
    where: '',
    spec: { kind: 'groups', by: ['comm'], measures: [{ of: 'count', field: '' }], order: 0, top: 5 } as SummarySpec,
    since: 0,
  };

  it('gives what is wrong with a question instead of an answer', () => {
    const { store } = fresh();
    const summaries = new RunSummaries(new RunViews(store, () => [schema], { sliceMs: Infinity }));
    expect(summaries.page({ ...query, where: 'comm = 1' })).toMatchObject({
      data: null,
      error: { code: 'bad-expression' },
    });
    expect(summaries.page({ ...query, spec: { kind: 'histogram', field: 'comm', scale: 'log2' } })).toMatchObject({
      data: null,
      error: { code: 'bad-value' },
    });
    summaries.dispose();
  });

  it('keeps a bounded number, those that were asked for last', () => {
    const { store } = fresh();
    const summaries = new RunSummaries(new RunViews(store, () => [schema], { sliceMs: Infinity }));
    for (let i = 0; i < 50; i++) summaries.page({ ...query, where: `ret == ${i}` });
    expect(summaries.size).toBe(32);
    summaries.dispose();
  });

  it('begins anew when the records have become others', () => {
    const { store, add } = fresh();
    add({ comm: 'a' });
    let schemas = [schema];
    const summaries = new RunSummaries(new RunViews(store, () => schemas, { sliceMs: Infinity }));
    const before = summaries.page(query);
    schemas = [
      makeSchema(makeRecord('struct event', 40, [makeField({ name: 'comm', kind: 'chars', offset: 24, size: 16 })])),
    ];
    const after = summaries.page({ ...query, since: before.state });
    expect(after).toMatchObject({ whole: true, counted: 1 });
    summaries.dispose();
  });
});

it('reads clocks of hosts that give none as the time of reading', () => {
  const store = new EventStore();
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  store.append(stream, host, makeSpan([record({})], { readTimeNs: 1_700_000_123_000_000_000n }));
  const decoder = new RowDecoder(store, stream, schema);
  const spec: SummarySpec = { kind: 'series', measure: { of: 'count', field: '' }, by: '', top: 1, seconds: 300 };
  const summary = new Summary(decoder, compileExpr('', schema), spec);
  expect(dataOf(summary, 'series').first).toBe(1_700_000_123);
});
