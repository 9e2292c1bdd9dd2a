/** Names go into a recording and come back; bytes that are none are refused. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeParts, encodeParts } from './format.ts';
import { decodeNames, encodeNames, MOST_NAME_LENGTH, noNames, type FoundNames } from './names.ts';

const ids = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const names = fc.array(fc.tuple(ids, fc.string({ minLength: 1, maxLength: 20, unit: 'binary' })), { maxLength: 8 });
const stacks = fc.array(fc.tuple(fc.nat(2 ** 31 - 1), fc.array(ids, { maxLength: 6 })), { maxLength: 5 });
const found: fc.Arbitrary<FoundNames> = fc
  .record({
    ...{ user: names, group: names, symbol: names },
    stacks: fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 8 }), stacks), { maxLength: 3 }),
  })
  .map((all) => ({
    user: new Map(all.user),
    group: new Map(all.group),
    symbol: new Map(all.symbol),
    stacks: new Map(all.stacks.filter(([, some]) => some.length > 0).map(([map, some]) => [map, new Map(some)])),
  }));

/** What all of the chunks hold together. */
function together(payloads: Iterable<Uint8Array>): FoundNames {
  const all = noNames();
  for (const payload of payloads) {
    const one = decodeNames(payload)!;
    for (const kind of ['user', 'group', 'symbol'] as const)
      for (const [id, name] of one[kind]) all[kind].set(id, name);
    for (const [map, some] of one.stacks) all.stacks.set(map, new Map([...(all.stacks.get(map) ?? []), ...some]));
  }
  return all;
}

it('come back as they were written', () => {
  fc.assert(
    fc.property(found, (all) => {
      expect(together(encodeNames(all))).toEqual(all);
    }),
  );
  expect([...encodeNames(noNames())]).toEqual([]);
});

it('take several chunks when there are many, and none is large', () => {
  const all = noNames();
  for (let i = 0n; i < 12_000n; i++) all.symbol.set(i, `function_${i}`);
  all.stacks.set('stacks', new Map(Array.from({ length: 900 }, (_, id) => [id, new Array<bigint>(100).fill(7n)])));
  const payloads = [...encodeNames(all)];
  expect(payloads.length).toBeGreaterThan(1);
  for (const { length } of payloads) expect(length).toBeLessThan((1 << 20) + 1024);
  expect(together(payloads)).toEqual(all);
});

it('that are too long are left out', () => {
  const all = noNames();
  all.user.set(0n, 'r'.repeat(MOST_NAME_LENGTH + 1)).set(1n, 'ann');
  expect([...together(encodeNames(all)).user]).toEqual([[1n, 'ann']]);
});

it('are refused where the bytes are none: whatever comes, and whatever is changed in a chunk', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeNames(bytes)));
  fc.assert(
    fc.property(fc.anything(), fc.uint8Array({ maxLength: 40 }), (head, tail) => {
      const payload = encodeParts(head ?? null, tail);
      expect(decodeNames(payload)).toBeNull();
    }),
  );
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(found, flips, (all, flipped) => {
      for (const whole of encodeNames(all)) {
        const bytes = whole.slice();
        for (const [at, bit] of flipped) bytes[at % bytes.length]! ^= 1 << bit;
        const read = decodeNames(bytes);
        for (const kind of ['user', 'group', 'symbol'] as const)
          for (const name of read?.[kind].values() ?? []) expect(name.length).toBeLessThanOrEqual(MOST_NAME_LENGTH);
        expect(decodeNames(whole.subarray(0, whole.length - 1))).toBeNull();
      }
    }),
  );
});

it('are refused when a count says more or less than there is', () => {
  const all = { ...noNames(), stacks: new Map([['stacks', new Map([[3, [1n, 2n]]])]]) };
  const [whole] = encodeNames(all);
  const { head, tail } = decodeParts(whole!)!;
  const withCount = (count: unknown): Uint8Array =>
    encodeParts({ ...(head as object), stacks: [['stacks', count]] }, tail);
  expect(decodeNames(withCount(1))).toEqual(all);
  for (const count of [0, 2, -1, 1.5, 2 ** 40, '1', null]) expect(decodeNames(withCount(count))).toBeNull();
  const long = tail.slice();
  new DataView(long.buffer).setUint32(4, 0xffff_ffff, true);
  expect(decodeNames(encodeParts(head, long))).toBeNull();
});
