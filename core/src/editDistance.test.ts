import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance } from './editDistance.ts';

describe('editDistance', () => {
  it('counts what must be typed otherwise', () => {
    expect(editDistance('tracepoint', 'tracepiont', 9)).toBe(2);
    expect(editDistance('pid', 'pdi', 9)).toBe(2);
    expect(editDistance('', 'abc', 9)).toBe(3);
  });

  it('is a distance, and no more than its limit (property)', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 20 }), (a, b, limit) => {
        const distance = editDistance(a, b, 100);
        expect(editDistance(b, a, 100)).toBe(distance);
        expect(distance === 0).toBe(a === b);
        expect(editDistance(a, b, limit)).toBe(Math.min(distance, limit));
      }),
    );
  });

  it('does not compute for long names', () => {
    expect(editDistance('x'.repeat(100_000), 'y'.repeat(100_000), 5)).toBe(5);
  });
});
