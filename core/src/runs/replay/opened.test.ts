/** Of a recording that holds more names than a reader takes, those in the middle are left out. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keptNames } from './opened.ts';

const MIB = 1 << 20;

it('takes all names of a recording that holds no more than there may be', () => {
  const places = Array.from({ length: 16 }, () => ({ payloadBytes: MIB }));
  expect(keptNames(places)).toEqual(places);
  expect(keptNames([])).toEqual([]);
});

it('takes the first and the last names of one that holds more, in their order, and never more than 64 MiB', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 64 * MIB }), { maxLength: 100 });
  fc.assert(
    fc.property(sizes, (all) => {
      const places = all.map((payloadBytes, at) => ({ payloadBytes, at }));
      const kept = keptNames(places);
      expect(kept.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0)).toBeLessThanOrEqual(64 * MIB);
      expect(kept).toEqual(places.filter((place) => kept.includes(place)));
      if ((all.at(-1) ?? 0) <= 48 * MIB) expect(kept.at(-1)).toBe(places.at(-1));
    }),
  );
  const many = Array.from({ length: 100 }, (_, at) => ({ payloadBytes: MIB, at }));
  expect(keptNames(many).map(({ at }) => at)).toEqual([...many.keys()].filter((at) => at < 16 || at >= 52));
});
