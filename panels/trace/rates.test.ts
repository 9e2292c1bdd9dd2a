import { expect, it } from 'vitest';
import { RATE_SPAN_MS, addSample, ratePath, rateTable, spanOf, type RateSample } from './rates.ts';

it('keeps five minutes', () => {
  let samples: readonly RateSample[] = [];
  for (let at = 0; at <= 2 * RATE_SPAN_MS; at += 500) samples = addSample(samples, { at, rate: 1 });
  expect(samples[0]!.at).toBeGreaterThan(RATE_SPAN_MS);
  expect(samples).toHaveLength(RATE_SPAN_MS / 500);
  expect(addSample(samples, { at: 2 * RATE_SPAN_MS, rate: 7 }).at(-1)!.rate).toBe(7);
});

it('grows the span in steps', () => {
  const one = [{ at: 0, rate: 1 }];
  expect([0, 29_000, 31_000, 100_000, 1e9].map((now) => spanOf(one, now))).toEqual([
    30_000, 30_000, 60_000, 120_000, 300_000,
  ]);
  expect(spanOf([], 5)).toBe(30_000);
});

it('draws from left to right inside its box and breaks at gaps', () => {
  const samples = [
    { at: 0, rate: 0 },
    { at: 1000, rate: 10 },
    { at: 9000, rate: 5 },
    { at: 10_000, rate: 10 },
  ];
  expect(ratePath(samples, 10_000, 10_000, 100, 20)).toBe('M0.0 20.0L10.0 1.0M90.0 10.5L100.0 1.0');
  expect(ratePath([], 0, 1000, 100, 20)).toBe('');
});

it('averages per part and knows where there is nothing', () => {
  const samples = [
    { at: 900, rate: 10 },
    { at: 950, rate: 20 },
    { at: 1000, rate: 30 },
  ];
  expect(rateTable(samples, 1000, 1000, 4)).toEqual([null, null, null, 20]);
});
