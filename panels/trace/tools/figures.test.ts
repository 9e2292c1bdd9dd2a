import fc from 'fast-check';
import type { FieldFigures } from '@ringside/core/model';
import { expect, it } from 'vitest';
import { averageOf, copyOf, differenceOf, merged, NOTHING, spanText, tableOf, type Measured } from './figures.ts';

const field = { name: 'n', type: '__u64', offset: 0, bits: 0, size: 8, kind: 'uint', format: 'plain' } as const;

/** What the engine gives for the rows with these numbers, a microsecond apart. */
function measured(values: readonly bigint[], from = 0): Measured {
  if (values.length === 0) return NOTHING;
  const times = values.map((_, i) => String(1000n * BigInt(from + i)));
  const least = values.reduce((a, b) => (b < a ? b : a));
  const most = values.reduce((a, b) => (b > a ? b : a));
  const sum = values.reduce((a, b) => a + b);
  return {
    rows: values.length,
    missed: 0,
    times: { first: times[0]!, last: times.at(-1)!, oldest: times[0]!, newest: times.at(-1)! },
    fields: [
      {
        ...{ path: 'n', field, count: values.length, first: String(values[0]), last: String(values.at(-1)) },
        ...{ sum: String(sum), least: String(least), most: String(most) },
      },
    ],
  };
}

it('adds up parts to what the whole is', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })), fc.nat(30), (values, at) => {
      expect(merged(measured(values.slice(0, at)), measured(values.slice(at), Math.min(at, values.length)))).toEqual(
        measured(values),
      );
    }),
  );
});

it('tells the time between two rows, and each difference with its sign', () => {
  const two = measured([7n, 18_446_744_073_709_551_615n]);
  expect(spanText(two)).toBe('+1.00 µs');
  expect(tableOf(two).rows).toEqual([['n', '7', '18446744073709551615', '+18446744073709551608']]);
  expect(differenceOf(measured([7n, 4n]).fields[0]!)).toBe('−3');
  expect(differenceOf(measured([7n, 7n]).fields[0]!)).toBe('0');
});

it('tells span, sum, average, least and most of more rows', () => {
  const three = measured([1n, 2n, 4n]);
  expect(spanText(three)).toBe('2.00 µs');
  expect(tableOf(three).rows).toEqual([['n', '3', '7', '2.333', '1', '4']]);
  expect(copyOf(three)).toBe('rows\t3\nspan (ns)\t2000\nfield\trows\tsum\taverage\tleast\tmost\nn\t3\t7\t2.333\t1\t4');
});

it('says unknown where one of two rows has no such number', () => {
  const one: FieldFigures = { ...measured([5n]).fields[0]! };
  expect(tableOf({ ...measured([1n, 2n]), fields: [one] }).rows).toEqual([['n', '5', '', 'unknown']]);
  expect(averageOf({ ...one, sum: '-7', count: 2 })).toBe('-3.5');
});
