import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldValue, Measure, MeasureOf, SummaryData, SummarySpec } from '../../model/index.ts';
import { compileExpr, EventStore, RowDecoder } from '../index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from '../testing.ts';
import { GROUP_LIMIT_WITH_PERCENTILES, topOf } from './groups.ts';
import { Summary } from './summary.ts';

const schema = makeSchema(
  makeRecord('struct event', 32, [
    makeField({ name: 'when', kind: 'uint', offset: 0, size: 8, format: 'ktime' }),
    makeField({ name: 'bytes', kind: 'uint', offset: 8, size: 8 }),
    makeField({ name: 'ret', kind: 'int', offset: 16, size: 4 }),
    makeField({ name: 'comm', kind: 'chars', offset: 20, size: 8 }),
  ]),
);
const READ_AT = 1_700_000_000_000_000_000n;

interface Row {
  ms: number;
  bytes: number;
  ret: number;
  comm: string;
  /** The record ends before its `ret`. */
  cut?: boolean;
}

function record({ ms, bytes, ret, comm, cut }: Row): Uint8Array {
  const out = new Uint8Array(32);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, READ_AT - 1_000_000_000n + BigInt(ms) * 1_000_000n, true);
  view.setBigUint64(8, BigInt(bytes), true);
  view.setInt32(16, ret, true);
  out.set(new TextEncoder().encode(comm).subarray(0, 8), 20);
  return cut === true ? out.subarray(0, 16) : out;
}

function grouped(rows: readonly Row[], spec: SummarySpec & { kind: 'groups' }, where = '') {
  const store = new EventStore();
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  const records = rows.map(record);
  for (let at = 0; at < records.length; at += 1000) {
    store.append(stream, host, makeSpan(records.slice(at, at + 1000), { readTimeNs: READ_AT }));
  }
  const decoder = new RowDecoder(store, stream, schema);
  const summary = new Summary(decoder, compileExpr(where, schema), spec);
  while (!summary.advance(1000)) continue;
  const { data } = summary.page(0);
  return data as SummaryData & { kind: 'groups' };
}

const QUANTILES: Partial<Record<MeasureOf, number>> = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 };
const MEASURES: Measure[] = [
  { of: 'count', field: '' },
  { of: 'rate', field: '' },
  ...(['sum', 'avg', 'min', 'max', 'last', 'p50', 'p90', 'p95', 'p99'] as const).flatMap((of) => [
    { of, field: 'ret' },
    { of, field: 'bytes' },
  ]),
];

/** One measure of some rows, as a person would work it out. */
function byHand({ of, field }: Measure, rows: readonly Row[], all: readonly Row[]): number | null {
  if (of === 'count') return rows.length;
  if (of === 'rate') {
    const times = all.map(({ ms }) => ms);
    const span = Math.max(...times) - Math.min(...times);
    return span === 0 ? null : (rows.length * 1000) / span;
  }
  const numbers = rows.flatMap((row) => (field === 'bytes' ? [row.bytes] : row.cut === true ? [] : [row.ret]));
  if (numbers.length === 0) return null;
  const sum = numbers.reduce((total, value) => total + value, 0);
  const sorted = numbers.toSorted((a, b) => a - b);
  switch (of) {
    case 'sum':
      return sum;
    case 'avg':
      return sum / numbers.length;
    case 'min':
      return sorted[0]!;
    case 'max':
      return sorted.at(-1)!;
    case 'last':
      return numbers.at(-1)!;
    default:
      return sorted[Math.max(1, Math.ceil(QUANTILES[of]! * sorted.length)) - 1]!;
  }
}

