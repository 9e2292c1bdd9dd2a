/** Recorded rows are looked at for the names that they need: all of them, or of many an even part. */
import { expect, it } from 'vitest';
import { EventStore, type HostNames } from '../../events/index.ts';
import { makeField, makeRecord, makeSchema, makeSpan, noClocks } from '../../events/testing.ts';
import { RowNames } from './rowNames.ts';

const uid = makeField({ name: 'uid', kind: 'uint', offset: 0, size: 4, format: 'uid' });
const schema = makeSchema(makeRecord('struct e', 4, [uid]));

/** A store whose host writes down which users it is asked for. */
function setUp(format: 'uid' | 'plain' = 'uid') {
  const store = new EventStore();
  const host = store.addHost('h', noClocks);
  const asked: number[] = [];
  const none = (): null => null;
  const names: HostNames = { user: (id) => (asked.push(id), null), group: none, symbol: none, stack: none };
  store.setNames(host, names);
  const own = makeSchema(makeRecord('struct e', 4, [{ ...uid, format }]));
  const rows = new RowNames(store, () => [own]);
  const add = (from: number, count: number): void => {
    const records = Array.from({ length: count }, (_, i) => new Uint8Array(Uint32Array.of(from + i).buffer));
    store.append(store.stream(schema.stream), host, makeSpan(records));
  };
  const take = (most: number): number[] => {
    asked.length = 0;
    rows.take(most)();
    return [...asked].sort((a, b) => a - b);
  };
  return { add, take };
}

it('looks at every row once', () => {
  const { add, take } = setUp();
  add(0, 5);
  expect(take(100)).toEqual([0, 1, 2, 3, 4]);
  expect(take(100)).toEqual([]);
  add(5, 2);
  expect(take(100)).toEqual([5, 6]);
});

it('looks at a part of a flood, spread over all of it, the newest row among them', () => {
  const { add, take } = setUp();
  add(0, 10_000);
  const asked = take(100);
  expect(asked).toHaveLength(100);
  expect(asked.at(-1)).toBe(9_999);
  expect(asked[0]).toBeLessThan(200);
});

it('looks at no rows without a field that has names', () => {
  const { add, take } = setUp('plain');
  add(0, 5);
  expect(take(100)).toEqual([]);
});
