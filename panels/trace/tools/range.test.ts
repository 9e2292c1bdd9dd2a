import fc from 'fast-check';
import { expect, it } from 'vitest';
import { faultInText, splitRange, withRange } from './range.ts';

it('is a part of the expression that can be taken out again', () => {
  const where = withRange('a == 1 || b == 2', { from: 1_000, to: 2_000 });
  expect(where).toBe('(a == 1 || b == 2) && @time >= 1000000000 && @time < 2000000000');
  expect(splitRange(where)).toEqual({ text: 'a == 1 || b == 2', range: { from: 1000, to: 2000 } });
  expect(splitRange(withRange('', { from: 1, to: 2 }))).toEqual({ text: '', range: { from: 1, to: 2 } });
  expect(withRange(' a == 1 ', null)).toBe('a == 1');
});

it('leaves an expression alone that somebody has typed', () => {
  for (const where of ['', 'a == 1', '@time > "12:00:00"', 'a == 1 && @time >= 1 && @time < 2'])
    expect(splitRange(where)).toEqual({ text: where, range: null });
});

it('moves a fault to where it was typed', () => {
  const where = withRange('a =', { from: 1, to: 2 });
  expect(faultInText(where, where.indexOf('='))).toBe(2);
  expect(faultInText(where, where.length)).toBeNull();
  expect(faultInText('a =', 2)).toBe(2);
});

it('comes back from any text', () => {
  const time = fc.nat(2 ** 47);
  fc.assert(
    fc.property(fc.string(), time, time, (text, from, to) => {
      expect(splitRange(withRange(text, { from, to }))).toEqual({ text: text.trim(), range: { from, to } });
    }),
  );
});