/** A percentile may be off by 0.8 %, a rate by the microsecond to which times are known, everything else by a rounding. */
function expectMeasure({ of }: Measure, found: number | null, wanted: number | null): void {
  if (wanted === null || found === null) expect(found).toBe(wanted);
  else {
    const tolerance = QUANTILES[of] !== undefined ? 0.008 : of === 'rate' ? 0.002 : 1e-9;
    expect(Math.abs(found - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * tolerance + 1e-9);
  }
}

const anyRow: fc.Arbitrary<Row> = fc.record({
  ms: fc.nat(999),
  bytes: fc.oneof(fc.nat(20), fc.nat(2 ** 31), fc.constant(2 ** 40)),
  ret: fc.integer({ min: -1000, max: 1000 }),
  comm: fc.constantFrom('a', 'ab', '', 'é', '7', '12', '5x'),
  cut: fc.boolean(),
});
const manyRows = fc.array(anyRow, { minLength: 1, maxLength: 120 });

function rowsOfGroups(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = row.cut === true ? '(none)' : row.comm;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return groups;
}

const keyOf = ({ values: [value] }: { values: FieldValue[] }): string =>
  value === null ? '(none)' : (value as string);

describe('groups', () => {
  it('have the measures that working them out by hand gives', () => {
    fc.assert(
      fc.property(manyRows, (rows) => {
        const data = grouped(rows, { kind: 'groups', by: ['comm'], measures: MEASURES, order: 0, top: 100 });
        const wanted = rowsOfGroups(rows);
        expect(new Set(data.rows.map(keyOf))).toEqual(new Set(wanted.keys()));
        expect([data.groups, data.restRows]).toEqual([wanted.size, 0]);
        for (const group of data.rows) {
          for (const [i, measure] of MEASURES.entries()) {
            expectMeasure(measure, group.measures[i]!, byHand(measure, wanted.get(keyOf(group))!, rows));
          }
        }
      }),
    );
  });

  it('count only what passes the filter', () => {
    fc.assert(
      fc.property(manyRows, (rows) => {
        const data = grouped(
          rows,
          { kind: 'groups', by: ['comm'], measures: [COUNT], order: 0, top: 100 },
          'bytes > 10',
        );
        const wanted = rowsOfGroups(rows.filter(({ bytes }) => bytes > 10));
        expect(new Map(data.rows.map((group) => [keyOf(group), group.measures[0]]))).toEqual(
          new Map([...wanted].map(([key, of]) => [key, of.length])),
        );
      }),
    );
  });

  it('are the first ones of all in the order that is asked for, those without a value last', () => {
    const order = fc.record({ at: fc.nat(2), descending: fc.boolean(), top: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(manyRows, order, (rows, { at, descending, top }) => {
        const measures: Measure[] = [COUNT, { of: 'max', field: 'ret' }, { of: 'avg', field: 'bytes' }];
        const spec = { kind: 'groups' as const, by: ['comm', 'bytes'], measures, order: 0 };
        const sort = { by: 'measure' as const, at, descending };
        const all = grouped(rows, { ...spec, sort, top: 1000 }).rows;
        const shown = grouped(rows, { ...spec, sort, top }).rows;
        expect(shown).toEqual(all.slice(0, top));
        const figures = all.map(({ measures: values }) => values[at] ?? null);
        const present = figures.filter((value) => value !== null);
        expect(figures.slice(0, present.length)).toEqual(present);
        expect(present).toEqual(present.toSorted((a, b) => (descending ? b - a : a - b)));
      }),
    );
  });

  it('are in one order of their values, numbers before texts, whatever the texts look like', () => {
    fc.assert(
      fc.property(manyRows, fc.boolean(), (rows, descending) => {
        const sort = { by: 'key' as const, at: 0, descending };
        const spec = { kind: 'groups' as const, by: ['comm'], measures: [COUNT], order: 0, top: 100 };
        const keys = (of: readonly Row[]): string[] => grouped(of, { ...spec, sort }).rows.map(keyOf);
        const rank = ['7', '12', '', '5x', 'a', 'ab', 'é'];
        const known = rank.filter((key) => rowsOfGroups(rows).has(key));
        const none = rowsOfGroups(rows).has('(none)') ? ['(none)'] : [];
        expect(keys(rows)).toEqual([...(descending ? known.toReversed() : known), ...none]);
      }),
    );
  });

  it('are told apart up to a limit; rows of further ones are counted together', () => {
    const limit = GROUP_LIMIT_WITH_PERCENTILES;
    const distinct = Array.from({ length: limit + 50 }, (_, i): Row => ({ ms: 0, bytes: i, ret: 1, comm: '' }));
    const again = [...distinct.slice(0, 10), ...distinct.slice(limit, limit + 10)];
    const measures: Measure[] = [COUNT, { of: 'p95', field: 'ret' }];
    const data = grouped([...distinct, ...again], { kind: 'groups', by: ['bytes'], measures, order: 0, top: 1000 });
    expect(data).toMatchObject({ groups: limit, restRows: 60, limit });
    expect(data.rows.length).toBe(1000);
    expect(data.rows.slice(0, 11).map(({ measures: [rows] }) => rows)).toEqual([...new Array<number>(10).fill(2), 1]);
  });
});

const COUNT: Measure = { of: 'count', field: '' };

it('the first of many are what sorting all gives, equal ones as they came', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 80 }), fc.integer({ min: 1, max: 90 }), (numbers, count) => {
      const items = numbers.map((value, at) => ({ value, at }));
      const byValue = (a: { value: number }, b: { value: number }): number => a.value - b.value;
      expect(topOf(items, count, byValue)).toEqual(items.toSorted(byValue).slice(0, count));
    }),
  );
});
