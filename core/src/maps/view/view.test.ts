import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileExpr } from '../../events/index.ts';
import { makeField } from '../../events/testing.ts';
import type { RecordField } from '../../model/index.ts';
import { accessOf, canAdd, canDelete, notShown } from './access.ts';
import { histograms, histogramShape } from './histogram.ts';
import { MapHistory } from './history.ts';
import { RowLayout } from './layout.ts';
import { orderRows } from './order.ts';
import { sumType } from './sums.ts';
import { MapTable } from './table.ts';

const u32 = (name: string, offset = 0): RecordField => makeField({ name, kind: 'uint', offset, size: 4 });
const s32 = (name: string, offset = 0): RecordField => makeField({ name, kind: 'int', offset, size: 4 });
const text = (name: string, offset: number, size: number): RecordField =>
  makeField({ name, kind: 'chars', offset, size });

const key = makeField({ name: 'key', kind: 'struct', offset: 0, size: 16, fields: [u32('id'), text('name', 4, 12)] });
const value = makeField({ name: 'value', kind: 'struct', offset: 0, size: 8, fields: [s32('n'), u32('m', 4)] });
const layout = () => new RowLayout('map', { key, value, perCpu: 0 }, 16, 8, true);

interface Entry {
  id: number;
  name: string;
  n: number;
}

function packed({ id, name, n }: Entry, whole = true): Uint8Array {
  const bytes = new Uint8Array(whole ? 24 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, id, true);
  new TextEncoder().encodeInto(name, bytes.subarray(4, 16));
  if (whole) view.setInt32(16, n, true);
  return bytes;
}

const delta = (changed: Entry[], deleted: Entry[], seconds: number) => ({
  changed: Buffer.concat(changed.map((entry) => packed(entry))),
  deleted: Buffer.concat(deleted.map((entry) => packed(entry, false))),
  emptied: false,
  time: BigInt(seconds) * 1_000_000_000n,
});
const entries = fc.uniqueArray(
  fc.record({
    id: fc.integer({ min: 0, max: 40 }),
    name: fc.constantFrom('', 'a', 'ab', 'longer-name', 'longer-namf'),
    n: fc.integer({ min: -5, max: 5 }),
  }),
  { selector: ({ id, name }) => `${id} ${name}`, maxLength: 60 },
);
const nameOf = ({ id, name }: Entry): string => `${id} ${name}`;
const everything = { text: '', everything: true, wire: null, select: () => undefined };

function held(table: MapTable): Map<string, number> {
  const found = new Map<string, number>();
  for (let row = 0; row < table.rows; row++) {
    if (table.alive[row] !== 1) continue;
    const bytes = table.key(row);
    const name = new TextDecoder().decode(bytes.subarray(4)).replace(/\0.*$/s, '');
    found.set(`${bytes[0]!} ${name}`, new DataView(table.value(row).slice().buffer).getInt32(0, true));
  }
  return found;
}

describe('a table', () => {
  it('holds what the deltas say, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(entries, { minLength: 1, maxLength: 8 }), (maps) => {
        const table = new MapTable(layout(), 'value.n');
        let before: Entry[] = [];
        maps.forEach((now, i) => {
          const deleted = before.filter((one) => !now.some((other) => nameOf(other) === nameOf(one)));
          const changed = now.filter(
            (one) => !before.some((other) => nameOf(other) === nameOf(one) && other.n === one.n),
          );
          table.apply(delta(changed, deleted, i + 1));
          expect(held(table)).toEqual(new Map(now.map((one) => [nameOf(one), one.n])));
          expect(table.count).toBe(now.length);
          before = now;
        });
      }),
    );
  });

  it('tells the change a second of what changed, 0 of what did not, and nothing after the first look', () => {
    const table = new MapTable(layout(), 'value.n');
    const [a, b] = [
      { id: 1, name: 'a', n: 10 },
      { id: 2, name: 'b', n: 5 },
    ];
    table.apply(delta([a, b], [], 1));
    expect(table.rateAt(0)).toBeNaN();
    table.apply(delta([{ ...a, n: 30 }], [], 3));
    expect([table.rateAt(0), table.rateAt(1)]).toEqual([10, 0]);
    table.apply(
      delta(
        [
          { ...b, n: 4 },
          { id: 3, name: '', n: 8 },
        ],
        [],
        5,
      ),
    );
    expect([0, 1, 2].map((row) => table.rateAt(row))).toEqual([0, -0.5, 4]);
  });
});

