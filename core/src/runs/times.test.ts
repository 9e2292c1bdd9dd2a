import fc from 'fast-check';
import { expect, it } from 'vitest';
import { durationText, parseDuration, timeLeft } from './times.ts';

it('says how long it is until a time', () => {
  const in_ = (seconds: number): string => timeLeft(`${(1_000_000 + seconds) * 1_000_000_000}`, 1_000_000_000);
  expect([0, 59, 60, 7_140, 7_200, 200_000].map(in_)).toEqual([
    'no time',
    '59 s',
    '1 min',
    '1 h 59 min',
    '2 h',
    '2 days 7 h',
  ]);
});

it.each([
  ['90s', 90],
  ['15m', 900],
  ['15 min', 900],
  ['2h', 7_200],
  ['3d', 259_200],
])('reads %s as %d seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

it.each(['', '0s', '2', 'h', '2 weeks', '-1h', '1.5h', '2h30m', '99999999s', ' 2h'])(
  'takes "%s" for no time',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

it('reads what it writes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3_000_000 }), (seconds) => {
      expect(parseDuration(durationText(seconds).replace(/ days?$/, 'd'))).toBe(seconds);
    }),
  );
  expect([90, 900, 7_200, 86_400, 259_200].map(durationText)).toEqual(['90 s', '15 min', '2 h', '1 day', '3 days']);
});
