import { expect, it } from 'vitest';
import { timeLeft } from './timeLeft.ts';

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
