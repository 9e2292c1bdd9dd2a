/** Recorded rows are looked at for the names that they need: all of them, of a flood an even part. */
import { expect, it } from 'vitest';
import { EventStore } from '../../events/index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from '../../events/testing.ts';
import { noIds } from '../namedIds.ts';
import { RowNames } from './rowNames.ts';

const uid = makeField({ name: 'uid', kind: 'uint', offset: 0, size: 4, format: 'uid' });

/** A store of two hosts, whose rows are users from a number on. */
function setUp(options: { format?: 'uid' | 'plain'; mostRows?: number; slabBytes?: number } = {}) {
  const { format = 'uid', mostRows = 1_000_000, slabBytes = 0 } = options;
  const store = new EventStore(slabBytes === 0 ? {} : { maxBytes: 2 * slabBytes, slabBytes });
  const hosts = [store.addHost('a', noClocks), store.addHost('b', noClocks)];
  const schema = makeSchema(makeRecord('struct e', 4, [{ ...uid, format }]));
  const rows = new RowNames(store, () => [schema], mostRows);
  const add = (from: number, count: number, host = 0): void => {
    const records = Array.from({ length: count }, (_, i) => new Uint8Array(Uint32Array.of(from + i).buffer));
    store.append(store.stream(schema.stream), hosts[host]!, makeSpan(records));
  };
  const take = async (host = 0): Promise<number[]> =>
    [...((await rows.take())[hosts[host]!]?.user ?? [])].map(Number).sort((a, b) => a - b);
  return { store, rows, add, take };
}

it('looks at every row once, host by host', async () => {
  const { add, take, rows } = setUp();
  add(0, 5);
  expect(await take()).toEqual([0, 1, 2, 3, 4]);
  expect(await take()).toEqual([]);
  add(5, 2);
  await rows.look();
  add(1, 1);
  add(7, 1, 1);
  const both = await rows.take();
  expect(both.map(({ user }) => [...user])).toEqual([[5n, 6n, 1n], [7n]]);
});

it('looks at all rows of a stream that comes in thousands of spans', async () => {
  const { add, take } = setUp();
  for (let i = 0; i < 3_000; i++) add(i * 10, 10);
  expect(await take()).toEqual(Array.from({ length: 30_000 }, (_, i) => i));
});

it('looks at a part of a flood, spread over all of it, the newest row among them', async () => {
  const { add, take } = setUp({ mostRows: 100 });
  for (let i = 0; i < 10; i++) add(i * 1_000, 1_000);
  const asked = await take();
  expect(asked).toHaveLength(100);
  expect(asked.at(-1)).toBe(9_999);
  expect(asked[0]).toBeLessThan(200);
});

it('looks at what is left when rows have left the store, also while it looks', async () => {
  const { add, take, store, rows } = setUp({ slabBytes: 4096 });
  const rowsOf = (): number[] => {
    const { firstSeq, delivered } = store.stream('events');
    return Array.from({ length: delivered - firstSeq }, (_, i) => firstSeq + i);
  };
  for (let i = 0; i < 50; i++) add(i * 20, 20);
  const stored = rowsOf();
  expect(stored[0]).toBeGreaterThan(0);
  expect(await take()).toEqual(stored);
  for (let i = 50; i < 90; i++) add(i * 20, 20);
  const looking = rows.look();
  for (let i = 90; i < 150; i++) add(i * 20, 20);
  await looking;
  expect(await take()).toEqual(expect.arrayContaining(rowsOf()));
});

it('looks at no rows that are not recorded, and none without a field that has names', async () => {
  const { add, take, rows } = setUp();
  add(0, 5);
  await rows.look();
  add(5, 5);
  rows.skip();
  add(10, 1);
  expect(await take()).toEqual([10]);
  const plain = setUp({ format: 'plain' });
  plain.add(0, 5);
  expect(await plain.take()).toEqual([]);
});

it('gives again what was put back, and no more than memory is bounded to', async () => {
  const { rows, take, add } = setUp();
  rows.putBack(0, { ...noIds(), user: new Set([3n]) });
  add(4, 1);
  expect(await take()).toEqual([3, 4]);
  for (let i = 0; i < 180; i++) add(i * 1_000, 1_000);
  expect(await take()).toHaveLength(100_000);
  expect(rows.takeBeyond().map(({ user }) => user.size)).toEqual([80_000]);
  expect(rows.takeBeyond()).toEqual([]);
});
