import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { MeasurePage, RowsQuery, StreamSchema } from '../model/index.ts';
import { EventStore, RunSummaries, RunViews, answerRows } from './index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from './testing.ts';

const READ_AT = 1_700_000_000_000_000_000n;

const schema: StreamSchema = makeSchema(
  makeRecord('struct event', 24, [
    makeField({ name: 'when', kind: 'uint', offset: 0, size: 8, format: 'ktime' }),
    makeField({ name: 'big', kind: 'uint', offset: 8, size: 8 }),
    makeField({ name: 'ret', kind: 'int', offset: 16, size: 4 }),
    makeField({ name: 'comm', kind: 'chars', offset: 20, size: 4 }),
  ]),
);

interface Row {
  /** Nanoseconds after READ_AT − 1 s. */
  after: bigint;
  big: bigint;
  ret: number;
}

function views(rows: readonly Row[], options = {}): RunViews {
  const store = new EventStore(options);
  const stream = store.stream('events');
  const host = store.addHost('web-1', noClocks);
  const records = rows.map(({ after, big, ret }) => {
    const bytes = new Uint8Array(24);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, READ_AT - 1_000_000_000n + after, true);
    view.setBigUint64(8, big, true);
    view.setInt32(16, ret, true);
    bytes.set(new TextEncoder().encode('abc'), 20);
    return bytes;
  });
  for (let at = 0; at < records.length; at += 7)
    store.append(stream, host, makeSpan(records.slice(at, at + 7), { readTimeNs: READ_AT }));
  return new RunViews(store, () => [schema], { sliceMs: Infinity });
}

function measured(of: RunViews, where: string, ranges: { from: number; to: number }[], evicted = 0): MeasurePage {
  const summaries = new RunSummaries(of);
  const page = answerRows(of, summaries, {
    ...{ ask: 'measure', view: { stream: '', where }, evicted, ranges, from: 0 },
  } as const);
  expect(page.next).toBeNull();
  return page;
}

const some: Row[] = [
  { after: 0n, big: 2n ** 64n - 1n, ret: -2 },
  { after: 1_000n, big: 5n, ret: 0 },
  { after: 5_500n, big: 9n, ret: 7 },
];

it('tells the time between two rows and the difference of every number, exactly', () => {
  const page = measured(views(some), '', [
    { from: 0, to: 1 },
    { from: 2, to: 3 },
  ]);
  expect(page).toMatchObject({ rows: 2, missed: 0 });
  expect(BigInt(page.times!.last) - BigInt(page.times!.first)).toBe(5_500n);
  expect(page.fields.map(({ path, first, last }) => [path, first, last])).toEqual([
    ['big', '18446744073709551615', '9'],
    ['ret', '-2', '7'],
  ]);
});

it('measures by the places of the filtered view', () => {
  const page = measured(views(some), 'ret >= 0', [{ from: 0, to: 2 }]);
  expect(page.fields.map(({ path, sum, least, most }) => [path, sum, least, most])).toEqual([
    ['big', '14', '5', '9'],
    ['ret', '7', '0', '7'],
  ]);
});

it('counts rows that have left since they were selected as missed', () => {
  const rows = Array.from({ length: 200 }, (_, i) => ({ after: BigInt(i), big: BigInt(i), ret: i }));
  const of = views(rows, { maxBytes: 4096, slabBytes: 2048 });
  const { firstSeq, delivered } = of.decoder('').stream;
  expect(firstSeq).toBeGreaterThan(0);
  const page = measured(of, '', [{ from: 0, to: delivered }]);
  expect(page.missed).toBe(firstSeq);
  expect(page.rows + page.missed).toBe(delivered);
});

const row = fc.record({
  after: fc.bigInt({ min: 0n, max: 1_000_000_000n }),
  big: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  ret: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
});

it('has the sums that adding by hand has, page by page', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 60 }), fc.nat(59), fc.nat(59), (rows, a, b) => {
      const from = Math.min(a, b, rows.length - 1);
      const to = Math.min(Math.max(a, b) + 1, rows.length);
      const of = views(rows);
      const page = measured(of, '', [{ from, to }]);
      const chosen = rows.slice(from, to);
      const sum = chosen.reduce((total, { big }) => total + big, 0n);
      expect(page.rows).toBe(chosen.length);
      expect(page.fields[0]).toMatchObject({ path: 'big', sum: String(sum), count: chosen.length });
      expect(Number(page.fields[1]!.least)).toBe(Math.min(...chosen.map(({ ret }) => ret)));
      const times = chosen.map(({ after }) => after);
      const span = BigInt(page.times!.newest) - BigInt(page.times!.oldest);
      expect(span).toBe(times.reduce((x, y) => (y > x ? y : x)) - times.reduce((x, y) => (y < x ? y : x)));
      const rest = answerRows(of, new RunSummaries(of), {
        ...{ ask: 'measure', view: { stream: '', where: '' }, evicted: 0, ranges: [{ from, to }], from: 1 },
      } as const);
      expect(rest.rows).toBe(chosen.length - 1);
    }),
  );
});

it('finds rows in a view, and says which are hidden or gone', () => {
  const of = views(some);
  const places = answerRows(of, new RunSummaries(of), {
    ...{ ask: 'places', view: { stream: '', where: 'ret >= 0' }, seqs: [0, 2, 99] },
  } as const);
  expect(places).toMatchObject({ evicted: 0, partial: false });
  expect(places.places.map(({ index }) => index)).toEqual([null, 1, null]);
  expect(places.places[2]!.time).toBeNull();
  expect(BigInt(places.places[1]!.time!) - BigInt(places.oldest!)).toBe(5_500n);
});

it('finds each matching row where the page shows it', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), (rows) => {
      const of = views(rows);
      const where = 'ret < 0';
      const page = of.page({ runId: '', stream: '', where, first: 0, count: 100 });
      const view = of.view({ stream: '', where });
      expect(page.rows.map(({ seq }) => view.indexOf(seq))).toEqual(page.rows.map((_, i) => i));
    }),
  );
});

const query: RowsQuery = { runId: '', stream: '', where: '', first: 0, count: 10 };

it('colours the rows of a page by the first rule that they pass', () => {
  const { rows } = views(some).page({ ...query, rules: ['ret < 0', 'big < 6', 'ret >= 0'] });
  expect(rows.map(({ rule }) => rule)).toEqual([0, 1, 2]);
});

it('leaves rules out that do not fit the records, and asks nothing where there are none', () => {
  const { rows } = views(some).page({ ...query, rules: ['nothing == 1', 'ret <', '', 'ret == 7'] });
  expect(rows.map(({ rule }) => rule)).toEqual([undefined, undefined, 3]);
  expect(
    views(some)
      .page(query)
      .rows.every((each) => !('rule' in each)),
  ).toBe(true);
});

it('says what is wrong with an expression', () => {
  const of = views(some);
  const check = (where: string) => answerRows(of, new RunSummaries(of), { ask: 'check', stream: '', where } as const);
  expect(check('ret < 0')).toBeNull();
  expect(check('rte < 0')).toMatchObject({ code: 'unknown-field' });
});