describe('an order', () => {
  const by = async (given: Entry[], column: string, descending: boolean, where = ''): Promise<Entry[]> => {
    const table = new MapTable(layout(), 'value.n');
    table.apply(delta(given, [], 1));
    const schema = { stream: 'map', records: [table.layout.record] };
    const filter = where === '' ? everything : compileExpr(where, schema);
    const rows = await orderRows(table, filter, { column, descending }, () => true);
    return Array.from(rows!, (row) => given[row]!);
  };

  it('is that of numbers with sign, of texts by their bytes, either way, equals as they were', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.boolean(), async (given, descending) => {
        const turn = descending ? -1 : 1;
        const numbers = await by(given, 'value.n', descending);
        expect(numbers).toEqual(given.toSorted((a, b) => turn * (a.n - b.n)));
        const texts = await by(given, 'key.name', descending);
        expect(texts).toEqual(given.toSorted((a, b) => turn * (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)));
      }),
    );
  });

  it('has only what the filter lets through, and gives up when nobody wants it', async () => {
    const given = Array.from({ length: 3000 }, (_, id) => ({ id, name: '', n: id % 7 }));
    const found = await by(given, 'key.id', true, 'value.n == 3 && key.id > 100');
    expect(found).toEqual(given.filter(({ id, n }) => n === 3 && id > 100).reverse());
    const table = new MapTable(layout(), 'value.n');
    table.apply(delta(given, [], 1));
    expect(await orderRows(table, everything, { column: 'value.n', descending: true }, () => false)).toBeNull();
  });

  it('puts what is not known last when sorted downwards by rate', async () => {
    const table = new MapTable(layout(), 'value.n');
    table.apply(
      delta(
        [1, 2, 3].map((id) => ({ id, name: '', n: 0 })),
        [],
        1,
      ),
    );
    table.view.setFloat64(table.base(0), Number.NaN, true);
    table.view.setFloat64(table.base(1), -1, true);
    table.view.setFloat64(table.base(2), 5, true);
    expect([...(await orderRows(table, everything, { column: 'rate', descending: true }, () => true))!]).toEqual([
      2, 1, 0,
    ]);
  });
});

it('sums are wider than what they are of, and members that are no counts stand apart', () => {
  const one = makeField({ name: '', kind: 'struct', offset: 0, size: 24, fields: [u32('count'), text('comm', 4, 16)] });
  const sum = sumType(one);
  const bytes = new Uint8Array(48);
  const from = new DataView(bytes.buffer);
  from.setUint32(0, 0xffff_ffff, true);
  from.setUint32(24, 2, true);
  const to = new DataView(new ArrayBuffer(64));
  sum.write(from, 0, 24, 2, to, 0);
  expect(to.getBigUint64(sum.field.fields![0]!.offset, true)).toBe(0x1_0000_0001n);
  expect([...sum.apart]).toEqual(['value.comm']);
});

it('a history tells each look, also those at which nothing changed', () => {
  const history = new MapHistory();
  const changes = (rows: number[], before: number[], after: number[]) => ({
    rows: Uint32Array.from(rows),
    before: Float64Array.from(before),
    after: Float64Array.from(after),
  });
  history.add(1000, changes([0, 1], [0, 0], [5, 7]), true);
  history.add(2000, changes([1, 0], [7, 5], [9, 6]), false);
  history.add(3000, changes([], [], []), false);
  history.add(4000, changes([0], [6], [26]), false);
  expect(history.samples(0, 26).map(({ value, rate }) => [value, rate])).toEqual([
    [5, null],
    [6, 1],
    [6, 0],
    [26, 20],
  ]);
  expect(history.samples(9, 3).map(({ value }) => value)).toEqual([3, 3, 3, 3]);
});

it('histograms are recognised by shape and name, and cut to the slots that count', () => {
  const slots = makeField({ name: 'slots', kind: 'array', offset: 0, size: 64, count: 16, element: u32('') });
  const hist = makeField({ name: 'value', kind: 'struct', offset: 0, size: 64, fields: [slots] });
  const made = new RowLayout('hists', { key: u32('key'), value: hist, perCpu: 0 }, 4, 64, true);
  const map = { name: 'hists', type: 'hash', maxEntries: 10 };
  expect(histogramShape(made, map)).toEqual({ in: 'value', scale: 'log2', sure: true });
  const table = new MapTable(made, made.counters[0]!);
  const bytes = new Uint8Array(68);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 9, true);
  view.setUint32(4 + 3 * 4, 10, true);
  view.setUint32(4 + 5 * 4, 5, true);
  table.apply({ changed: bytes, deleted: new Uint8Array(0), emptied: false, time: 1n });
  const answer = histograms(table, map, Uint32Array.of(0), { scale: '', first: 0, count: 5 });
  expect(answer).toEqual({
    of: 1,
    histograms: [
      {
        title: 'key 9',
        total: 15,
        slots: [
          { from: '8', to: '16', count: 10, share: 1 },
          { from: '16', to: '32', count: 0, share: 0 },
          { from: '32', to: '64', count: 5, share: 0.5 },
        ],
      },
    ],
  });
  expect(histogramShape(layout(), { name: 'hist', type: 'hash', maxEntries: 10 })).toBeNull();
});

it('what can be read and written of each type is known', () => {
  expect(
    ['queue', 'bloom_filter', 'ringbuf', 'task_storage', 'lru_hash'].map((type) => accessOf({ type, valueSize: 4 })),
  ).toEqual(['next', 'member', 'positions', 'owners', 'entries']);
  expect(accessOf({ type: 'sockmap', valueSize: 4 })).toBe('nothing');
  expect([canDelete('hash'), canDelete('array'), canDelete('prog_array'), canAdd('stack'), canAdd('array')]).toEqual([
    ...[true, false, true, true, false],
  ]);
  for (const type of ['bloom_filter', 'arena', 'perf_event_array', 'sockmap', 'xskmap'])
    expect(notShown({ type, name: 'm', valueSize: 4 })).toMatchObject({
      code: 'map-access',
      remedy: expect.stringMatching(/\.$/) as string,
    });
});
