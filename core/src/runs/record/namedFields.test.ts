/** What is read from a record for its names is what showing it would ask for, whatever its fields and bytes are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileReader } from '../../events/decode.ts';
import { renderDetail, type HostNames } from '../../events/index.ts';
import { makeField } from '../../events/testing.ts';
import type { RecordField } from '../../model/index.ts';
import { isKernelAddress, isStackId, noIds, stacksOf, type NamedIds } from '../namedIds.ts';
import { collectorOf } from './namedFields.ts';

/** A host that writes down what it is asked for. */
function asking(ids: NamedIds): HostNames {
  return {
    user: (id) => (ids.user.add(BigInt(id)), null),
    group: (id) => (ids.group.add(BigInt(id)), null),
    symbol: (address) => (isKernelAddress(address) && ids.symbol.add(address), null),
    stack: (map, id) => (isStackId(id) && stacksOf(ids, map).add(id), null),
  };
}

const number = fc
  .record({
    offset: fc.nat(24),
    size: fc.constantFrom(1, 2, 4, 8),
    kind: fc.constantFrom('int' as const, 'uint' as const, 'pointer' as const),
    format: fc.constantFrom('uid' as const, 'gid' as const, 'symbol' as const, 'stack' as const, 'plain' as const),
    bigEndian: fc.boolean(),
  })
  .map(({ bigEndian, ...field }) =>
    makeField({ name: 'n', ...field, ...(bigEndian && { bigEndian }), ...(field.format === 'stack' && { map: 'm' }) }),
  );
const bits = fc
  .record({ offset: fc.nat(8), bitOffset: fc.nat(20), bits: fc.integer({ min: 1, max: 40 }) })
  .map((field) => makeField({ name: 'b', kind: 'uint', size: 8, format: 'uid', ...field }));
const leaf = fc.oneof(number, bits);
const array = fc.tuple(number, fc.nat(8), fc.integer({ min: 0, max: 4 })).map(([element, offset, count]) => {
  const size = count * element.size;
  return makeField({ name: 'a', kind: 'array', offset, size, count, element: { ...element, offset: 0 } });
});
const struct = fc
  .tuple(fc.array(leaf, { maxLength: 3 }), fc.constantFrom('struct' as const, 'union' as const))
  .map(([fields, kind]) => {
    const named = fields.map((field, i) => ({ ...field, name: `f${i}` }));
    return makeField({ name: 's', kind, offset: 0, size: 32, fields: named });
  });
const fields: fc.Arbitrary<RecordField[]> = fc.array(fc.oneof(leaf, array, struct), { maxLength: 4 });
const kernel = fc.bigInt({ min: 0xffff_ffff_8000_0000n, max: 0xffff_ffff_8000_000fn });
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.array(kernel, { maxLength: 5 }).map((all) => new Uint8Array(BigUint64Array.from(all).buffer)),
);

function shown(all: readonly RecordField[], view: DataView, base: number, end: number): NamedIds {
  const ids = noIds();
  for (const field of all) renderDetail(field, compileReader(field)(view, base, end), undefined, asking(ids));
  return ids;
}

describe('numbers that may have names', () => {
  it('are all that showing the record would ask for, and no number twice in between makes a difference', () => {
    fc.assert(
      fc.property(fields, fc.array(bytes, { minLength: 1, maxLength: 6 }), (all, records) => {
        const collect = collectorOf(all);
        const found = noIds();
        const wanted = noIds();
        for (const record of [...records, ...records]) {
          const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
          collect?.(view, 0, record.length, found);
          const asked = shown(all, view, 0, record.length);
          for (const kind of ['user', 'group', 'symbol'] as const) asked[kind].forEach((id) => wanted[kind].add(id));
          for (const [map, some] of asked.stacks) some.forEach((id) => stacksOf(wanted, map).add(id));
        }
        for (const kind of ['user', 'group', 'symbol'] as const)
          expect([...found[kind]]).toEqual(expect.arrayContaining([...wanted[kind]]));
        expect([...(found.stacks.get('m') ?? [])]).toEqual(expect.arrayContaining([...(wanted.stacks.get('m') ?? [])]));
      }),
      { numRuns: 1_000 },
    );
  });

  it('are none where no field has names, and none below zero or of user space', () => {
    expect(collectorOf([makeField({ name: 'n', kind: 'uint', offset: 0, size: 4 })])).toBeNull();
    const collect = collectorOf([
      makeField({ name: 'ip', kind: 'uint', offset: 0, size: 8, format: 'symbol' }),
      makeField({ name: 'stack', kind: 'int', offset: 8, size: 4, format: 'stack', map: 'm' }),
    ])!;
    const ids = noIds();
    const view = new DataView(new ArrayBuffer(16));
    view.setBigUint64(0, 0x7fff_0000_1234n, true);
    view.setInt32(8, -14, true);
    collect(view, 0, 16, ids);
    expect(ids).toEqual(noIds());
    view.setInt32(8, 14, true);
    collect(view, 0, 16, ids);
    expect([...ids.stacks]).toEqual([['m', new Set([14])]]);
  });

  it('are given again to whoever collects anew', () => {
    const collect = collectorOf([makeField({ name: 'uid', kind: 'uint', offset: 0, size: 4, format: 'uid' })])!;
    const view = new DataView(Uint32Array.of(7).buffer);
    for (const ids of [noIds(), noIds()]) {
      collect(view, 0, 4, ids);
      collect(view, 0, 4, ids);
      expect([...ids.user]).toEqual([7n]);
    }
  });
});
