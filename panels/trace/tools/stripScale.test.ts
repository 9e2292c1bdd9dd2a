import fc from 'fast-check';
import type { SummaryPage } from '@ringside/core/model';
import { expect, it } from 'vitest';
import { barsOf, moved, shareOf, timeAt, type StripMove } from './stripScale.ts';

function page(values: number[], width = 250, first = 40): SummaryPage {
  const lines = [{ label: '', value: null, rest: false, values }];
  const data = {
    kind: 'series',
    field: null,
    lines,
    width,
    first,
    from: first,
    end: first + values.length,
    early: 0,
  } as const;
  return {
    stream: 'events',
    where: '',
    state: 1,
    whole: true,
    data,
    counted: 0,
    missed: 0,
    partial: false,
    error: null,
  };
}

it('draws rows a second, and nothing where nothing is known', () => {
  expect(barsOf(page([1, 0, 2]), null)).toEqual({ from: 10_000, to: 10_750, width: 250, rates: [4, 0, 8] });
  expect(barsOf(null, null)).toBeNull();
  expect(barsOf(page([]), null)).toBeNull();
  expect(barsOf(page([1, 0, 2]), { from: 10_300, to: 10_400 })).toMatchObject({ from: 10_250, to: 10_500, rates: [0] });
});

it('keeps all rows in few bars', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 512 }), (values) => {
      const bars = barsOf(page(values), null)!;
      expect(bars.rates.length).toBeLessThanOrEqual(256);
      const seconds = bars.rates.map(
        (_, i) => (Math.min(bars.to, bars.from + (i + 1) * bars.width) - bars.from - i * bars.width) / 1000,
      );
      const rows = bars.rates.reduce((sum, rate, i) => sum + rate * seconds[i]!, 0);
      expect(rows).toBeCloseTo(
        values.reduce((a, b) => a + b),
        3,
      );
    }),
  );
});

it('moves a range by keys, always inside of the strip', () => {
  const series = barsOf(page(new Array<number>(100).fill(1)), null)!;
  const moves = fc.array(fc.constantFrom<StripMove[]>('left', 'right', 'grow', 'shrink', 'first', 'last'), {
    minLength: 1,
  });
  fc.assert(
    fc.property(moves, (keys) => {
      let range = moved(null, keys[0]!, series);
      for (const key of keys) {
        range = moved(range, key, series);
        expect(range.from).toBeGreaterThanOrEqual(series.from);
        expect(range.to).toBeLessThanOrEqual(series.to);
        expect(range.to).toBeGreaterThan(range.from);
      }
    }),
  );
});

it('turns places into times and back', () => {
  const range = { from: 1000, to: 2000 };
  expect(timeAt(range, 0.25)).toBe(1250);
  expect(timeAt(range, 7)).toBe(2000);
  expect(shareOf(range, 1250)).toBe(0.25);
});
