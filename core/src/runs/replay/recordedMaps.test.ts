/** What a watcher of a recorded map is told adds up to what was kept; a file that says nonsense breaks nothing. */
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LoadedMapSchema } from '../../agent/generated/agent_pb.ts';
import { RecordedMaps } from './recordedMaps.ts';

const KEY = 2;
const VALUE = 3;
const loaded = [create(LoadedMapSchema, { name: 'm', keySize: KEY, valueSize: VALUE })];
const look = fc.uniqueArray(fc.tuple(fc.nat(20), fc.nat(3)), { selector: ([key]) => key, maxLength: 12 });

function dump(entries: readonly (readonly [number, number])[], timeNs: bigint) {
  const bytes = Uint8Array.from(entries.flatMap(([key, value]) => [key, 0, value, 0, 0]));
  return { bytes, entries: entries.length, valueBytes: VALUE, truncated: false, timeNs };
}

it('tells what changed, once, and adds up to what was kept', () => {
  fc.assert(
    fc.property(fc.array(look, { minLength: 1, maxLength: 6 }), (looks) => {
      const maps = new RecordedMaps(loaded);
      const watch = maps.watch('m', 0);
      expect(maps.poll(watch)).toBeNull();
      const shown = new Map<number, number>();
      for (const [i, entries] of looks.entries()) {
        maps.put('m', dump(entries, BigInt(i)));
        const delta = maps.poll(watch)!;
        for (let at = 0; at < delta.deleted.length; at += KEY) expect(shown.delete(delta.deleted[at]!)).toBe(true);
        for (let at = 0; at < delta.changed.length; at += KEY + VALUE) {
          const [key, value] = [delta.changed[at]!, delta.changed[at + KEY]!];
          expect(shown.get(key)).not.toBe(value);
          shown.set(key, value);
        }
        expect(shown).toEqual(new Map(entries));
        expect(delta).toMatchObject({ entries: entries.length, timeNs: BigInt(i), truncated: false });
        expect(maps.poll(watch)).toMatchObject({ changedCount: 0, deletedCount: 0 });
      }
      maps.unwatch(watch);
      expect(maps.poll(watch)).toBeNull();
    }),
  );
});

it('gives no more than was asked for, and nothing that is not there', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(),
      fc.nat(20),
      fc.nat(5),
      (bytes, entries, valueBytes, limit) => {
        const maps = new RecordedMaps(loaded);
        const watch = maps.watch('m', limit);
        maps.put('m', { bytes, entries, valueBytes, truncated: false, timeNs: 0n });
        const delta = maps.poll(watch)!;
        expect(delta.changed.length).toBe(delta.changedCount * (KEY + valueBytes));
        expect(delta.changedCount).toBeLessThanOrEqual(Math.min(entries, limit || Infinity));
      },
    ),
  );
});

it('takes readings of several maps close together as one look, and a map that is read again as another', () => {
  const maps = new RecordedMaps(loaded);
  const load = () => Promise.resolve(null);
  const read = (map: string, ms: number) => maps.remember({ map, timeNs: BigInt(ms) * 1_000_000n, load });
  expect(maps.kept()).toBeNull();
  read('a', 1000);
  read('b', 1003);
  read('a', 1200);
  read('b', 1210);
  expect(maps.kept()).toEqual({ times: [1003, 1210], at: 1210 });
  // However closely they follow each other, a look ends.
  for (const [i, map] of ['c', 'd', 'e'].entries()) read(map, 2000 + 400 * i);
  expect(maps.kept()!.times).toEqual([1003, 1210, 2400, 2800]);
});
