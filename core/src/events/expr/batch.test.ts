import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { all, Batch, MaskWords, type Condition } from './batch.ts';

const rowsIn = (mask: Uint8Array, count: number): number[] => {
  const words = new MaskWords();
  const rows: number[] = [];
  for (let row = words.next(mask, 0, count); row < count; row = words.next(mask, row + 1, count)) rows.push(row);
  return rows;
};

describe('the rows of a mask', () => {
  it('are those that are in, whatever lies beyond the batch', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 0, 0, 0, 0, 1), { maxLength: 64 }), fc.nat(64), (bits, cut) => {
        const mask = Uint8Array.from([...bits, ...Array<number>(64 - bits.length).fill(1)]);
        const count = Math.min(cut, bits.length);
        expect(rowsIn(mask, count)).toEqual(
          [...bits.slice(0, count).entries()].flatMap(([row, bit]) => (bit === 0 ? [] : row)),
        );
      }),
    );
  });

  it('are those of the mask that is asked about, when there are several', () => {
    const words = new MaskWords();
    expect(words.next(Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 0), 0, 8)).toBe(6);
    expect(words.next(Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0), 0, 8)).toBe(4);
    expect(words.next(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0), 3, 8)).toBe(8);
  });
});

describe('both conditions', () => {
  it('asks the second only where the first leaves a row', () => {
    let asked = 0;
    const keep = (wanted: number): Condition => ({
      refine: (batch, mask) => {
        for (let row = 0; row < batch.count; row++) if (row !== wanted) mask[row] = 0;
      },
    });
    const second: Condition = {
      refine: () => {
        asked++;
      },
    };
    const batch = new Batch();
    batch.count = 6;
    const mask = new Uint8Array(8).fill(1);
    all(keep(99), second).refine(batch, mask);
    expect(asked).toBe(0);
    mask.fill(1);
    all(keep(5), second).refine(batch, mask);
    expect(asked).toBe(1);
    expect(rowsIn(mask, 6)).toEqual([5]);
  });
});
